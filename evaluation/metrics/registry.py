"""The single figures of outcomes `y` and probabilities `p`, as one literal tuple."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from evaluation.metrics import capacity, scores
from evaluation.metrics.calibration import calibration_intercept, calibration_slope, ece, ece_debiased
from evaluation.metrics.validation import Array


@dataclass(frozen=True)
class Metric:
    """A single figure: its name, how a leader calls it, which way is better, and the function (y, p) -> float."""

    name: str
    title: str
    better: Literal["higher", "lower", "near one", "near zero"]
    low: float
    high: float
    function: Callable[[Array, Array], float]


METRICS: tuple[Metric, ...] = (
    Metric("auc", "Ranking (AUC)", "higher", 0, 1, scores.auc),
    Metric("average_precision", "Average precision", "higher", 0, 1, scores.average_precision),
    Metric("brier", "Brier score", "lower", 0, 1, scores.brier),
    Metric("log_loss", "Log loss", "lower", 0, math.inf, scores.log_loss),
    Metric("ece", "Calibration error (ECE)", "lower", 0, 1, ece),
    Metric("ece_debiased", "Calibration error beyond noise", "lower", 0, 1, ece_debiased),
    Metric("calibration_slope", "Calibration slope", "near one", -math.inf, math.inf, calibration_slope),
    Metric(
        "calibration_intercept",
        "Calibration intercept",
        "near zero",
        -math.inf,
        math.inf,
        calibration_intercept,
    ),
    Metric("lift_at", "Lift in the riskiest tenth", "higher", 0, 10, capacity.lift_at),
)
