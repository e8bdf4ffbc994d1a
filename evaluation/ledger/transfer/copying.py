"""A whole ledger into another database, whichever of SQLite and PostgreSQL either is: the same rows, the same chain."""

from __future__ import annotations

from sqlalchemy import Connection, Table, select, text

from configs.errors import Fault, UsageError
from evaluation.ledger.database import bulk, connect, parts, prepare
from evaluation.ledger.hash_chain import Verification, verify
from evaluation.ledger.tables import ENTRIES, batches, head, replies

_HEAD_NEXT = "update head set batch_id = batch_id + 1, hash = :hash where one = 1"
_HEADS_A_TIME = 10_000


def copied_tables() -> tuple[Table, ...]:
    """Every table but the head, batches first."""
    return (batches, *(table for entry in ENTRIES for table in entry.tables), replies)


def copy_ledger(source_url: str, target_url: str) -> Verification:
    """Copies a ledger and reads the copy back.

    Parameters
    ----------
    source_url, target_url : str
        SQLAlchemy URLs of SQLite or PostgreSQL. The source is read in one transaction, while others may write to it;
        both are brought to the newest version first.

    Returns
    -------
    Verification
        Of the copy; its `hash` is the newest batch's.

    Raises
    ------
    UsageError
        When the target holds a ledger already, or is no database of these. All of it is copied, or nothing.
    """
    source, target = connect(source_url), connect(target_url)
    try:
        prepare(source)
        prepare(target)
        reading = source.connect()
        if source.dialect.name == "postgresql":
            reading = reading.execution_options(isolation_level="REPEATABLE READ")
        with reading, target.connect().execution_options(writes=True) as writing:
            with reading.begin(), writing.begin():
                _require_empty(writing)
                for table in copied_tables():
                    _copy(reading, writing, table)
                _advance(writing)
            with writing.begin():
                return verify(writing)
    finally:
        source.dispose()
        target.dispose()


def _require_empty(writing: Connection) -> None:
    newest = writing.execute(select(head.c.batch_id).with_for_update()).scalar_one()
    if newest:
        shown = writing.engine.url.render_as_string(hide_password=True)
        raise UsageError(Fault(shown, f"a ledger of {newest} batches", "an empty database", "name another database"))


def _copy(reading: Connection, writing: Connection, table: Table) -> None:
    columns = list(table.columns)
    names = [column.name for column in columns]
    for rows in parts(reading, select(*columns).order_by(*table.primary_key.columns)):
        bulk(writing, table.name, names, rows)


def _advance(writing: Connection) -> None:
    """The head goes the whole way again, batch by batch: its triggers allow no other."""
    every = writing.execute(select(batches.c.hash).order_by(batches.c.batch_id)).scalars().all()
    for start in range(0, len(every), _HEADS_A_TIME):
        writing.execute(text(_HEAD_NEXT), [{"hash": hash_} for hash_ in every[start : start + _HEADS_A_TIME]])
