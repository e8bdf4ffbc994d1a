"""The outbox: alerts, the messages that they leave in, and every attempt to deliver one, in the ledger's own chain.

Nothing is changed there, so what state a message is in follows from its newest row of `deliveries`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import and_, exists, func, select, text

from evaluation.ledger.hash_chain import canonical
from evaluation.ledger.ledger import Ledger, Written
from evaluation.ledger.rows import moment
from evaluation.ledger.tables import alerts, batches, deliveries, messages, predictions

DELIVERED, FAILED, DEAD, RESENT = "delivered", "failed", "dead", "resent"  # of a message
ENABLED, DISABLED, REENABLED = "enabled", "disabled", "reenabled"  # of a receiver as a whole
PASSED = "passed"  # of a receiver: it wants none of the alerts up to a batch, whose number stands as the attempt
BY = "alerts"
_DISPATCH_LOCK = 6_071_004  # any number, the same for every forewarn on one PostgreSQL database


@dataclass(frozen=True)
class StoredAlert:
    """An alert as it was raised.

    Attributes
    ----------
    batch_id : int
        Of the ledger.
    alert_id, kind : str
    account_id, owner : str or None
        None where it is about no account, or nobody has it.
    as_of, week : str
        ISO day of the scoring, and the week whose budget it counts in.
    route : {"alert", "digest"}
    body : mapping
        What is sent of it, a JSON object.
    raised_at : str
        Moment, as the ledger writes it.
    """

    batch_id: int
    alert_id: str
    account_id: str | None
    as_of: str
    kind: str
    owner: str | None
    week: str
    route: str
    body: Mapping[str, Any]
    raised_at: str


@dataclass(frozen=True)
class NewMessage:
    """A message before it is written.

    Attributes
    ----------
    message_id, receiver, kind : str
    accounts, alert_ids : tuple of str
        Whom it is about, and which alerts it carries.
    upto_batch : int
        The newest batch of the ledger that it has seen.
    body : str
        What is sent, to the byte.
    """

    message_id: str
    receiver: str
    kind: str
    accounts: tuple[str, ...]
    alert_ids: tuple[str, ...]
    upto_batch: int
    body: str


@dataclass(frozen=True)
class StoredMessage(NewMessage):
    """A message and how far it came.

    Attributes
    ----------
    created_at : str
        Moment, as the ledger writes it.
    state : str or None
        Of its newest attempt; None: never tried.
    attempts : int
        Since it was last put in.
    next_at : str or None
        When the next attempt is due.
    detail : str
        What came of the last one.
    """

    created_at: str
    state: str | None
    attempts: int
    next_at: str | None
    detail: str

    @property
    def is_open(self) -> bool:
        """Whether it is neither delivered nor given up."""
        return self.state not in (DELIVERED, DEAD)


class Outbox:
    """What is read from and written to the three tables of an open ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def scored_days(self, until: str | None = None) -> tuple[str | None, str | None]:
        """The newest day of which a batch scored accounts (up to `until`, that day included), and the one before it."""
        newest = self._scored_day(None if until is None else predictions.c.as_of <= until)
        return newest, None if newest is None else self._scored_day(predictions.c.as_of < newest)

    def _scored_day(self, condition: Any) -> str | None:
        of_batch = exists().where(batches.c.batch_id == predictions.c.batch_id, batches.c.kind == "batch")
        query = select(predictions.c.as_of).where(of_batch).order_by(predictions.c.as_of.desc()).limit(1)
        query = query if condition is None else query.where(condition)
        with self._ledger._reading() as connection:
            return connection.execute(query).scalar()

    def alerts(
        self,
        *,
        after_batch: int = 0,
        since: str = "",
        week: str | None = None,
        account_id: str | None = None,
        ids: Sequence[str] | None = None,
    ) -> list[StoredAlert]:
        """Alerts in the order raised: after a batch, of an as_of from `since` on, of a week, an account, or by id."""
        names = ("batch_id", "alert_id", "account_id", "as_of", "kind", "owner", "week", "route", "body")
        query = select(*(alerts.c[name] for name in names), batches.c.requested_at)
        query = query.join_from(alerts, batches, alerts.c.batch_id == batches.c.batch_id)
        query = query.where(alerts.c.batch_id > after_batch, alerts.c.as_of >= since)
        for column, value in ((alerts.c.week, week), (alerts.c.account_id, account_id)):
            query = query if value is None else query.where(column == value)
        query = query if ids is None else query.where(alerts.c.alert_id.in_(list(ids)))
        with self._ledger._reading() as connection:
            rows = connection.execute(query.order_by(alerts.c.batch_id, alerts.c.row)).all()
        return [StoredAlert(*row[:8], json.loads(row[8]), row[9]) for row in rows]

    def has_key(self, key: str) -> bool:
        """Whether something was written under this key: the alerts of a day, the digests of a week."""
        with self._ledger._reading() as connection:
            query = select(batches.c.batch_id).where(batches.c.idempotency_key == key)
            return connection.execute(query).scalar() is not None

    def raise_alerts(self, rows: Sequence[tuple[Any, ...]], key: str, at: datetime) -> Written:
        """Writes alerts (the columns of the table from alert_id on; body JSON text) once, however often it is asked."""
        numbered = [(number, *row) for number, row in enumerate(rows)]
        return self._ledger.append("alert", numbered, asked_by=BY, at=pd.Timestamp(at), key=key)

    def put(self, new: Sequence[NewMessage], key: str, at: datetime) -> Written:
        """Writes messages, all or none."""
        rows = [
            (
                *(number, one.message_id, one.receiver, one.kind, canonical(list(one.accounts))),
                *(canonical(list(one.alert_ids)), one.upto_batch, one.body),
            )
            for number, one in enumerate(new)
        ]
        return self._ledger.append("message", rows, asked_by=BY, at=pd.Timestamp(at), key=key)

    def record(
        self,
        receiver: str,
        message_id: str | None,
        state: str,
        at: datetime,
        *,
        attempt: int = 0,
        next_at: datetime | None = None,
        detail: str = "",
    ) -> None:
        """Notes what became of a message, or of a receiver as a whole."""
        due = None if next_at is None else moment(pd.Timestamp(next_at))
        row = (0, receiver, message_id, state, attempt, due, detail[:500])
        self._ledger.append("delivery", [row], asked_by=BY, at=pd.Timestamp(at))

    def messages(
        self, receiver: str | None = None, *, states: Sequence[str] | None = None, only_open: bool = False
    ) -> list[StoredMessage]:
        """Messages in the order put in, each with its newest state."""
        last = (
            select(deliveries.c.message_id, func.max(deliveries.c.batch_id).label("batch_id"))
            .where(deliveries.c.message_id.is_not(None))
            .group_by(deliveries.c.message_id)
            .subquery()
        )
        newest = deliveries.alias("newest")
        names = ("message_id", "receiver", "kind", "accounts", "alert_ids", "upto_batch", "body")
        query = (
            select(
                *(messages.c[name] for name in names),
                *(batches.c.requested_at, newest.c.state, newest.c.attempt, newest.c.next_at, newest.c.detail),
            )
            .join_from(messages, batches, messages.c.batch_id == batches.c.batch_id)
            .outerjoin(last, last.c.message_id == messages.c.message_id)
            .outerjoin(newest, and_(newest.c.batch_id == last.c.batch_id, newest.c.message_id == messages.c.message_id))
            .order_by(messages.c.batch_id, messages.c.row)
        )
        if receiver is not None:
            query = query.where(messages.c.receiver == receiver)
        if states is not None:
            query = query.where(newest.c.state.in_(list(states)))
        if only_open:
            query = query.where(newest.c.state.is_(None) | newest.c.state.not_in([DELIVERED, DEAD]))
        with self._ledger._reading() as connection:
            rows = connection.execute(query).all()
        return [
            StoredMessage(
                message_id=row.message_id,
                receiver=row.receiver,
                kind=row.kind,
                accounts=tuple(json.loads(row.accounts)),
                alert_ids=tuple(json.loads(row.alert_ids)),
                upto_batch=row.upto_batch,
                body=row.body,
                created_at=row.requested_at,
                state=row.state,
                attempts=row.attempt or 0,
                next_at=row.next_at,
                detail=row.detail or "",
            )
            for row in rows
        ]

    def known_from(self, receiver: str) -> int:
        """The batch with which a receiver was first noted; 0 before."""
        query = select(func.min(deliveries.c.batch_id))
        query = query.where(deliveries.c.receiver == receiver, deliveries.c.state == ENABLED)
        with self._ledger._reading() as connection:
            return connection.execute(query).scalar() or 0

    def looked_at(self, receiver: str) -> int:
        """The batch up to which alerts have been put into messages for a receiver."""
        put = select(func.max(messages.c.upto_batch)).where(messages.c.receiver == receiver)
        passed = select(func.max(deliveries.c.attempt))
        passed = passed.where(deliveries.c.receiver == receiver, deliveries.c.state == PASSED)
        with self._ledger._reading() as connection:
            reached = [connection.execute(query).scalar() or 0 for query in (put, passed)]
        return max(*reached, self.known_from(receiver))

    def receiver_state(self, receiver: str) -> tuple[str | None, str]:
        """The newest state of a receiver as a whole, and its detail: where it was then."""
        query = select(deliveries.c.state, deliveries.c.detail)
        query = query.where(deliveries.c.receiver == receiver, deliveries.c.state.in_([ENABLED, DISABLED, REENABLED]))
        with self._ledger._reading() as connection:
            row = connection.execute(query.order_by(deliveries.c.batch_id.desc()).limit(1)).one_or_none()
        return (None, "") if row is None else (row[0], row[1])

    def attempts_since(self, receiver: str, since: datetime, at_most: int) -> int:
        """How many attempts to deliver were made to a receiver since a moment; it counts no further than `at_most`."""
        tried = deliveries.c.state.in_([DELIVERED, FAILED, DEAD])
        query = select(batches.c.requested_at).join_from(
            deliveries, batches, deliveries.c.batch_id == batches.c.batch_id
        )
        query = query.where(deliveries.c.receiver == receiver, tried).order_by(deliveries.c.batch_id.desc())
        with self._ledger._reading() as connection:
            newest = connection.execute(query.limit(at_most)).scalars().all()
        return sum(at > moment(pd.Timestamp(since)) for at in newest)

    @contextlib.contextmanager
    def dispatching(self) -> Iterator[bool]:
        """Held by the one who delivers; False where somebody else does at this moment."""
        engine = self._ledger._engine
        if engine.dialect.name == "postgresql":
            with engine.connect() as connection:
                asked = text("select pg_try_advisory_lock(:lock)"), {"lock": _DISPATCH_LOCK}
                held = bool(connection.execute(*asked).scalar())
                connection.commit()
                try:
                    yield held
                finally:
                    if held:
                        connection.execute(text("select pg_advisory_unlock(:lock)"), {"lock": _DISPATCH_LOCK})
            return
        with Path(f"{engine.url.database}.dispatch").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True
