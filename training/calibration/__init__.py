"""Probabilities moved to what happened: Platt by stage, level shifts, a season's level."""

from training.calibration.calibrator import Calibrator, identity
from training.calibration.level_shift import LevelShift, find_level_shift
from training.calibration.methods import GATE_Z, choose_calibrator, clustered_z
from training.calibration.platt import OutOfTime
from training.calibration.seasonal_level import NONE, month_levels, month_shifts, shift_of

__all__ = [
    "GATE_Z",
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
