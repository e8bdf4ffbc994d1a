"""What revenue and which customers were kept: gross and net revenue retention, and logo churn.

Input are plain frames, so that backtest, ledger and sources can all bring them. Days are UTC midnights, periods
half-open, amounts in the currency of arr. An end at midnight belongs to the day before: a contract that ends on 1
January is lost in the fourth quarter.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import pandas as pd

from evaluation.metrics import Interval, Refusal, draw, interval_of, ratios, wilson
from evaluation.revenue.groups import LEAST_ACCOUNTS, group_labels, refusal_of_few
from features.timeline import customer_spells

PERIODS = {"month": "MS", "quarter": "QS", "year": "QS"}


@dataclass(frozen=True)
class ContractBook:
    """The contracts of a company, and until when they are known.

    Attributes
    ----------
    contracts : pandas.DataFrame
        account_id, at, ends_at (of what is covered, NaT: open-ended), arr (NaN: unknown), as
        `features.timeline.contract_rows` reads them.
    accounts : pandas.DataFrame
        account_id, created_at and any columns to group by.
    known_until : pandas.Timestamp
        The data's end less the allowed gap and the settling days; a period must end by then.
    gap_days : int
        The longest break between two contracts that is no churn: the allowed gap, or that of a pause.
    """

    contracts: pd.DataFrame
    accounts: pd.DataFrame
    known_until: pd.Timestamp
    gap_days: int


@dataclass(frozen=True)
class Retention:
    """What was kept of the customers of a period's first day (`customers_at`).

    Attributes
    ----------
    period : str
        "2024-02", "2024 Q1" or "2023 Q2 to 2024 Q1".
    group : str or None
        The group; None where all accounts are one.
    accounts, arr_unknown : int
        Customers, and those whose ARR is unknown on either day: left out of gross and net.
    arr : float
        ARR on the first day, in the currency of the contracts.
    gross : Interval or Refusal
        ARR kept on the first day after, no account counted for more than before; 0-1, higher is better.
    net : Interval or Refusal
        The same with expansion; from 0 up, above 1 the customers that were there pay more than before.
    logo_churn : Interval or Refusal
        Share of accounts that are no customers by then: without a contract for longer than the gap; 0-1, lower is
        better.
    """

    period: str
    group: str | None
    accounts: int
    arr: float
    arr_unknown: int
    gross: Interval | Refusal
    net: Interval | Refusal
    logo_churn: Interval | Refusal


def arr_at(contracts: pd.DataFrame, days: Sequence[pd.Timestamp]) -> pd.DataFrame:
    """ARR under contract of every account on each of `days`: the sum of the contracts that cover it.

    Parameters
    ----------
    contracts : pandas.DataFrame
        account_id, at, ends_at (the end of what each covers, NaT: open-ended), arr, as
        `features.timeline.contract_rows` reads them. One without an ARR makes its account's ARR unknown (NaN) for as
        long as it lasts.
    days : sequence of pandas.Timestamp
        UTC midnights.

    Returns
    -------
    pandas.DataFrame
        (accounts, days), in the currency of arr.

    Examples
    --------
    >>> days = pd.to_datetime(["2024-01-01", "2024-02-01", "2024-03-01"])
    >>> rows = pd.DataFrame({"account_id": "a", "at": days[:2], "ends_at": [days[1], pd.NaT], "arr": [10.0, 15.0]})
    >>> arr_at(rows, list(days)).loc["a"].tolist()
    [10.0, 15.0, 15.0]
    """
    account, names = pd.factorize(contracts.account_id, sort=True)
    arr = contracts.arr.to_numpy(dtype=float)
    columns = {}
    for day in days:
        covered = ((contracts["at"] <= day) & (contracts.ends_at.isna() | (contracts.ends_at > day))).to_numpy()
        columns[day] = np.bincount(account[covered], arr[covered], len(names))  # a sum with NaN is NaN
    return pd.DataFrame(columns, index=pd.Index(names, name="account_id"))


def customers_at(contracts: pd.DataFrame, days: Sequence[pd.Timestamp], gap_days: int) -> pd.DataFrame:
    """Which accounts are customers on each of `days`: under contract, or between two of them no further apart than
    the gap.

    Parameters
    ----------
    contracts : pandas.DataFrame
        As for `arr_at`.
    days : sequence of pandas.Timestamp
        UTC midnights.
    gap_days : int
        The longest break between two contracts that is no churn.

    Returns
    -------
    pandas.DataFrame
        (accounts, days) of flags, in the order of `arr_at`.
    """
    spells = customer_spells(contracts, pd.Timedelta(days=gap_days))
    account, names = pd.factorize(spells.account_id, sort=True)
    columns = {}
    for day in days:
        here = ((spells.began <= day) & (spells.ended > day)).to_numpy()
        columns[day] = np.bincount(account[here], minlength=len(names)) > 0
    return pd.DataFrame(columns, index=pd.Index(names, name="account_id"))


def retention(
    book: ContractBook,
    *,
    every: Literal["month", "quarter", "year"] = "quarter",
    by: str | None = None,
    draws: int,
    seed: int,
    known_arr: pd.DataFrame | None = None,
) -> list[Retention]:
    """Gross and net revenue retention and logo churn of every whole period that is known, oldest first.

    Intervals are over accounts. A line of fewer than 10 accounts has refusals in their place.

    Parameters
    ----------
    book : ContractBook
        The contracts, and until when they are known.
    every : {"month", "quarter", "year"}
        The period. Years are the four whole quarters up to the newest that is known, the four before them, and so on.
    by : str, optional
        A column of accounts, or "cohort" for the quarter of sign-up; then a line a period and group.
    draws, seed : int
        Resamples of accounts behind each interval, and their seed.
    known_arr : pandas.DataFrame, optional
        `arr_at` of the periods' first days, where it has been computed already.

    Returns
    -------
    list of Retention
        Empty without a whole period.

    Examples
    --------
    >>> who = [f"a{number}" for number in range(10)]      # in May one of ten leaves, and one pays 50 more
    >>> rows = pd.DataFrame({"account_id": who, "at": pd.Timestamp("2024-01-01"), "ends_at": pd.NaT, "arr": 100.0})
    >>> rows.loc[0, "ends_at"] = pd.Timestamp("2024-05-01")
    >>> more = rows.tail(1).assign(at=pd.Timestamp("2024-05-01"), arr=50.0)
    >>> accounts = pd.DataFrame({"account_id": who, "created_at": pd.Timestamp("2024-01-01")})
    >>> book = ContractBook(pd.concat([rows, more]), accounts, pd.Timestamp("2024-07-01"), gap_days=30)
    >>> first, second = retention(book, draws=50, seed=1)
    >>> second.period, [round(figure.value, 2) for figure in (second.gross, second.net, second.logo_churn)]
    ('2024 Q2', [0.9, 0.95, 0.1])
    """
    starts = first_days(book.contracts, book.known_until, every)
    if every == "year":
        starts = starts[(len(starts) - 1) % 4 :: 4]
    if len(starts) < 2:
        return []
    arr = arr_at(book.contracts, list(starts)) if known_arr is None else known_arr
    present = customers_at(book.contracts, list(starts), book.gap_days)
    group = group_labels(book.accounts, by).reindex(arr.index)
    numbers = np.arange(len(arr))  # of the accounts in the order of their names, for the draws
    parts: list[pd.DataFrame] = []
    lines: list[tuple[str, str | None]] = []
    for start, end in pairwise(starts):
        is_present = present[start].to_numpy()
        columns = {"account_id": numbers, "before": arr[start], "after": arr[end], "gone": ~present[end]}
        rows = pd.DataFrame(columns)[is_present]
        for name, part in rows.groupby(group[is_present], dropna=False, sort=True):
            parts.append(part.assign(line=len(lines)))
            lines.append((_label(start, end, every), None if by is None else str(name)))
    return _retained(pd.concat(parts, ignore_index=True), lines, draws, seed) if parts else []


def first_days(contracts: pd.DataFrame, known_until: pd.Timestamp, every: str = "quarter") -> pd.DatetimeIndex:
    """First days of the periods that begin on the first contract's day or later; those of the quarters hold the years'.

    Parameters
    ----------
    contracts : pandas.DataFrame
        With the column `at`.
    known_until : pandas.Timestamp
        No later day is given.
    every : {"month", "quarter", "year"}
        The period.

    Returns
    -------
    pandas.DatetimeIndex
        UTC midnights, rising; empty without contracts.
    """
    first = contracts["at"].min()
    if pd.isna(first):
        return pd.DatetimeIndex([])
    return pd.date_range(first.normalize(), known_until, freq=PERIODS[every]).as_unit("us")


def _label(start: pd.Timestamp, end: pd.Timestamp, every: str) -> str:
    if every == "month":
        return f"{start:%Y-%m}"
    first, last = (f"{day.year} Q{day.quarter}" for day in (start, end - pd.Timedelta(days=1)))
    return first if first == last else f"{first} to {last}"


def _retained(rows: pd.DataFrame, lines: list[tuple[str, str | None]], draws: int, seed: int) -> list[Retention]:
    """The figures of each `line` (period, group) of rows, all on the same draws of accounts."""
    count = len(lines)
    known = rows[rows.before.notna() & rows.after.notna()].reset_index(drop=True)
    known = known.assign(kept=np.minimum(known.before, known.after))
    present, priced = np.bincount(rows.line, minlength=count), np.bincount(known.line, minlength=count)
    tops = {"gross": "kept", "net": "after"}
    statistics = {"both": ratios(list(tops.values()), "before", known.line.to_numpy(), count)}
    enough = (priced >= LEAST_ACCOUNTS).any()
    drawn = dict(zip(tops, draw(known, statistics, draws, seed)["both"], strict=True)) if enough else {}
    arr, gone = np.bincount(known.line, known.before, count), np.bincount(rows.line, rows.gone, count)

    def revenue(name: str, line: int) -> Interval | Refusal:
        refusal = refusal_of_few(name, int(priced[line]))
        return interval_of(drawn[name][line], name) if refusal is None else refusal

    return [
        Retention(
            period=period,
            group=group,
            accounts=int(present[line]),
            arr=float(arr[line]),
            arr_unknown=int(present[line] - priced[line]),
            gross=revenue("gross", line),
            net=revenue("net", line),
            logo_churn=_logo_churn(gone[line], present[line]),
        )
        for line, (period, group) in enumerate(lines)
    ]


def _logo_churn(gone: float, accounts: float) -> Interval | Refusal:
    refusal = refusal_of_few("logo_churn", int(accounts))
    share = float(gone / accounts)
    return Interval(share, *wilson(share, accounts)) if refusal is None else refusal
