"""Every template's SQL runs where an engine is here: on tables with its columns, with and without those it can miss."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import duckdb
import psycopg
import pytest

from features.sources.templates import SYSTEMS, template
from features.sources.templates.landed import Landed, every_table
from features.sources.templates.sql import AccountIds, filled

TYPES = {
    "duckdb": {"text": "varchar", "time": "timestamp", "number": "double", "flag": "boolean"},
    "postgres": {"text": "text", "time": "timestamp", "number": "double precision", "flag": "boolean"},
}


def create(run: Callable[[str], object], name: str, dialect: str, like: str | None = None) -> dict[str, Landed]:
    """The system's tables, empty; with `like`, times are numbers as some connectors land them."""
    tables = every_table(template(name))
    run(f"create schema {name}")
    for table, landed in tables.items():
        kinds = {column: like or kind if kind == "time" else kind for column, kind in landed.columns.items()}
        columns = ", ".join(f'"{column}" {TYPES[dialect][kind]}' for column, kind in kinds.items())
        run(f'create table {name}."{table}" ({columns})')
        tables[table] = Landed(landed.origin, kinds, landed.name, landed.folder)
    return tables


def queries(name: str, tables: dict[str, Landed], dialect: str) -> Iterator[str]:
    system = template(name)
    for fill in system.fills:
        for without in [(), *(part.unless for part in fill.parts if part.unless), tuple(system.optional)]:
            there = {table: landed for table, landed in tables.items() if table not in without}
            for leads in (True, False):
                query = filled(system, fill, there, dialect, AccountIds(leads, system.account_key))
                if query is not None:
                    yield query.sql


@pytest.mark.parametrize(("name", "times"), [*((name, None) for name in SYSTEMS), ("stripe", "number")])
def test_duckdb_runs_it(name: str, times: str | None) -> None:
    with duckdb.connect() as connection:
        tables = create(connection.execute, name, "duckdb", times)
        ran = [connection.execute(sql).fetchall() for sql in queries(name, tables, "duckdb")]
    assert ran
    assert not any(ran)


def test_postgres_runs_them(postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        for name in SYSTEMS:
            tables = create(connection.execute, name, "postgres")
            for sql in queries(name, tables, "postgres"):
                assert connection.execute(sql).fetchall() == [], name
            connection.execute(f"drop schema {name} cascade")
