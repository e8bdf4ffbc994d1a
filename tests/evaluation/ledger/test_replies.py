"""Entries that are sent again: entered once, answered as the first time, refused under a key of something else."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pandas as pd
import pytest

from evaluation.ledger import KEPT, KeyReused, Ledger, NewEntry, Note, Once, Reply
from tests.evaluation.ledgers import task_event

NOW = pd.Timestamp("2026-01-01 09:00")


def enter(ledger: Ledger, once: Once | None, at: pd.Timestamp = NOW, asked_by: str = "key:1") -> Reply:
    row = (0, "a", "2026-01-01T00:00:00.000000", "churn", -12.5, "price", 1, "kim")
    return ledger.enter(NewEntry("outcome", [row], asked_by, at), once, lambda batch: f"batch {batch}")


def test_the_same_again_gets_the_first_answer(ledger: Ledger) -> None:
    once = Once("k1", "print")
    assert enter(ledger, once) == Reply("batch 1", False)
    assert enter(ledger, once, NOW + pd.Timedelta(hours=23)) == Reply("batch 1", True)
    assert ledger.reply("key:1", once, NOW) == Reply("batch 1", True)
    assert len(ledger.entries("outcome")) == 1


def test_another_request_under_the_same_key_is_refused(ledger: Ledger) -> None:
    enter(ledger, Once("k1", "print"))
    with pytest.raises(KeyReused, match="Idempotency-Key"):
        enter(ledger, Once("k1", "another"))
    with pytest.raises(KeyReused):
        ledger.reply("key:1", Once("k1", "another"), NOW)
    assert len(ledger.entries("outcome")) == 1


def test_keys_are_their_askers_own_and_end_after_a_day(ledger: Ledger) -> None:
    once = Once("k1", "print")
    enter(ledger, once)
    assert enter(ledger, once, asked_by="key:2").repeated is False
    assert enter(ledger, once, NOW + KEPT).repeated is False
    assert ledger.reply("key:3", once, NOW) is None
    assert len(ledger.entries("outcome")) == 3


def test_without_a_key_it_is_entered_each_time(ledger: Ledger) -> None:
    assert [enter(ledger, None).repeated for _ in range(2)] == [False, False]
    assert len(ledger.entries("outcome")) == 2


def test_what_could_not_be_answered_is_not_entered(ledger: Ledger) -> None:
    def fail(_batch: int) -> str:
        raise RuntimeError("no answer")

    entry = NewEntry("feedback", [(0, *"abcdefgh")], "key:1", NOW)
    with pytest.raises(RuntimeError):
        ledger.enter(entry, Once("k", "p"), fail)
    assert ledger.entries("feedback").empty
    assert ledger.reply("key:1", Once("k", "p"), NOW) is None


def test_of_many_at_once_one_is_entered(ledger: Ledger) -> None:
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: enter(ledger, Once("k", "p")), range(8)))
    assert len({reply.body for reply in replies}) == 1
    assert sorted(reply.repeated for reply in replies) == [False, *[True] * 7]


def test_entries_stand_in_the_chain_and_in_the_export(ledger: Ledger, tmp_path: Path) -> None:
    enter(ledger, None)
    done = (0, "a", "2026-01-01T00:00:00.000000", "call", None, "treated", None, "kim")
    ledger.append("intervention", [done], asked_by="key:1", at=NOW)
    assert ledger.verify().ok
    ledger.export(tmp_path / "out")
    outcomes = pd.read_parquet(tmp_path / "out" / "outcomes.parquet")
    assert outcomes[["account_id", "kind", "arr_change"]].values.tolist() == [["a", "churn", -12.5]]
    assert outcomes.occurred_at.tolist() == [pd.Timestamp("2026-01-01")]
    assert pd.read_parquet(tmp_path / "out" / "interventions.parquet").arm.tolist() == ["treated"]
    with ledger._engine.connect() as connection, pytest.raises(Exception, match="append-only"):
        connection.exec_driver_sql("delete from outcomes")


def test_tasks_and_notes_are_read_as_they_were_entered(ledger: Ledger, tmp_path: Path) -> None:
    made = [
        task_event(1, kind="snoozed", until="2026-01-09", p_churn=0.1 + 0.2, comment=None),
        task_event(2, kind="assigned", assigned_to="ben", owner="ben", as_of=None, model_version=None, p_churn=None),
        task_event(1, kind="ticked", step="Call the sponsor"),
    ]
    for event in made:
        ledger.append("task", [(0, *event.values)], asked_by="key:1", at=NOW)
    note = Note("001", "They move <b>house</b>.", "anna", "2026-01-01T00:00:00.000000")
    ledger.append("note", [(0, *note.values)], asked_by="key:1", at=NOW)
    read = ledger.task_events()
    assert [event.values for event in read] == [event.values for event in made]
    assert [(event.batch_id, event.row) for event in read] == [(1, 0), (2, 0), (3, 0)]
    assert ledger.task_events(account_id="001") == [read[0], read[2]]
    assert ledger.task_events(owner="ben") == [read[1]]
    assert ledger.task_events(after_batch=2) == [read[2]]
    assert [note.values for note in ledger.notes("001")] == [note.values]
    assert ledger.notes("002") == []
    assert ledger.verify().ok
    ledger.export(tmp_path / "out")
    written = pd.read_parquet(tmp_path / "out" / "task_events.parquet")
    assert written.until.tolist()[0] == pd.Timestamp("2026-01-09")
    assert written.p_churn.tolist()[0] == 0.1 + 0.2
    assert pd.read_parquet(tmp_path / "out" / "notes.parquet").text.tolist() == [note.text]
