"""Prepared days of a few made-up accounts, and a live state that serves them: the API without a model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from configs.settings import Settings
from serving.api.live import Live
from serving.prepared import DayHeader, DayWriter, PreparedAccount, Summary

ACCOUNTS = ("a-1", "a-2", "a-3")


class NoMetrics:
    """Takes figures and keeps none."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


def header(version: str = "1", as_of: str = "2026-01-01") -> DayHeader:
    return DayHeader(
        as_of=as_of,
        data_end=as_of,
        scored_at=f"{as_of}T06:00:00+00:00",
        model_version=version,
        model_digest="d" * 64,
        config_version="abc",
        data_fingerprint="f",
        horizons_days=(30, 90),
        main_horizon_days=90,
        levels=("healthy", "low", "medium", "high"),
        currency="USD",
        coverage=1.0,
        has_signal=True,
    )


def row_of(account: str, of: DayHeader) -> list[Any]:
    """The values of a prediction's row in the ledger."""
    curve = json.dumps({"30": 0.1, "90": 0.2})
    numbers = [0.2, 0.1, 0.3, 0.2, 10.0]  # p_churn, p_low, p_high, p_health, expected ARR loss
    health = [50.0] * 5
    names = [of.model_version, of.config_version, f"{account} {of.as_of}"]
    return [
        *(account, of.as_of, "adoption", curve, 90, *numbers, "low", *health, 1.0, 50.0, *names, 1, "s", "o"),
        *("[]", "[]", "[]"),
    ]


def write_day(folder: Path, of: DayHeader, accounts: tuple[str, ...] = ACCOUNTS, arm: str | None = None) -> Path:
    with DayWriter(folder) as writer:
        for account in accounts:
            body = {"account_id": account, "model_version": of.model_version, "as_of": of.as_of}
            writer.add(
                PreparedAccount(
                    summary=Summary(account, "A", "s", "o", "adoption", "low", 0.2, 50.0, 1.0, 50.0, 10.0, arm),
                    score=json.dumps(body).encode(),
                    explain=json.dumps({**body, "all": "x" * 2000}).encode(),
                    row=row_of(account, of),
                    signals_hash=f"{account} {of.as_of}",
                )
            )
        return writer.close(of)


def live_of(settings: Settings) -> Live:
    return Live(settings, settings.folder / "forewarn.yaml", NoMetrics())  # type: ignore[arg-type]


def day_event(folder: Path, **serving: Any) -> dict[str, Any]:
    return {"event": "day", "folder": str(folder), "serving": serving}
