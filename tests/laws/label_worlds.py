"""Small random companies for the laws over labels: every kind of churn, returns, gaps, overlaps and late records."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from configs.settings import Settings
from configs.settings_file import merge, settings_from
from features.sources.backends import DuckDBEngine
from features.sources.sources import Sources

DAY = pd.Timedelta(days=1)
START, END = pd.Timestamp("2023-01-01"), pd.Timestamp("2025-01-01")
AS_OFS = pd.date_range("2023-04-01", "2024-12-01", freq="MS").as_unit("us")
HORIZONS = (30, 60, 90)
KINDS = ("outcome", "contract_end", "silence")
GAP_DAYS, SETTLING_DAYS, SILENCE_DAYS = 20, 10, 45
ALWAYS = "always"  # an account that keeps every feed going: where a feed ends is a fact of the feed, not of an account
DEFAULTS = yaml.safe_load((Path(__file__).resolve().parents[2] / "configs/default.yaml").read_text(encoding="utf-8"))
Tables = Mapping[str, pd.DataFrame]


def settings_for(kind: str) -> Settings:
    tables = {name: {"from": f"{name}.parquet"} for name in ("accounts", "contracts", "outcomes", "usage_events")}
    churn: dict[str, Any] = {"kind": kind, "allowed_gap_days": GAP_DAYS, "settling_days": SETTLING_DAYS}
    churn["silence"] = {"days": SILENCE_DAYS, "active_days": 2 * SILENCE_DAYS}
    return settings_from(merge(DEFAULTS, {"tables": tables, "churn": churn}), Path())


def sources_of(tables: Tables, data_end: pd.Timestamp = END) -> Sources:
    engine = DuckDBEngine.at()
    made = {}
    for name, rows in tables.items():
        columns = {c: rows[c].astype("datetime64[us]") for c in rows if c.endswith("_at") or c == "at"}
        made[name] = engine.upload(name, rows.assign(**columns))
    return Sources(engine, made, data_end, (), {}, "world")


@cache
def settled_world(seed: int) -> Sources:
    """The sources of `world`."""
    return sources_of(world(seed))


@cache
def world(seed: int, accounts: int = 12) -> Tables:
    """accounts, contracts, outcomes and usage_events; facts are recorded up to nine days late. Only read them."""
    rng = np.random.default_rng(seed)
    made: dict[str, list[dict[str, Any]]] = {"accounts": [], "contracts": [], "outcomes": [], "usage_events": []}
    for number in range(accounts):
        account = f"acc-{number:02d}"
        born = START + pd.Timedelta(hours=int(rng.integers(0, 24 * 200)))
        made["accounts"].append({"account_id": account, "created_at": born})
        made["contracts"] += _contracts(rng, account, born)
        made["outcomes"] += _outcomes(rng, account, born)
        made["usage_events"] += _uses(rng, account, born)
    days = pd.date_range(START, END - DAY, freq="D")
    made["accounts"].append({"account_id": ALWAYS, "created_at": START})
    made["contracts"] += [_contract(ALWAYS, day, day + DAY, 1.0) for day in days]
    made["usage_events"] += [{"account_id": ALWAYS, "occurred_at": day + DAY / 2} for day in days]
    tables = {name: pd.DataFrame(rows) for name, rows in made.items()}
    for name, time in (("contracts", "starts_at"), ("outcomes", "occurred_at"), ("usage_events", "occurred_at")):
        rows = tables[name]
        late = np.where(rng.random(len(rows)) < 0.2, rng.integers(24, 24 * 9, len(rows)), 1)
        late = np.where(rows.account_id == ALWAYS, 1, late)
        rows["recorded_at"] = rows[time] + pd.to_timedelta(late, unit="h")
    return tables


def _contract(account: str, starts: pd.Timestamp, ends: pd.Timestamp | None, arr: float) -> dict[str, Any]:
    return {"account_id": account, "starts_at": starts, "ends_at": ends, "arr": arr, "cancelled_at": pd.NaT}


def _contracts(rng: np.random.Generator, account: str, born: pd.Timestamp) -> list[dict[str, Any]]:
    rows, at, arr = [], born, 1000.0
    while at < END + 60 * DAY:
        ends = at + pd.Timedelta(days=int(rng.choice([30, 90, 180])))
        row = _contract(account, at, ends, arr)
        if rng.random() < 0.1:
            row["ends_at"] = None
            row["cancelled_at"] = ends if rng.random() < 0.7 else pd.NaT
        rows.append(row)
        # Renewals in time, early, within the gap, to the hour of its end, and long after.
        at = ends + pd.Timedelta(hours=int(rng.choice([0, -72, 24 * 5, 24 * GAP_DAYS, 24 * GAP_DAYS + 1, 24 * 100])))
        arr = round(arr * float(rng.choice([1, 1, 0.97, 0.7, 1.3])), 2)
    return rows


def _outcomes(rng: np.random.Generator, account: str, born: pd.Timestamp) -> list[dict[str, Any]]:
    rows, at = [], born
    while True:
        at = at + pd.Timedelta(hours=int(rng.integers(24, 24 * 150)))
        if at >= END:
            return rows
        kind = str(rng.choice(["churn", "reactivation", "contraction", "renewal"]))
        at = at.normalize() if rng.random() < 0.2 else at
        will = bool(rng.random() < 0.5) if kind == "churn" and rng.random() < 0.8 else None
        rows.append({"account_id": account, "occurred_at": at, "kind": kind, "voluntary": will})


def _uses(rng: np.random.Generator, account: str, born: pd.Timestamp) -> list[dict[str, Any]]:
    rows, at = [], born
    while at < END:
        rows.append({"account_id": account, "occurred_at": at})
        at = at + pd.Timedelta(hours=int(rng.choice([5, 24, 24 * 9, 24 * 44, 24 * SILENCE_DAYS, 24 * 80])))
    return rows
