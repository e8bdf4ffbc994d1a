"""Snapshots into hazard rows: one row per (snapshot, interval).

Interval k of a snapshot is [as_of + start_k, as_of + end_k). The edges are the horizons, so that each is the end of an
interval, and the multiples of the interval's length that do not lie close to one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.known_labels import days


@dataclass(frozen=True)
class Intervals:
    """The intervals into which the time after a snapshot is cut.

    Attributes
    ----------
    edges : tuple of int
        Days, rising from 0 to the longest horizon; interval k is [edges[k], edges[k + 1]).
    """

    edges: tuple[int, ...]

    @property
    def starts(self) -> tuple[int, ...]:
        return self.edges[:-1]

    @property
    def ends(self) -> tuple[int, ...]:
        return self.edges[1:]

    @property
    def count(self) -> int:
        return len(self.edges) - 1

    def upto(self, horizon_days: int) -> int:
        """How many intervals make up the horizon; ValueError if it is no edge."""
        return self.edges.index(horizon_days)


def make_intervals(horizons_days: Sequence[int], interval_days: int) -> Intervals:
    """Edges at the horizons and at those multiples of interval_days that keep half an interval's distance from them.

    Parameters
    ----------
    horizons_days : sequence of int
        Each becomes the end of an interval.
    interval_days : int
        Length of the others.

    Returns
    -------
    Intervals
        Up to the longest horizon.

    Examples
    --------
    >>> make_intervals((30, 60, 90, 180), 30).edges
    (0, 30, 60, 90, 120, 150, 180)
    >>> make_intervals((28, 91), 30).edges
    (0, 28, 60, 91)
    """
    horizons = sorted(set(horizons_days))
    fixed = [0, *horizons]
    multiples = range(interval_days, horizons[-1], interval_days)
    free = [day for day in multiples if min(abs(day - edge) for edge in fixed) * 2 > interval_days]
    return Intervals(tuple(sorted({*fixed, *free})))


@dataclass(frozen=True)
class HazardRows:
    """The (snapshot, interval) rows that may teach: each is at risk when its interval begins.

    Attributes
    ----------
    snapshot : ndarray of int, shape (m,)
        Row of the labels that each is of.
    interval : ndarray of int, shape (m,)
        Which interval it is of.
    churned : ndarray of float, shape (m,)
        1 with a churn in the interval, else 0.
    end_days : ndarray of float, shape (m,)
        END of the interval, days since 1970.
    """

    snapshot: np.ndarray
    interval: np.ndarray
    churned: np.ndarray
    end_days: np.ndarray

    def __len__(self) -> int:
        return len(self.snapshot)

    def take(self, keep: np.ndarray) -> HazardRows:
        return HazardRows(self.snapshot[keep], self.interval[keep], self.churned[keep], self.end_days[keep])

    @property
    def ends(self) -> pd.Series:
        """END of each row's interval as datetimes."""
        return pd.Series((self.end_days * 86_400e6).astype("int64").astype("datetime64[us]"))


def hazard_rows(labels: pd.DataFrame, intervals: Intervals, until: pd.Timestamp) -> HazardRows:
    """Every (snapshot, interval) still at risk at the interval's start and whose END <= min(until, observed_until).

    The END counts for churners too: taking an unfinished interval because a churn was already seen in it, while its
    survivors are left out, would raise the hazard of the newest rows. Snapshots with no finished interval give no row.

    Parameters
    ----------
    labels : DataFrame
        A row a snapshot: account_id, as_of, churn_at, observed_until.
    intervals : Intervals
        K of them follow each snapshot.
    until : Timestamp
        By which an outcome must be known.

    Returns
    -------
    HazardRows
        In order of snapshot and interval.

    References
    ----------
    P. D. Allison (1982), "Discrete-time methods for the analysis of event histories".
    """
    as_of = days(labels["as_of"])
    limit = np.minimum(days(labels["observed_until"]), days(pd.Series([until]))[0])
    churn = days(labels["churn_at"]) - as_of
    starts = np.array(intervals.starts, float)
    ends = np.array(intervals.ends, float)
    finished = as_of[:, None] + ends[None, :] <= limit[:, None]
    at_risk = ~(churn[:, None] < starts[None, :])
    in_it = (churn[:, None] >= starts[None, :]) & (churn[:, None] < ends[None, :])
    snapshot, interval = np.nonzero(finished & at_risk)
    return HazardRows(
        snapshot=snapshot,
        interval=interval,
        churned=in_it[snapshot, interval].astype(float),
        end_days=as_of[snapshot] + ends[interval],
    )


AHEAD = ("days_to_renewal", "term_days")  # what renewals are known from


def renewal_ahead(frame: pd.DataFrame, intervals: Intervals) -> tuple[np.ndarray, np.ndarray]:
    """What is known in advance of each interval's renewals: (falls in it: 1/0/NaN, days from its start to the next).

    Both (n, K). After the first renewal the next ones are term_days apart; NaN where no renewal date is known
    (open-ended, or past the first one with an unknown term).
    """
    first = frame["days_to_renewal"].to_numpy(float)[:, None]
    term = frame["term_days"].to_numpy(float)[:, None]
    term = np.where(term > 0, term, np.nan)
    starts = np.array(intervals.starts, float)[None, :]
    lengths = np.array(intervals.ends, float)[None, :] - starts
    renewals_passed = np.ceil(np.maximum(starts - first, 0.0) / term)
    upcoming = np.where(first >= starts, first, first + renewals_passed * term)
    ahead = upcoming - starts
    falls = np.where(np.isnan(ahead), np.nan, (ahead < lengths).astype(float))
    return falls, ahead
