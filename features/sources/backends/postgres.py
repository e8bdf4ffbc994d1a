"""PostgreSQL: a server whose tables stay where they are, and whose limits are its own."""

from __future__ import annotations

import re
from typing import Self

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from configs.errors import Fault, SourceError
from configs.settings import Settings
from features.sources.backends.base import Engine, Query, arrow_of, reason, tables_listed_sql


def without_password(url: str) -> str:
    """A connection's address, safe to print.

    >>> without_password("postgres://me:secret@host:5432/db")
    'postgres://me:***@host:5432/db'
    """
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url)


class PostgresEngine(Engine):
    """PostgreSQL. A cursor left open keeps its transaction, so every one is closed."""

    name = "postgres"

    @classmethod
    def open(cls, url: str) -> Self:
        """The engine at an address; SourceError where nothing answers."""
        try:
            return cls(ibis.connect(url, connect_timeout=10))
        except Exception as error:
            found = f"no answer from {without_password(url)}: {reason(error)}"
            do = "check host, port, user and password"
            raise SourceError(Fault("connection", found, "a database that can be reached", do)) from None

    def run_query(self, name: str, query: str) -> ir.Table:
        # Planned alone at first, then run where the server itself lets nothing but a temporary table be written.
        self._run(f"CREATE TEMPORARY TABLE {name} AS {query} WITH NO DATA")
        connection = self.backend.con
        connection.commit()  # only a transaction that has not asked anything may be made read only
        with connection.transaction(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
            cursor.execute(f"INSERT INTO {name} {query}")
        return self._temporary(name)

    def table_of(self, origin: str) -> ir.Table:
        schema, _, table = origin.rpartition(".")
        return self.backend.table(table, database=schema or None)

    def table_names(self, schema: str) -> list[str]:
        try:
            cursor = self.backend.raw_sql(tables_listed_sql(schema))
            names = [str(name) for (name,) in cursor.fetchall()]
            cursor.close()
        except Exception:
            return []
        return names

    def materialize(self, name: str, rows: ir.Table | pa.Table) -> ir.Table:
        self.drop(name)
        self.backend.create_table(name, rows, temp=True)
        return self._temporary(name)

    def view(self, name: str, rows: ir.Table) -> ir.Table:
        self._run(f"CREATE OR REPLACE TEMPORARY VIEW {name} AS {self.backend.compile(rows)}")
        return self._temporary(name)

    def drop(self, name: str) -> None:
        self._run(f"DROP TABLE IF EXISTS {name}")  # ibis 12 loses the name when it writes this itself

    def limit_memory(self, settings: Settings, share: float = 1.0, in_order: bool = False) -> None:
        """A server has limits of its own."""

    def prepare(self, rows: ir.Table) -> Query:
        return lambda: arrow_of(self.backend.to_pandas(rows))

    def _temporary(self, name: str) -> ir.Table:
        return self.backend.table(name, database=getattr(self.backend, "_session_temp_db", None))

    def _run(self, sql: str) -> None:
        self.backend.raw_sql(sql).close()
