"""The churn model as one light object: predict, explain, interval, save and load."""

from training.hazard import Explanation
from training.model.churn_model import COVERAGE, ChurnModel
from training.model.cuts import Cuts
from training.model.explanation import CHUNK
from training.model.fit_log import CalibrationLog, FitLog, RecalibrationLog
from training.model.protocol import Chosen, Model
from training.model.residual_heterogeneity import excess_kurtosis, frailty_sd

__all__ = [
    "CHUNK",
    "COVERAGE",
    "CalibrationLog",
    "Chosen",
    "ChurnModel",
    "Cuts",
    "Explanation",
    "FitLog",
    "Model",
    "RecalibrationLog",
    "excess_kurtosis",
    "frailty_sd",
]
