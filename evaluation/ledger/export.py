"""The ledger as Parquet files, row group by row group, so that its size does not matter."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from sqlalchemy import Connection, Table, select

from configs.atomic_files import write_whole
from evaluation.ledger.database import parts
from evaluation.ledger.frames import arrow_table, horizons_in, in_order, stored_columns
from evaluation.ledger.queries import prediction_query
from evaluation.ledger.rows import FLAGS, column_order
from evaluation.ledger.tables import ENTRIES, batches, prediction_texts, predictions

ROWS_A_GROUP = 100_000
_OWN = {"row_hash"}  # what only `ledger verify` needs


def export(connection: Connection, path: Path) -> list[Path]:
    """To `F.parquet` the predictions alone, as `Ledger.predictions` gives them; to a folder one file an entry, and the
    batches. Files appear whole or not at all."""
    if path.suffix == ".parquet":
        return [_predictions(connection, path)]
    files = [_predictions(connection, path / "predictions.parquet"), _table(connection, batches, path)]
    return [
        *files,
        *(_table(connection, entry.tables[0], path) for entry in ENTRIES if entry.name != predictions.name),
    ]


def _predictions(connection: Connection, file: Path) -> Path:
    stored = stored_columns(None)
    schema = _prediction_schema(connection, stored)
    tables = (arrow_table(rows, stored) for rows in parts(connection, prediction_query(stored)))
    return write_whole(file, lambda temporary: _write(temporary, schema, tables))


def _table(connection: Connection, table: Table, folder: Path) -> Path:
    """A table as it is, with the time at which each row was entered."""
    columns = [column for column in table.columns if column.name not in _OWN]
    names = [column.name for column in columns]
    query = select(*columns).order_by(*table.primary_key.columns)
    if table is not batches:
        query = query.add_columns(batches.c.requested_at).join(batches, batches.c.batch_id == table.c.batch_id)
        names.append(batches.c.requested_at.name)
    schema = arrow_table([], names).schema
    tables = (arrow_table(rows, names) for rows in parts(connection, query))
    return write_whole(folder / f"{table.name}.parquet", lambda temporary: _write(temporary, schema, tables))


def _write(file: Path, schema: pa.Schema, tables: Iterator[pa.Table]) -> None:
    """Tables, each with some of the schema's columns, as row groups of about ROWS_A_GROUP."""
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        waiting: list[pa.Table] = []
        for table in tables:
            present = set(table.column_names)
            columns = [
                table[column.name].cast(column.type) if column.name in present else pa.nulls(len(table), column.type)
                for column in schema
            ]
            waiting.append(pa.table(columns, schema=schema))
            if sum(map(len, waiting)) >= ROWS_A_GROUP:
                writer.write_table(pa.concat_tables(waiting))
                waiting = []
        if waiting:
            writer.write_table(pa.concat_tables(waiting))


def _prediction_schema(connection: Connection, stored: Sequence[str]) -> pa.Schema:
    """All columns of any batch, from its first row."""
    first = select(predictions.c.curve, predictions.c.main_horizon_days).where(predictions.c.row == 0).distinct()
    rows = connection.execute(first).fetchall()
    horizons, mains = horizons_in(row.curve for row in rows), [row.main_horizon_days for row in rows]
    types: dict[str, pa.DataType] = dict.fromkeys(("as_of", "requested_at"), pa.timestamp("us"))
    types |= {"batch_id": pa.int64(), "row": pa.int64(), **dict.fromkeys(FLAGS, pa.bool_())}
    kept = [name for name in stored if name not in {"curve", "main_horizon_days"}]
    names = in_order([*column_order(horizons, mains), *kept])
    texts = {column.name for table in (predictions, prediction_texts, batches) for column in table.columns}
    numbers = {column.name for column in predictions.columns if str(column.type) == "DOUBLE"}
    return pa.schema(
        [(name, types.get(name, pa.string() if name in texts - numbers else pa.float64())) for name in names]
    )
