"""The chain: every way of rewriting history is refused, or found and named."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import DBAPIError

from configs.errors import UsageError
from evaluation.ledger import database, hash_chain, migrations
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.tables import ENTRIES, entry_of
from tests.evaluation.ledgers import NOW, TABLES, frame, put, put_alerts, put_entries


def written(ledger: Ledger) -> list[str]:
    """Three batches of predictions (3, 4, 2 rows), one each of judgements, an event, overrides, an answer: hashes."""
    made = [put(ledger, frame(rows, seed=rows)) for rows in (3, 4)]
    made.append(ledger.append("judgement", [(0, "000", "2024-01-31", 90, *[None] * 5)], asked_by="outcomes", at=NOW))
    made.append(put(ledger, frame(2), kind="api", idempotency_key="k"))
    made.append(ledger.record_event("promotion", {"version": 3}, NOW))
    overrides = [(0, "000", "2024-02-01T00:00:00.000000", "high", "no sponsor", "anna", None)]
    overrides += [(1, "001", "2024-02-01T00:00:00.000000", "low", "renews", "ben", "2024-06-01T00:00:00.000000")]
    made.append(ledger.append("override", overrides, asked_by="user:anna", at=NOW))
    answer = (0, "request", "key:1", "2024-02-01T00:00:00.000000", "score", "1:0-2")
    made.append(ledger.append("answer", [answer], asked_by="service", at=NOW))
    return [one.hash for one in made]


@pytest.mark.parametrize("table", TABLES)
def test_update_and_delete_are_refused(ledger: Ledger, url: str, raw: Callable, table: str) -> None:
    written(ledger)
    put_alerts(ledger)
    put_entries(ledger)
    before = list(raw(f"select * from {table} order by batch_id"))
    for sql in (f"update {table} set batch_id = batch_id", f"delete from {table}"):
        with pytest.raises(DBAPIError, match="append-only"):
            raw(sql)
    if make_url(url).get_backend_name() == "postgresql":
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


def unlock(url: str, raw: Callable) -> None:
    """Takes the triggers off, as somebody with the file in hand can."""
    if make_url(url).get_backend_name() == "postgresql":
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
    "the newest gone": (["delete from batches where batch_id = 7", "delete from answers"], ["batch 7 (batches)"]),
    "an answer": (["update answers set pointers = '1:0-1'"], ["batch 7, row 0 (answers)"]),
    "an answer gone": (["delete from answers"], ["batch 7, row 0 (answers)"]),
    "a judgement": (["update judgements set churn_at = '2024-02-02T00:00:00.000000'"], ["batch 3, row 0 (judgements)"]),
    "a contraction": (["update judgements set contraction_days = 30"], ["batch 3, row 0 (judgements)"]),
    "a judgement gone": (["delete from judgements"], ["batch 3, row 0 (judgements)"]),
    "an event": (["update events set body = '{}'"], ["batch 5, row 0 (events)"]),
    "a call": (["update overrides set level = 'low' where row = 0"], ["batch 6, row 0 (overrides)"]),
    "its expiry": (["update overrides set expires_at = null"], ["batch 6, row 1 (overrides)"]),
    "a call gone": (["delete from overrides where row = 0"], ["batch 6, row 0 (overrides)"]),
    "an event gone": (["delete from events"], ["batch 5, row 0 (events)"]),
    "the head": (["update head set hash = 'f'"], ["batch 7 (head)"]),
    "the head gone": (["delete from head"], ["batch 0 (head)"]),
}


@pytest.mark.parametrize(("statements", "places"), TAMPERED.values(), ids=TAMPERED)
def test_tampering_is_found_and_named(
    ledger: Ledger, url: str, raw: Callable, statements: list[str], places: list[str]
) -> None:
    written(ledger)
    assert ledger.verify().ok
    unlock(url, raw)
    for sql in statements:
        raw(sql)
    result = ledger.verify()
    assert not result.ok
    assert sorted({str(fault).split(":")[0] for fault in result.faults}) == places
    assert result.found == len(result.faults)


@pytest.mark.parametrize(
    ("sql", "place"),
    [
        ("update alerts set route = 'digest' where row = 1", "batch 1, row 1 (alerts)"),
        ("update messages set body = '[]'", "batch 2, row 0 (messages)"),
        ("update deliveries set state = 'delivered'", "batch 3, row 0 (deliveries)"),
        ("delete from deliveries", "batch 3, row 0 (deliveries)"),
    ],
)
def test_what_became_of_an_alert_cannot_be_rewritten(
    ledger: Ledger, url: str, raw: Callable, sql: str, place: str
) -> None:
    put_alerts(ledger)
    assert ledger.verify().ok
    unlock(url, raw)
    raw(sql)
    assert [str(fault).split(":")[0] for fault in ledger.verify().faults] == [place]


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
    running = hash_chain.NO_ROWS
    for row_hash, *values in rows:
        if first <= values[0] <= last:
            own = hash_chain.own_half(values)
            row_hash = own + hash_chain.running_half(running, own)
            raw(f"update predictions set row_hash = '{row_hash}' where {at(batch_id, values[0])}")
        running = row_hash[len(hash_chain.NO_ROWS) :]


def rewrite_batch(raw: Callable, batch_id: int, **columns: str) -> str:
    stored = {**dict(next(iter(raw(f"select * from batches where batch_id = {batch_id}")))._mapping), **columns}
    batch = hash_chain.Batch(**{name: stored[name] for name in hash_chain.BATCH_COLUMNS})
    changed = ", ".join(f"{name} = '{getattr(batch, name)}'" for name in ("rows_hash", "previous_hash", "hash"))
    raw(f"update batches set {changed} where batch_id = {batch_id}")
    return batch.hash


def test_whoever_rewrites_the_hashes_too_must_rewrite_them_all(ledger: Ledger, url: str, raw: Callable) -> None:
    noted = written(ledger)
    unlock(url, raw)

    def faults(*known: str) -> list[str]:
        return [str(fault).split(":")[0] for fault in ledger.verify(known).faults]

    raw(f"update predictions set p_churn = 0.5 where {at(2, 1)}")
    rehash(raw, 2, 1, 1)
    assert faults() == ["batch 2, row 2 (predictions)"]  # "does not follow from the row before: one of the two"
    rehash(raw, 2, 1, 3)
    assert faults() == ["batch 2, row 3 (predictions)"]  # "is not what the batch was closed with"
    last = str(next(iter(raw(f"select row_hash from predictions where {at(2, 3)}")))[0])[len(hash_chain.NO_ROWS) :]
    forged = rewrite_batch(raw, 2, rows_hash=last)
    assert faults() == ["batch 3 (batches)"]  # "does not follow from the batch before"
    for later in (3, 4, 5, 6, 7):
        forged = rewrite_batch(raw, later, previous_hash=forged)
    assert faults() == ["batch 7 (head)"]
    raw(f"update head set hash = '{forged}'")
    assert faults() == []  # all rewritten: only a hash noted elsewhere tells
    assert faults(noted[0]) == []
    assert faults(noted[5]) == ["batch 7 (batches)"]


def test_only_the_content_changed_names_that_row_alone(ledger: Ledger, url: str, raw: Callable) -> None:
    """Content and the hash's own half rewritten: the running half still gives the row away, not its neighbour."""
    written(ledger)
    unlock(url, raw)
    raw(f"update predictions set p_churn = 0.5 where {at(2, 1)}")
    before = str(next(iter(raw(f"select row_hash from predictions where {at(2, 1)}")))[0])
    rehash(raw, 2, 1, 1)
    own = str(next(iter(raw(f"select row_hash from predictions where {at(2, 1)}")))[0])[: len(hash_chain.NO_ROWS)]
    raw(f"update predictions set row_hash = '{own}{before[len(hash_chain.NO_ROWS) :]}' where {at(2, 1)}")
    assert [str(fault).split(":")[0] for fault in ledger.verify().faults] == ["batch 2, row 1 (predictions)"]


