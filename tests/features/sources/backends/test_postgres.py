"""A real PostgreSQL server: the same canonical tables as from files, and clear faults where there are none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import psycopg
import pytest
from pandas.testing import assert_frame_equal

from configs.errors import SourceError
from configs.settings import Settings
from features.sources.sources import known_at, open_sources

Make = Callable[..., Settings]


def _cases() -> ModuleType:
    spec = util.spec_from_file_location("sources_cases", Path(__file__).parents[1] / "test_sources.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CASES = _cases()
TYPES = {"id": "bigint", "signed": "timestamptz", "begin": "date", "finish": "date", "monthly": "numeric(12,2)"}


@pytest.fixture(scope="module")
def server(postgres_url: str) -> Iterator[str]:
    """The tables of test_sources in a schema of their own, some columns of the types that a database would have."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("create schema crm")
        for name, frame in CASES.FRAMES.items():
            kinds = [f'"{column}" {TYPES.get(str(column)) or _type(frame[column])}' for column in frame]
            connection.execute(f"create table crm.{name} ({', '.join(kinds)})")
            places = ", ".join(["%s"] * len(frame.columns))
            rows = [
                tuple(None if pd.isna(value) else _value(value) for value in row)
                for row in frame.itertuples(index=False)
            ]
            with connection.cursor() as cursor:
                cursor.executemany(f"insert into crm.{name} values ({places})", rows)
        connection.execute("create table crm.scrawl (account_id text, created_at text, amount text)")
        connection.execute("insert into crm.scrawl values ('1', '2023-02-30', 'ten'), ('2', '2023-02-28', '10')")
    yield postgres_url
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("drop schema crm cascade")


def _type(column: pd.Series) -> str:
    kind = column.dtype.kind
    return {"i": "bigint", "f": "double precision", "b": "boolean", "M": "timestamp"}.get(kind, "text")


def _value(value: Any) -> Any:
    if isinstance(value, pd.Timestamp):
        return value.tz_localize("UTC").to_pydatetime()
    return value.item() if hasattr(value, "item") else value


def mapping() -> dict[str, Any]:
    return {name: {**one, "from": f"crm.{one['from']}"} for name, one in CASES.MAPPING.items()}


def test_a_server_gives_the_same_canonical_tables_as_files(server: str, make_settings: Make) -> None:
    sources = open_sources(make_settings(connection=server, tables=mapping()))
    for name, frame in CASES.canonical(sources).items():
        assert_frame_equal(frame, CASES.expected(name), check_like=True)
    assert sources.data_end == pd.Timestamp("2023-04-02")
    assert known_at(sources, pd.Timestamp("2023-03-01")).tables["invoices"].count().execute() == 1
    sources.close()


def test_ways_through_other_tables_and_merges(server: str, make_settings: Make) -> None:
    with psycopg.connect(server, autocommit=True) as connection:
        for name, text in CASES.LINKED_FILES.items():
            header, *rows = [line.split(",") for line in text.split()]
            connection.execute(f"create table crm.l_{name} ({', '.join(f'{column} text' for column in header)})")
            for row in rows:
                places = ", ".join(["nullif(%s, '')"] * len(row))
                connection.execute(f"insert into crm.l_{name} values ({places})", row)
    tables = {name: {**one, "from": f"crm.l_{one['from']}"} for name, one in CASES.LINKED.items()}
    sources = open_sources(make_settings(connection=server, tables=tables, churn={"kind": "silence"}))
    assert CASES.canonical(sources)["usage_events"].account_id.tolist() == CASES.LINKED_ACCOUNTS
    sources.close()


def test_a_query_and_a_time_zone_run_on_the_server(server: str, make_settings: Make) -> None:
    body = mapping()
    body["contracts"] = {
        "query": "select id as account_id, begin as starts_at, finish as ends_at, 12 * sum(monthly) as arr "
        "from crm.terms group by 1, 2, 3"
    }
    sources = open_sources(make_settings(connection=server, timezone="Europe/Berlin", tables=body))
    contracts = CASES.canonical(sources)["contracts"]
    assert contracts.arr.tolist()[:2] == [1200.0, 150.0]
    starts = ["2022-12-31 23:00", "2023-01-31 23:00", "2023-04-30 22:00"]
    assert contracts.starts_at.tolist() == [pd.Timestamp(start) for start in starts]
    created = CASES.canonical(sources)["accounts"].created_at
    assert created.tolist() == CASES.expected("accounts").created_at.tolist()  # zoned in the database
    sources.close()


def test_a_query_cannot_write_whatever_it_calls(server: str, make_settings: Make) -> None:
    """The server refuses it, not the reading of its text, which says nothing of what a function does."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(
            "create function crm.sly() returns bigint language sql as "
            "$$ insert into crm.bills values (9, 'A-66', '2023-03-15', null, 1, 1) returning 9 $$"
        )
        before = connection.execute("select count(*) from crm.bills").fetchall()
        body = mapping()
        body["contracts"] = {
            "query": "select crm.sly() as account_id, begin as starts_at, finish as ends_at from crm.terms"
        }
        with pytest.raises(SourceError, match="read-only transaction"):
            open_sources(make_settings(connection=server, tables=body))
        assert connection.execute("select count(*) from crm.bills").fetchall() == before
        connection.execute("drop function crm.sly()")


def test_the_fingerprint_follows_the_rows(server: str, make_settings: Make) -> None:
    settings = make_settings(connection=server, tables=mapping())
    first, again = open_sources(settings), open_sources(settings)
    assert first.fingerprint == again.fingerprint
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("insert into crm.bills values (3, 'A-9', '2023-03-15', null, 1, 1)")
    more = open_sources(settings)
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute("delete from crm.bills where number = 'A-9'")
    assert more.fingerprint != first.fingerprint
    for sources in (first, again, more):
        sources.close()


def test_every_fault_of_a_server_at_once(server: str, make_settings: Make) -> None:
    body = mapping()
    body["accounts"] = {"from": "crm.scrawl"}
    body["contracts"]["from"] = "crm.term"
    body["invoices"] = {"query": "select nothing from crm.bills"}
    body["usage_events"] = {"from": "usage.csv"}
    with pytest.raises(SourceError) as caught:
        open_sources(make_settings(connection=server, tables=body))
    text = str(caught.value)
    assert len(caught.value.faults) == 4
    assert "accounts.created_at: found 1 row that cannot be read, for example '2023-02-30'" in text
    assert "no table 'crm.term'" in text
    assert "did you mean 'terms'?" in text
    assert 'column "nothing" does not exist' in text
    assert "the file usage.csv beside a postgres connection" in text


def test_an_unreachable_server_is_a_fault_without_its_password(make_settings: Make) -> None:
    tables = {"accounts": {"from": "a"}, "contracts": {"from": "c"}}
    settings = make_settings(connection="postgres://me:hush@127.0.0.1:1/db", tables=tables)
    with pytest.raises(SourceError, match="no answer from postgres://me:") as caught:
        open_sources(settings)
    assert "hush" not in str(caught.value)
