"""The ledger: exact round trips, one unbroken chain whoever writes, every way of rewriting history found and named."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from configs.errors import UsageError
from evaluation import chain, ledger_store
from evaluation.ledger import Ledger
from evaluation.ledger_rows import LEDGER_COLUMNS, column_order
from evaluation.ledger_tables import ENTRIES, REVISION, metadata

NOW = pd.Timestamp("2024-02-01 09:30:00.000001")
TABLES = ["batches", *(table.name for entry in ENTRIES for table in entry.tables)]


def frame(
    rows: int = 4,
    seed: int = 0,
    as_of: str = "2024-01-31",
    horizons: tuple[int, ...] = (30, 60, 90, 180),
    main: int = 90,
):
    """Predictions with awkward numbers and words, in the order of a prediction's columns."""
    random = np.random.default_rng(seed)
    p = np.sort(random.random((rows, len(horizons))), axis=1)
    made = pd.DataFrame({"account_id": [f"{number:03d}" for number in range(rows)]})
    made["as_of"] = pd.Timestamp(as_of).as_unit("us")
    for place, days in enumerate(horizons):
        made[f"p_churn_{days}d"] = p[:, place]
    made[f"p_low_{main}d"], made[f"p_high_{main}d"], made[f"p_health_{main}d"] = p[:, 0], np.nan, random.random(rows)
    made["lifecycle_stage"], made["risk_level"] = "adoption", "high"
    for name in ("score", "usage", "engagement", "financial", "relationship"):
        made[f"health_{name}"] = random.normal(50, 10, rows)
    made.loc[0, "health_usage"] = np.nan
    made["coverage"], made["arr"] = 1.0, random.lognormal(9, 1, rows)
    made[f"expected_arr_loss_{main}d"] = made[f"p_churn_{main}d"] * made.arr
    made["reasons"] = [json.dumps([{"signal": "Zürich ✓", "contribution": one}]) for one in p[:, 0]]
    made["triggers"], made["actions"] = "[]", '["call"]'
    made["model_version"], made["config_version"] = "3", "abc"
    return made[column_order(horizons, [main])]


def hashes(made: pd.DataFrame) -> list[str]:
    return [f"{number:016x}" for number in range(len(made))]


def put(ledger: Ledger, made: pd.DataFrame, **more):
    arguments = {"kind": "batch", "asked_by": "score", "at": NOW, "signals_hash": hashes(made), **more}
    return ledger.write(made, **arguments)


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


# -- what goes in comes out ----------------------------------------------------------------------------------------


def test_round_trip_to_the_last_bit(ledger: Ledger) -> None:
    made = frame(8)
    awkward = [0.1, 1 / 3, 5e-324, 1e-17, 1 - 2**-53, 1.0, 0.0, 2 / 3]
    for name in ("p_churn_30d", "p_churn_90d", "p_low_90d"):
        made[name] = awkward
    made["arr"] = [1e308, 0.1, np.nan, 1e16 + 2, 123456789.123456789, 0.0, 3.0, 2**53 + 2.0]
    made.loc[1, ["reasons", "lifecycle_stage"]] = None
    written = put(ledger, made, calibrator_version="platt-2")
    found = ledger.predictions()
    pd.testing.assert_frame_equal(found[made.columns], made, check_exact=True)
    assert list(found.columns) == [*made.columns, *LEDGER_COLUMNS]
    assert found.batch_id.tolist() == [written.batch_id] * 8
    assert found.row.tolist() == list(range(8))
    assert found.signals_hash.tolist() == hashes(made)
    assert set(found.kind) == {"batch"}
    assert set(found.calibrator_version) == {"platt-2"}
    assert found.requested_at.tolist() == [NOW] * 8
    assert found.requested_at.dtype == "datetime64[us]"


