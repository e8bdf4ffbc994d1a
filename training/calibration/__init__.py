"""Probabilities moved to what happened: Platt by stage, level shifts, a season's level."""

from training.calibration.level_shift import LevelShift, find_level_shift
from training.calibration.platt import Calibrator, OutOfTime, choose_calibrator, clustered_z, identity
from training.calibration.seasonal_level import NONE, month_levels, month_shifts, shift_of

__all__ = [
    "NONE",
    "Calibrator",
    "LevelShift",
    "OutOfTime",
    "choose_calibrator",
    "clustered_z",
    "find_level_shift",
    "identity",
    "month_levels",
    "month_shifts",
    "shift_of",
]
