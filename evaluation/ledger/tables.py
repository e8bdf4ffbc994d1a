"""The ledger's tables, and the literal list of what can be entered in it.

Every entry is a batch: a row of `batches`, chained to the batch before, and the rows that belong to it, from row 0 up.
What is entered (the names of ENTRIES) differs only in the tables that hold its rows, so one more kind of entry is a
table here (in entered.py, where people enter it), an `Entry` in ENTRIES and a migration. `head` has one row, the newest
batch: writers lock it.

Days are ISO text (`2024-01-31`), moments ISO text in UTC with microseconds (`2024-01-31T09:30:00.000000`): they sort,
read and hash alike in SQLite and PostgreSQL.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Double, Index, Integer, String, Table

from evaluation.ledger.entered import (
    feedback,
    interventions,
    metadata,
    notes,
    outcomes,
    overrides,
    row_hash,
    row_key,
    task_events,
)

REVISION = "0010"
FORMAT = 4  # of a batch's rows: those of format 1 had no columns that came `since` 2, and so on

batches = Table(
    "batches",
    metadata,
    Column("batch_id", Integer, primary_key=True, autoincrement=False),
    Column("kind", String, nullable=False),
    Column("format", Integer, nullable=False),
    Column("asked_by", String, nullable=False),
    Column("requested_at", String, nullable=False),
    Column("idempotency_key", String, unique=True),
    Column("calibrator_version", String),
    Column("rows", Integer, nullable=False),
    Column("rows_hash", String, nullable=False),
    Column("previous_hash", String, nullable=False),
    Column("hash", String, nullable=False),
)

head = Table(
    "head",
    metadata,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("batch_id", Integer, nullable=False),
    Column("hash", String, nullable=False),
)


predictions = Table(
    "predictions",
    metadata,
    *row_key(),
    Column("account_id", String, nullable=False),
    Column("as_of", String, nullable=False),
    Column("lifecycle_stage", String),
    Column("curve", String, nullable=False),  # JSON: horizon in days -> probability, every horizon
    Column("main_horizon_days", Integer, nullable=False),
    Column("p_churn", Double, nullable=False),  # this and the next five: at the main horizon
    Column("p_low", Double),
    Column("p_high", Double),
    Column("p_health", Double),
    Column("expected_arr_loss", Double),
    Column("risk_level", String),
    Column("health_score", Double),
    Column("health_usage", Double),
    Column("health_engagement", Double),
    Column("health_financial", Double),
    Column("health_relationship", Double),
    Column("coverage", Double),
    Column("arr", Double),
    Column("model_version", String, nullable=False),
    Column("config_version", String, nullable=False),
    Column("signals_hash", String, nullable=False),
    Column("has_signal", Integer, info={"since": 2}),  # 0: the base rate of the stage, for want of a usable signal
    Column("segment", String, info={"since": 4}),  # this and the next: as they were when it was scored
    Column("owner", String, info={"since": 4}),
    row_hash(),
    # Beyond account and day so that "the first of its model version" and "every account and day" need no rows.
    Index("ix_predictions_account_as_of", "account_id", "as_of", "model_version", "batch_id", "row"),
    Index("ix_predictions_as_of", "as_of"),
)

# Apart from the numbers, because they are ten times as long and most questions do not ask for them.
prediction_texts = Table(
    "prediction_texts",
    metadata,
    *row_key(),
    Column("reasons", String),
    Column("triggers", String),
    Column("actions", String),
)

# Every answer of the service, one row a request: who asked for which predictions, when, under which request id. The
# predictions stand above, written once; `pointers` names their rows in the order asked (see answers.pointers_in).
answers = Table(
    "answers",
    metadata,
    *row_key(),
    Column("request_id", String, nullable=False),
    Column("asked_by", String, nullable=False),
    Column("answered_at", String, nullable=False),
    Column("route", String, nullable=False),
    Column("pointers", String, nullable=False),
    row_hash(),
)

# The outcome of an account after an as_of day, as known at the batch's requested_at. Every horizon of at most
# matured_days is judged: churned when churn_at lies before as_of plus the horizon; contractions likewise by
# contraction_days and contraction_at. reactivated_at: when the account came back after churn_at.
judgements = Table(
    "judgements",
    metadata,
    *row_key(),
    Column("account_id", String, nullable=False),
    Column("as_of", String, nullable=False),
    Column("matured_days", Integer, nullable=False),
    Column("churn_at", String),
    Column("voluntary", Integer),
    Column("contraction_days", Integer, info={"since": 3}),
    Column("contraction_at", String, info={"since": 3}),
    Column("reactivated_at", String, info={"since": 3}),
    row_hash(),
    Index("ix_judgements_account_as_of", "account_id", "as_of", "batch_id", "row"),
)

# What changed what scores mean: a promotion, new weights, a level shift.
events = Table(
    "events",
    metadata,
    *row_key(),
    Column("kind", String, nullable=False),
    Column("body", String, nullable=False),
    row_hash(),
)

# Alerts, as they were raised: `route` is "alert" where it may leave by itself, "digest" where its owner's week is full.
# `body` is JSON text.
alerts = Table(
    "alerts",
    metadata,
    *row_key(),
    Column("alert_id", String, nullable=False, unique=True),
    Column("account_id", String),  # NULL: of a feed
    Column("as_of", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("owner", String),
    Column("week", String, nullable=False),
    Column("route", String, nullable=False),
    Column("body", String, nullable=False),
    row_hash(),
    Index("ix_alerts_week", "week"),
    Index("ix_alerts_as_of", "as_of"),
)

# What leaves in one call to one receiver, put together once: each attempt sends the same body under the same id.
# `accounts` and `alert_ids` are JSON lists; every alert up to batch `upto_batch` has been looked at for this receiver.
messages = Table(
    "messages",
    metadata,
    *row_key(),
    Column("message_id", String, nullable=False, unique=True),
    Column("receiver", String, nullable=False),
    Column("kind", String, nullable=False),
    Column("accounts", String, nullable=False),
    Column("alert_ids", String, nullable=False),
    Column("upto_batch", Integer, nullable=False),
    Column("body", String, nullable=False),
    row_hash(),
    Index("ix_messages_receiver", "receiver", "upto_batch"),
)

# What became of a message: each attempt is a row, and so is what is decided about a message or a receiver.
deliveries = Table(
    "deliveries",
    metadata,
    *row_key(),
    Column("receiver", String, nullable=False),
    Column("message_id", String),  # NULL: of the receiver as a whole
    Column("state", String, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("next_at", String),
    Column("detail", String, nullable=False),
    row_hash(),
    Index("ix_deliveries_message", "message_id", "batch_id", "row"),
    Index("ix_deliveries_receiver", "receiver", "batch_id", "row"),
)

# First answers to requests that carried an idempotency key, for a day. No part of history: outside the chain.
replies = Table(
    "replies",
    metadata,
    Column("asked_by", String, primary_key=True),
    Column("idempotency_key", String, primary_key=True),
    Column("fingerprint", String, nullable=False),
    Column("answered_at", String, nullable=False),
    Column("body", String, nullable=False),
    Index("ix_replies_answered_at", "answered_at"),
)


@dataclass(frozen=True)
class Entry:
    """Something that can be entered: the tables of its rows (the first has row_hash), the kinds of its batches."""

    name: str
    tables: tuple[Table, ...]
    kinds: tuple[str, ...]

    @property
    def hashed(self) -> tuple[str, ...]:
        """The columns behind a row's hash, in order: the row's number first, the batch's is hashed with the batch."""
        return tuple(column.name for column in self._columns)

    @property
    def since(self) -> tuple[int, ...]:
        """The format with which each column of `hashed` came."""
        return tuple(column.info.get("since", 1) for column in self._columns)

    @property
    def _columns(self) -> list[Column[Any]]:
        main, *others = self.tables
        own = [column for column in main.columns if column.name not in {"batch_id", "row_hash"}]
        return [*own, *(column for table in others for column in table.columns if not column.primary_key)]


PREDICTION_KINDS = ("batch", "api", "supplied", "backtest")  # supplied: from signals that a caller sent

ENTRIES: tuple[Entry, ...] = (
    Entry("predictions", (predictions, prediction_texts), PREDICTION_KINDS),
    Entry("answers", (answers,), ("answer",)),
    Entry("judgements", (judgements,), ("judgement",)),
    Entry("events", (events,), ("event", "mark")),  # `mark`: of version 0005 and before; it stands in hashes
    Entry("overrides", (overrides,), ("override",)),
    Entry("alerts", (alerts,), ("alert",)),
    Entry("messages", (messages,), ("message",)),
    Entry("deliveries", (deliveries,), ("delivery",)),
    Entry("feedback", (feedback,), ("feedback",)),
    Entry("interventions", (interventions,), ("intervention",)),
    Entry("outcomes", (outcomes,), ("outcome",)),
    Entry("task_events", (task_events,), ("task",)),
    Entry("notes", (notes,), ("note",)),
)


def entry_of(kind: str) -> Entry:
    """The entry that batches of this kind hold; KeyError when there is none.

    >>> entry_of("api").name
    'predictions'
    """
    for entry in ENTRIES:
        if kind in entry.kinds:
            return entry
    raise KeyError(kind)
