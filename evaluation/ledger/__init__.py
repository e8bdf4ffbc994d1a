"""The append-only ledger of predictions and of what was entered beside them."""

from evaluation.ledger.hash_chain import canonical
from evaluation.ledger.ledger import Ledger, PredictionKind, Written
from evaluation.ledger.rows import OUTCOME, moment
from evaluation.ledger.tables import REVISION

__all__ = ["OUTCOME", "REVISION", "Ledger", "PredictionKind", "Written", "canonical", "moment"]
