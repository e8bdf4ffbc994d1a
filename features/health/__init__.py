"""The rule-based health score of a row of signals, and its lifecycle stage."""

from features.health.health_score import HEALTH, SCORES, SEGMENT, STAGE, RuleScores, holds, rule_scores, score_columns
from features.health.lifecycle import lifecycle_stages, stage_months, weighted_coverage

__all__ = [
    "HEALTH",
    "SCORES",
    "SEGMENT",
    "STAGE",
    "RuleScores",
    "holds",
    "lifecycle_stages",
    "rule_scores",
    "score_columns",
    "stage_months",
    "weighted_coverage",
]
