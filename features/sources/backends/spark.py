"""Spark as an engine: results are kept as cached views of a session of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Self

import ibis.expr.types as ir
import pyarrow as pa

from configs.settings import Settings
from features.sources.backends import spark_files, spark_session
from features.sources.backends.base import Engine, FileReader, Query, SourceRows, arrow_of, one_time_type
from features.sources.backends.files import CSV, JSON, PARQUET
from features.sources.backends.spark_dialect import fetched, session_of


class SparkEngine(Engine):
    """Spark. What is worked out once is a cached view; SQL that names a view sees the one made last."""

    name = "spark"

    @classmethod
    def open(cls, settings: Settings, rest: str) -> Self:
        """The engine of `connection: spark://{rest}`; SourceError where there is no Spark to be had."""
        return cls(spark_session.connect(rest, settings.engine))

    def file_readers(self) -> Sequence[tuple[tuple[str, ...], FileReader]]:
        return (
            (CSV, lambda paths: spark_files.read_csv(self.backend, paths)),
            (JSON, lambda paths: spark_files.read_json(self.backend, paths)),
            (PARQUET, lambda paths: spark_files.read_parquet(self.backend, paths)),
        )

    def run_query(self, name: str, query: str) -> ir.Table:
        # Any other statement than a SELECT is refused by Spark's parser.
        session_of(self.backend).sql(f"CREATE OR REPLACE TEMPORARY VIEW {name} AS {query}")
        return self.materialize(name, self.backend.table(name))

    def table_of(self, origin: str) -> ir.Table:
        return spark_files.table(self.backend, origin)

    def table_names(self, schema: str) -> list[str]:
        of_schema = " IN " + ".".join(f"`{part}`" for part in schema.split(".")) if schema else ""
        try:
            tables = session_of(self.backend).sql(f"SHOW TABLES{of_schema}").collect()
        except Exception:
            return []
        return sorted(row.tableName for row in tables if not row.tableName.startswith("forewarn_"))[:200]

    def settle(self, name: str, rows: ir.Table, source: SourceRows, cheap: bool) -> ir.Table:
        of_catalog = not (source.files or source.temporary)
        if of_catalog or (cheap and not source.textual):
            return one_time_type(self.view(name, rows))
        stored = self.materialize(name, rows)
        if source.temporary:
            self.drop(source.temporary)
        return one_time_type(stored)

    def materialize(self, name: str, rows: ir.Table | pa.Table) -> ir.Table:
        # Other views made from the earlier table of that name keep what they had.
        session = session_of(self.backend)
        frame = session.sql(self.backend.compile(rows)) if isinstance(rows, ir.Table) else session.createDataFrame(rows)
        self.drop(name)
        frame = frame.cache()
        frame.count()
        frame.createOrReplaceTempView(name)
        return self.backend.table(name)

    def view(self, name: str, rows: ir.Table) -> ir.Table:
        session_of(self.backend).sql(self.backend.compile(rows)).createOrReplaceTempView(name)
        return self.backend.table(name)

    def drop(self, name: str) -> None:
        with contextlib.suppress(Exception):
            session_of(self.backend).catalog.dropTempView(name)

    def limit_memory(self, settings: Settings, share: float = 1.0, in_order: bool = False) -> None:
        """Spark's own settings limit it; a local one was started within `engine.memory_mb`."""

    def prepare(self, rows: ir.Table) -> Query:
        sql = self.backend.compile(rows)
        return lambda: arrow_of(fetched(self.backend, sql))

    def close(self) -> None:
        spark_session.disconnect(self.backend)
