"""What a build asks of an engine beside expressions: keep a result, be given small frames, run, stay within memory."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from configs.settings import Settings
from features.sources.backends import spark
from features.sources.backends.connect import is_duckdb
from features.sources.backends.exact_sums import exact
from features.sources.backends.spark import is_spark

SNAPSHOTS_PER_MB = 80  # (account, as_of) pairs that are worked out at a time, for each megabyte of engine.memory_mb
CROWD = 24  # people or features of an account are many: so many times fewer snapshots at a time

BATCH_ROWS = 1_000_000


def bound(connection: Any, settings: Settings, share: float = 1.0, in_order: bool = False) -> None:
    """Holds the embedded engine to `engine.memory_mb`, or to a share of it, beyond which it spills to disk; a server
    has its own limits. `in_order`: rows that it is asked for come in the order of their source."""
    if not is_duckdb(connection):
        return
    connection.raw_sql(f"SET memory_limit = '{int(settings.engine.memory_mb * share)}MB'")
    connection.raw_sql(f"SET preserve_insertion_order = {in_order}")
    if settings.engine.threads:
        connection.raw_sql(f"SET threads = {settings.engine.threads}")


def chunks(as_ofs: pd.DatetimeIndex, accounts: int, memory_mb: int, crowded: bool = False) -> list[pd.DatetimeIndex]:
    """The as_ofs in runs of at most SNAPSHOTS_PER_MB * memory_mb snapshots, a single as_of at least.

    >>> days = pd.date_range("2024-01-01", periods=5, freq="D")
    >>> [len(one) for one in chunks(days, accounts=1000, memory_mb=25)]
    [2, 2, 1]
    """
    most = SNAPSHOTS_PER_MB * memory_mb // (CROWD if crowded else 1)
    size = max(1, most // max(1, accounts))
    return [as_ofs[start : start + size] for start in range(0, len(as_ofs), size)]


def given(connection: Any, name: str, frame: pd.DataFrame) -> ir.Table:
    """A small frame as a temporary table of that name, in the place of an earlier one."""
    body = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    if not is_duckdb(connection):
        return keep(connection, name, body)
    drop(connection, name)
    connection.con.register(f"{name}_given", body)
    connection.raw_sql(f"CREATE TEMPORARY TABLE {name} AS SELECT * FROM {name}_given")
    connection.con.unregister(f"{name}_given")
    return connection.table(name)


def keep(connection: Any, name: str, rows: ir.Table | pa.Table) -> ir.Table:
    """Works a result out once, into a temporary table of that name, in the place of an earlier one."""
    if is_spark(connection):
        return spark.keep(connection, name, rows)
    drop(connection, name)
    if is_duckdb(connection):
        connection.create_table(name, exact(rows) if isinstance(rows, ir.Table) else rows, temp=True)
        return connection.table(name)
    connection.create_table(name, rows, temp=True)
    return connection.table(name, database=_temporary(connection))


def batches(connection: Any, rows: ir.Table, size: int = BATCH_ROWS) -> pa.RecordBatchReader:
    """The rows as a stream of Arrow batches, never all of them in memory."""
    if is_duckdb(connection):
        return connection.con.sql(connection.compile(exact(rows))).to_arrow_reader(size)
    return connection.to_pyarrow_batches(rows, chunk_size=size)


def streamed(connection: Any, name: str, schema: pa.Schema, rows: Iterable[pa.RecordBatch]) -> ir.Table:
    """Batches as a table of that name in DuckDB, to be read once, as they are made."""
    connection.con.register(name, pa.RecordBatchReader.from_batches(schema, rows))
    return connection.table(name)


def view(connection: Any, name: str, rows: ir.Table) -> ir.Table:
    """Rows under a name in DuckDB or Spark, worked out anew by whoever reads them."""
    if is_spark(connection):
        return spark.view(connection, name, rows)
    connection.raw_sql(f"CREATE OR REPLACE TEMPORARY VIEW {name} AS {connection.compile(rows)}")
    return connection.table(name)


def drop(connection: Any, name: str) -> None:
    if is_spark(connection):
        return spark.drop(connection, name)
    cursor = connection.raw_sql(f"DROP TABLE IF EXISTS {name}")  # ibis 12 loses the name when it writes this itself
    if not is_duckdb(connection):
        cursor.close()


@ibis.udf.scalar.builtin(name="hash", signature=((dt.string,), dt.uint64))
def _hash(text):  # type: ignore[no-untyped-def]
    """DuckDB's own; what Ibis calls so goes through text of bits into a signed number."""


def told_apart(connection: Any, names: ir.Value) -> ir.Value:
    """Names as 64-bit numbers where the engine has a hash for them, null where they are: among the names of one account
    no two collide, and numbers are grouped faster."""
    if not is_duckdb(connection):
        return names
    return names.notnull().ifelse(_hash(names), ibis.null("uint64"))


def _temporary(connection: Any) -> str | None:
    return getattr(connection, "_session_temp_db", None)


class Query:
    """An expression to be run again and again while tables under it are replaced; translated to SQL only once."""

    def __init__(self, connection: Any, rows: ir.Table) -> None:
        self.connection, self.rows = connection, exact(rows) if is_duckdb(connection) else rows
        self.sql = connection.compile(self.rows) if is_duckdb(connection) or is_spark(connection) else None

    def run(self) -> pa.Table:
        if self.sql is not None and is_duckdb(self.connection):
            return self.connection.con.sql(self.sql).to_arrow_table()
        if self.sql is not None:
            return pa.Table.from_pandas(spark.fetched(self.connection, self.sql), preserve_index=False)
        frame = self.connection.to_pandas(self.rows)
        return pa.Table.from_pandas(frame, preserve_index=False)
