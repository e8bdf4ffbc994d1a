"""Scores on their way out: only what changed, by account id, within the receiver's limits, on from where it broke."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pandas as pd
import psycopg
import pytest

from configs.errors import UsageError
from serving.alerts import is_signed
from serving.exchange import Limits, push
from serving.exchange.receivers import CsvReceiver, PostgresReceiver, WebhookReceiver
from serving.exchange.records import reason

NOW = datetime(2026, 11, 29, tzinfo=UTC)
Make = Callable[..., Any]
REASONS = [
    {"signal": "base", "value": None, "contribution": 0.1, "sentence": "an average account"},
    {"signal": "a", "value": 2.0, "contribution": 0.12, "sentence": "logins in 30 days"},
    {"signal": "b", "value": None, "contribution": -0.02, "sentence": "last NPS"},
    {
        "signal": "everything_else",
        "value": None,
        "contribution": 0.3,
        "sentence": "all other signals of usage together",
    },
    {"signal": "c", "value": "smb", "contribution": 0.001, "sentence": "segment"},
]


class Project(SimpleNamespace):
    """What push asks of a project, over rows instead of a ledger."""

    def tell(self, _message: str) -> None:
        pass


@pytest.fixture
def project(make_settings: Make, tmp_path: Path) -> Project:
    settings = make_settings(tables={"accounts": {"from": "a.csv"}, "contracts": {"from": "c.csv"}})
    return Project(settings=settings, paths=settings.paths, ledger_or_none=None)


def scored(project: Project, p: dict[str, float], day: str = "2026-11-01", overrides: Any = None) -> Project:
    rows = pd.DataFrame(
        {
            "account_id": list(p),
            "as_of": pd.Timestamp(day),
            "p_churn_90d": list(p.values()),
            "risk_level": "high",
            "health_score": 41.26,
            "arr": 1200.0,
            "expected_arr_loss_90d": float("nan"),
            "reasons": json.dumps(REASONS),
            "actions": json.dumps([{"title": "Call the sponsor", "why": "no contact"}]),
            "model_version": "3",
        }
    )
    none = pd.DataFrame(columns=["account_id", "made_at", "entered_at", "level", "reason", "made_by", "expires_at"])
    ledger = SimpleNamespace(
        newest=lambda kinds, at, columns: rows[columns].copy(),
        overrides=lambda at: none if overrides is None else overrides,
    )
    project.ledger_or_none = ledger
    return project


def accounts(count: int, p: float = 0.5) -> dict[str, float]:
    return {f"a{number:03d}": p for number in range(count)}


def test_a_sentence_of_reasons() -> None:
    assert reason(REASONS) == "logins in 30 days: 2 (+12.0 points); last NPS: not known (-2.0 points)"


def test_a_file_is_upserted_with_what_changed(project: Project, tmp_path: Path) -> None:
    file = CsvReceiver(tmp_path / "out.csv")
    first = push(scored(project, {"a": 0.5, "b": 0.25, "c": 0.1}), file, Limits(), NOW)
    assert (first.sent, first.calls, first.unchanged) == (3, 1, 0)
    again = push(scored(project, {"a": 0.5, "b": 0.25, "c": 0.1}, day="2026-11-02"), file, Limits(), NOW)
    assert (again.sent, again.calls, again.unchanged) == (0, 0, 3)  # another day alone is no news
    third = push(scored(project, {"a": 0.5, "b": 0.75}, day="2026-11-03"), file, Limits(), NOW)
    assert (third.sent, third.gone, third.unchanged) == (2, 1, 1)
    with (tmp_path / "out.csv").open() as told:
        rows = {row["account_id"]: row for row in csv.DictReader(told)}
    assert rows["a"]["as_of"] == "2026-11-01"
    assert rows["b"]["p_churn_90d"] == "0.75"
    assert rows["b"]["next_action"] == "Call the sponsor"
    assert rows["b"]["health_score"] == "41.3"
    assert rows["b"]["expected_arr_loss_90d"] == ""
    assert (rows["c"]["in_play"], rows["c"]["p_churn_90d"]) == ("false", "")
    fourth = push(scored(project, {"a": 0.5, "b": 0.75}, day="2026-11-03"), file, Limits(), NOW)
    assert fourth.sent == 0  # who has left is told once


def test_the_level_is_the_one_that_counts(project: Project, tmp_path: Path) -> None:
    overrides = pd.DataFrame(
        {
            "account_id": ["a"],
            "made_at": [pd.Timestamp("2026-11-05")],
            "entered_at": [pd.Timestamp("2026-11-05")],
            "level": ["low"],
            "reason": ["talked to them"],
            "made_by": ["csm"],
            "expires_at": [pd.NaT],
        }
    )
    push(scored(project, {"a": 0.5}, overrides=overrides), CsvReceiver(tmp_path / "out.csv"), Limits(), NOW)
    assert ",low," in (tmp_path / "out.csv").read_text()


def test_nothing_scored_yet(project: Project, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="run `forewarn score` first"):
        push(project, CsvReceiver(tmp_path / "out.csv"), Limits(), NOW)


def test_text_that_a_spreadsheet_would_run(project: Project, tmp_path: Path) -> None:
    push(scored(project, {"=cmd()": 0.5}), CsvReceiver(tmp_path / "out.csv"), Limits(), NOW)
    assert "'=cmd()" in (tmp_path / "out.csv").read_text()


class Web:
    """A receiver over HTTP: answers in turn, then 200; its clock goes on while somebody waits."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self.answers, self.calls, self.waited, self.now = list(answers), [], [], NOW

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.calls.append((self.now, request))
        answer = self.answers.pop(0) if self.answers else httpx.Response(200)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now += timedelta(seconds=seconds)

    def receiver(self, limits: Limits | None = None, **secrets: str) -> WebhookReceiver:
        client = httpx.Client(transport=httpx.MockTransport(self))
        url = "https://cs.example/scores"
        return WebhookReceiver(client, limits or Limits(), self.wait, lambda: self.now, url=url, **secrets)

    def told(self) -> list[str]:
        return [account["account_id"] for _, call in self.calls for account in json.loads(call.content)["accounts"]]


