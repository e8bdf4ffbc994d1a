"""The single figures of outcomes `y` and probabilities `p`, as one literal tuple."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from evaluation import capacity, metrics
from evaluation.metrics import Array


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
    Metric("auc", "Ranking (AUC)", "higher", 0, 1, metrics.auc),
    Metric("average_precision", "Average precision", "higher", 0, 1, metrics.average_precision),
    Metric("brier", "Brier score", "lower", 0, 1, metrics.brier),
    Metric("log_loss", "Log loss", "lower", 0, math.inf, metrics.log_loss),
    Metric("ece", "Calibration error (ECE)", "lower", 0, 1, metrics.ece),
    Metric("ece_debiased", "Calibration error beyond noise", "lower", 0, 1, metrics.ece_debiased),
    Metric("calibration_slope", "Calibration slope", "near one", -math.inf, math.inf, metrics.calibration_slope),
    Metric(
        "calibration_intercept",
        "Calibration intercept",
        "near zero",
        -math.inf,
        math.inf,
        metrics.calibration_intercept,
    ),
    Metric("lift_at", "Lift in the riskiest tenth", "higher", 0, 10, capacity.lift_at),
)
