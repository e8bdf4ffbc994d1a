"""Ledgers on both databases, and a way behind their backs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from evaluation.ledger.ledger import Ledger


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'state' / 'ledger.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, sqlite_url: str) -> Iterator[str]:
    """An empty database: a file, or a schema of its own on the test server."""
    if request.param == "sqlite":
        yield sqlite_url
        return
    try:
        server = make_url(request.getfixturevalue("postgres_url")).set(drivername="postgresql+psycopg")
    except pytest.FixtureLookupError:
        pytest.skip("no PostgreSQL server among the fixtures")
    schema = f"ledger_{abs(hash(request.node.name)):x}"
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"create schema {schema}"))
    try:
        there = server.update_query_dict({"options": f"-csearch_path={schema}"})
        yield there.render_as_string(hide_password=False)
    finally:
        with engine.connect() as connection:
            connection.execute(text(f"drop schema {schema} cascade"))
        engine.dispose()


@pytest.fixture
def ledger(url: str) -> Iterator[Ledger]:
    with Ledger.open(url) as opened:
        yield opened


@pytest.fixture
def raw(url: str) -> Iterator[Callable[[str], object]]:
    """Runs SQL behind the ledger's back."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")

    def run(sql: str) -> object:
        with engine.connect() as connection:
            return connection.execute(text(sql))

    yield run
    engine.dispose()
