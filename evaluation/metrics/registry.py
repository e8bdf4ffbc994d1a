"""The single figures of outcomes `y` and probabilities `p`, as one literal tuple that report, gates and laws read.

One more: its function, an entry in METRICS, and a hand-counted case in tests/evaluation/metrics/test_scores.py. It then
stands in every horizon of the report with its interval, or its refusal, and `evaluation.metric_limits` may name it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from evaluation.metrics import bootstrap_statistics, scores
from evaluation.metrics.bootstrap_statistics import Statistic
from evaluation.metrics.calibration import calibration_intercept, calibration_slope, ece, ece_debiased
from evaluation.metrics.validation import Array


@dataclass(frozen=True)
class Resampling:
    """How the draws behind an interval are made of sums, where that is faster than the function on every resample.

    Attributes
    ----------
    names : tuple of str
        The metrics that are drawn together, in the order in which `statistic` gives them.
    statistic : callable
        Number of calibration bins -> the statistic of these metrics.
    noise : str, optional
        The one of `names` that is no metric but what noise alone would make of the metric (`interval_of`).
    """

    names: tuple[str, ...]
    statistic: Callable[[int], Statistic]
    noise: str | None = None


@dataclass(frozen=True)
class Metric:
    """A single figure of outcomes and probabilities.

    Attributes
    ----------
    name, title : str
        Its key, and how a leader calls it.
    better : {"higher", "lower", "near one", "near zero"}
        Which way is better.
    low, high : float
        Its range.
    function : callable
        (y, p) -> float; with `binned`, (y, p, bins) -> float.
    binned : bool
        Whether it takes the number of calibration bins.
    resampling : Resampling, optional
        How its interval is drawn; by default the function is computed on every resample of accounts.
    has_interval : bool
        False for a figure that takes noise off: on a resample it would take off the noise of resampling too.
    """

    name: str
    title: str
    better: Literal["higher", "lower", "near one", "near zero"]
    low: float
    high: float
    function: Callable[..., float]
    binned: bool = False
    resampling: Resampling | None = None
    has_interval: bool = True

    def value(self, y: Array, p: Array, bins: int) -> float:
        """The figure of outcomes y and probabilities p, (n,); MetricRefused where the rows cannot support it."""
        return self.function(y, p, bins) if self.binned else self.function(y, p)

    def draws(self) -> Resampling:
        """How its interval is drawn."""
        if self.resampling is not None:
            return self.resampling
        return Resampling(
            (self.name,), lambda bins: bootstrap_statistics.resampled(lambda y, p: self.value(y, p, bins))
        )


RANKING = Resampling(("auc", "average_precision"), lambda bins: bootstrap_statistics.ranking())
BRIER = Resampling(("brier",), lambda bins: bootstrap_statistics.brier())
LOG_LOSS = Resampling(("log_loss",), lambda bins: bootstrap_statistics.log_loss())
ECE = Resampling(("ece", "ece_of_noise"), lambda bins: bootstrap_statistics.ece(bins=bins), noise="ece_of_noise")
CALIBRATION = Resampling(
    ("calibration_slope", "calibration_intercept"), lambda bins: bootstrap_statistics.calibration()
)

METRICS: tuple[Metric, ...] = (
    Metric("auc", "Ranking (AUC)", "higher", 0, 1, scores.auc, resampling=RANKING),
    Metric("average_precision", "Average precision", "higher", 0, 1, scores.average_precision, resampling=RANKING),
    Metric("brier", "Brier score", "lower", 0, 1, scores.brier, resampling=BRIER),
    Metric("log_loss", "Log loss", "lower", 0, math.inf, scores.log_loss, resampling=LOG_LOSS),
    Metric("ece", "Calibration error (ECE)", "lower", 0, 1, ece, binned=True, resampling=ECE),
    Metric(
        "ece_debiased", "Calibration error beyond noise", "lower", 0, 1, ece_debiased, binned=True, has_interval=False
    ),
    Metric(
        "calibration_slope", "Calibration slope", "near one", -math.inf, math.inf, calibration_slope,
        resampling=CALIBRATION,
    ),
    Metric(
        "calibration_intercept", "Calibration intercept", "near zero", -math.inf, math.inf, calibration_intercept,
        resampling=CALIBRATION,
    ),
)  # fmt: skip


def metric_named(name: str) -> Metric:
    """The entry of a name.

    Parameters
    ----------
    name : str
        One of the names in METRICS.

    Returns
    -------
    Metric
        Its entry.

    Raises
    ------
    KeyError
        Where no entry has that name.
    """
    for metric in METRICS:
        if metric.name == name:
            return metric
    raise KeyError(name)
