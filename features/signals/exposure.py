"""Ratios, trends and shares count the days that there were, and with little behind them lean on peers.

An account's days in a window are those since it began, and since the first row of the feed that was known: days before
are no days without use. (Counts are scaled to the days on which the feed worked before they come here, so outages are
left out.) What rests on few events or days is drawn towards its peers by empirical Bayes. Peers are the accounts
in play at the same as_of, which a frame always holds, whether one or all of them are scored:

- two counts n1, n0 over e1, e0 days, conditional on their sum, are binomial; a beta prior of k events whose mean is the
  peers' median makes the ratio of rates (n1 + k p) / (n0 + k (1 - p)) * e0 / e1. k is PRIOR_EVENTS and PRIOR_DAYS days
  of use, more where the earlier window is cut short, since uses of one day come together;
- a share of n trials is (share n + PRIOR_TRIALS m) / (n + PRIOR_TRIALS);
- what counts users, features or seats over a window that is cut short has the weight of its days against
  PRIOR_CUT_DAYS.

The strengths are fixed, so that a signal means the same in every month and to few accounts. Without peers the prior of
a ratio is 1 ("unchanged"), and what cannot be drawn anywhere is missing where fewer than MIN_DAYS are behind it.

References
----------
Efron and Morris (1975), Data analysis using Stein's estimator and its generalizations; Clayton and Kaldor (1987),
Empirical Bayes estimates of age-standardized relative risks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from features.timeline import ratio

PRIOR_EVENTS = 5.0
PRIOR_DAYS = 3.0
PRIOR_TRIALS = 2.0
PRIOR_CUT_DAYS = 14.0
MIN_DAYS = 7.0  # behind a ratio's earlier part: a week, so that every weekday is in it
NEAR_ALL = 0.95  # a peers' median share of all events in one part is cut off here
MIN_PEERS = 5  # with fewer known values a median is not worth having
MIN_ALIKE = 20  # of the same segment and stage; with fewer, all of the stage, then everybody
ALIKE = (("segment", "tenure_stage"), ("tenure_stage",))  # what a prior looks for, the most alike first
# Of a decline:
MIN_EXPECTED = 10.0  # uses in the newest days, by the account's own norm; with fewer nothing is said
MIN_NORM_DAYS = 28.0
LIKELY = 1.645  # one-sided 95 %
ALONE = 0.2  # how far, in logs, an account moves from one fortnight to the next where no peers show it
HALF_WITHIN = 0.6745  # half of a normal distribution lies within so many standard deviations


def days_column(feed: str) -> str:
    """The hidden column of the frame with the days since the account began and the feed had.

    Parameters
    ----------
    feed : str
        The table.

    Returns
    -------
    str
    """
    return f"days_of_{feed}"


def days_within(t: Any, feed: str, window: float, after: float = 0.0) -> pd.Series:
    """Days of the window (`after`, `window`] before as_of on which the account was there, and the feed had begun."""
    return (t[days_column(feed)].clip(upper=window) - after).clip(lower=0.0)


def change(t: Any, feed: str, newest: pd.Series, base: pd.Series, days: int, before: tuple[int, int]) -> pd.Series:
    """The rate of the newest days against that of days before (1 is unchanged).

    Parameters
    ----------
    t : Columns
        The frame.
    feed : str
        The table whose rows are counted.
    newest, base : Series
        Counts or amounts in the newest `days`, and in the window before.
    days : int
        Of the newest part.
    before : tuple of int
        The earlier window, (from, to] days before as_of.

    Returns
    -------
    Series
        Missing where the earlier window has fewer than MIN_DAYS, or nothing happened in either.
    """
    e1, e0 = days_within(t, feed, days), days_within(t, feed, before[1], before[0])
    e0 = e0.where(e0 >= MIN_DAYS)
    n1, n0 = newest.clip(lower=0.0), base.clip(lower=0.0)
    raw = ratio(n1 * e0, n1 * e0 + n0 * e1)  # of the events, as if both parts had as many days
    usual = prior_median(t, raw).fillna(0.5).clip(1 - NEAR_ALL, NEAR_ALL)
    p = usual * e1 / (usual * e1 + (1 - usual) * e0)
    busiest = np.maximum(n1 / e1, n0 / e0)
    k = PRIOR_EVENTS + PRIOR_DAYS * (before[1] - before[0]) / e0 * busiest
    return ((n1 + k * p) / (n0 + k * (1 - p)) * e0 / e1).where(raw.notna())


def pace(t: Any, feed: str, newest: pd.Series, total: pd.Series, days: int, window: int) -> pd.Series:
    """The rate of the newest days against that of the whole window that holds them (1 is unchanged); as `change`."""
    e1, e0 = days_within(t, feed, days), days_within(t, feed, window, days)
    moved = change(t, feed, newest, total - newest, days, (days, window))
    return moved * (e1 + e0) / (moved * e1 + e0)


def share(t: Any, top: pd.Series, bottom: pd.Series) -> pd.Series:
    """top / bottom where each of `bottom` is a trial (an appointment, a message), drawn towards the peers' share."""
    return drawn_share(t, ratio(top, bottom), bottom)


def drawn_share(t: Any, value: pd.Series, trials: pd.Series) -> pd.Series:
    """A share (or mean) of so many trials, drawn towards the peers'; as it is where there are no peers.

    Parameters
    ----------
    t : Columns
        The frame.
    value, trials : Series, shape (n,)
        The account's own share, and of how many.

    Returns
    -------
    Series, shape (n,)
        Missing where the account's own is.
    """
    usual = prior_mean(t, value, trials)
    drawn = (value * trials + PRIOR_TRIALS * usual) / (trials + PRIOR_TRIALS)
    return drawn.where(usual.notna(), value).where(value.notna())


