"""Learners of a discrete-time hazard and the exact reasons behind their predictions."""

from training.hazard.attribution import Explanation, attribute
from training.hazard.discrete_time import (
    INTERVAL,
    RENEWAL,
    STAGE,
    Explained,
    Inputs,
    TrainingRows,
    churn_by,
    explained_by,
    joined,
    log_loss_rows,
    make_inputs,
    probability_frame,
    stages_of,
)
from training.hazard.encoding import Encoder, fit_encoder
from training.hazard.ensemble import ALONE, LEARNERS, Blend, blends
from training.hazard.intervals import HazardRows, Intervals, hazard_rows, make_intervals
from training.hazard.lightgbm_core import lightgbm
from training.hazard.linear import LinearHazard
from training.hazard.linear_fit import fit_linear
from training.hazard.time_effects import NO_EFFECTS, SEASON, TIME_SENTENCES, TimeEffects
from training.hazard.time_effects_fit import find_entry_day, fit_time_effects
from training.hazard.trees import MANY_EVENTS, TreeHazard, fit_trees, tree_size

__all__ = [
    "ALONE",
    "INTERVAL",
    "LEARNERS",
    "MANY_EVENTS",
    "NO_EFFECTS",
    "RENEWAL",
    "SEASON",
    "STAGE",
    "TIME_SENTENCES",
    "Blend",
    "Encoder",
    "Explained",
    "Explanation",
    "HazardRows",
    "Inputs",
    "Intervals",
    "LinearHazard",
    "TimeEffects",
    "TrainingRows",
    "TreeHazard",
    "attribute",
    "blends",
    "churn_by",
    "explained_by",
    "find_entry_day",
    "fit_encoder",
    "fit_linear",
    "fit_time_effects",
    "fit_trees",
    "hazard_rows",
    "joined",
    "lightgbm",
    "log_loss_rows",
    "make_inputs",
    "make_intervals",
    "probability_frame",
    "stages_of",
    "tree_size",
]