def test_fifty_records_a_call_and_a_hundred_calls_a_minute(project: Project) -> None:
    web = Web()
    done = push(scored(project, accounts(120)), web.receiver(), Limits(), NOW)
    assert [len(json.loads(call.content)["accounts"]) for _, call in web.calls] == [50, 50, 20]
    assert (done.sent, done.calls, web.waited) == (120, 3, [])
    slow, limits = Web(), Limits(records_a_call=1, calls_a_minute=2)
    push(scored(project, accounts(120, 0.6)), slow.receiver(limits), limits, NOW)
    times = [at for at, _ in slow.calls]
    assert all(later - earlier >= timedelta(seconds=60) for earlier, later in zip(times, times[2:], strict=False))


def test_retry_after_is_kept(project: Project) -> None:
    web = Web(httpx.Response(429, headers={"retry-after": "37"}), httpx.Response(503), httpx.ConnectError("away"))
    push(scored(project, accounts(2)), web.receiver(), Limits(), NOW)
    assert web.waited == [37.0, 2.0, 4.0]
    assert len(web.calls) == 4


def test_on_from_where_it_broke_off(project: Project) -> None:
    web = Web(httpx.Response(200), httpx.Response(400))
    with pytest.raises(UsageError, match=r"status 400.*what has arrived is not sent again"):
        push(scored(project, accounts(120)), web.receiver(), Limits(), NOW)
    assert web.told()[:50] == [f"a{number:03d}" for number in range(50)]
    web.calls.clear()
    again = push(scored(project, accounts(120)), web.receiver(), Limits(), NOW)
    assert (again.sent, again.unchanged) == (70, 50)
    assert web.told()[0] == "a050"


def test_a_wait_of_hours_is_left_to_the_next_run(project: Project) -> None:
    web = Web(httpx.Response(429, headers={"retry-after": "7200"}))
    with pytest.raises(UsageError, match="run push again"):
        push(scored(project, accounts(1)), web.receiver(), Limits(), NOW)
    assert web.waited == []


def test_calls_are_signed_and_name_their_sender(project: Project) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    web = Web()
    receiver = web.receiver(token="t0ken", secret=secret)
    push(scored(project, accounts(1)), receiver, Limits(), NOW)
    ((_, call),) = web.calls
    assert call.headers["authorization"] == "Bearer t0ken"
    assert is_signed(dict(call.headers), call.content, secret, int(NOW.timestamp()))
    assert "t0ken" not in repr(receiver)
    assert "cs.example" not in receiver.name


def test_a_table_of_postgres(project: Project, postgres_url: str) -> None:
    table = PostgresReceiver("public.scores", postgres_url)
    push(scored(project, {"a": 0.5, "b": 0.25}), table, Limits(), NOW)
    push(scored(project, {"a": 0.75, "b": 0.25}, day="2026-11-02"), table, Limits(), NOW)
    with psycopg.connect(postgres_url) as connection:
        rows = connection.execute(
            "select account_id, p_churn_90d, as_of::text, in_play from scores order by 1"
        ).fetchall()
        connection.execute("drop table scores")
    assert rows == [("a", 0.75, "2026-11-02", True), ("b", 0.25, "2026-11-01", True)]
    with pytest.raises(UsageError, match="a database that takes rows"):
        push(scored(project, {"a": 0.1}), PostgresReceiver("none.scores", postgres_url), Limits(), NOW)
