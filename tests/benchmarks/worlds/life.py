"""Lives of accounts whose true churn probabilities are known: a hidden Markov health, a hazard a calendar month.

The hazard of a month depends on the health at its start and on what is known in advance (calendar, tenure, terms). The
true probability of churn by each horizon is a matrix product over the grid of healths, no simulation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tests.training.simulator import GRID, STATES, transition

HORIZONS = (30, 60, 90, 180)
TRUTH = "truth.parquet"
# (month number, account numbers (n,), healths (n, s)) -> probability to leave in that month, (n, s).
Hazard = Callable[[int, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Lives:
    """`month_starts` (M + 1,): first days, the last one being the data's end. `joined` (n,): number of the month of
    joining. `health` (n, M): NaN while not a customer. `churn_day` (n,): the midnight of the churn, NaT where none."""

    month_starts: pd.DatetimeIndex
    joined: np.ndarray
    health: np.ndarray
    churn_day: np.ndarray

    @property
    def months(self) -> int:
        return len(self.month_starts) - 1

    def names(self) -> np.ndarray:
        return np.array([f"A{number:05d}" for number in range(len(self.joined))], dtype=object)


def live(
    rng: np.random.Generator, month_starts: pd.DatetimeIndex, joined: np.ndarray, hazard: Hazard, stay: float
) -> tuple[Lives, pd.DataFrame]:
    """The lives of accounts that join in these months (below 0: were there before), and account_id, as_of and the true
    p_churn_{h}d of each that is there on the first of a month."""
    move = transition(stay)
    long_run = np.linalg.matrix_power(move, 400)[0]
    state = rng.choice(STATES, len(joined), p=long_run / long_run.sum())
    months = len(month_starts) - 1
    health = np.full((len(joined), months), np.nan)
    churn_day = np.full(len(joined), np.datetime64("NaT"), dtype="datetime64[us]")
    names = np.array([f"A{number:05d}" for number in range(len(joined))], dtype=object)
    truths = []
    for month in range(months):
        there = np.flatnonzero((joined <= month) & np.isnat(churn_day))
        health[there, month] = GRID[state[there]]
        # The day of joining is the first of its month; a snapshot of that day does not know the account yet.
        known = there[joined[there] < month]
        truths.append(_truth(month_starts, month, known, state[known], hazard, move, names))
        leaves = rng.random(len(there)) < hazard(month, there, GRID[state[there]][:, None])[:, 0]
        days = (month_starts[month + 1] - month_starts[month]).days
        day = rng.integers(1, days, int(leaves.sum()))
        churn_day[there[leaves]] = (month_starts[month] + pd.to_timedelta(day, unit="D")).to_numpy("datetime64[us]")
        state = (move.cumsum(axis=1)[state] < rng.random(len(state))[:, None]).sum(axis=1).clip(0, STATES - 1)
    return Lives(month_starts, joined, health, churn_day), pd.concat(truths, ignore_index=True)


def _truth(
    month_starts: pd.DatetimeIndex,
    month: int,
    who: np.ndarray,
    state: np.ndarray,
    hazard: Hazard,
    move: np.ndarray,
    names: np.ndarray,
) -> pd.DataFrame:
    spread = np.zeros((len(who), STATES))
    spread[np.arange(len(who)), state] = 1.0
    out = {"account_id": names[who], "as_of": np.full(len(who), month_starts[month].to_datetime64())}
    start = month_starts[month]
    for ahead in range(7):
        first, after = start + pd.DateOffset(months=ahead), start + pd.DateOffset(months=ahead + 1)
        leave = hazard(month + ahead, who, np.broadcast_to(GRID[None, :], spread.shape))
        for horizon in HORIZONS:
            inside = (start + pd.Timedelta(days=horizon) - first).days
            if 0 < inside <= (after - first).days:
                # Days of churn are uniform over the month's, from its second on (`live`).
                share = max(inside - 1, 0) / ((after - first).days - 1)
                out[f"p_churn_{horizon}d"] = 1.0 - (spread * (1.0 - leave * share)).sum(axis=1)
        spread = (spread * (1.0 - leave)) @ move
    return pd.DataFrame(out)


def daily_counts(
    rng: np.random.Generator, lives: Lives, a_month: np.ndarray, days_a_month: int, until: pd.Timestamp
) -> pd.DataFrame:
    """account_id, occurred_at and quantity of a count process with mean `a_month` (n, M), NaN while not a customer."""
    who, month = np.nonzero(~np.isnan(a_month))
    parts = []
    for _ in range(days_a_month):
        quantity = rng.poisson(a_month[who, month] / days_a_month)
        day = rng.integers(0, 28, len(who))
        at = lives.month_starts[month] + pd.to_timedelta(day, unit="D") + pd.Timedelta(hours=12)
        kept = (quantity > 0) & ~(at >= lives.churn_day[who]) & (at < until)
        parts.append(
            pd.DataFrame({"account_id": lives.names()[who[kept]], "occurred_at": at[kept], "quantity": quantity[kept]})
        )
    return pd.concat(parts, ignore_index=True)


def write(folder: Path, tables: dict[str, pd.DataFrame], truth: pd.DataFrame) -> None:
    """{table}.parquet, and the truth where no mapping points."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)
    truth.to_parquet(folder / TRUTH, index=False)