def test_any_float_comes_back(sqlite_url: str) -> None:
    bits = np.random.default_rng(1).integers(0, 2**63, 3000, dtype=np.uint64).view(float)
    bits = bits[np.isfinite(bits)]
    made = frame(len(bits))
    made["arr"] = bits
    made["p_churn_30d"] = np.where(bits <= 1, bits, 1 / np.maximum(bits, 1))
    with Ledger.open(sqlite_url) as ledger:
        put(ledger, made)
        found = ledger.predictions()
        assert ledger.verify().ok
    assert found.arr.to_numpy().tobytes() == made.arr.to_numpy().tobytes()
    assert found.p_churn_30d.to_numpy().tobytes() == made.p_churn_30d.to_numpy().tobytes()


def test_lists_become_json_and_columns_may_come_in_any_order(ledger: Ledger) -> None:
    made = frame(2)
    made["triggers"] = pd.Series([["gone_quiet"], []], dtype=object)
    put(ledger, made[sorted(made.columns)])
    assert ledger.predictions().triggers.tolist() == ['["gone_quiet"]', "[]"]


def test_horizons_may_change(ledger: Ledger) -> None:
    old, new = frame(2), frame(2, seed=5, as_of="2024-02-29", horizons=(28, 60), main=60)
    put(ledger, old)
    put(ledger, new)
    found = ledger.predictions()
    pd.testing.assert_frame_equal(found.iloc[:2][old.columns], old)
    pd.testing.assert_frame_equal(found.iloc[2:][new.columns].reset_index(drop=True), new)
    assert found.p_churn_90d.isna().tolist() == [False, False, True, True]
    assert found.p_low_60d.isna().tolist() == [True, True, False, False]
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
    assert ledger.marks().empty
    assert ledger.verify() == chain.Verification(True, 0, 0, (), 0, "")


def test_marks(ledger: Ledger) -> None:
    ledger.mark("promotion", {"version": 3, "says": "ü"}, NOW)
    ledger.mark("forced_promotion", {"version": 4, "gates": ["auc_alarm"]}, NOW, asked_by="csm-03")
    assert ledger.marks().body.tolist() == [{"version": 3, "says": "ü"}, {"version": 4, "gates": ["auc_alarm"]}]
    assert ledger.marks("forced_promotion").asked_by.tolist() == ["csm-03"]
    assert ledger.verify().rows == 2


