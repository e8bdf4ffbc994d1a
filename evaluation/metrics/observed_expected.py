"""Whether as many accounts leave as were predicted: the ratio of a period with its interval, and a watch over periods.

The watch is a CUSUM (Page 1954) on the likelihood of every account's outcome under hazards that are `times` the
predicted ones, against the predicted ones. Its limit is not looked up: quiet histories are drawn from the predictions
themselves, and the limit of a period is what a share `alarm_rate` of those exceed that have been quiet so far (the
probability limits of Zhang and Woodall 2015), and never below 0, where the outcomes speak for `times` as much as for
the prediction: with 5 churns a period a false alarm is rare, and with 5,000 a tenth more or less is none.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import chdtri, gammaincinv

from configs.errors import DataError, Fault
from evaluation.metrics.validation import Array

PATHS = 5_000
BINS = 10  # groups of like predictions that a quiet history is drawn from
OVERLAP_DAYS = 3  # by which a window may reach into the next: calendar months are not all of 30 days


@dataclass(frozen=True)
class Ratio:
    """Churned rows over those predicted, with an interval; 1 is right, above 1 more left than predicted.

    Attributes
    ----------
    rows : int
        How many predictions were compared.
    observed : int
        Rows that churned.
    expected : float
        Sum of the probabilities.
    ratio : float
        observed / expected.
    low, high : float
        Ends of the interval of the true ratio.
    """

    rows: int
    observed: int
    expected: float
    ratio: float
    low: float
    high: float

    def off(self, limit: float) -> int:
        """1 where the whole interval says that more than `limit` times as many left as predicted, -1 where fewer than
        1 / limit times, else 0. Where most are expected to leave, those are counted that stay: of 80 in 100 there can
        be no twice as many, and 90 are half as many that stay.
        """
        low, high = self.low, self.high
        if self.expected > self.rows / 2:
            stay = self.rows - self.expected
            low, high = (
                stay / max(self.rows - low * self.expected, 1e-9),
                stay / max(self.rows - high * self.expected, 1e-9),
            )
        return int(low > limit) - int(high < 1 / limit)


def observed_expected(y: Array, p: Array, accounts: Array, level: float = 0.95) -> Ratio:
    """Observed over expected churns with an interval for the true ratio; never empty, also with no churn at all.

    Parameters
    ----------
    y : array, (n,)
        Outcomes, 0 or 1.
    p : array, (n,)
        Probabilities, 0-1.
    accounts : array, (n,)
        Each row's account. Several rows of an account churn together: its churn is one event with their number as
        weight.
    level : float
        Coverage of the interval, 0-1.

    Returns
    -------
    Ratio
        1 is right, above 1 more left than predicted.

    Raises
    ------
    DataError
        Where nothing was expected.

    References
    ----------
    Garwood (1936), the exact interval, where each account has one row.
    Fay and Feuer (1997), the gamma interval for a weighted sum of Poisson counts.

    Examples
    --------
    >>> churns = observed_expected(np.r_[1, np.zeros(9)], np.full(10, 0.1), np.arange(10))
    >>> round(churns.ratio, 3), round(churns.low, 3), round(churns.high, 3)
    (1.0, 0.025, 5.572)
    """
    y, p = np.asarray(y, dtype=float), np.asarray(p, dtype=float)
    expected = float(p.sum())
    if expected <= 0:
        to_do = "judge more rows, or fix their probabilities"
        raise DataError(Fault("observed over expected", f"{expected:g} churns expected", "more than 0", to_do))
    observed = float(y.sum())
    if y.size / 2 < expected < y.size:
        # Most leave: those that stay are the rare events, whose counts vary as an interval of counts takes them to.
        stays = observed_expected(1.0 - y, 1.0 - p, accounts, level)
        low, high = ((y.size - end * stays.expected) / expected for end in (stays.high, stays.low))
        return Ratio(y.size, int(observed), expected, observed / expected, max(low, 0.0), high)
    _, codes, rows = np.unique(accounts, return_inverse=True, return_counts=True)
    weights = np.bincount(codes, y)
    observed, squares = float(weights.sum()), float((weights**2).sum())
    largest = float(weights.max()) if observed else float(rows.mean())
    tail = (1 - level) / 2
    low = 0.0
    if observed:
        low = squares / (2 * observed) * (2 * float(gammaincinv(observed**2 / squares, tail)))
    above, spread = observed + largest, squares + largest**2
    high = spread / (2 * above) * float(chdtri(2 * above**2 / spread, tail))
    return Ratio(y.size, int(observed), expected, observed / expected, low / expected, high / expected)


@dataclass(frozen=True)
class WatchedPeriod:
    """One period under the watch: what was seen, and how rare that is.

    Attributes
    ----------
    as_of : pd.Timestamp
        Day of the period's scoring.
    since : pd.Timestamp
        The as_of at which the count began to run off.
    observed : int
        Churned rows from `since` on.
    expected : float
        Sum of the probabilities from `since` on.
    rarity : float
        Share of quiet histories that would have come as far in this period, 0-1.
    tripped : bool
        Whether it is an alarm.
    """

    as_of: pd.Timestamp
    since: pd.Timestamp
    observed: int
    expected: float
    rarity: float
    tripped: bool


def non_overlapping_as_ofs(as_ofs: Sequence[pd.Timestamp], horizon_days: int) -> tuple[pd.Timestamp, ...]:
    """As_ofs whose windows follow each other, from the first on, so that no churn counts twice.

    Not `quarterly_loss_as_ofs`, which waits for a quarter to begin: a watch must not lose its first days.

    Parameters
    ----------
    as_ofs : sequence of pd.Timestamp
        Days of scorings, in any order.
    horizon_days : int
        Length of the window after each, in days; windows may overlap by OVERLAP_DAYS.

    Returns
    -------
    tuple of pd.Timestamp
        Those to count, in order of time.

    Examples
    --------
    >>> [day.day for day in non_overlapping_as_ofs(pd.date_range("2024-01-01", "2024-03-31", freq="7D"), 30)]
    [1, 29, 26, 25]
    """
    kept: list[pd.Timestamp] = []
    for as_of in sorted(as_ofs):
        if not kept or as_of >= kept[-1] + pd.Timedelta(days=horizon_days - OVERLAP_DAYS):
            kept.append(pd.Timestamp(as_of))
    return tuple(kept)


def watch(
    periods: Sequence[tuple[pd.Timestamp, Array, Array]], times: float, alarm_rate: float, seed: int = 7
) -> list[WatchedPeriod]:
    """Watches period by period whether more, or fewer, accounts leave than predicted, and says when it is an alarm.

    A CUSUM on the likelihood of outcomes; its limit is drawn from the predictions themselves (see the module). After an
    alarm the watch starts afresh.

    Parameters
    ----------
    periods : sequence of (as_of, y, p)
        In order of time; y, p: (n,) outcomes and probabilities, an account once. Windows must not overlap
        (`non_overlapping_as_ofs`).
    times : float
        Hazards to look for, as a multiple of the predicted ones (above 1: more, below: fewer).
    alarm_rate : float
        Largest share of quiet histories that trip in a period, 0-1.
    seed : int
        Of the quiet histories.

    Returns
    -------
    list of WatchedPeriod
        One a period.

    References
    ----------
    Page (1954), Continuous inspection schemes.
    """
    random = np.random.default_rng(seed)
    quiet: Array = np.zeros(PATHS)
    seen = 0.0
    since, observed, expected = None, 0, 0.0
    watched = []
    for as_of, y, p in periods:
        gain, cost, size, mean = _likelihood_ratio(np.asarray(p, dtype=float), times)
        group = _groups(np.asarray(p, dtype=float))
        if seen <= 0 or since is None:
            since, observed, expected = as_of, 0, 0.0
        observed, expected = observed + int(np.sum(y)), expected + float(np.sum(p))
        seen = max(0.0, seen) + float(np.bincount(group, y, size.size) @ gain) + cost
        quiet = np.maximum(0.0, quiet) + random.binomial(size, mean, (PATHS, size.size)) @ gain + cost
        limit = max(0.0, float(np.quantile(quiet, 1 - alarm_rate, method="higher")))
        tripped = seen > limit
        rarity = float((quiet >= seen).mean())
        watched.append(WatchedPeriod(as_of, since, observed, expected, max(rarity, 1 / PATHS), tripped))
        quiet = quiet[quiet <= limit]
        quiet = random.choice(quiet, PATHS)
        if tripped:
            quiet, seen, since = np.zeros(PATHS), 0.0, None
    return watched


def _groups(p: Array) -> Array:
    """Number of each row's group: equal shares of rows by rank, from the lowest p up."""
    order = np.argsort(np.argsort(p, kind="stable"), kind="stable")
    return np.asarray(order * min(BINS, p.size) // p.size)


def _likelihood_ratio(p: Array, times: float) -> tuple[Array, float, Array, Array]:
    """Of each group, what a churn adds to the log likelihood ratio; what all rows cost it; rows and mean p by group."""
    group = _groups(p)
    size = np.bincount(group)
    mean = np.clip(np.bincount(group, p) / size, 1e-9, 1 - 1e-9)
    other = -np.expm1(times * np.log1p(-mean))
    stay = (times - 1) * np.log1p(-mean)
    return np.log(other / mean) - stay, float(size @ stay), size, mean


def times_in_words(ratio: float) -> str:
    """A ratio of counts in words, for a sentence.

    Parameters
    ----------
    ratio : float
        0 or more.

    Returns
    -------
    str
        Such as "2.0 times as many".

    Examples
    --------
    >>> times_in_words(2.04), times_in_words(0.5), times_in_words(0.0)
    ('2.0 times as many', 'half as many', 'none')
    """
    if ratio == 0:
        return "none"
    if math.isclose(ratio, 0.5, abs_tol=0.05):
        return "half as many"
    return f"{ratio:.1f} times as many"
