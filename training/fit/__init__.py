"""How a model is fitted: learners over rolling origins, selection, calibration, intervals."""

from training.fit.fit import Fitted, fit_models
from training.fit.learners import Data
from training.fit.recalibrate import recalibrate, recalibrate_rules
from training.fit.rolling_origin import Rolling
from training.fit.seed_stability import reseeded
from training.fit.tuning import tune
from training.fit.tuning_result import Study, Tuned
from training.fit.weight_steps import Reweighted, fit_steps, out_of_time

__all__ = [
    "Data",
    "Fitted",
    "Reweighted",
    "Rolling",
    "Study",
    "Tuned",
    "fit_models",
    "fit_steps",
    "out_of_time",
    "recalibrate",
    "recalibrate_rules",
    "reseeded",
    "tune",
]
