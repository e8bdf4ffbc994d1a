"""From account ids to predictions that stand in the ledger, and the messages that carry them."""

from serving.scoring.schemas import Prediction, Problem, ProblemFault, ScoreAnswer, ScoreRequest
from serving.scoring.scorer import Scorer, check_model, check_schema

__all__ = [
    "Prediction",
    "Problem",
    "ProblemFault",
    "ScoreAnswer",
    "ScoreRequest",
    "Scorer",
    "check_model",
    "check_schema",
]
