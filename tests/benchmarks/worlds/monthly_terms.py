"""A B2B business of monthly terms: half of its customers renew month by month, half have open-ended contracts.

No season, no anniversary: what tells is use, seats, tickets, and tenure. Three years.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from tests.benchmarks.worlds.life import Lives, daily_counts, live, write

START, MONTHS, ACCOUNTS = pd.Timestamp("2022-07-01"), 36, 1_800
LEVEL, HEALTH, OPEN_ENDED, NEW = -4.3, -0.9, -0.7, 1.1


def make(folder: Path, seed: int = 1, accounts: int = ACCOUNTS, months: int = MONTHS) -> None:
    """Writes the tables and the truth."""
    rng = np.random.default_rng(seed)
    month_starts = pd.date_range(START, periods=months + 1, freq="MS")
    joined = np.where(rng.random(accounts) < 0.4, -rng.integers(1, 48, accounts), rng.integers(0, months - 2, accounts))
    open_ended = rng.random(accounts) < 0.5

    def hazard(month: int, who: np.ndarray, health: np.ndarray) -> np.ndarray:
        tenure = month - joined[who]
        known = LEVEL + OPEN_ENDED * open_ended[who] + NEW * np.exp(-tenure / 5.0)
        return np.asarray(expit(known[:, None] + HEALTH * health))

    lives, truth = live(rng, month_starts, joined, hazard, stay=0.9)
    write(folder, _tables(rng, lives, open_ended), truth)


def _tables(rng: np.random.Generator, lives: Lives, open_ended: np.ndarray) -> dict[str, pd.DataFrame]:
    names, end, n = lives.names(), lives.month_starts[-1], len(lives.joined)
    created = pd.DatetimeIndex([lives.month_starts[0] + pd.DateOffset(months=int(month)) for month in lives.joined])
    price = np.round(6_000 * np.exp(rng.normal(0, 0.6, n)))
    seats = np.maximum(2, np.round(10 * np.exp(rng.normal(0, 0.5, n))))
    trait = rng.normal(0, 0.5, n)
    use = np.exp(2.6 + 0.45 * lives.health + trait[:, None])
    events = daily_counts(rng, lives, use, 8, end)
    events["user_id"] = [f"u{number}" for number in rng.integers(0, 6, len(events))]
    events["feature"] = rng.choice(["board", "report", "export", "api"], len(events))
    tickets = daily_counts(rng, lives, np.exp(-0.9 - 0.4 * lives.health), 1, end)
    left = ~np.isnat(lives.churn_day)
    return {
        "accounts": pd.DataFrame(
            {"account_id": names, "created_at": created, "segment": rng.choice(["smb", "mid"], n)}
        ),
        "contracts": _contracts(lives, created, price, seats, open_ended),
        "usage_events": events,
        "tickets": tickets.drop(columns="quantity").rename(columns={"occurred_at": "opened_at"}),
        "outcomes": pd.DataFrame({"account_id": names[left], "occurred_at": lives.churn_day[left], "kind": "churn"}),
    }


def _contracts(
    lives: Lives, created: pd.DatetimeIndex, price: np.ndarray, seats: np.ndarray, open_ended: np.ndarray
) -> pd.DataFrame:
    """One open-ended contract, or one of a month each month; each is known on its first day."""
    names = lives.names()
    who, month = np.nonzero(~np.isnan(lives.health) & ~open_ended[:, None])
    starts = lives.month_starts[month]
    terms = pd.DataFrame({"account_id": names[who], "starts_at": starts, "ends_at": lives.month_starts[month + 1]})
    terms[["arr", "seats"]] = np.column_stack([price[who], seats[who]])
    one = np.flatnonzero(open_ended)
    whole = pd.DataFrame({"account_id": names[one], "starts_at": created[one], "ends_at": pd.NaT})
    whole[["arr", "seats"]] = np.column_stack([price[one], seats[one]])
    return pd.concat([terms, whole], ignore_index=True)


def config(months: int = MONTHS) -> dict[str, Any]:
    """The body of forewarn.yaml."""
    end = START + pd.DateOffset(months=months)
    tables = ("accounts", "contracts", "usage_events", "tickets", "outcomes")
    return {
        "extends": "default",
        "name": "monthly terms",
        "data_end": f"{end:%Y-%m-%d}",
        "tables": {name: {"from": f"{name}.parquet"} for name in tables},
        "churn": {"kind": "outcome"},
        "snapshots": {"every": "month", "from": f"{START + pd.DateOffset(months=4):%Y-%m-%d}"},
        "backtest": {"from": f"{end - pd.DateOffset(months=15):%Y-%m-%d}", "refit": "quarter"},
    }