@pytest.mark.parametrize(("revision", "form"), [("0001", 1), ("0009", 3)])
def test_a_ledger_of_before_a_column_is_upgraded_and_still_proved(
    url: str, raw: Callable, monkeypatch: pytest.MonkeyPatch, revision: str, form: int
) -> None:
    for module in (migrations, database):
        monkeypatch.setattr(module, "REVISION", revision)
    Ledger.open(url).close()
    monkeypatch.undo()
    hashed, was = hash_chain.row_hashes, [since <= form for since in entry_of("batch").since]
    with Ledger.open(url) as ledger:
        monkeypatch.setattr(
            hash_chain, "row_hashes", lambda rows: hashed([tuple(itertools.compress(row, was)) for row in rows])
        )
        monkeypatch.setattr("evaluation.ledger.append.FORMAT", form)
        put(ledger, old := frame().assign(has_signal=None if form == 1 else True))
        monkeypatch.undo()
        put(ledger, new := frame(seed=1).assign(segment="smb", owner=["kim", None, "lee", None]))
        result = ledger.verify()
        assert (result.ok, result.rows) == (True, 8)
        kept = ledger.predictions()
        assert kept.has_signal.tolist() == old.has_signal.tolist() + new.has_signal.tolist()
        assert kept.owner.fillna("").tolist() == [""] * 4 + ["kim", "", "lee", ""]
        assert kept.segment.fillna("").tolist() == [""] * 4 + ["smb"] * 4
        unlock(url, raw)
        changed = "has_signal = 1" if form == 1 else "owner = 'kim'"
        raw(f"update predictions set {changed} where {at(1, 2)}")
        raw(f"update predictions set owner = 'lee' where {at(2, 1)}")
        told = [str(fault).split(":")[0] for fault in ledger.verify().faults]
        assert told == ["batch 1, row 2 (predictions)", "batch 2, row 1 (predictions)"]


