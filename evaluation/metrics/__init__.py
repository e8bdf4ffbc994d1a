"""Figures of outcomes and probabilities, each with its range, its refusal and its source."""

from evaluation.metrics.bootstrap import Interval, draw, interval_of
from evaluation.metrics.bootstrap_statistics import Statistic
from evaluation.metrics.calibration import brier_parts, calibration_slope_intercept, ece, ece_debiased, reliability_bins
from evaluation.metrics.capacity import in_top_share, loss_days
from evaluation.metrics.concordance import concordance
from evaluation.metrics.expected_performance import Expected, Graded, expect, grade
from evaluation.metrics.fairness import FIGURES, fairness, sizes
from evaluation.metrics.forecast import forecast
from evaluation.metrics.grouping import by_label, by_p, churned_accounts, labelled, matured
from evaluation.metrics.observed_expected import Ratio, Watched, apart, observed_expected, times_in_words, watch
from evaluation.metrics.proportions import Z95, share_interval
from evaluation.metrics.registry import METRICS
from evaluation.metrics.revenue import arr_at, first_days, health_over_time, retention, time_to_value
from evaluation.metrics.scores import auc, average_precision, brier, log_loss, log_losses
from evaluation.metrics.stability import stability
from evaluation.metrics.validation import Array, MetricRefused

__all__ = [
    "FIGURES",
    "METRICS",
    "Z95",
    "Array",
    "Expected",
    "Graded",
    "Interval",
    "MetricRefused",
    "Ratio",
    "Statistic",
    "Watched",
    "apart",
    "arr_at",
    "auc",
    "average_precision",
    "brier",
    "brier_parts",
    "by_label",
    "by_p",
    "calibration_slope_intercept",
    "churned_accounts",
    "concordance",
    "draw",
    "ece",
    "ece_debiased",
    "expect",
    "fairness",
    "first_days",
    "forecast",
    "grade",
    "health_over_time",
    "in_top_share",
    "interval_of",
    "labelled",
    "log_loss",
    "log_losses",
    "loss_days",
    "matured",
    "observed_expected",
    "reliability_bins",
    "retention",
    "share_interval",
    "sizes",
    "stability",
    "time_to_value",
    "times_in_words",
    "watch",
]
