"""Figures of outcomes and probabilities, each with its range, its refusal and its source."""

from evaluation.metrics.bootstrap import Interval, draw, interval_of
from evaluation.metrics.bootstrap_statistics import Statistic, ratios
from evaluation.metrics.calibration import brier_parts, calibration_slope_intercept, ece, ece_debiased, reliability_bins
from evaluation.metrics.capacity import in_top_share, quarterly_loss_as_ofs
from evaluation.metrics.concordance import concordance
from evaluation.metrics.expected_performance import Expected, Graded, expect, grade
from evaluation.metrics.fairness import FIGURES, GroupComparison, GroupFairness, fairness, sizes
from evaluation.metrics.grouping import by_label, by_p, churned_accounts, labelled, matured
from evaluation.metrics.observed_expected import (
    Ratio,
    WatchedPeriod,
    non_overlapping_as_ofs,
    observed_expected,
    times_in_words,
    watch,
)
from evaluation.metrics.proportions import Z95, difference_interval, share_interval, wilson
from evaluation.metrics.registry import METRICS, Metric, metric_named
from evaluation.metrics.scores import TOO_GOOD_AUC, auc, average_precision, brier, log_loss, log_losses
from evaluation.metrics.stability import Stability, stability
from evaluation.metrics.validation import Array, MetricRefused, Refusal

__all__ = [
    "FIGURES",
    "METRICS",
    "TOO_GOOD_AUC",
    "Z95",
    "Array",
    "Expected",
    "Graded",
    "GroupComparison",
    "GroupFairness",
    "Interval",
    "Metric",
    "MetricRefused",
    "Ratio",
    "Refusal",
    "Stability",
    "Statistic",
    "WatchedPeriod",
    "auc",
    "average_precision",
    "brier",
    "brier_parts",
    "by_label",
    "by_p",
    "calibration_slope_intercept",
    "churned_accounts",
    "concordance",
    "difference_interval",
    "draw",
    "ece",
    "ece_debiased",
    "expect",
    "fairness",
    "grade",
    "in_top_share",
    "interval_of",
    "labelled",
    "log_loss",
    "log_losses",
    "matured",
    "metric_named",
    "non_overlapping_as_ofs",
    "observed_expected",
    "quarterly_loss_as_ofs",
    "ratios",
    "reliability_bins",
    "share_interval",
    "sizes",
    "stability",
    "times_in_words",
    "watch",
    "wilson",
]
