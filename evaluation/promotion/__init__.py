"""The gates before a version serves, their verdict, and the events marked in the ledger."""

from evaluation.promotion.events import (
    FORCED,
    PROMOTION,
    LedgerEvent,
    ledger_events,
    mark_level,
    mark_promotion,
    mark_reweighting,
)
from evaluation.promotion.gates import RULES, evaluate_gates
from evaluation.promotion.model_files import KEPT, note_model_files
from evaluation.promotion.verdict import EarlierCalibration, GateResult, Measured, Verdict

__all__ = [
    "FORCED",
    "KEPT",
    "PROMOTION",
    "RULES",
    "EarlierCalibration",
    "GateResult",
    "LedgerEvent",
    "Measured",
    "Verdict",
    "evaluate_gates",
    "ledger_events",
    "mark_level",
    "mark_promotion",
    "mark_reweighting",
    "note_model_files",
]
