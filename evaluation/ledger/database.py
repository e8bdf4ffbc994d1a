"""The ledger's databases: how SQLite and PostgreSQL are opened, brought up to date, and filled quickly.

What differs between the two in that stands here and in `migrations/`.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, Select, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from configs.errors import Fault, UsageError
from evaluation.ledger import migrations
from evaluation.ledger.tables import REVISION, Entry

BUSY_SECONDS = 120
ROWS_A_TIME = 5_000  # of many more at once, Python's garbage collector makes a third of the time
_MIGRATION_LOCK = 6_071_003  # any number, the same for every forewarn on one PostgreSQL database


def connect(url: str, busy_seconds: float = BUSY_SECONDS) -> Engine:
    """An engine for the URL, SQLite's waiting so long for other writers; UsageError when it is none, or that of another
    database."""
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise UsageError(Fault("ledger", "no URL", "an SQLAlchemy URL", "e.g. sqlite:////path/ledger.db")) from None
    if parsed.drivername in {"postgresql", "postgres"}:
        parsed = parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername == "postgresql+psycopg":
        return create_engine(parsed, pool_pre_ping=True)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        shown = parsed.render_as_string(hide_password=True)
        raise UsageError(Fault("ledger", shown, "a file of SQLite or a PostgreSQL database", "change serving.ledger"))
    Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    options = {"timeout": busy_seconds, "check_same_thread": False}
    engine = create_engine(parsed, poolclass=NullPool, connect_args=options)

    @event.listens_for(engine, "connect")
    def _connected(raw: sqlite3.Connection, _record: object) -> None:
        raw.isolation_level = None  # transactions begin where _begun says, not where the driver guesses
        raw.execute("pragma synchronous = full")  # a prediction that was answered survives a power cut
        raw.execute("pragma cache_size = -65536")
        raw.execute("pragma journal_size_limit = 67108864")

    @event.listens_for(engine, "begin")
    def _begun(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("begin immediate" if writes else "begin")

    return engine


def prepare(engine: Engine) -> None:
    """Tables of the newest version, whoever opens first."""
    if engine.dialect.name == "sqlite":
        _write_ahead(engine)
    with engine.connect() as connection, connection.begin():
        if migrations.revision_of(connection) == REVISION:
            return
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if engine.dialect.name == "postgresql":
            connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        migrations.upgrade(connection)


def _write_ahead(engine: Engine) -> None:
    """SQLite answers "locked" at once, without waiting, while another first opening makes the same change."""
    raw = engine.raw_connection()
    try:
        cursor = raw.cursor()
        deadline = time.monotonic() + BUSY_SECONDS
        while True:
            try:
                cursor.execute("pragma journal_mode = wal")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
    finally:
        raw.close()


def parts(connection: Connection, query: Select[Any], rows: int = ROWS_A_TIME) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of a query, so many at a time, straight from the driver and without keeping those before."""
    result = connection.execute(query, execution_options={"stream_results": True})
    try:
        cursor: Any = result.cursor
        part = [tuple(row) for row in result.fetchmany(1)]  # SQLAlchemy may have taken it off the driver already
        while part:
            yield part
            part = cursor.fetchmany(rows)
    finally:
        result.close()


def insert_rows(
    connection: Connection, entry: Entry, batch_id: int, rows: Sequence[tuple[Any, ...]], hashes: Sequence[str]
) -> None:
    """The rows of one batch, straight through the driver: SQLAlchemy's own path would take several times as long."""
    main, *others = entry.tables
    own = len(main.columns) - 2  # without batch_id and row_hash
    names = ["batch_id", *entry.hashed[:own], "row_hash"]
    bulk(
        connection,
        main.name,
        names,
        ((batch_id, *row[:own], row_hash) for row, row_hash in zip(rows, hashes, strict=True)),
    )
    start = own
    for table in others:
        stop = start + len(table.columns) - 2
        part = slice(start, stop)
        bulk(
            connection,
            table.name,
            ["batch_id", "row", *entry.hashed[part]],
            ((batch_id, row[0], *row[part]) for row in rows),
        )
        start = stop


def bulk(connection: Connection, table: str, names: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> None:
    """Rows of these columns into a table, as the database takes them fastest."""
    columns = ", ".join(f'"{name}"' for name in names)
    raw: Any = connection.connection.cursor()
    try:
        if connection.dialect.name == "postgresql":
            with raw.copy(f"copy {table} ({columns}) from stdin") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            raw.executemany(f"insert into {table} ({columns}) values ({', '.join('?' * len(names))})", rows)
    finally:
        raw.close()
