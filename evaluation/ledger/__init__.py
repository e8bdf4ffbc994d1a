"""The append-only ledger of predictions and of what was entered beside them."""

from evaluation.ledger.answer_writer import AnswerWriter, Asked, Identity, LedgerAway
from evaluation.ledger.answers import Answered, Pointer, pointers_in
from evaluation.ledger.append import Head
from evaluation.ledger.entered import Note, TaskEvent, TaskEventKind
from evaluation.ledger.erasing import Erased, Subject
from evaluation.ledger.hash_chain import Verification, canonical
from evaluation.ledger.ledger import Ledger, PredictionKind, Written
from evaluation.ledger.outbox import (
    DEAD,
    DELIVERED,
    DISABLED,
    ENABLED,
    FAILED,
    PASSED,
    REENABLED,
    RESENT,
    NewMessage,
    Outbox,
    StoredAlert,
    StoredMessage,
)
from evaluation.ledger.replies import KEPT, KeyReused, NewEntry, Once, Reply
from evaluation.ledger.rows import BELONGING, OUTCOME, moment, prediction_rows
from evaluation.ledger.tables import REVISION

__all__ = [
    "BELONGING",
    "DEAD",
    "DELIVERED",
    "DISABLED",
    "ENABLED",
    "FAILED",
    "KEPT",
    "OUTCOME",
    "PASSED",
    "REENABLED",
    "RESENT",
    "REVISION",
    "AnswerWriter",
    "Answered",
    "Asked",
    "Erased",
    "Head",
    "Identity",
    "KeyReused",
    "Ledger",
    "LedgerAway",
    "NewEntry",
    "NewMessage",
    "Note",
    "Once",
    "Outbox",
    "Pointer",
    "PredictionKind",
    "Reply",
    "StoredAlert",
    "StoredMessage",
    "Subject",
    "TaskEvent",
    "TaskEventKind",
    "Verification",
    "Written",
    "canonical",
    "moment",
    "pointers_in",
    "prediction_rows",
]
