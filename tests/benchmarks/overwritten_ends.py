"""What it costs to be told early ends by overwriting the agreed ones, and what `terminated_at` gives back.

`python tests/benchmarks/overwritten_ends.py [WAY ...]` makes one company of yearly terms, its contracts written in
three ways: `overwritten` (a CRM that sets `ends_at` to the day of leaving), `agreed` (`ends_at` as agreed, the days of
leaving as outcomes) and `terminated` (`ends_at` as agreed, the early ends as `terminated_at`). Renewal is decided by
usage; some accounts leave in the middle of a term by pure chance. It prints what `check` suspects of each, and the AUC
of a backtest.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import yaml

from configs.settings_file import load_settings
from evaluation.backtest import backtest
from evaluation.metrics import auc
from features.checks import find_suspects
from features.dataset import load_dataset
from features.sources import open_sources

ACCOUNTS, MID_TERM, SEED = 800, 40, 7
END = pd.Timestamp("2025-01-01")
YEAR = pd.DateOffset(years=1)
WAYS = ("overwritten", "agreed", "terminated")


@dataclass(frozen=True)
class Term:
    """One contract: its agreed end, and the day of an early one."""

    account_id: str
    starts_at: pd.Timestamp
    ends_at: pd.Timestamp
    terminated_at: pd.Timestamp | None
    seats: int


def company(seed: int = SEED, accounts: int = ACCOUNTS, mid_term: int = MID_TERM) -> dict[str, pd.DataFrame]:
    """Tables of the company with agreed ends and `terminated_at`; `accounts` and `usage_events` beside them."""
    rng = np.random.default_rng(seed)
    begins = pd.Timestamp("2020-02-01") + pd.to_timedelta(np.sort(rng.integers(0, 1500, accounts)), unit="D")
    by_chance = set(rng.choice(accounts, mid_term, replace=False))
    terms: list[Term] = []
    usage = []
    for number, begin in enumerate(begins):
        account, level, seats = f"a{number:04}", float(rng.lognormal(2, 0.5)), int(rng.integers(3, 60))
        drawn, declining = list(_terms(account, begin, seats, number in by_chance, rng)), False
        terms += drawn
        for term in drawn:
            last = term is drawn[-1]
            end = min(term.terminated_at or term.ends_at, END)
            weeks = pd.date_range(term.starts_at, end - pd.Timedelta(days=1), freq="7D")
            declining = last and term.terminated_at is None and term.ends_at < END and rng.random() < 0.7
            left = (term.ends_at - weeks).days.to_numpy()
            factor = np.where(declining & (left < 150), 0.35 + 0.65 * left / 150, 1.0)
            usage.append(
                pd.DataFrame({"account_id": account, "occurred_at": weeks, "quantity": rng.poisson(level * factor)})
            )
    frame = pd.DataFrame(terms)
    frame.insert(0, "contract_id", [f"k{number}" for number in range(len(frame))])
    return {
        "accounts": pd.DataFrame({"account_id": [f"a{n:04}" for n in range(accounts)], "created_at": begins}),
        "contracts": frame,
        "usage_events": pd.concat(usage, ignore_index=True),
    }


def _terms(account: str, begin: pd.Timestamp, seats: int, by_chance: bool, rng: np.random.Generator) -> Iterator[Term]:
    """Terms of a year until one is not renewed, or ends early on a day drawn from all of the account's time."""
    years = [begin + pd.DateOffset(years=year) for year in range(6)]
    spells = [start for start in years if start < END]
    ends = next((start + YEAR for start in spells if rng.random() < 0.1), None)
    if by_chance:
        days = int(((ends or END) - begin).days)
        early = begin + pd.Timedelta(days=int(rng.integers(20, max(21, days - 20))))
    for start in spells:
        if by_chance and start + YEAR > early:
            yield Term(account, start, start + YEAR, min(max(early, start + pd.Timedelta(days=20)), END), seats)
            return
        yield Term(account, start, start + YEAR, None, seats)
        if ends is not None and start + YEAR >= ends:
            return


def write(
    folder: Path, way: str, tables: dict[str, pd.DataFrame], training: Mapping[str, object] | None = None
) -> Path:
    """The company as CSV files and forewarn.yaml, its contracts written in one of `WAYS`; the path of the settings.

    training: settings of that name, where the defaults are not meant.
    """
    frames = dict(tables)
    contracts = frames["contracts"]
    early = contracts.terminated_at.notna()
    if way != "terminated":
        frames["contracts"] = contracts.drop(columns="terminated_at")
    if way == "overwritten":
        frames["contracts"]["ends_at"] = contracts.ends_at.where(~early, contracts.terminated_at)
    if way == "agreed":
        last = contracts[~contracts.duplicated("account_id", keep="last")]
        at = last.terminated_at.fillna(last.ends_at).dt.floor("D")
        outcomes = pd.DataFrame({"account_id": last.account_id, "occurred_at": at, "kind": "churn"})
        frames["outcomes"] = outcomes[(at < END).to_numpy()]
    for name, frame in frames.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    settings = {
        "extends": "default",
        "tables": {name: {"from": f"{name}.csv"} for name in frames},
        "churn": {"kind": "outcome" if way == "agreed" else "contract_end", "allowed_gap_days": 30},
        "snapshots": {"every": "month"},
        "data_end": f"{END:%Y-%m-%d}",
        "state": str(folder / "state"),
        **({} if training is None else {"training": dict(training)}),
    }
    (folder / "forewarn.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    return folder / "forewarn.yaml"


@dataclass(frozen=True)
class Judged:
    """What `check` suspects, and the AUC of the backtest within the main horizon, whether refused or not."""

    way: str
    suspects: tuple[str, ...]
    auc: float
    rows: int
    churned: int


def judge(way: str, tables: dict[str, pd.DataFrame], training: Mapping[str, object] | None = None) -> Judged:
    """Checks and backtests the company written in this way, `training` as in `write`."""
    with TemporaryDirectory() as folder:
        settings = load_settings(write(Path(folder), way, tables, training))
        sources = open_sources(settings)
        suspects = tuple(suspect.column for suspect in find_suspects(settings, sources))
        rows = backtest(load_dataset(settings, sources), settings).predictions
        sources.close()
    days = settings.main_horizon_days
    known = rows[rows[f"churned_{days}d"].notna()]
    left = known[f"churned_{days}d"].to_numpy(bool)
    return Judged(way, suspects, float(auc(left, known[f"p_churn_{days}d"].to_numpy())), len(known), int(left.sum()))


def main() -> None:
    tables = company()
    early = int(tables["contracts"].terminated_at.notna().sum())
    print(f"{len(tables['accounts'])} accounts, {len(tables['contracts'])} terms, {early} left mid-term")
    for way in sys.argv[1:] or WAYS:
        judged = judge(way, tables)
        suspects = ", ".join(judged.suspects) or "none"
        print(
            f"{way:<12} AUC {judged.auc:.3f} ({judged.rows:,} rows, {judged.churned} churned) suspects: {suspects}",
            flush=True,
        )


if __name__ == "__main__":
    main()
