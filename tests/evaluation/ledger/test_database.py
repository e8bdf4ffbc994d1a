"""The ledger's database: its tables by migrations, one of a newer version refused, answers from indexes."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.dialects import sqlite

from configs.errors import UsageError
from evaluation.ledger import migrations
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.queries import days_query, first_query, judgement_query, runs_query, unjudged_query
from evaluation.ledger.tables import REVISION, metadata
from tests.evaluation.ledgers import NOW, frame, put

# -- the database --------------------------------------------------------------------------------------------------


def test_migrations_make_the_tables_that_the_code_knows(url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    Ledger.open(url).close()
    engine = create_engine(url)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert migrations.revision_of(connection) == REVISION
    engine.dispose()
    folder = str(Path(migrations.__file__).parent)
    assert ScriptDirectory(folder, version_locations=[folder]).get_heads() == [REVISION]


def test_a_newer_ledger_is_refused(url: str, raw: Callable) -> None:
    Ledger.open(url).close()
    raw("update alembic_version set version_num = '9999'")
    with pytest.raises(UsageError, match="a ledger of version 9999"):
        Ledger.open(url)


def test_databases_that_do_not_answer(tmp_path: Path) -> None:
    (tmp_path / "no.db").write_text("this is not a database, however long the text that stands in it may be")
    cases = {
        f"sqlite:///{tmp_path / 'no.db'}": "not a database",
        "postgresql://nobody@127.0.0.1:1/none?connect_timeout=2": "a database that answers",
        "mysql://u:secret@h/db": r"mysql://u:\*\*\*@h/db",
        "sqlite://": "a file of SQLite",
        "ledger.db": "an SQLAlchemy URL",
    }
    for where, case in cases.items():
        with pytest.raises(UsageError, match=case):
            Ledger.open(where)


def test_the_journal_is_written_ahead_and_questions_use_indexes(sqlite_url: str) -> None:
    with Ledger.open(sqlite_url) as ledger:
        put(ledger, frame(3))
    raw = sqlite3.connect(make_url(sqlite_url).database)
    assert raw.execute("pragma journal_mode").fetchone() == ("wal",)
    for condition, index in (
        ("account_id = '1'", "ix_predictions_account_as_of"),
        ("as_of >= '2024-01-31'", "ix_predictions_as_of"),
        ("batch_id = 1", "sqlite_autoindex_predictions_1"),
    ):
        plan = raw.execute(f"explain query plan select p_churn from predictions where {condition}").fetchall()
        assert index in plan[0][3]
    raw.close()


def test_first_predictions_come_in_the_order_written(url: str) -> None:
    made = frame(6)
    backwards = made.iloc[::-1].reset_index(drop=True)
    with Ledger.open(url) as ledger:
        put(ledger, backwards)
        put(ledger, made.assign(as_of=pd.Timestamp("2024-02-29")))
        result = ledger.first_predictions(["batch"], NOW, columns=["account_id", "as_of"])
    assert result is not None
    assert "batch_id" not in result
    assert result.account_id.tolist() == [*backwards.account_id, *made.account_id]
    assert result.as_of.dt.month.tolist() == [1] * 6 + [2] * 6


def test_the_large_questions_are_answered_from_indexes(sqlite_url: str) -> None:
    """No table is walked for each row of another, and nothing is sorted that is there in order."""
    now = pd.Timestamp("2024-06-01")
    asked = {
        "first": first_query(["account_id", "p_churn", "reasons"], ["batch", "api"], now, "sqlite"),
        "unjudged": unjudged_query(["batch", "api"], now, ("1", "2024-01-31"), 10),
        "newest": judgement_query(["account_id", "judged_at"], True, now),
        "days": days_query(["batch", "api"], now, 90, 7),
        "runs": runs_query(),
    }
    counted = {"days", "runs"}  # and so sorted by what they are counted by
    with Ledger.open(sqlite_url) as ledger:
        put(ledger, frame(3))
        for name, query in asked.items():
            sql = str(query.compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}))
            with closing(sqlite3.connect(make_url(sqlite_url).database)) as connection:
                plan = [row[3] for row in connection.execute(f"explain query plan {sql}")]
            walked = [step for step in plan if step.startswith("SCAN")]
            assert len(walked) == (name != "unjudged"), (name, plan)
            assert name in counted or not [step for step in plan if "TEMP B-TREE" in step], (name, plan)
            assert not [step for step in plan if "AUTOMATIC" in step], (name, plan)
            for table in ("earlier", "later"):
                steps = [step for step in plan if f"SEARCH {table} " in step]
                assert all("_account_as_of (account_id=? AND as_of=?" in step for step in steps), (name, plan)
