"""The health score as a model: it predicts, explains and is calibrated like the others."""

from training.health.apply_weights import even, learned_framework, of_100, reweigh
from training.health.score_model import HealthModel, fired_triggers, fit_health, health_levels, risk_levels
from training.health.weight_likelihood import STEPS, Layout, Problem, Step, points_of, published, stage_indices

__all__ = [
    "STEPS",
    "HealthModel",
    "Layout",
    "Problem",
    "Step",
    "even",
    "fired_triggers",
    "fit_health",
    "health_levels",
    "learned_framework",
    "of_100",
    "points_of",
    "published",
    "reweigh",
    "risk_levels",
    "stage_indices",
]
