"""Answers: a prediction is written once, each answer points to it, a group is one commit that a kill does not undo."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy.engine import make_url

from evaluation.ledger import Answered, AnswerWriter, Asked, Identity, Ledger, LedgerAway, moment, pointers_in
from evaluation.ledger.rows import prediction_rows
from tests.evaluation.ledgers import NOW, frame, hashes, put

ROOT = Path(__file__).resolve().parents[3]
DAY = Identity("2024-01-31", "3", "abc")


def answered(request: str, given: list[Any], asked_by: str = "key:1") -> Answered:
    return Answered(request, asked_by, "score", moment(NOW), given)


def values(rows: int = 4) -> list[tuple[Any, ...]]:
    made = frame(rows)
    return [row[1:] for row in prediction_rows(made, hashes(made))]


@dataclass
class Client:
    """Asks a writer and waits for it, as the service does."""

    writer: AnswerWriter | None = None
    rows: list[tuple[Any, ...]] = field(default_factory=values)

    def done(self, results: list[tuple[Any, Any]]) -> None:
        for token, result in results:
            token["result"] = result
            token["event"].set()

    def submit(self, request: str, accounts: list[int]) -> dict[str, Any]:
        named = [(self.rows[row][0], hashes(frame())[row]) for row in accounts]
        by_account = {row[0]: row for row in self.rows}
        token: dict[str, Any] = {"event": threading.Event()}
        asked = Asked(request, "key:1", "score", NOW, DAY, named, by_account.__getitem__)
        assert self.writer is not None
        self.writer.submit(token, asked)
        return token

    def ask(self, request: str, accounts: list[int]) -> Any:
        return wait(self.submit(request, accounts))

    def ready(self) -> Any:
        token: dict[str, Any] = {"event": threading.Event()}
        assert self.writer is not None
        self.writer.submit(token, None)
        return wait(token)


def wait(token: dict[str, Any]) -> Any:
    assert token["event"].wait(30)
    return token["result"]


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    made = Client()
    made.writer = AnswerWriter(url, made.done)
    made.writer.start()
    yield made
    made.writer.close()


def test_a_prediction_is_written_once_and_each_answer_points_to_it(ledger: Ledger) -> None:
    first, second, third, _ = values()
    one = ledger.answer([answered("r1", [first, second])])
    two = ledger.answer([answered("r2", [second, third, second], "key:2"), answered("r3", [first])])
    assert one == [[(1, 0), (1, 1)]]
    assert two == [[(1, 1), (3, 0), (1, 1)], [(1, 0)]]
    assert ledger.predictions().account_id.tolist() == ["000", "001", "002"]
    assert ledger.predictions().asked_by.tolist() == ["key:1", "key:1", "key:2"]
    told = ledger.answers()
    assert told.request_id.tolist() == ["r1", "r2", "r3"]
    assert told.asked_by.tolist() == ["key:1", "key:2", "key:1"]
    assert [pointers_in(text) for text in told.pointers] == [[(1, 0), (1, 1)], [(1, 1), (3, 0)], [(1, 0)]]
    assert ledger.verify().ok


def test_a_prediction_of_a_batch_is_pointed_to_as_well(ledger: Ledger) -> None:
    put(ledger, frame(4))
    assert ledger.answer([answered("r1", values()[2:])]) == [[(1, 2), (1, 3)]]
    assert len(ledger.predictions()) == 4


def test_other_signals_model_or_settings_are_another_prediction(ledger: Ledger) -> None:
    made = frame(1)
    row = prediction_rows(made, ["a"])[0][1:]
    others = [
        prediction_rows(made, ["b"])[0][1:],
        prediction_rows(made.assign(model_version="4"), ["a"])[0][1:],
        prediction_rows(made.assign(config_version="abd"), ["a"])[0][1:],
        prediction_rows(made.assign(as_of=pd.Timestamp("2024-02-01").as_unit("us")), ["a"])[0][1:],
    ]
    written = ledger.answer([answered(str(place), [one]) for place, one in enumerate([row, *others, row])])
    assert [to[0] for to in written] == [(1, 0), (1, 1), (1, 2), (1, 3), (1, 4), (1, 0)]


def test_readers_judge_a_prediction_once_however_often_it_was_given(ledger: Ledger) -> None:
    for request in ("r1", "r2", "r3"):
        ledger.answer([answered(request, values())])
    first = ledger.first_predictions(("batch", "api"), NOW)
    assert first is not None
    assert len(first) == 4
    assert ledger.count(("batch", "api"), NOW) == 4


def test_verify_names_an_answer_that_was_changed_or_lost(sqlite_url: str) -> None:
    import sqlite3

    with Ledger.open(sqlite_url) as ledger:
        ledger.answer([answered("r1", values()), answered("r2", values())])
        raw = sqlite3.connect(str(make_url(sqlite_url).database))
        raw.execute("drop trigger answers_no_update")
        raw.execute("update answers set asked_by = 'key:2' where row = 1")
        raw.commit()
        (fault,) = ledger.verify().faults
        assert (fault.batch_id, fault.row, fault.table) == (2, 1, "answers")
        raw.execute("drop trigger answers_no_delete")
        raw.execute("delete from answers where row = 1")
        raw.commit()
        raw.close()
        assert [fault.what for fault in ledger.verify().faults] == ["missing"]


def test_the_writer_gives_each_request_its_own_pointers(url: str) -> None:
    client = Client()
    client.writer = AnswerWriter(url, client.done)
    tokens = [client.submit(f"r{number}", [number % 4, (number + 1) % 4]) for number in range(40)]
    client.writer.start()
    results = [wait(token) for token in tokens]
    with Ledger.open(url) as ledger:
        written = ledger.predictions()
        places = dict(zip(zip(written.batch_id, written.row, strict=True), written.account_id, strict=True))
        assert sorted(written.account_id) == ["000", "001", "002", "003"]
        assert [[places[to] for to in result] for result in results] == [
            [f"{number % 4:03d}", f"{(number + 1) % 4:03d}"] for number in range(40)
        ]
        assert ledger.answers().request_id.tolist() == [f"r{number}" for number in range(40)]
        assert ledger.batches().kind.tolist() == ["api", "answer"]  # all that waited, in one commit
        assert ledger.verify().ok
    client.writer.close()


def test_the_writer_finds_what_another_wrote(client: Client, url: str) -> None:
    with Ledger.open(url) as ledger:
        put(ledger, frame(4))
        assert client.ask("r1", [1]) == [(1, 1)]
    assert client.ready() == []


def test_a_ledger_that_went_away_is_said_and_not_made_anew(sqlite_url: str) -> None:
    client = Client()
    client.writer = AnswerWriter(sqlite_url, client.done)
    client.writer.start()
    assert client.ask("r1", [0]) == [(1, 0)]
    file = Path(str(make_url(sqlite_url).database))
    aside = file.with_name("aside.db")
    file.rename(aside)
    assert isinstance(client.ready(), LedgerAway)
    assert isinstance(client.ask("r2", [0]), LedgerAway)
    assert not file.exists()
    aside.rename(file)
    assert client.ask("r3", [0]) == [(1, 0)]
    client.writer.close()
    with Ledger.open(sqlite_url) as ledger:
        assert ledger.answers().request_id.tolist() == ["r1", "r3"]


KILLED = """
import sys
from tests.evaluation.ledger.test_answers import *
client = Client()
client.writer = AnswerWriter(sys.argv[1], client.done)
client.writer.start()
for number in range(10_000):
    assert isinstance(client.ask(f"r{number}", [number % 4]), list)
    print(f"r{number}", flush=True)
"""


@pytest.mark.slow
def test_what_was_answered_survives_a_kill(sqlite_url: str) -> None:
    """The process is killed while it writes: every answer that had left it stands in the ledger, which is whole."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", KILLED, sqlite_url]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True)
    assert process.stdout is not None
    answered_before = [process.stdout.readline().strip() for _ in range(50)]
    process.send_signal(signal.SIGKILL)
    answered_before += process.stdout.read().split()
    process.wait()
    process.stdout.close()
    with Ledger.open(sqlite_url) as ledger:
        written = ledger.answers().request_id.tolist()
        assert written[: len(answered_before)] == answered_before
        assert len(written) <= len(answered_before) + 1
        assert ledger.verify().ok