def test_a_ledger_whose_events_were_called_marks_opens_and_is_still_proved(
    url: str, raw: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (migrations, database):
        monkeypatch.setattr(module, "REVISION", "0005")
    Ledger.open(url).close()
    monkeypatch.undo()
    # A batch as the version before wrote it: under the kind `mark`, into the table `marks`.
    (row_hash,) = hash_chain.row_hashes([(0, "promotion", "{}")])
    batch = hash_chain.Batch(
        1, "mark", 3, "forewarn", "2024-01-31T00:00:00.000000", None, None, 1, row_hash[len(hash_chain.NO_ROWS) :], ""
    )
    previous = str(next(iter(raw("select hash from head")))[0])
    batch = replace(batch, previous_hash=previous)
    names = ", ".join(f'"{name}"' for name in (*hash_chain.BATCH_COLUMNS, "hash"))
    values = [*(getattr(batch, name) for name in hash_chain.BATCH_COLUMNS), batch.hash]
    shown = ", ".join("null" if value is None else repr(value) for value in values)
    raw(f"insert into batches ({names}) values ({shown})")
    raw(f"insert into marks values (1, 0, 'promotion', '{{}}', '{row_hash}')")
    raw(f"update head set batch_id = 1, hash = '{batch.hash}'")
    with Ledger.open(url) as ledger:
        ledger.record_event("reweighted", {"version": 2}, pd.Timestamp("2024-02-29"))
        assert ledger.events().kind.tolist() == ["promotion", "reweighted"]
        assert ledger.batches().kind.tolist() == ["mark", "event"]
        assert (ledger.verify().ok, ledger.verify().rows) == (True, 2)
        with pytest.raises(Exception, match="append-only"):
            raw("delete from events")
        unlock(url, raw)
        raw("update events set body = '[]' where batch_id = 1")
        assert [str(fault).split(":")[0] for fault in ledger.verify().faults] == ["batch 1, row 0 (events)"]


def test_whether_there_was_a_signal_is_part_of_the_proof(ledger: Ledger, url: str, raw: Callable) -> None:
    put(ledger, frame().assign(has_signal=False))
    unlock(url, raw)
    raw(f"update predictions set has_signal = 1 where {at(1, 3)}")
    assert [str(fault).split(":")[0] for fault in ledger.verify().faults] == ["batch 1, row 3 (predictions)"]
    with pytest.raises(UsageError, match="has_signal: found 'no' in row 0; expected true or false"):
        put(ledger, frame().assign(has_signal="no"))
