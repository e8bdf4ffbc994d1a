"""The figures that leaders are measured by: revenue retention, logo churn, health over time, time to value.

Input are plain frames, so that backtest, ledger and sources can all bring them: contracts as `features.snapshots.
contract_rows` reads them (account_id, at, ends_at with NaT for open, arr), accounts (account_id, created_at and any
columns to group by). Days are UTC midnights, periods half-open, amounts in the currency of arr.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd

from evaluation.metrics.bootstrap import draw, interval_of
from evaluation.metrics.bootstrap_statistics import ratios
from evaluation.metrics.proportions import wilson
from evaluation.metrics.validation import Array, MetricRefused

PERIODS = {"month": "MS", "quarter": "QS", "year": "QS"}
LEAST_ACCOUNTS = 10


def arr_at(contracts: pd.DataFrame, days: Sequence[pd.Timestamp], gap_days: int) -> pd.DataFrame:
    """ARR under contract of every account (index) on each of `days` (columns): the sum of the contracts that cover it.

    A contract followed by another within `gap_days` after its end lasts until that one: late paperwork is no churn.
    A contract without an ARR makes its account's ARR unknown (NaN) for as long as it lasts.

    >>> days = pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01"])
    >>> rows = pd.DataFrame({"account_id": "a", "at": days[:2], "ends_at": [days[1], pd.NaT], "arr": [10.0, 15.0]})
    >>> arr_at(rows, list(days), gap_days=30).loc["a"].tolist()
    [10.0, 15.0, 15.0]
    """
    codes, names = pd.factorize(contracts.account_id, sort=True)
    rows = contracts[["at", "ends_at", "arr"]].assign(account=codes).sort_values(["account", "at"], kind="stable")
    ends, account = rows.ends_at.astype("datetime64[us]"), rows.account.to_numpy()
    latest = ends.fillna(pd.Timestamp.max.floor("us")).groupby(account).cummax()
    following = rows["at"].astype("datetime64[us]").groupby(account).shift(-1)
    bridged = (ends == latest) & (following > ends) & (following <= ends + pd.Timedelta(days=gap_days))
    ends = ends.mask(bridged, following)
    arr = rows.arr.to_numpy(dtype=float)
    columns = {}
    for day in days:
        there = ((rows["at"] <= day) & (ends.isna() | (ends > day))).to_numpy()
        columns[day] = np.bincount(account[there], arr[there], len(names))  # a sum with NaN is NaN
    return pd.DataFrame(columns, index=pd.Index(names, name="account_id"))


def retention(
    contracts: pd.DataFrame,
    accounts: pd.DataFrame,
    known_until: pd.Timestamp,
    *,
    gap_days: int,
    every: Literal["month", "quarter", "year"] = "quarter",
    by: str | None = None,
    draws: int,
    seed: int,
    levels: pd.DataFrame | None = None,
) -> list[dict[str, Any]]:
    """Gross and net revenue retention and logo churn of every whole period that is known, oldest first.

    Of the accounts under contract on a period's first day: gross: ARR kept on the first day after it, no account
    counted for more than it paid before (0-1, higher is better); net: with expansion (from 0 up; above 1 the customers
    there were pay more than before); logo_churn: share of accounts without a contract by then (0-1, lower is better).
    Intervals are over accounts. Accounts whose ARR is unknown on either day are counted in `arr_unknown` and left out
    of gross and net. known_until: the data's end less the allowed gap and the settling days; a period must end by then.
    Years are the four whole quarters up to the newest that is known, the four before them, and so on. by: a column of
    accounts, or "cohort" for the quarter of sign-up; a line a period and group.

    levels: `arr_at` of the periods' first days, where it is known already.

    A line whose accounts are fewer than 10 says {"refused": why} for each figure.

    >>> who = [f"a{number}" for number in range(10)]      # in May one of ten leaves, and one pays 50 more
    >>> rows = pd.DataFrame({"account_id": who, "at": pd.Timestamp("2024-01-01"), "ends_at": pd.NaT, "arr": 100.0})
    >>> rows.loc[0, "ends_at"] = pd.Timestamp("2024-05-01")
    >>> more = rows.tail(1).assign(at=pd.Timestamp("2024-05-01"), arr=50.0)
    >>> accounts = pd.DataFrame({"account_id": who, "created_at": pd.Timestamp("2024-01-01")})
    >>> until = pd.Timestamp("2024-07-01")
    >>> first, second = retention(pd.concat([rows, more]), accounts, until, gap_days=30, draws=50, seed=1)
    >>> second["period"], [round(second[name]["value"], 2) for name in ("gross", "net", "logo_churn")]
    ('2024 Q2', [0.9, 0.95, 0.1])
    """
    starts = first_days(contracts, known_until, every)
    if every == "year":
        starts = starts[(len(starts) - 1) % 4 :: 4]
    if len(starts) < 2:
        return []
    levels = arr_at(contracts, list(starts), gap_days) if levels is None else levels
    group = _groups(accounts, by).reindex(levels.index)
    numbers = np.arange(len(levels))  # of the accounts in the order of their names, for the draws
    parts: list[pd.DataFrame] = []
    lines: list[dict[str, Any]] = []
    for start, end in pairwise(starts):
        there = (levels[start] != 0).to_numpy()  # NaN, an unknown ARR, is there
        rows = pd.DataFrame({"account_id": numbers, "before": levels[start], "after": levels[end]})[there]
        for name, part in rows.groupby(group[there], dropna=False, sort=True):
            parts.append(part.assign(line=len(lines)))
            lines.append({"period": _label(start, end, every), "group": None if by is None else str(name)})
    found = _retained(pd.concat(parts, ignore_index=True), len(lines), draws, seed) if parts else []
    return [line | more for line, more in zip(lines, found, strict=True)]


def first_days(contracts: pd.DataFrame, known_until: pd.Timestamp, every: str = "quarter") -> pd.DatetimeIndex:
    """First days of the periods that begin after the first contract did and by known_until; those of the quarters
    hold those of the years."""
    first = contracts["at"].min()
    if pd.isna(first):
        return pd.DatetimeIndex([])
    return pd.date_range(first.normalize(), known_until, freq=PERIODS[every]).as_unit("us")


def _label(start: pd.Timestamp, end: pd.Timestamp, every: str) -> str:
    if every == "month":
        return f"{start:%Y-%m}"
    first, last = (f"{one.year} Q{one.quarter}" for one in (start, end - pd.Timedelta(days=1)))
    return first if first == last else f"{first} to {last}"


def _groups(accounts: pd.DataFrame, by: str | None) -> pd.Series:
    if by is None:
        return pd.Series("all", index=accounts.account_id)
    if by == "cohort":
        label = accounts.created_at.dt.year.astype(str) + " Q" + accounts.created_at.dt.quarter.astype(str)
    else:
        label = accounts[by].astype(object).where(accounts[by].notna(), "(unknown)").astype(str)
    return pd.Series(label.to_numpy(), index=accounts.account_id)


def _retained(rows: pd.DataFrame, lines: int, draws: int, seed: int) -> list[dict[str, Any]]:
    """The figures of each `line` of rows, all on the same draws of accounts."""
    known = rows[rows.before.notna() & rows.after.notna()].reset_index(drop=True)
    known = known.assign(kept=np.minimum(known.before, known.after))
    there, priced = np.bincount(rows.line, minlength=lines), np.bincount(known.line, minlength=lines)
    tops = {"gross": "kept", "net": "after"}
    asked = {"both": ratios(list(tops.values()), "before", known.line.to_numpy(), lines)}
    enough = (priced >= LEAST_ACCOUNTS).any()
    drawn = dict(zip(tops, draw(known, asked, draws, seed)["both"], strict=True)) if enough else {}
    arr, gone = np.bincount(known.line, known.before, lines), np.bincount(rows.line, rows.after == 0, lines)
    table = []
    for line in range(lines):
        found: dict[str, Any] = {"accounts": int(there[line]), "arr": float(arr[line])}
        found["arr_unknown"] = int(there[line] - priced[line])
        for name in tops:
            refused = _refused(name, int(priced[line]))
            found[name] = refused or asdict(interval_of(drawn[name][line], name))
        share = float(gone[line] / there[line])
        ends = dict(zip(("low", "high"), wilson(share, there[line]), strict=True))
        found["logo_churn"] = _refused("logo_churn", int(there[line])) or {"value": share, **ends}
        table.append(found)
    return table


def _refused(name: str, accounts: int, what: str = "accounts") -> dict[str, str]:
    """{"refused": why} with fewer than 10 accounts, else nothing."""
    return {"refused": MetricRefused(name, what, accounts, LEAST_ACCOUNTS).why} if accounts < LEAST_ACCOUNTS else {}


def health_over_time(rows: pd.DataFrame, levels: Sequence[str], by: str | None = None) -> list[dict[str, Any]]:
    """How many accounts stood at each risk level on each as_of: as_of, group, accounts, and a count a level.

    rows: account_id, as_of, risk_level and the column `by`; one an account and day. A level none of `levels` counts
    under "(other)".

    >>> rows = pd.DataFrame({"as_of": pd.Timestamp("2025-01-01"), "risk_level": ["low", "high", "low"]})
    >>> health_over_time(rows, ["low", "high"])
    [{'as_of': '2025-01-01', 'group': None, 'accounts': 3, 'low': 2, 'high': 1}]
    """
    shown = rows.risk_level.where(rows.risk_level.isin(list(levels)), "(other)")
    group = (
        pd.Series("all", index=rows.index) if by is None else rows[by].astype(object).fillna("(unknown)").astype(str)
    )
    counts = pd.crosstab([rows.as_of, group], shown).reindex(columns=[*levels, "(other)"], fill_value=0)
    return [
        {"as_of": f"{as_of:%Y-%m-%d}", "group": None if by is None else name, "accounts": int(line.sum())}
        | {level: int(line[level]) for level in counts.columns if level != "(other)" or line[level]}
        for (as_of, name), (_, line) in zip(counts.index, counts.iterrows(), strict=True)
    ]


def time_to_value(
    accounts: pd.DataFrame,
    reached: pd.DataFrame,
    until: pd.Timestamp,
    *,
    due_days: int,
    by: str | None = None,
    draws: int,
    seed: int,
) -> list[dict[str, Any]]:
    """Days from sign-up to the first milestone of value, for all accounts or by group ("cohort": quarter of sign-up).

    accounts: account_id, created_at, left_at (NaT: not left) and the column `by`; reached: account_id, at, of the one
    milestone that counts (first_business_outcome), as known at `until`. An account is followed until it reaches it,
    leaves, or the data end. median_days: when half have reached it (Kaplan and Meier 1958), lower is better; refused
    while fewer than half have. in_time: share that had by `due_days`, among those followed so long (0-1, higher is
    better; an account that left before is one that did not). Intervals over accounts; fewer than 10 accounts: refused.

    >>> start = pd.Timestamp("2024-01-01")
    >>> accounts = pd.DataFrame({"account_id": list("abcdefghij"), "created_at": start, "left_at": pd.NaT})
    >>> days = pd.to_timedelta(range(10, 110, 10), unit="D")      # after 10, 20, ... 100 days
    >>> reached = pd.DataFrame({"account_id": list("abcdefghij"), "at": start + days})
    >>> found = time_to_value(accounts, reached, pd.Timestamp("2024-07-01"), due_days=60, draws=50, seed=1)[0]
    >>> found["median_days"]["value"], found["in_time"]["value"]
    (50.0, 0.6)
    """
    first = reached[reached["at"] < until].groupby("account_id")["at"].min()
    rows = accounts[accounts.created_at < until].assign(group=lambda one: _groups(one, by).to_numpy())
    at = rows.account_id.map(first)
    end = rows.left_at.where(rows.left_at < until, until).astype("datetime64[us]")
    got = at.notna() & (at <= end)
    days = (at.where(got, end) - rows.created_at).dt.total_seconds() / 86_400
    rows = rows.assign(got=got, days=days.clip(lower=0), since=(until - rows.created_at).dt.days)
    return [
        {"group": None if by is None else name, "accounts": len(part), "reached": int(part.got.sum())}
        | {"median_days": _median(part, draws, seed), "in_time": _in_time(part, due_days)}
        for name, part in rows.groupby("group", sort=True)
    ]


def _in_time(rows: pd.DataFrame, due_days: int) -> dict[str, Any]:
    old = rows[rows.since >= due_days]
    if refused := _refused("time to value", len(old), f"accounts that signed up {due_days} days ago and more"):
        return dict(refused)
    share = float((old.got & (old.days <= due_days)).mean())
    low, high = wilson(share, len(old))
    return {"value": share, "low": low, "high": high, "due_days": due_days}


def _median(rows: pd.DataFrame, draws: int, seed: int) -> dict[str, Any]:
    if refused := _refused("time to value", len(rows)):
        return dict(refused)
    order = np.lexsort((~rows.got.to_numpy(), rows.days.to_numpy()))
    days, got = rows.days.to_numpy()[order], rows.got.to_numpy()[order]
    size = len(rows)
    counts = np.random.default_rng(seed).multinomial(size, np.full(size, 1 / size), draws).T
    drawn = _km_median(days, got, np.column_stack([np.ones(size, dtype=int), counts]))
    if not np.isfinite(drawn[0]):
        needed = int(np.ceil(size / 2))
        return {"refused": MetricRefused("time to value", "accounts have reached it", int(got.sum()), needed).why}
    low, high = np.quantile(drawn[1:], (0.025, 0.975), method="inverted_cdf")
    return {"value": float(drawn[0]), "low": float(low), "high": float(high) if np.isfinite(high) else None}


def _km_median(days: Array, got: Array, counts: Array) -> Array:
    """Of each draw: the first day at which half and more have reached it, inf when they never do. Days rise."""
    at_risk = np.cumsum(counts[::-1], axis=0)[::-1]
    hazard = np.divide(counts * got[:, None], at_risk, out=np.zeros(counts.shape), where=at_risk > 0)
    below = np.cumprod(1 - hazard, axis=0) <= 0.5 + 1e-12
    return np.where(below.any(axis=0), days[below.argmax(axis=0)], np.inf)
