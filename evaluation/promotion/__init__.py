"""The gates before a version serves, their verdict, and the events marked in the ledger."""

from evaluation.promotion.events import mark_level, mark_promotion, mark_reweighting, marks_told
from evaluation.promotion.gates import RULES, evaluate_gates
from evaluation.promotion.verdict import GateResult, Measured, Verdict

__all__ = [
    "RULES",
    "GateResult",
    "Measured",
    "Verdict",
    "evaluate_gates",
    "mark_level",
    "mark_promotion",
    "mark_reweighting",
    "marks_told",
]
