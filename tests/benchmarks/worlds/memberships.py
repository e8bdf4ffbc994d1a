"""A federation whose members pay by the year: a renewal season, anniversaries, joining waves, mergers; seven years.

Half of those who leave do so in the first quarter. Memberships have no written end: what is due when shows in the
calendar and in the month of joining alone. Members that were there before the register was begun have its first day as
day of joining.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from tests.benchmarks.worlds.life import daily_counts, live, write

START, YEARS, ACCOUNTS = pd.Timestamp("2019-01-01"), 7, 1_600
SEASON = np.array([1.5, 0.8, 1.2, -0.3, -0.4, -0.2, 0.4, -0.6, -0.3, -0.3, -0.5, 0.0])  # log-odds, January first
ANNIVERSARY, NEW, WAVE, HEALTH, SMALL = 1.0, 0.9, 0.6, -0.55, 0.35
LEVEL = -4.8
MERGER_MONTHS, MERGER = (1, 7), 0.006  # of small members, whatever their health: unions begin with a half-year
WAVES = ((20, 90), (36, 140))  # (month, members that a drive brought)


def make(folder: Path, seed: int = 1, accounts: int = ACCOUNTS, years: int = YEARS) -> None:
    """Writes the tables and the truth; `config` is the body of forewarn.yaml."""
    rng = np.random.default_rng(seed)
    months = years * 12
    month_starts = pd.date_range(START, periods=months + 1, freq="MS")
    scale = accounts / ACCOUNTS
    waves = np.concatenate([np.full(int(size * scale), month) for month, size in WAVES if month < months])
    before = int(0.45 * accounts)
    likely = np.tile([3.0, 1, 1, 1, 1, 1, 1, 1, 2.5, 1, 1, 0.5], years)[: months - 3]
    others = rng.choice(len(likely), accounts - before - len(waves), p=likely / likely.sum())
    joined = np.concatenate([-rng.integers(1, 144, before), waves, others])
    in_wave = np.zeros(accounts, bool)
    in_wave[before : before + len(waves)] = True
    small = rng.random(accounts) < 0.5

    def hazard(month: int, who: np.ndarray, health: np.ndarray) -> np.ndarray:
        tenure = month - joined[who]
        known = LEVEL + SEASON[month % 12] + ANNIVERSARY * ((tenure > 0) & (tenure % 12 == 0)) + WAVE * in_wave[who]
        known = known + NEW * np.exp(-tenure / 18.0) + SMALL * small[who]
        merged = MERGER * small[who] * (month % 12 + 1 in MERGER_MONTHS)
        return np.asarray(1.0 - (1.0 - expit(known[:, None] + HEALTH * health)) * (1.0 - merged[:, None]))

    lives, truth = live(rng, month_starts, joined, hazard, stay=0.95)
    write(folder, _tables(rng, lives, small), truth)


def _tables(rng: np.random.Generator, lives: Any, small: np.ndarray) -> dict[str, pd.DataFrame]:
    names, end, n = lives.names(), lives.month_starts[-1], len(lives.joined)
    created = lives.month_starts[np.maximum(lives.joined, 0)]
    fee = np.round(np.where(small, 400, 2_500) * np.exp(rng.normal(0, 0.3, n)))
    trait = rng.normal(0, 0.5, n)
    claims = np.exp(1.2 + 0.8 * ~small[:, None] + 0.35 * lives.health + trait[:, None])
    letters = daily_counts(rng, lives, np.exp(-1.0 + 0.4 * lives.health), 1, end)
    left = ~np.isnat(lives.churn_day)
    who, month = np.nonzero(~np.isnan(lives.health) & ((np.arange(lives.months) - lives.joined[:, None]) % 12 == 0))
    issued = lives.month_starts[month]
    late = np.maximum(0, np.round(20 - 6 * lives.health[who, month] + rng.normal(0, 12, len(who))))
    paid = pd.Series(issued + pd.to_timedelta(5 + late, unit="D"))
    paid = paid.where(~(paid >= pd.Series(lives.churn_day[who])) & (paid < end))
    return {
        "accounts": pd.DataFrame(
            {
                "account_id": names,
                "created_at": created,
                "segment": np.where(small, "small", "large"),
                "region": rng.choice(["north", "south", "east", "west"], n),
            }
        ),
        "contracts": pd.DataFrame({"account_id": names, "starts_at": created, "arr": fee}),
        "usage_events": daily_counts(rng, lives, claims, 2, end).assign(feature="claims"),
        "interactions": letters.drop(columns="quantity").assign(kind="email", initiated_by="customer"),
        "invoices": pd.DataFrame(
            {
                "account_id": names[who],
                "issued_at": issued,
                "due_at": issued + pd.Timedelta(days=30),
                "paid_at": paid.to_numpy(),
                "amount": fee[who],
            }
        ),
        "outcomes": pd.DataFrame({"account_id": names[left], "occurred_at": lives.churn_day[left], "kind": "churn"}),
    }


def config(years: int = YEARS) -> dict[str, Any]:
    """The body of forewarn.yaml."""
    end = START + pd.DateOffset(years=years)
    tables: dict[str, Any] = {
        name: {"from": f"{name}.parquet"}
        for name in ("accounts", "contracts", "usage_events", "interactions", "invoices", "outcomes")
    }
    tables["accounts"]["attributes"] = ["region"]
    return {
        "extends": "default",
        "name": "memberships",
        "data_end": f"{end:%Y-%m-%d}",
        "tables": tables,
        "churn": {"kind": "outcome"},
        "snapshots": {"every": "month", "from": f"{START + pd.DateOffset(months=6):%Y-%m-%d}"},
        "backtest": {"from": f"{end - pd.DateOffset(years=2):%Y-%m-%d}", "refit": "year"},
    }
