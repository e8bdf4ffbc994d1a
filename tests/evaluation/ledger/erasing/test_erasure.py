"""Erasing: no value of the account is left, its hashes are, and whatever else goes missing is named as before."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from sqlalchemy import make_url

from evaluation.ledger import Outbox, Subject
from evaluation.ledger.ledger import Ledger
from tests.evaluation.ledgers import NOW, frame, put, put_alerts, put_entries

LATER = NOW + pd.Timedelta(days=40)
AT = "2024-02-01T09:30:00.000000"


def written(ledger: Ledger) -> None:
    """Three accounts, all that can be entered of the first, and a contact who is named in two of its texts."""
    put(ledger, frame(3))
    put(ledger, frame(3, seed=1, as_of="2024-02-29"), at=NOW + pd.Timedelta(days=29))
    put_alerts(ledger)
    put_entries(ledger)
    said = [
        (0, "001", AT, "low", "p-77 has called", "anna", None),
        (1, "002", AT, "low", "as p-778 said", "anna", None),
    ]
    ledger.append("override", said, asked_by="key:1", at=NOW)
    ledger.append("intervention", [(0, "002", AT, "call", None, None, "p-77", "anna")], asked_by="key:1", at=NOW)


def test_an_account_is_gone_and_the_chain_still_verifies(ledger: Ledger, url: str) -> None:
    written(ledger)
    before = ledger.verify()
    found = ledger.about(Subject("account", "000"))
    counts = {"predictions": 2, "alerts": 1, "messages": 1, "feedback": 1, "interventions": 1, "outcomes": 1}
    counts |= {"task_events": 1, "notes": 1}
    assert {name: len(rows) for name, rows in found.items()} == counts
    assert found["predictions"][0]["reasons"].startswith("[{")
    erased = ledger.erase(found, reason="asked for", asked_by="user:kim", at=LATER)
    assert (dict(erased.rows), erased.given_up) == (counts, 1)
    assert ledger.about(Subject("account", "000")) == {}
    assert set(ledger.predictions().account_id) == {"001", "002"}
    after = ledger.verify()
    assert (after.ok, after.faults, after.erased) == (True, (), sum(counts.values()))
    # What is gone and the event: messages stay in their place, empty, and are given up.
    assert after.rows == before.rows - (sum(counts.values()) - 1) + 2
    (message,) = Outbox(ledger).messages()
    assert (message.accounts, message.body, message.is_open) == ((), "{}", False)
    again = ledger.erase(ledger.about(Subject("account", "000")), reason="again", asked_by="user:kim", at=LATER)
    assert (again.rows, again.batch_id) == ({}, None)
    put(ledger, frame(3, seed=2, as_of="2024-03-31"), at=LATER)
    assert ledger.verify().ok
    if make_url(url).get_backend_name() == "sqlite":
        body = Path(make_url(url).database or "").read_bytes()
        assert b'"000"' not in body
        assert b"a note" not in body


def test_a_contact_is_erased_where_the_name_is_a_word_of_its_own(ledger: Ledger) -> None:
    written(ledger)
    found = ledger.about(Subject("contact", "p-77"))
    assert {name: [row["account_id"] for row in rows] for name, rows in found.items()} == {
        "overrides": ["001"],
        "interventions": ["002"],
    }
    ledger.erase(found, reason="asked for", asked_by="user:kim", at=LATER)
    assert ledger.overrides(LATER).account_id.tolist() == ["002"]
    assert ledger.verify().ok


def test_what_is_old_enough_goes_by_age(ledger: Ledger) -> None:
    written(ledger)
    old = ledger.older_than(NOW + pd.Timedelta(days=1))
    ledger.erase(old, reason="retention", asked_by="user:kim", at=LATER)
    assert set(ledger.predictions().as_of.astype(str)) == {"2024-02-29"}
    assert ledger.verify().ok
    (event,) = ledger.events("erasure").body
    assert {name: len(rows) for name, rows in event["rows"].items()} == {name: len(rows) for name, rows in old.items()}


CHANGES = {
    "a row beside it is taken out": ("delete from predictions where account_id = '001'", "missing"),
    "a hash of an erased row is given up": (
        "update events set body = replace(body, 'asked for', 'asked now')",
        "its hash is not that of its values",
    ),
    "what was emptied is filled again": (
        "update messages set row_hash = replace(row_hash, substr(row_hash, 1, 4), '0000')",
        "its hash is not that of its values",
    ),
    "an event that nobody chained": (
        "insert into events select 99, 0, 'erasure', "
        "'{\"rows\": {\"predictions\": [[1, 1, \"' || row_hash || '\"]]}}', '' "
        "from predictions where batch_id = 1 and row = 1",
        "rows of a batch that holds no events",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_taken_out_beside_an_erasure_is_named(change: str, tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger.open(f"sqlite:///{path}") as ledger:
        written(ledger)
        ledger.erase(ledger.about(Subject("account", "000")), reason="asked for", asked_by="user:kim", at=LATER)
    with closing(sqlite3.connect(path)) as raw, raw:
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            raw.execute("delete from predictions")  # the triggers are there again
        for (name,) in raw.execute("select name from sqlite_master where type = 'trigger'").fetchall():
            raw.execute(f"drop trigger {name}")
        raw.execute(CHANGES[change][0])
    with Ledger.open(f"sqlite:///{path}") as ledger:
        verified = ledger.verify()
    assert not verified.ok
    assert any(CHANGES[change][1] in str(fault) for fault in verified.faults), verified.faults


def test_a_row_from_before_a_column_came_is_erased_too(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evaluation.ledger.append.FORMAT", 1)
    with Ledger.open(sqlite_url) as ledger:
        put(ledger, frame(1))
        monkeypatch.undo()
        ledger.erase(ledger.about(Subject("account", "000")), reason="asked for", asked_by="user:kim", at=LATER)
        verified = ledger.verify()
    assert (verified.ok, verified.erased) == (True, 1)
