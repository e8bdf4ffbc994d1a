"""The ledger: exact round trips, one unbroken chain whoever writes, and the databases it lives in."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import create_engine, make_url
from sqlalchemy.dialects import sqlite

from configs.errors import UsageError
from evaluation.ledger import database, hash_chain, migrations
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.queries import days_query, first_query, judgement_query, runs_query, unjudged_query
from evaluation.ledger.rows import LEDGER_COLUMNS
from evaluation.ledger.tables import REVISION, metadata
from tests.evaluation.ledgers import NOW, frame, hashes, put, put_alerts

# -- what goes in comes out ----------------------------------------------------------------------------------------


def test_round_trip_to_the_last_bit(ledger: Ledger) -> None:
    made = frame(8)
    awkward = [0.1, 1 / 3, 5e-324, 1e-17, 1 - 2**-53, 1.0, 0.0, 2 / 3]
    for name in ("p_churn_30d", "p_churn_90d", "p_low_90d"):
        made[name] = awkward
    made["arr"] = [1e308, 0.1, np.nan, 1e16 + 2, 123456789.123456789, 0.0, 3.0, 2**53 + 2.0]
    made.loc[1, ["reasons", "lifecycle_stage"]] = None
    written = put(ledger, made, calibrator_version="platt-2")
    result = ledger.predictions()
    pd.testing.assert_frame_equal(result[made.columns], made, check_exact=True)
    assert list(result.columns) == [*made.columns, *LEDGER_COLUMNS]
    assert result.batch_id.tolist() == [written.batch_id] * 8
    assert result.row.tolist() == list(range(8))
    assert result.signals_hash.tolist() == hashes(made)
    assert set(result.kind) == {"batch"}
    assert set(result.calibrator_version) == {"platt-2"}
    assert result.requested_at.tolist() == [NOW] * 8
    assert result.requested_at.dtype == "datetime64[us]"


def test_any_float_comes_back(sqlite_url: str) -> None:
    bits = np.random.default_rng(1).integers(0, 2**63, 3000, dtype=np.uint64).view(float)
    bits = bits[np.isfinite(bits)]
    made = frame(len(bits))
    made["arr"] = bits
    made["p_churn_30d"] = np.where(bits <= 1, bits, 1 / np.maximum(bits, 1))
    with Ledger.open(sqlite_url) as ledger:
        put(ledger, made)
        result = ledger.predictions()
        assert ledger.verify().ok
    assert result.arr.to_numpy().tobytes() == made.arr.to_numpy().tobytes()
    assert result.p_churn_30d.to_numpy().tobytes() == made.p_churn_30d.to_numpy().tobytes()


def test_lists_become_json_and_columns_may_come_in_any_order(ledger: Ledger) -> None:
    made = frame(2)
    made["triggers"] = pd.Series([["gone_quiet"], []], dtype=object)
    put(ledger, made[sorted(made.columns)])
    assert ledger.predictions().triggers.tolist() == ['["gone_quiet"]', "[]"]


def test_horizons_may_change(ledger: Ledger) -> None:
    old, new = frame(2), frame(2, seed=5, as_of="2024-02-29", horizons=(28, 60), main=60)
    put(ledger, old)
    put(ledger, new)
    result = ledger.predictions()
    pd.testing.assert_frame_equal(result.iloc[:2][old.columns], old)
    pd.testing.assert_frame_equal(result.iloc[2:][new.columns].reset_index(drop=True), new)
    assert result.p_churn_90d.isna().tolist() == [False, False, True, True]
    assert result.p_low_60d.isna().tolist() == [True, True, False, False]
    assert ledger.verify().ok


def test_filters(ledger: Ledger) -> None:
    for number, day in enumerate(("2024-01-31", "2024-02-29", "2024-03-31")):
        put(ledger, frame(3, as_of=day), kind=("batch", "api", "backtest")[number])
    day = pd.Timestamp("2024-02-29")
    assert ledger.predictions(since=day).as_of.nunique() == 2
    assert ledger.predictions(until=day).as_of.unique().tolist() == [pd.Timestamp("2024-01-31")]
    assert ledger.predictions(since=day, until=pd.Timestamp("2024-03-31")).batch_id.unique().tolist() == [2]
    assert ledger.predictions(account_id="001").batch_id.tolist() == [1, 2, 3]
    assert ledger.predictions(batch_id=3).kind.tolist() == ["backtest"] * 3
    assert ledger.predictions(kinds=["batch", "api"]).batch_id.tolist() == [1, 1, 1, 2, 2, 2]
    few = ledger.predictions(columns=["p_low_90d", "account_id", "p_churn_30d", "asked_by"])
    assert list(few.columns) == ["p_low_90d", "account_id", "p_churn_30d", "asked_by"]
    without = ledger.predictions(texts=False)
    assert set(ledger.predictions().columns) - set(without.columns) == {"reasons", "triggers", "actions"}
    assert ledger.predictions(account_id="nobody").empty
    with pytest.raises(UsageError, match="did you mean 'account_id'"):
        ledger.predictions(columns=["acount_id"])


def test_an_empty_ledger_answers(ledger: Ledger) -> None:
    assert ledger.predictions().empty
    assert ledger.judgements().empty
    assert ledger.events().empty
    assert ledger.verify() == hash_chain.Verification(True, 0, 0, (), 0, "")


def test_events(ledger: Ledger) -> None:
    ledger.record_event("promotion", {"version": 3, "says": "ü"}, NOW)
    ledger.record_event("forced_promotion", {"version": 4, "gates": ["auc_alarm"]}, NOW, asked_by="csm-03")
    assert ledger.events().body.tolist() == [{"version": 3, "says": "ü"}, {"version": 4, "gates": ["auc_alarm"]}]
    assert ledger.events("forced_promotion").asked_by.tolist() == ["csm-03"]
    assert ledger.verify().rows == 2


def test_export_is_what_was_written(ledger: Ledger, tmp_path: Path) -> None:
    put(ledger, frame(3))
    put(ledger, frame(2, horizons=(30, 90)), kind="api")
    ledger.record_event("promotion", {"version": 1}, NOW)
    put_alerts(ledger)
    (file,) = ledger.export(tmp_path / "deep" / "all.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(file), ledger.predictions())
    made = ledger.export(tmp_path / "folder")
    assert [path.name for path in made] == [
        f"{name}.parquet"
        for name in (
            *("predictions", "batches", "answers", "judgements", "events", "overrides"),
            *("alerts", "messages", "deliveries", "feedback", "interventions", "outcomes"),
            *("task_events", "notes"),
        )
    ]
    assert sorted(path.name for path in (tmp_path / "folder").iterdir()) == sorted(path.name for path in made)
    assert pd.read_parquet(tmp_path / "folder" / "batches.parquet").kind.tolist() == [
        *("batch", "api", "event"),
        *("alert", "message", "delivery"),
    ]
    assert pd.read_parquet(tmp_path / "folder" / "deliveries.parquet").attempt.tolist() == [1]


BAD_FRAMES = {
    "no rows": (lambda made: made.iloc[:0], "found no rows"),
    "a column missing": (lambda made: made.drop(columns="coverage"), r"predictions.coverage: found no such column"),
    "a column misspelt": (lambda made: made.assign(rsk_level=1), "did you mean 'risk_level'"),
    "no horizon": (lambda made: made[[one for one in made if not one.startswith("p_churn")]], "no p_churn_..d column"),
    "two main horizons": (lambda made: made.assign(p_low_30d=0.1), r"main horizons \[30, 90\]"),
    "p above 1": (lambda made: made.assign(p_churn_90d=1.2), r"p_churn_90d: found 1.2 in row 0"),
    "p missing": (lambda made: made.assign(p_churn_90d=np.nan), r"p_churn_90d: found nan in row 0"),
    "infinite arr": (lambda made: made.assign(arr=[1.0, np.inf, 1, 1]), r"arr: found inf in row 1"),
    "words in numbers": (lambda made: made.assign(arr="much"), r"arr: found values that are no numbers"),
    "no account": (lambda made: made.assign(account_id=["a", None, "b", "c"]), r"account_id: found nothing in row 1"),
    "a number for an account": (lambda made: made.assign(account_id=7), r"account_id: found 7 in row 0"),
    "a zero byte": (lambda made: made.assign(account_id="a\x00b"), r"account_id: found 'a\\x00b'"),
    "half a character": (lambda made: made.assign(account_id=pd.Series(["\ud800"] * 4, dtype=object)), "account_id"),
    "an as_of within a day": (lambda made: made.assign(as_of=NOW), "expected UTC midnights"),
    "an as_of in words": (lambda made: made.assign(as_of="2024-01-31"), "expected UTC midnights"),
    "reasons that are a number": (lambda made: made.assign(reasons=3.5), "reasons: found 3.5 in row 0"),
    "hashes missing": (lambda made: made, "found 2 hashes; expected 4"),
}


@pytest.mark.parametrize(("spoil", "says"), BAD_FRAMES.values(), ids=BAD_FRAMES)
def test_bad_frames_are_refused_and_write_nothing(sqlite_url: str, spoil: Callable, says: str) -> None:
    made = spoil(frame(4))
    given = hashes(made)[:2] if "hashes" in says else hashes(made)
    with Ledger.open(sqlite_url) as ledger:
        with pytest.raises(UsageError, match=says):
            put(ledger, made, signals_hash=given)
        assert ledger.batches().empty


def test_every_fault_at_once(sqlite_url: str) -> None:
    with Ledger.open(sqlite_url) as ledger, pytest.raises(UsageError) as caught:
        put(ledger, frame(2).assign(p_churn_30d=2.0, arr=np.inf, model_version=None))
    assert len(caught.value.faults) == 3
    with Ledger.open(sqlite_url) as ledger, pytest.raises(UsageError, match="did you mean 'batch'"):
        put(ledger, frame(2), kind="batsh")


# -- once, all or nothing, one chain -------------------------------------------------------------------------------


def test_the_same_key_writes_once(ledger: Ledger) -> None:
    first = put(ledger, frame(3), idempotency_key="march")
    again = put(ledger, frame(3), idempotency_key="march", at=NOW + pd.Timedelta(days=1))
    other = put(ledger, frame(3, seed=9), idempotency_key="march")
    assert (again.repeated, again.differs) == (True, False)
    assert (other.repeated, other.differs) == (True, True)
    assert (first.batch_id, first.rows, first.hash) == (other.batch_id, other.rows, other.hash)
    assert not first.repeated
    assert put(ledger, frame(3), idempotency_key="april").batch_id == 2
    assert put(ledger, frame(3)).batch_id == put(ledger, frame(3)).batch_id - 1
    pd.testing.assert_frame_equal(ledger.predictions(batch_id=1)[frame().columns], frame(3))


def test_a_failed_write_leaves_nothing(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    put(ledger, frame(2))
    whole = database.insert_rows

    def fails_late(*arguments: object) -> None:
        whole(*arguments)
        raise RuntimeError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr("evaluation.ledger.append.insert_rows", fails_late)
        with pytest.raises(RuntimeError, match="power cut"):
            put(ledger, frame(3))
    assert len(ledger.predictions()) == 2
    assert put(ledger, frame(1)).batch_id == 2
    assert ledger.verify().ok


def test_threads_make_one_chain(url: str) -> None:
    """First openings, writes with and without a shared key, and verifications, all at once."""
    threads, writes, faults, shared = 6, 4, [], []
    start = threading.Barrier(threads)

    def work(number: int) -> None:
        try:
            start.wait()
            with Ledger.open(url) as ledger:
                for turn in range(writes):
                    put(ledger, frame(3, seed=number), asked_by=f"worker {number}", idempotency_key=f"{number}/{turn}")
                    shared.append(put(ledger, frame(2), idempotency_key=f"shared {turn}"))
                    assert ledger.verify().ok
        except Exception as error:
            faults.append(error)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(threads)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert faults == []
    assert sum(not one.repeated for one in shared) == writes
    with Ledger.open(url) as ledger:
        result = ledger.verify()
        assert (result.ok, result.batches, result.rows) == (
            True,
            threads * writes + writes,
            threads * writes * 3 + writes * 2,
        )
        assert len({one.batch_id for one in shared}) == writes
        assert ledger.batches().previous_hash.tolist() == ["", *ledger.batches().hash.tolist()[:-1]]


WRITER = """
import sys
import pandas as pd
from evaluation.ledger import Ledger
made = pd.read_parquet(sys.argv[2])
for turn in range(5):
    with Ledger.open(sys.argv[1]) as ledger:
        ledger.write(made, kind="api", asked_by=sys.argv[3], at=pd.Timestamp("2024-02-01"),
                     signals_hash=["0"] * len(made), idempotency_key=f"{sys.argv[3]} {turn}")
"""


def test_processes_make_one_chain(url: str, tmp_path: Path) -> None:
    made = tmp_path / "made.parquet"
    frame(3).to_parquet(made)
    root = Path(__file__).resolve().parents[3]
    running = [
        subprocess.Popen([sys.executable, "-c", WRITER, url, str(made), f"process {number}"], cwd=root)
        for number in range(2)
    ]
    assert [one.wait(timeout=120) for one in running] == [0, 0]
    with Ledger.open(url) as ledger:
        result = ledger.verify()
        assert (result.ok, result.batches, result.rows) == (True, 10, 30)


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
    for where, says in cases.items():
        with pytest.raises(UsageError, match=says):
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
