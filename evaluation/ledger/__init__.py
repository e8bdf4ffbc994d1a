"""The append-only ledger of predictions and of what was entered beside them."""

from evaluation.ledger.hash_chain import canonical
from evaluation.ledger.ledger import Ledger, PredictionKind, Written
from evaluation.ledger.outbox import (
    DEAD,
    DELIVERED,
    DISABLED,
    ENABLED,
    FAILED,
    REENABLED,
    RESENT,
    NewMessage,
    Outbox,
    StoredAlert,
    StoredMessage,
)
from evaluation.ledger.rows import OUTCOME, moment
from evaluation.ledger.tables import REVISION

__all__ = [
    "DEAD",
    "DELIVERED",
    "DISABLED",
    "ENABLED",
    "FAILED",
    "OUTCOME",
    "REENABLED",
    "RESENT",
    "REVISION",
    "Ledger",
    "NewMessage",
    "Outbox",
    "PredictionKind",
    "StoredAlert",
    "StoredMessage",
    "Written",
    "canonical",
    "moment",
]
