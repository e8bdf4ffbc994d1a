"""Alerts: what changed for an account between two scorings, within a budget, delivered to those who asked for them."""

from serving.alerts.bodies import AccountContext, in_words
from serving.alerts.dispatch import Dispatcher, ReceiverResult, Sent
from serving.alerts.kinds import KINDS, AlertKind, ScorePair, changes_of
from serving.alerts.raising import pairs_of
from serving.alerts.recording import Raised, key_of, raise_alerts
from serving.alerts.review import AlertReview, ReviewedPolicy, ReviewedTrigger, review
from serving.alerts.schedule import retry_after
from serving.alerts.signing import headers, is_signed, secret_bytes

__all__ = [
    "KINDS",
    "AccountContext",
    "AlertKind",
    "AlertReview",
    "Dispatcher",
    "Raised",
    "ReceiverResult",
    "ReviewedPolicy",
    "ReviewedTrigger",
    "ScorePair",
    "Sent",
    "changes_of",
    "headers",
    "in_words",
    "is_signed",
    "key_of",
    "pairs_of",
    "raise_alerts",
    "retry_after",
    "review",
    "secret_bytes",
]