def test_export_is_what_was_written(ledger: Ledger, tmp_path: Path) -> None:
    put(ledger, frame(3))
    put(ledger, frame(2, horizons=(30, 90)), kind="api")
    ledger.mark("promotion", {"version": 1}, NOW)
    (file,) = ledger.export(tmp_path / "deep" / "all.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(file), ledger.predictions())
    made = ledger.export(tmp_path / "folder")
    assert [path.name for path in made] == [
        f"{name}.parquet" for name in ("predictions", "batches", "judgements", "marks")
    ]
    assert sorted(path.name for path in (tmp_path / "folder").iterdir()) == sorted(path.name for path in made)
    assert pd.read_parquet(tmp_path / "folder" / "batches.parquet").kind.tolist() == ["batch", "api", "mark"]


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
    whole = ledger_store.insert_rows

    def fails_late(*arguments: object) -> None:
        whole(*arguments)
        raise RuntimeError("power cut")

    with monkeypatch.context() as patched:
        patched.setattr("evaluation.ledger.insert_rows", fails_late)
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
        found = ledger.verify()
        assert (found.ok, found.batches, found.rows) == (
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
    root = Path(__file__).resolve().parents[2]
    running = [
        subprocess.Popen([sys.executable, "-c", WRITER, url, str(made), f"process {number}"], cwd=root)
        for number in range(2)
    ]
    assert [one.wait(timeout=120) for one in running] == [0, 0]
    with Ledger.open(url) as ledger:
        found = ledger.verify()
        assert (found.ok, found.batches, found.rows) == (True, 10, 30)


# -- nothing is ever changed ---------------------------------------------------------------------------------------


def written(ledger: Ledger) -> list[str]:
    """Three batches of predictions (3, 4 and 2 rows), a batch of judgements and a mark; returns their hashes."""
    made = [put(ledger, frame(rows, seed=rows)) for rows in (3, 4)]
    made.append(ledger.append("judgement", [(0, "000", "2024-01-31", 90, None, None)], asked_by="outcomes", at=NOW))
    made.append(put(ledger, frame(2), kind="api", idempotency_key="k"))
    made.append(ledger.mark("promotion", {"version": 3}, NOW))
    return [one.hash for one in made]


@pytest.mark.parametrize("table", TABLES)
def test_update_and_delete_are_refused(ledger: Ledger, raw: Callable, table: str) -> None:
    written(ledger)
    before = list(raw(f"select * from {table} order by batch_id"))
    for sql in (f"update {table} set batch_id = batch_id", f"delete from {table}"):
        with pytest.raises(DBAPIError, match="append-only"):
            raw(sql)
    if make_url(str(ledger._engine.url)).get_backend_name() == "postgresql":
        with pytest.raises(DBAPIError, match="append-only"):
            raw(f"truncate {table}")
    else:
        with pytest.raises(DBAPIError, match="append-only"):
            raw(f"insert or replace into {table} select * from {table}")
    assert list(raw(f"select * from {table} order by batch_id")) == before
    assert ledger.verify().ok


def test_the_head_only_advances(ledger: Ledger, raw: Callable) -> None:
    written(ledger)
    for sql in ("update head set batch_id = 1", "update head set hash = ''", "delete from head"):
        with pytest.raises(DBAPIError, match="the head only moves"):
            raw(sql)


def test_an_idempotency_key_cannot_be_replaced(sqlite_url: str) -> None:
    with Ledger.open(sqlite_url) as ledger:
        written(ledger)
    raw = sqlite3.connect(make_url(sqlite_url).database)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        raw.execute(
            "insert or replace into batches select 99, kind, format, asked_by, requested_at, idempotency_key, "
            "calibrator_version, rows, rows_hash, previous_hash, hash from batches where batch_id = 4"
        )
    raw.close()


def unlock(ledger: Ledger, raw: Callable) -> None:
    """Takes the triggers off, as somebody with the file in hand can."""
    if ledger._engine.dialect.name == "postgresql":
        for table in [*TABLES, "head"]:
            raw(f"alter table {table} disable trigger all")
    else:
        for (name,) in list(raw("select name from sqlite_master where type = 'trigger'")):
            raw(f"drop trigger {name}")


def at(batch: int, row: int) -> str:
    return f"batch_id = {batch} and row = {row}"


TAMPERED: dict[str, tuple[list[str], list[str]]] = {
    "a probability": ([f"update predictions set p_churn = 0.5 where {at(2, 1)}"], ["batch 2, row 1 (predictions)"]),
    "the last bit": ([f"update predictions set arr = arr + 1e-11 where {at(1, 2)}"], ["batch 1, row 2 (predictions)"]),
    "another horizon": (
        [f"update predictions set curve = replace(curve, '30', '31') where {at(1, 0)}"],
        ["batch 1, row 0 (predictions)"],
    ),
    "the reasons": ([f"update prediction_texts set reasons = '[]' where {at(2, 3)}"], ["batch 2, row 3 (predictions)"]),
    "the signals' hash": (
        [f"update predictions set signals_hash = 'f' where {at(4, 1)}"],
        ["batch 4, row 1 (predictions)"],
    ),
    "null for a number": (
        [f"update predictions set health_score = null where {at(2, 0)}"],
        ["batch 2, row 0 (predictions)"],
    ),
    "two rows": (
        [f"update predictions set arr = 1 where {at(1, 0)}", f"update predictions set arr = 1 where {at(2, 2)}"],
        ["batch 1, row 0 (predictions)", "batch 2, row 2 (predictions)"],
    ),
    "a row's hash": (
        [f"update predictions set row_hash = '{'0' * 64}' where {at(2, 1)}"],
        ["batch 2, row 1 (predictions)"],
    ),
    "first row gone": (
        [f"delete from predictions where {at(2, 0)}", f"delete from prediction_texts where {at(2, 0)}"],
        ["batch 2, row 0 (predictions)"],
    ),
    "middle row gone": (
        [f"delete from predictions where {at(2, 2)}", f"delete from prediction_texts where {at(2, 2)}"],
        ["batch 2, row 2 (predictions)"],
    ),
    "last row gone": (
        [f"delete from predictions where {at(2, 3)}", f"delete from prediction_texts where {at(2, 3)}"],
        ["batch 2, row 3 (predictions)"],
    ),
    "its texts gone": ([f"delete from prediction_texts where {at(1, 1)}"], ["batch 1, row 1 (predictions)"]),
    "all rows gone": (
        ["delete from predictions where batch_id = 4", "delete from prediction_texts where batch_id = 4"],
        ["batch 4, row 0 (predictions)", "batch 4, row 1 (predictions)"],
    ),
    "reordered": (
        [
            f"update predictions set row = 99 where {at(2, 0)}",
            f"update predictions set row = 0 where {at(2, 2)}",
            f"update predictions set row = 2 where {at(2, 99)}",
        ],
        ["batch 2, row 0 (predictions)", "batch 2, row 2 (predictions)"],
    ),
    "moved to another batch": (
        [f"update {table} set batch_id = 1, row = 3 where {at(2, 3)}" for table in ("predictions", "prediction_texts")],
        ["batch 1, row 3 (predictions)", "batch 2, row 3 (predictions)"],
    ),
    "who asked": (["update batches set asked_by = 'nobody' where batch_id = 2"], ["batch 2 (batches)"]),
    "when": (
        ["update batches set requested_at = '2020-01-01T00:00:00.000000' where batch_id = 1"],
        ["batch 1 (batches)"],
    ),
    "a key": (["update batches set idempotency_key = null where batch_id = 4"], ["batch 4 (batches)"]),
    "a batch gone": (
        [f"delete from {table} where batch_id = 2" for table in ("batches", "predictions", "prediction_texts")],
        ["batch 2 (batches)"],
    ),
    "its rows left": (["delete from batches where batch_id = 2"], ["batch 2 (batches)", "batch 2 (predictions)"]),
    "the newest gone": (["delete from batches where batch_id = 5", "delete from marks"], ["batch 5 (batches)"]),
    "a judgement": (["update judgements set churn_at = '2024-02-02T00:00:00.000000'"], ["batch 3, row 0 (judgements)"]),
    "a judgement gone": (["delete from judgements"], ["batch 3, row 0 (judgements)"]),
    "a mark": (["update marks set body = '{}'"], ["batch 5, row 0 (marks)"]),
    "the head": (["update head set hash = 'f'"], ["batch 5 (head)"]),
    "the head gone": (["delete from head"], ["batch 0 (head)"]),
}


@pytest.mark.parametrize(("statements", "places"), TAMPERED.values(), ids=TAMPERED)
def test_tampering_is_found_and_named(ledger: Ledger, raw: Callable, statements: list[str], places: list[str]) -> None:
    written(ledger)
    assert ledger.verify().ok
    unlock(ledger, raw)
    for sql in statements:
        raw(sql)
    found = ledger.verify()
    assert not found.ok
    assert sorted({str(fault).split(":")[0] for fault in found.faults}) == places
    assert found.found == len(found.faults)


def test_a_value_of_another_kind_is_named_too(sqlite_url: str) -> None:
    """SQLite takes anything in any column."""
    with Ledger.open(sqlite_url) as ledger:
        written(ledger)
        path = make_url(sqlite_url).database
        raw = sqlite3.connect(path, isolation_level=None)
        for (name,) in raw.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            raw.execute(f"drop trigger {name}")
        raw.execute("update predictions set p_churn = 'high' where batch_id = 1 and row = 0")
        raw.execute("update predictions set curve = x'00ff' where batch_id = 1 and row = 1")
        raw.execute("update batches set rows = 'many' where batch_id = 2")
        raw.close()
        places = {str(fault).split(":")[0] for fault in ledger.verify().faults}
        assert {"batch 1, row 0 (predictions)", "batch 1, row 1 (predictions)", "batch 2 (batches)"} <= places
        with pytest.raises(UsageError, match="ledger verify"):
            ledger.predictions()


def rehash(raw: Callable, batch_id: int, first: int, last: int) -> None:
    """Rewrites rows first..last of a batch of predictions as if they had been written so: own and running halves."""
    entry = ENTRIES[0]
    names = ", ".join(("t." if name in {"reasons", "triggers", "actions"} else "p.") + name for name in entry.hashed)
    query = f"select p.row_hash, {names} from predictions p join prediction_texts t using (batch_id, row) "
    rows = [tuple(row) for row in raw(f"{query} where batch_id = {batch_id} order by row")]
    running = chain.NO_ROWS
    for row_hash, *values in rows:
        if first <= values[0] <= last:
            own = chain.own_half(values)
            row_hash = own + chain.running_half(running, own)
            raw(f"update predictions set row_hash = '{row_hash}' where {at(batch_id, values[0])}")
        running = row_hash[len(chain.NO_ROWS) :]


def rewrite_batch(raw: Callable, batch_id: int, **columns: str) -> str:
    batch = {**dict(next(iter(raw(f"select * from batches where batch_id = {batch_id}")))._mapping), **columns}
    batch["hash"] = chain.batch_hash(batch)
    changed = ", ".join(f"{name} = '{batch[name]}'" for name in ("rows_hash", "previous_hash", "hash"))
    raw(f"update batches set {changed} where batch_id = {batch_id}")
    return batch["hash"]


def test_whoever_rewrites_the_hashes_too_must_rewrite_them_all(ledger: Ledger, raw: Callable) -> None:
    noted = written(ledger)
    unlock(ledger, raw)

    def faults(*known: str) -> list[str]:
        return [str(fault).split(":")[0] for fault in ledger.verify(known).faults]

    raw(f"update predictions set p_churn = 0.5 where {at(2, 1)}")
    rehash(raw, 2, 1, 1)
    assert faults() == ["batch 2, row 2 (predictions)"]  # "does not follow from the row before: one of the two"
    rehash(raw, 2, 1, 3)
    assert faults() == ["batch 2, row 3 (predictions)"]  # "is not what the batch was closed with"
    last = str(next(iter(raw(f"select row_hash from predictions where {at(2, 3)}")))[0])[len(chain.NO_ROWS) :]
    forged = rewrite_batch(raw, 2, rows_hash=last)
    assert faults() == ["batch 3 (batches)"]  # "does not follow from the batch before"
    for later in (3, 4, 5):
        forged = rewrite_batch(raw, later, previous_hash=forged)
    assert faults() == ["batch 5 (head)"]
    raw(f"update head set hash = '{forged}'")
    assert faults() == []  # all rewritten: only a hash noted elsewhere tells
    assert faults(noted[0]) == []
    assert faults(noted[4]) == ["batch 5 (batches)"]


def test_only_the_content_changed_names_that_row_alone(ledger: Ledger, raw: Callable) -> None:
    """Content and the hash's own half rewritten: the running half still gives the row away, not its neighbour."""
    written(ledger)
    unlock(ledger, raw)
    raw(f"update predictions set p_churn = 0.5 where {at(2, 1)}")
    before = str(next(iter(raw(f"select row_hash from predictions where {at(2, 1)}")))[0])
    rehash(raw, 2, 1, 1)
    own = str(next(iter(raw(f"select row_hash from predictions where {at(2, 1)}")))[0])[: len(chain.NO_ROWS)]
    raw(f"update predictions set row_hash = '{own}{before[len(chain.NO_ROWS) :]}' where {at(2, 1)}")
    assert [str(fault).split(":")[0] for fault in ledger.verify().faults] == ["batch 2, row 1 (predictions)"]


# -- the database --------------------------------------------------------------------------------------------------


def test_migrations_make_the_tables_that_the_code_knows(ledger: Ledger) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    from evaluation import migrations

    with ledger._reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        assert migrations.revision_of(connection) == REVISION
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
