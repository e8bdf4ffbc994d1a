"""DuckDB, the embedded engine: in memory over files, or a database file that is read only."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Self

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
from duckdb import DuckDBPyConnection, StatementType
from ibis.backends.sql import SQLBackend

from configs.errors import Fault, SourceError
from configs.settings import Settings
from features.sources.backends.base import (
    BATCH_ROWS,
    Engine,
    FileReader,
    Query,
    SourceRows,
    arrow_of,
    one_time_type,
    quoted,
    reason,
    tables_listed_sql,
)
from features.sources.backends.exact_sums import exact
from features.sources.backends.excel import EXCEL, read_sheets
from features.sources.backends.files import CSV, JSON, PARQUET, nearest_file
from features.sources.backends.typed_files import files_named, typed


@ibis.udf.scalar.builtin(name="hash", signature=((dt.string,), dt.uint64))
def _hash(text):  # type: ignore[no-untyped-def]
    """DuckDB's own; what Ibis calls so goes through text of bits into a signed number."""


class DuckDBEngine(Engine):
    """DuckDB, in whose queries every sum of floats is exact and so the same on any number of threads."""

    name = "duckdb"
    query_hint = "fix the SQL of query: (paths count from the settings' folder)"
    streams_in_order = True

    def __init__(self, backend: SQLBackend) -> None:
        super().__init__(backend)
        self.folder = Path()  # from which the paths of a query count
        self._typed: set[str] = set()

    @classmethod
    def at(cls, path: Path | None = None, read_only: bool = False) -> Self:
        """An engine on a database file, or in memory.

        Parameters
        ----------
        path : pathlib.Path, optional
            Of a DuckDB database; one that is not there is made, unless it is to be read only.
        read_only : bool

        Returns
        -------
        DuckDBEngine
            To be closed by whoever opened it.

        Raises
        ------
        duckdb.IOException
            When another process holds the file, or it is no database.
        """
        engine = cls(ibis.duckdb.connect() if path is None else ibis.duckdb.connect(path, read_only=read_only))
        # It would stand among a command's answer on stdout. In a notebook it is off, and cannot be set without widgets.
        if engine.backend.raw_sql("select current_setting('enable_progress_bar')").fetchall()[0][0]:
            engine.backend.raw_sql("SET enable_progress_bar = false")
        return engine

    @classmethod
    def open(cls, settings: Settings, rest: str) -> Self:
        """The engine of `connection: duckdb://{rest}`; SourceError where it names no database."""
        path = None if rest in ("", ":memory:") else settings.path(rest)
        if path is not None and not path.is_file():
            expected = "a DuckDB database, or duckdb:// for files alone"
            raise SourceError(Fault("connection", f"no file {rest}", expected, nearest_file(path)))
        try:
            engine = cls.at(path, read_only=True)
        except Exception as error:
            do = "check the file, and who else has it open"
            raise SourceError(Fault("connection", f"{rest}: {reason(error)}", "a DuckDB database", do)) from None
        engine.folder = settings.folder
        engine.backend.raw_sql(f"SET file_search_path = {quoted(str(settings.folder))}")
        engine.backend.raw_sql("SET autoinstall_known_extensions = false")
        return engine

    @property
    def connection(self) -> DuckDBPyConnection:
        """DuckDB's own connection, for SQL that no expression says."""
        return self.backend.con

    def file_readers(self) -> Sequence[tuple[tuple[str, ...], FileReader]]:
        return ((CSV, self._read_csv), (JSON, self._read_json), (PARQUET, self._read_parquet))

    def _read_csv(self, paths: list[str]) -> ir.Table:
        return self.backend.read_csv(paths, all_varchar=True, header=True, union_by_name=True)

    def _read_json(self, paths: list[str]) -> ir.Table:
        # The first reading finds the columns (and whether they nest); the second leaves every value as it was written.
        inferred = self.backend.read_json(paths, sample_size=-1, union_by_name=True)
        names = [name for name, kind in inferred.schema().items() if not kind.is_nested()]
        return self.backend.read_json(paths, columns=dict.fromkeys(names, "VARCHAR"), union_by_name=True)

    def _read_parquet(self, paths: list[str]) -> ir.Table:
        partitions = any("=" in path for path in paths)
        return self.backend.read_parquet(paths, union_by_name=True, hive_partitioning=partitions)

    def run_query(self, name: str, query: str) -> ir.Table:
        # By DuckDB's own parser; a database file is open read only, and nothing else is there to be written.
        kinds = [statement.type for statement in self.connection.extract_statements(query)]
        if kinds != [StatementType.SELECT]:
            raise ValueError(f"found {', '.join(kind.name for kind in kinds)}, expected one SELECT")
        for file in files_named(query, self.name):
            self._type_file(file)
        self.backend.raw_sql(f"CREATE TEMPORARY TABLE {name} AS {query}")
        return self.backend.table(name)

    def _type_file(self, origin: str) -> None:
        """A view under the file's own name, before which DuckDB would read the file by its first rows."""
        paths = sorted(glob.glob(str(self.folder / origin), recursive=True))
        if paths and origin not in self._typed:
            self._typed.add(origin)
            sheet = f"forewarn_sheet_{len(self._typed)}"
            is_book = origin.lower().endswith(EXCEL)
            text = self.materialize(sheet, read_sheets(paths)) if is_book else self._read_csv(paths)
            view = '"' + origin.replace('"', '""') + '"'
            self.backend.raw_sql(f"CREATE TEMPORARY VIEW {view} AS {self.backend.compile(typed(text))}")

    def table_of(self, origin: str) -> ir.Table:
        schema, _, table = origin.rpartition(".")
        return self.backend.table(table, database=schema or None)

    def table_names(self, schema: str) -> list[str]:
        try:
            return [str(name) for (name,) in self.backend.raw_sql(tables_listed_sql(schema)).fetchall()]
        except Exception:
            return []

    def settle(self, name: str, rows: ir.Table, source: SourceRows, cheap: bool) -> ir.Table:
        if cheap and not source.textual:
            return one_time_type(self.view(name, rows))
        stored = self.materialize(name, rows)
        if source.temporary:
            self.drop(source.temporary)
        return one_time_type(stored)

    def content(self, name: str, columns: Iterable[str]) -> str:
        texts = ['"' + column.replace('"', '""') + '"' for column in columns]
        row = ", ".join(f"coalesce({column}::varchar, chr(0))" for column in texts)
        query = f"SELECT count(*), sum(md5_number_lower(concat_ws(chr(31), {row}))) FROM {name}"
        return str(self.backend.raw_sql(query).fetchall()[0])

    def materialize(self, name: str, rows: ir.Table | pa.Table) -> ir.Table:
        if not isinstance(rows, ir.Table):
            return self._keep(name, rows)
        self.drop(name)
        self.backend.create_table(name, exact(rows), temp=True)
        return self.backend.table(name)

    def upload(self, name: str, frame: pd.DataFrame) -> ir.Table:
        return self._keep(name, arrow_of(frame))

    def _keep(self, name: str, rows: pa.Table) -> ir.Table:
        # ibis 12 loses the name of what it registers for this.
        self.drop(name)
        self.connection.register(f"{name}_given", rows)
        self.backend.raw_sql(f"CREATE TEMPORARY TABLE {name} AS SELECT * FROM {name}_given")
        self.connection.unregister(f"{name}_given")
        return self.backend.table(name)

    def view(self, name: str, rows: ir.Table) -> ir.Table:
        self.backend.raw_sql(f"CREATE OR REPLACE TEMPORARY VIEW {name} AS {self.backend.compile(rows)}")
        return self.backend.table(name)

    def drop(self, name: str) -> None:
        self.backend.raw_sql(f"DROP TABLE IF EXISTS {name}")  # ibis 12 loses the name when it writes this itself

    def hash_key(self, key: ir.Value) -> ir.Value:
        return key.notnull().ifelse(_hash(key), ibis.null("uint64"))

    def limit_memory(self, settings: Settings, share: float = 1.0, in_order: bool = False) -> None:
        self.backend.raw_sql(f"SET memory_limit = '{int(settings.engine.memory_mb * share)}MB'")
        self.backend.raw_sql(f"SET preserve_insertion_order = {in_order}")
        if settings.engine.threads:
            self.backend.raw_sql(f"SET threads = {settings.engine.threads}")

    def batches(self, rows: ir.Table, size: int = BATCH_ROWS) -> pa.RecordBatchReader:
        return self.connection.sql(self.backend.compile(exact(rows))).to_arrow_reader(size)

    def stream(self, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> ir.Table:
        self.connection.register(name, pa.RecordBatchReader.from_batches(schema, batches))
        return self.backend.table(name)

    def drop_stream(self, name: str) -> None:
        self.connection.unregister(name)

    def prepare(self, rows: ir.Table) -> Query:
        sql = self.backend.compile(exact(rows))
        return lambda: self.connection.sql(sql).to_arrow_table()
