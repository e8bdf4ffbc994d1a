"""The churn model as one light object: predict, explain, interval, save and load."""

from training.model.churn_model import CHUNK, COVERAGE, Chosen, ChurnModel, Explanation, Model
from training.model.residual_heterogeneity import excess_kurtosis, frailty_sd

__all__ = ["CHUNK", "COVERAGE", "Chosen", "ChurnModel", "Explanation", "Model", "excess_kurtosis", "frailty_sd"]
