"""Probabilities moved to what happened: Platt by stage, level shifts, a season's level."""

from training.calibration.level_shift import Step, find_step
from training.calibration.platt import Calibrator, OutOfTime, choose_calibrator, clustered_z, identity
from training.calibration.seasonal_level import NONE, month_levels, month_shifts, shift_of

__all__ = [
    "NONE",
    "Calibrator",
    "OutOfTime",
    "Step",
    "choose_calibrator",
    "clustered_z",
    "find_step",
    "identity",
    "month_levels",
    "month_shifts",
    "shift_of",
]
