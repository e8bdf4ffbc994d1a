"""One more batch in the chain: what every write to the ledger ends in, inside a transaction that holds the head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, insert, select, update

from evaluation.ledger.database import insert_rows
from evaluation.ledger.hash_chain import NO_ROWS, Batch
from evaluation.ledger.tables import FORMAT, Entry, batches, head


@dataclass(frozen=True)
class Head:
    """The newest batch: its number and its hash.

    Attributes
    ----------
    batch_id : int
        0 while there is none.
    hash : str
    """

    batch_id: int
    hash: str


_HEAD = select(head.c.batch_id, head.c.hash).where(head.c.one == 1).with_for_update()


def head_of(connection: Connection) -> Head:
    """The newest batch, locked until the transaction ends."""
    newest = connection.execute(_HEAD).one()
    return Head(newest.batch_id, newest.hash)


def rows_hash_of(hashes: Sequence[str]) -> str:
    """What stands for all rows of a batch: the running half of the last row's hash."""
    return hashes[-1][len(NO_ROWS) :] if hashes else NO_ROWS


def append_batch(
    connection: Connection,
    newest: Head,
    entry: Entry,
    rows: Sequence[tuple[Any, ...]],
    hashes: Sequence[str],
    about: Mapping[str, Any],
) -> Head:
    """Appends a batch behind the newest one and moves the head to it.

    Parameters
    ----------
    connection : Connection
        In a transaction that holds the head.
    newest : Head
        See `head_of`.
    entry : Entry
        What the batch holds.
    rows : sequence of tuple
        The values of its `Entry.hashed`.
    hashes : sequence of str
        Of the rows.
    about : mapping
        kind, asked_by, requested_at and, where there is one, idempotency_key and calibrator_version.

    Returns
    -------
    Head
        The new one.
    """
    batch = Batch(
        batch_id=newest.batch_id + 1,
        kind=about["kind"],
        format=FORMAT,
        asked_by=about["asked_by"],
        requested_at=about["requested_at"],
        idempotency_key=about.get("idempotency_key"),
        calibrator_version=about.get("calibrator_version"),
        rows=len(rows),
        rows_hash=rows_hash_of(hashes),
        previous_hash=newest.hash,
    )
    moved = Head(batch.batch_id, batch.hash)
    connection.execute(insert(batches), {**asdict(batch), "hash": moved.hash})
    insert_rows(connection, entry, batch.batch_id, rows, hashes)
    connection.execute(update(head).values(batch_id=moved.batch_id, hash=moved.hash).where(head.c.one == 1))
    return moved
