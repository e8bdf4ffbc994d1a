"""From account ids to predictions that stand in the ledger, and the messages that carry them."""

from serving.scoring.live_signals import check_model, check_schema
from serving.scoring.schemas import Prediction, Problem, ProblemFault, Reasons, ScoreAnswer, ScoreRequest
from serving.scoring.scorer import Scorer

__all__ = [
    "Prediction",
    "Problem",
    "ProblemFault",
    "Reasons",
    "ScoreAnswer",
    "ScoreRequest",
    "Scorer",
    "check_model",
    "check_schema",
]
