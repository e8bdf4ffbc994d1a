from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from configs.settings import Settings
from evaluation.ledger import Ledger, Outbox
from serving.alerts import AccountContext, Dispatcher, raise_alerts
from tests.evaluation.ledgers import frame, put
from tests.serving.alerts.receivers import HttpReceiver, SmtpSink, http_receiver, smtp_sink

NOW = datetime(2024, 2, 5, 9, 0, tzinfo=UTC)  # a Monday
SECRET = "whsec_" + base64.b64encode(b"s" * 32).decode()
OLD_SECRET = "whsec_" + base64.b64encode(b"o" * 32).decode()
CONTEXT = {f"{number:03d}": AccountContext(f"Firm {number}", "anna" if number % 2 else "ben") for number in range(200)}
P = {"healthy": 0.01, "low": 0.05, "medium": 0.1, "high": 0.4}

Levels = list[str]


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with http_receiver() as state:
        yield state


@pytest.fixture
def mailbox() -> Iterator[SmtpSink]:
    with smtp_sink() as state:
        yield state


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with httpx.Client() as made:
        yield made


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db") as opened:
        yield opened


@pytest.fixture
def alert_settings(make_settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Settings]:
    """Settings with these receivers; no jitter, a week's budget that nothing exceeds unless told otherwise."""
    monkeypatch.setenv("HOOK_SECRET", SECRET)
    monkeypatch.setenv("OLD_HOOK_SECRET", OLD_SECRET)

    def make(*receivers: dict[str, Any], **more: Any) -> Settings:
        tables = {"accounts": {"from": "accounts.csv"}, "contracts": {"from": "contracts.csv"}}
        retries = {"delays_seconds": [5, 300, 3600], "jitter": 0, "seed": 1} | more.pop("retries", {})
        rules = {"per_owner_a_week": 1000, "retries": retries, "receivers": list(receivers), **more}
        return make_settings(tables=tables, alerts=rules)

    return make


def hook(receiver: HttpReceiver, **more: Any) -> dict[str, Any]:
    """A webhook receiver that is patient for a fifth of a second."""
    return {
        **{"name": "platform", "kind": "webhook", "url": receiver.url, "secrets": ["HOOK_SECRET"]},
        **{"timeout_seconds": 0.2, **more},
    }


def score(
    ledger: Ledger, as_of: str, levels: Levels, triggers: dict[int, list[str]] | None = None, **more: Any
) -> None:
    """A batch scoring of a day: account 000 at the first level, and so on."""
    made = frame(len(levels), as_of=as_of)
    fired = triggers or {}
    p = [P[level] for level in levels]
    told = {"signal": "days_since_use", "dimension": "usage", "sentence": "days since the last use"}
    made = made.assign(
        risk_level=levels,
        reasons=[json.dumps([{**told, "value": 100 * value, "contribution": value / 2}]) for value in p],
        triggers=[json.dumps(fired.get(number, [])) for number in range(len(levels))],
        actions=json.dumps([{"playbook": "risk_mitigation", "title": "Find out", "why": "x", "within_hours": 24}]),
        arr=100_000.0,
        expected_arr_loss_90d=[100_000.0 * value + number for number, value in enumerate(p)],
        **{f"p_churn_{days}d": p for days in (30, 60, 90, 180)},
    )
    put(ledger, made.assign(**more), at=pd.Timestamp(as_of))


def raised(ledger: Ledger, settings: Settings, now: datetime = NOW, outages: Any = None) -> Any:
    return raise_alerts(ledger, settings, CONTEXT, outages or {}, now)


def dispatcher(ledger: Ledger, settings: Settings, client: httpx.Client, **more: Any) -> Dispatcher:
    return Dispatcher(Outbox(ledger), settings, client, **{"elapsed": lambda: 0.0, **more})


def filled(ledger: Ledger, settings: Settings, client: httpx.Client, accounts: int = 3) -> Dispatcher:
    """A dispatcher whose outbox holds an alert for each account: all rose to high."""
    made = dispatcher(ledger, settings, client)
    made.register(NOW)
    score(ledger, "2024-01-01", ["healthy"] * accounts)
    score(ledger, "2024-02-01", ["high"] * accounts)
    assert raised(ledger, settings).alerts == accounts
    return made