def over_cut_window(t: Any, value: pd.Series, have: pd.Series, full: float) -> pd.Series:
    """What stands on a window of `full` days of which the account had `have`: as it is on a full one, otherwise drawn
    towards the peers' median by the days that are missing; without peers missing under MIN_DAYS."""
    usual = prior_median(t, value.where(have > 0))
    weight = have / (have + PRIOR_CUT_DAYS * (1.0 - have / full))
    drawn = value * weight + usual * (1.0 - weight)
    return value.where(have >= full, drawn.where(usual.notna(), value.where(have >= MIN_DAYS)))


def per_window(t: Any, feed: str, count: pd.Series, each: pd.Series | float, days: int) -> pd.Series:
    """A count over the window for each user, seat or unit of money, as if the account had had all of its days."""
    have = days_within(t, feed, days)
    full = count * days / have.where(have >= 1.0)
    return over_cut_window(t, ratio(full, each) if isinstance(each, pd.Series) else full / each, have, days)


def surely_at_most(
    t: Any, feed: str, newest: pd.Series, base: pd.Series, days: int, before: tuple[int, int]
) -> pd.Series:
    """The upper 95 % bound of the rate of the newest days against that before, divided by the peers' movement.

    Conditional on their sum the two counts are binomial, so that the log of their ratio has the variance
    1 / n1 + 1 / n0 (with a half added to each); to it comes what accounts move anyhow: the variance of the peers' own
    ratios at that as_of beyond theirs, from the median of absolute deviations. The peers' median takes out the season,
    that of the week included.

    Parameters
    ----------
    t : Columns
        The frame.
    feed : str
        The table whose rows are counted.
    newest, base : Series
        Counts in the newest `days`, and in the window before.
    days : int
        Of the newest part.
    before : tuple of int
        The earlier window, (from, to] days before as_of.

    Returns
    -------
    Series
        1 and more: no decline can be told. Missing with fewer than MIN_EXPECTED uses to be expected, or a base shorter
        than MIN_NORM_DAYS.

    References
    ----------
    Przyborowski and Wilenski (1940), Homogeneity of results in testing samples from Poisson series.
    """
    e1, e0 = days_within(t, feed, days), days_within(t, feed, before[1], before[0])
    expected = ratio(base * e1, e0).where(e0 >= MIN_NORM_DAYS)
    newest, base, expected = newest.clip(lower=0.0), base.clip(lower=0.0), expected.clip(lower=0.0)  # as returns may be
    moved = np.log((newest + 0.5) / (expected + 0.5))
    noise = 1.0 / (newest + 0.5) + 1.0 / (base + 0.5)
    counted = (t.in_play & (expected >= MIN_EXPECTED)).to_numpy()
    by = t.codes("as_of")
    usual = _median_by(moved, by, counted)
    spread = (_median_by((moved - usual).abs(), by, counted) / HALF_WITHIN) ** 2
    beyond = (spread - _median_by(noise, by, counted)).clip(lower=0.0)
    bound = np.exp(moved - usual.fillna(0.0) + LIKELY * np.sqrt(noise + beyond.fillna(ALONE**2)))
    return bound.where(expected >= MIN_EXPECTED)


def _median_by(values: pd.Series, codes: np.ndarray, counted: np.ndarray) -> pd.Series:
    grouped = values.where(counted).groupby(codes)
    return grouped.transform("median").where(grouped.transform("count") >= MIN_PEERS)


def peers_median(t: Any, values: pd.Series, by: Sequence[str]) -> pd.Series:
    """The median of `values` among the accounts in play at the same as_of that share the columns `by`.

    Groups with fewer than MIN_PEERS known values take the median of everybody at that as_of, NaN when that is too few.
    """
    counted = values.where(t.in_play)
    medians = pd.Series(np.nan, index=values.index)
    for names in (["as_of", *(name for name in by if name in t)], ["as_of"]):
        medians = medians.fillna(_median(t, counted, names, MIN_PEERS))
        if medians.notna().all():
            break
    return medians


def prior_median(t: Any, values: pd.Series) -> pd.Series:
    """The median of `values` among peers of the same segment and stage by tenure, of that stage, or of everybody.

    The first of these with enough known values counts; NaN where even everybody is too few.
    """
    counted = values.where(t.in_play)
    medians = pd.Series(np.nan, index=values.index)
    for names, enough in _circles():
        medians = medians.fillna(_median(t, counted, names, enough))
    return medians


def prior_mean(t: Any, values: pd.Series, weights: pd.Series) -> pd.Series:
    """The mean of `values` among the same peers, by weight (of a share: what it is a share of)."""
    known = (t.in_play & values.notna() & (weights > 0)).to_numpy()
    weight = np.where(known, weights, 0.0)
    total = np.where(known, weight * values, 0.0)
    means = np.full(len(values), np.nan)
    for names, enough in _circles():
        codes = t.codes(*names)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.bincount(codes, total) / np.bincount(codes, weight)
        mean[np.bincount(codes, known) < enough] = np.nan
        means = np.where(np.isnan(means), mean[codes], means)
    return pd.Series(means, index=values.index)


def _circles() -> list[tuple[list[str], int]]:
    """Columns that peers share, and how many of them must be known; from the nearest to everybody."""
    return [*((["as_of", *names], MIN_ALIKE) for names in ALIKE), (["as_of"], MIN_PEERS)]


def _median(t: Any, counted: pd.Series, names: Sequence[str], enough: int) -> pd.Series:
    grouped = counted.groupby(t.codes(*names))
    return grouped.transform("median").where(grouped.transform("count") >= enough)
