"""What serves now: swapped whole and never mixed, old where new is damaged, written down before it is answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from configs.settings import Settings
from evaluation.ledger import Ledger, LedgerAway
from serving.api.live import Live
from serving.api.routes.scores import score
from serving.api.routing import Call, ProblemRaised
from serving.keys import Key
from tests.serving.prepared_days import ACCOUNTS, day_event, header, live_of, write_day

TABLES = {"accounts": {"from": "a.csv"}, "contracts": {"from": "c.csv"}}
OVERRIDE = {
    "automated": "", "csm": "high", "final": "high", "counts": "csm", "made_at": "2026-01-02T00:00:00",
    "made_by": "kim", "reason": "no sponsor", "expires_at": None,
}  # fmt: skip


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(tables=TABLES)


def call_of(live: Live, accounts: list[str], request: str = "r1") -> Call:
    body = json.dumps({"account_ids": accounts}).encode()
    return Call(live, Key("00000001", "csm", ""), request, {}, {}, body, b"", ())


def tell(live: Live, event: dict[str, Any]) -> None:
    asyncio.run(live.told(event))


def served(settings: Settings, tasks: Callable[[Live], Any]) -> Any:
    """What `tasks` gives with a live state whose ledger's writer runs; no worker beside it."""

    async def run() -> Any:
        live = live_of(settings)
        live._loop = asyncio.get_running_loop()
        live.writer.start()
        try:
            return await tasks(live)
        finally:
            await asyncio.get_running_loop().run_in_executor(None, live.writer.close)

    return asyncio.run(run())


def test_an_answer_names_its_day_its_level_its_arm_and_its_place(settings: Settings, tmp_path: Path) -> None:
    folder = write_day(tmp_path / "day", header(), arm="holdout")

    async def ask(live: Live) -> Any:
        await live.told(day_event(folder))
        await live.told({"event": "overrides", "levels": {"a-2": OVERRIDE}})
        return json.loads((await score(call_of(live, ["a-2", "nobody", "a-1"]))).body)

    answer = served(settings, ask)
    assert (answer["as_of"], answer["model_version"], answer["request_id"]) == ("2026-01-01", "1", "r1")
    assert answer["data"]["stale"] is True
    held, unknown, plain = answer["results"]
    assert held["level"] == OVERRIDE | {"automated": "low"}
    assert (plain["level"]["final"], plain["level"]["counts"]) == ("low", "model")
    assert (plain["arm"], plain["may_contact"]) == ("holdout", False)
    assert [held["ledger"], plain["ledger"]] == [{"batch_id": 1, "row": 0}, {"batch_id": 1, "row": 1}]
    assert (unknown["prediction"], unknown["error"]["code"]) == (None, "unknown_account")


def test_data_are_stale_past_the_setting(settings: Settings, tmp_path: Path) -> None:
    live = live_of(settings)
    tell(live, day_event(write_day(tmp_path / "day", header()), stale_after_days=7))
    assert live.snapshot is not None
    ages = [live.snapshot.data_age(date(2026, 1, day)) for day in (1, 8, 9)]
    assert [(age.age_days, age.stale) for age in ages] == [(0, False), (7, False), (8, True)]


def test_no_answer_mixes_two_days_while_they_are_swapped(settings: Settings, tmp_path: Path) -> None:
    """Two days swapped in turn under requests: each answer has one model and day, and the ledger has what it says."""
    folders = [
        write_day(tmp_path / "one", header("1")),
        write_day(tmp_path / "two", header("2", "2026-01-02"), accounts=ACCOUNTS[::-1]),
    ]

    async def ask(live: Live) -> list[Any]:
        await live.told(day_event(folders[0]))
        asked: list[asyncio.Task[Any]] = []
        for turn in range(60):
            asked += [asyncio.create_task(score(call_of(live, list(ACCOUNTS), f"r{turn}-{one}"))) for one in range(3)]
            await asyncio.sleep(0.001)
            await live.told(day_event(folders[turn % 2]))
        return [json.loads(answer.body) for answer in await asyncio.gather(*asked)]

    answers = served(settings, ask)
    of = {"1": "2026-01-01", "2": "2026-01-02"}
    assert {answer["model_version"] for answer in answers} == {"1", "2"}
    with Ledger.open(settings) as ledger:
        written = ledger.predictions().set_index(["batch_id", "row"])
        assert ledger.verify().ok
    assert len(written) == 6  # each prediction once
    for answer in answers:
        version = answer["model_version"]
        assert answer["as_of"] == of[version]
        for entry in answer["results"]:
            assert (entry["prediction"]["model_version"], entry["prediction"]["as_of"]) == (version, of[version])
            row = written.loc[(entry["ledger"]["batch_id"], entry["ledger"]["row"])]
            assert (row.account_id, row.model_version) == (entry["account_id"], version)


def test_a_damaged_day_leaves_the_old_one_serving_and_is_named(settings: Settings, tmp_path: Path) -> None:
    live = live_of(settings)
    tell(live, day_event(write_day(tmp_path / "day", header())))
    bad = write_day(tmp_path / "bad", header("2"))
    (bad / "bodies").write_bytes(b"short")
    tell(live, day_event(bad))
    status = live.status()
    assert status.model_version == "1"
    assert "other bytes than its index names" in status.refused[0].faults[0].found
    tell(live, day_event(write_day(tmp_path / "good", header("3"))))
    assert (live.status().model_version, live.status().refused) == ("3", [])


def test_what_the_worker_refuses_is_shown_and_the_old_day_serves(settings: Settings, tmp_path: Path) -> None:
    live = live_of(settings)
    fault = {"where": "version 2, churn/trees.txt", "found": "sha256 a", "expected": "sha256 b", "do": "bring it back"}
    tell(live, {"event": "refused", "what": "day", "title": "bad input", "faults": [fault]})
    assert live.snapshot is None
    assert live.status().refused[0].faults[0].where == "version 2, churn/trees.txt"
    tell(live, day_event(write_day(tmp_path / "day", header())))
    assert live.status().refused == []


def test_ready_only_while_a_score_can_be_given_and_written(settings: Settings, tmp_path: Path) -> None:
    folder = write_day(tmp_path / "day", header())
    file = settings.paths.ledger

    async def ask(live: Live) -> list[Any]:
        empty = await live.ready()
        await live.told(day_event(folder))
        well = await live.ready()
        file.rename(file.with_name("aside"))
        away = await live.ready()
        with pytest.raises(LedgerAway):
            await score(call_of(live, ["a-1"]))
        file.with_name("aside").rename(file)
        return [empty, well, away, await live.ready()]

    empty, well, away, back = served(settings, ask)
    assert [one.ready for one in (empty, well, away, back)] == [False, True, False, True]
    assert "no day is prepared" in empty.why
    assert "is gone" in away.why


def test_without_a_day_a_score_is_refused_for_now(settings: Settings) -> None:
    with pytest.raises(ProblemRaised) as raised:
        asyncio.run(score(call_of(live_of(settings), ["a-1"])))
    assert (raised.value.body.status, raised.value.headers) == (503, {"retry-after": "5"})


def test_changed_settings_are_taken_over(settings: Settings, tmp_path: Path) -> None:
    live = live_of(settings)
    tell(live, day_event(write_day(tmp_path / "day", header()), max_accounts=2, requests_per_minute=5))
    assert (live.serving.max_accounts, live.limiter.requests_per_minute) == (2, 5)
