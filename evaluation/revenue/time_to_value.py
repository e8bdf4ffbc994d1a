"""How long a new customer takes to the first milestone that counts as value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.metrics import Array, Interval, MetricRefused, Refusal, wilson
from evaluation.revenue.groups import group_labels, refusal_of_few


@dataclass(frozen=True)
class ShareInTime(Interval):
    """The share that reached value within `due_days` of signing up, with its interval."""

    due_days: int


@dataclass(frozen=True)
class TimeToValue:
    """Days from sign-up to value of a group of accounts.

    Attributes
    ----------
    group : str or None
        The group; None where all accounts are one.
    accounts, reached : int
        Accounts that had signed up, and those of them that had reached it.
    median_days : Interval or Refusal
        Days after which half have reached it; `high` is infinite where resamples never do. Lower is better.
    in_time : ShareInTime or Refusal
        Share, 0-1, that reached it by the day it was due; higher is better.
    """

    group: str | None
    accounts: int
    reached: int
    median_days: Interval | Refusal
    in_time: ShareInTime | Refusal


def time_to_value(
    accounts: pd.DataFrame,
    reached: pd.DataFrame,
    until: pd.Timestamp,
    *,
    due_days: int,
    by: str | None = None,
    draws: int,
    seed: int,
) -> list[TimeToValue]:
    """Days from sign-up to the first milestone of value, for all accounts or by group.

    An account is followed until it reaches it, leaves, or the data end; one that left before it was due is one that
    did not reach it in time. Intervals are over accounts; fewer than 10 accounts are refused, and so is the median
    while fewer than half have reached it.

    Parameters
    ----------
    accounts : pandas.DataFrame
        account_id, created_at, left_at (NaT: not left) and the column `by`.
    reached : pandas.DataFrame
        account_id, at: of the one milestone that counts, as known at `until`.
    until : pandas.Timestamp
        The data's end.
    due_days : int
        Days after sign-up by which it should be reached.
    by : str, optional
        A column of accounts, or "cohort" for the quarter of sign-up.
    draws, seed : int
        Resamples of accounts behind each interval, and their seed.

    Returns
    -------
    list of TimeToValue
        One a group, in the order of their names.

    References
    ----------
    Kaplan and Meier (1958), Nonparametric estimation from incomplete observations.

    Examples
    --------
    >>> start = pd.Timestamp("2024-01-01")
    >>> accounts = pd.DataFrame({"account_id": list("abcdefghij"), "created_at": start, "left_at": pd.NaT})
    >>> days = pd.to_timedelta(range(10, 110, 10), unit="D")      # after 10, 20, ... 100 days
    >>> reached = pd.DataFrame({"account_id": list("abcdefghij"), "at": start + days})
    >>> (line,) = time_to_value(accounts, reached, pd.Timestamp("2024-07-01"), due_days=60, draws=50, seed=1)
    >>> line.median_days.value, line.in_time.value
    (50.0, 0.6)
    """
    first = reached[reached["at"] < until].groupby("account_id")["at"].min()
    rows = accounts[accounts.created_at < until].assign(group=lambda known: group_labels(known, by).to_numpy())
    at = rows.account_id.map(first)
    end = rows.left_at.where(rows.left_at < until, until).astype("datetime64[us]")
    got = at.notna() & (at <= end)
    days = (at.where(got, end) - rows.created_at).dt.total_seconds() / 86_400
    rows = rows.assign(got=got, days=days.clip(lower=0), since=(until - rows.created_at).dt.days)
    return [
        TimeToValue(
            group=None if by is None else str(name),
            accounts=len(part),
            reached=int(part.got.sum()),
            median_days=_median(part, draws, seed),
            in_time=_in_time(part, due_days),
        )
        for name, part in rows.groupby("group", sort=True)
    ]


def _in_time(rows: pd.DataFrame, due_days: int) -> ShareInTime | Refusal:
    old = rows[rows.since >= due_days]
    what = f"accounts that signed up {due_days} days ago and more"
    if refusal := refusal_of_few("time to value", len(old), what):
        return refusal
    share = float((old.got & (old.days <= due_days)).mean())
    return ShareInTime(share, *wilson(share, len(old)), due_days)


def _median(rows: pd.DataFrame, draws: int, seed: int) -> Interval | Refusal:
    if refusal := refusal_of_few("time to value", len(rows)):
        return refusal
    order = np.lexsort((~rows.got.to_numpy(), rows.days.to_numpy()))
    days, got = rows.days.to_numpy()[order], rows.got.to_numpy()[order]
    size = len(rows)
    counts = np.random.default_rng(seed).multinomial(size, np.full(size, 1 / size), draws).T
    drawn = _km_median(days, got, np.column_stack([np.ones(size, dtype=int), counts]))
    if not np.isfinite(drawn[0]):
        needed = int(np.ceil(size / 2))
        return Refusal(MetricRefused("time to value", "accounts have reached it", int(got.sum()), needed).why)
    low, high = np.quantile(drawn[1:], (0.025, 0.975), method="inverted_cdf")
    return Interval(float(drawn[0]), float(low), float(high))


def _km_median(days: Array, got: Array, counts: Array) -> Array:
    """Of each draw: the first day at which half and more have reached it, inf when they never do. Days rise."""
    at_risk = np.cumsum(counts[::-1], axis=0)[::-1]
    hazard = np.divide(counts * got[:, None], at_risk, out=np.zeros(counts.shape), where=at_risk > 0)
    below = np.cumprod(1 - hazard, axis=0) <= 0.5 + 1e-12
    return np.where(below.any(axis=0), days[below.argmax(axis=0)], np.inf)
