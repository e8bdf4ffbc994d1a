"""Entries that are made once however often they are sent: the same key and body get the first answer again.

A first answer is written in the transaction of its entry, so that whoever gets none (a lost connection, a kill) can
send the same again without entering it twice. It is kept for KEPT, apart from history.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from sqlalchemy import Connection, and_, delete, insert, select

from configs.errors import Fault, UsageError
from evaluation.ledger.append import append_batch, head_of
from evaluation.ledger.hash_chain import row_hashes
from evaluation.ledger.rows import moment
from evaluation.ledger.tables import entry_of, replies

KEPT = pd.Timedelta(hours=24)


class KeyReused(UsageError):
    """An idempotency key that came with another request before."""

    title = "this Idempotency-Key came with another request"


@dataclass(frozen=True)
class Once:
    """What makes two requests one.

    Attributes
    ----------
    key : str
        The idempotency key, the asker's own.
    fingerprint : str
        Of what was asked under it: route and body.
    """

    key: str
    fingerprint: str


@dataclass(frozen=True)
class NewEntry:
    """One batch to be entered.

    Attributes
    ----------
    kind : str
        One of an entry's kinds, such as "override".
    rows : sequence of tuple
        The values of the entry's `hashed`.
    asked_by : str
        Who enters it.
    at : pd.Timestamp
        When (UTC).
    """

    kind: str
    rows: Sequence[tuple[Any, ...]]
    asked_by: str
    at: pd.Timestamp


@dataclass(frozen=True)
class Reply:
    """The answer to an entry.

    Attributes
    ----------
    body : str
        As it is sent.
    repeated : bool
        It is the first one's, and nothing was entered.
    """

    body: str
    repeated: bool


def enter(connection: Connection, entry: NewEntry, once: Once | None, answer: Callable[[int], str]) -> Reply:
    """Enters a batch and keeps its answer, unless the same was entered before.

    Parameters
    ----------
    connection : Connection
        In a transaction that may write.
    entry : NewEntry
    once : Once or None
        None: it is entered whatever came before.
    answer : callable
        Of the batch's number; its text is what the same request gets again.

    Returns
    -------
    Reply

    Raises
    ------
    KeyReused
        When the key came with another request within KEPT.
    """
    newest = head_of(connection)  # locks it: of two requests at once the second finds the first
    if once is not None and (first := first_reply(connection, entry.asked_by, once, entry.at)) is not None:
        return first
    hashes = row_hashes(entry.rows)
    about = {"kind": entry.kind, "asked_by": entry.asked_by, "requested_at": moment(entry.at)}
    moved = append_batch(connection, newest, entry_of(entry.kind), entry.rows, hashes, about)
    body = answer(moved.batch_id)
    if once is not None:
        connection.execute(delete(replies).where(replies.c.answered_at <= moment(entry.at - KEPT)))
        kept = {"asked_by": entry.asked_by, "idempotency_key": once.key, "fingerprint": once.fingerprint}
        connection.execute(insert(replies), {**kept, "answered_at": moment(entry.at), "body": body})
    return Reply(body, False)


def first_reply(connection: Connection, asked_by: str, once: Once, at: pd.Timestamp) -> Reply | None:
    """The first answer to a request; None where there was none within KEPT, KeyReused where its key came with
    another."""
    mine = and_(replies.c.asked_by == asked_by, replies.c.idempotency_key == once.key)
    kept = replies.c.answered_at > moment(at - KEPT)
    first = connection.execute(select(replies).where(mine, kept)).one_or_none()
    if first is None:
        return None
    if first.fingerprint != once.fingerprint:
        do = "send another key with another request, or the same request again"
        raise KeyReused(Fault("Idempotency-Key", f"a request of {first.answered_at}", "the same path and body", do))
    return Reply(first.body, True)
