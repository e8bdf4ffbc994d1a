"""Fits the effects of an interval's time, each only where the outcomes bear it out.

Every account-day is looked at once: of a snapshot, the intervals that begin before the next one; stages, renewals and
how far ahead are allowed for. An effect is adopted if the log of its Bayes factor (Laplace) is ADOPT or more, under a
prior that draws it towards nothing. That does not guard against what one year's events or cohorts look like, so an
effect must better times that it did not learn from as well: fitted on the others and judged on the one left out, with
and without it at that time's own level (how many leave in a year is no season). What goes by months of the calendar
is judged on whole years, by ADOPT_Z clustered by account and MONTHS_Z clustered by month; tenure and place in the
term only have to better half-years.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from training.hazard.intervals import HazardRows, Intervals, renewal_ahead
from training.hazard.time_effects import (
    MONTH_JOINED,
    PLACE_IN_TERM,
    SEASON,
    TENURE,
    WIDTHS,
    TimeEffects,
    columns,
    joined_on,
)
from training.known_labels import days
from training.optim import WeightedRows, penalised_logistic
from training.splits import evenly

PRECISION = 4.0  # of the prior of each effect: variance 1/4, as so many churns' worth
FAR = 100.0  # likewise, of the months of a term that do not touch the day of joining: what is due, is due around it
NEAR = (0, 1, 11)
FREE = 1e-3  # of what only sets the level
# Log of the Bayes factor. The month of joining is the least likely of them, and looks like an anniversary in a season.
ADOPT = {SEASON: 2.0, TENURE: 2.0, PLACE_IN_TERM: 2.0, MONTH_JOINED: 3.0}
ADOPT_Z = 1.645
MONTHS_Z = 1.0  # clustered by month
BLOCK_DAYS, LEAST_SHARE = 365.0, 0.95  # of a block that is whole
MOST_BLOCKS = 6
MOST_KEPT = 12_000  # rows without a churn
OVERLAP_DAYS = 10.0
LEAST_CHURNS = 30
SAMPLE = 2_000  # snapshots, over which means are taken
RENEWAL_DAYS = np.array([0.0, 10.0, 20.0, 30.0, 45.0, 60.0, 90.0, 180.0])
NUMBERS = np.arange(len(RENEWAL_DAYS) + 1)[None, :]
ENTRY_SHARE = 0.1  # of the accounts, that joined on the first day of all: the data begin there


@dataclass(frozen=True)
class _Rows(WeightedRows):
    """Rows with columns x (n, m) beside an offset (n,), each standing for `weight` (n,) of its kind."""

    x: np.ndarray
    offset: np.ndarray
    weight: np.ndarray

    def loss(self, log_odds: np.ndarray) -> float:
        return self.event_weight * float(self.weight @ (np.logaddexp(0.0, log_odds) - self.churned * log_odds))

    def log_odds(self, theta: np.ndarray) -> np.ndarray:
        return np.asarray(self.x @ theta + self.offset)

    def slopes(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        weighted_x = self.x * (self.event_weight * self.weight * p * (1 - p))[:, None]
        return self.event_weight * (self.x.T @ (self.weight * (p - self.churned))), self.x.T @ weighted_x


@dataclass(frozen=True)
class _Known:
    """n hazard rows: columns `plain` (n, m) of what is no time, of each effect, and of the row its account, the day
    of its interval's middle, and that day's month.

    The second plain column says that the day of joining is known; effects of it are less their `centers` (width,).
    """

    churned: np.ndarray
    weight: np.ndarray
    event_weight: float
    plain: np.ndarray
    effects: dict[str, np.ndarray]
    centers: dict[str, np.ndarray]
    account: np.ndarray
    middle_days: np.ndarray
    month: np.ndarray

    def fitted(self, names: tuple[str, ...]) -> _Fit:
        """With the plain columns and these effects."""
        x = np.concatenate([self.plain, *(self.effects[name] for name in names)], axis=1)
        penalty = np.concatenate([np.ones(self.plain.shape[1]), *(precision(name) for name in names)])
        penalty[0] = FREE
        rate = float(np.clip(np.average(self.churned, weights=self.weight), 1e-6, 1 - 1e-6))
        start = np.zeros(x.shape[1])
        start[0] = np.log(rate / (1 - rate))
        rows = _Rows(self.churned, self.event_weight, x, np.zeros(len(x)), self.weight)
        beta, curvature = penalised_logistic(rows, penalty, start, 25, 1e-8)
        z = rows.log_odds(beta)
        fit = rows.loss(z) + 0.5 * float((penalty * beta**2).sum())
        evidence = -fit + 0.5 * float(np.log(penalty).sum()) - 0.5 * float(np.linalg.slogdet(curvature)[1])
        return _Fit(beta, z, evidence)


def fit_time_effects(
    frame: pd.DataFrame, rows: HazardRows, intervals: Intervals, stage: np.ndarray, until: float
) -> tuple[TimeEffects, dict[str, float]]:
    """The effects of an interval's time that the rows bear out, and the evidence of each that was tried.

    Parameters
    ----------
    frame : DataFrame, n rows
        Snapshots: account_id, as_of, tenure_days, days_to_renewal, term_days.
    rows : HazardRows
        Of these, whose outcomes are known.
    intervals : Intervals
        K of them.
    stage : ndarray of object, shape (n,)
        Lifecycle stage, which is allowed for.
    until : float
        Days since 1970 by which outcomes are known.

    Returns
    -------
    effects : TimeEffects
        All 0 where nothing is borne out.
    evidence : dict of str to float
        By effect: as {effect}_z and {effect}_z_by_month the z of the gain on blocks of time left out; where these
        suffice, as {effect} the log of its Bayes factor.
    """
    entry_day = find_entry_day(frame)
    own = _once(frame, rows, intervals)
    if own.churned.sum() < LEAST_CHURNS:
        return TimeEffects(entry_day=entry_day), {}
    known = _known(frame, own, intervals, stage, entry_day)
    fit = known.fitted(())
    found: dict[str, float] = {}
    adopted: tuple[str, ...] = ()
    for name in ADOPT:
        if not _other_times_bear_it_out(known, name, fit, until, found):
            continue
        with_it = known.fitted((*adopted, name))
        found[name] = with_it.evidence - fit.evidence
        if found[name] >= ADOPT[name]:
            adopted, fit = (*adopted, name), with_it
    if not adopted:
        return TimeEffects(entry_day=entry_day), found
    return _effects(adopted, fit, known, frame.iloc[np.unique(rows.snapshot)], intervals, entry_day), found


@dataclass(frozen=True)
class _Fit:
    """Coefficients, log-odds of the rows, and the log of the marginal likelihood (Laplace's approximation)."""

    beta: np.ndarray
    z: np.ndarray
    evidence: float


def precision(name: str) -> np.ndarray:
    """Of the prior of an effect's coefficients; (width,)."""
    out = np.full(WIDTHS[name], PRECISION)
    if name == PLACE_IN_TERM:
        out[[number for number in range(len(out)) if number not in NEAR]] = FAR
    return out


def _other_times_bear_it_out(known: _Known, name: str, fit: _Fit, until: float, found: dict[str, float]) -> bool:
    """Whether an effect betters times that it did not learn from; its z by account and by month go into `found`.

    What goes by months of the calendar is judged on whole years: in one, who joined in a month is one cohort, and what
    became of it no property of the month. The others are judged on half-years.
    """
    yearly = name in (SEASON, MONTH_JOINED)
    blocks = _blocks(known.middle_days, until, BLOCK_DAYS if yearly else BLOCK_DAYS / 2)
    if blocks is None:
        return False
    gain, judged = _gain(known, name, fit.z, blocks)
    found[f"{name}_z"] = clustered(gain, known.account[judged])
    found[f"{name}_z_by_month"] = clustered(gain, known.month[judged])
    return found[f"{name}_z"] > ADOPT_Z and found[f"{name}_z_by_month"] > MONTHS_Z


def find_entry_day(frame: pd.DataFrame) -> float | None:
    """The first day of joining of all, where so many joined on it that it is the data's beginning and not theirs.

    Parameters
    ----------
    frame : DataFrame
        Rows (account_id, as_of) with tenure.

    Returns
    -------
    float or None
        In days since 1970; None where the days of joining are spread, or fewer than 20 accounts are there.
    """
    first = frame.drop_duplicates("account_id")
    joined = joined_on(first)
    joined = joined[np.isfinite(joined)]
    if not len(joined) or len(joined) < 20:
        return None
    earliest = float(np.floor(joined.min()))
    return earliest if (joined < earliest + 1.0).mean() >= ENTRY_SHARE else None


def clustered(gain: np.ndarray, cluster: np.ndarray) -> float:
    """z of a sum of gains, whose independent parts are the clusters'."""
    _, number = np.unique(cluster, return_inverse=True)
    by = np.bincount(number, gain)
    spread = float(np.sqrt((by**2).sum()))
    return float(by.sum()) / spread if spread > 0 else 0.0


def _once(frame: pd.DataFrame, rows: HazardRows, intervals: Intervals) -> HazardRows:
    """Of each snapshot, the intervals that begin before the next one."""
    as_of = days(frame["as_of"])
    calendar = np.unique(as_of)
    gaps = np.append(np.diff(calendar), np.median(np.diff(calendar))) if len(calendar) > 1 else np.full(1, np.inf)
    gap = gaps[np.searchsorted(calendar, as_of)]
    starts = np.array(intervals.starts, float)[rows.interval]
    return rows.take((rows.interval == 0) | (starts < gap[rows.snapshot] - OVERLAP_DAYS))


def _known(
    frame: pd.DataFrame, every: HazardRows, intervals: Intervals, stage: np.ndarray, entry_day: float | None
) -> _Known:
    rows, weight = _thinned(every)
    at, interval = rows.snapshot, rows.interval
    stages = pd.get_dummies(pd.Series(stage[at]), dtype=float).to_numpy()
    ahead = renewal_ahead(frame, intervals)[1][at, interval]
    # By stretches of days to the next renewal, none of them where none is known: a place in the year since joining is
    # not to stand for a renewal that the contracts name.
    renewal = (np.searchsorted(RENEWAL_DAYS, np.nan_to_num(ahead, nan=-1.0), side="right")[:, None] == NUMBERS) * 1.0
    which = (interval[:, None] == np.arange(intervals.count)[None, :]).astype(float)
    part = frame.iloc[at].reset_index(drop=True)
    here = np.arange(len(at))
    effects = {name: columns(name, part, intervals, entry_day)[here, interval] for name in WIDTHS}
    has_joined = (effects[TENURE].sum(axis=1, keepdims=True) > 0).astype(float)
    centers = {}
    for name in (TENURE, PLACE_IN_TERM, MONTH_JOINED):
        # Less their mean: whether the day of joining is known has a level of its own.
        centers[name] = has_joined[:, 0] @ effects[name] / max(float(has_joined.sum()), 1.0)
        effects[name] = effects[name] - has_joined * centers[name]
    middle = rows.end_days - np.diff(intervals.edges)[interval] / 2
    month = pd.DatetimeIndex(pd.to_datetime(middle // 1, unit="D"))
    churns = pd.Series(pd.factorize(frame["account_id"])[0][at[rows.churned > 0]]).nunique()
    return _Known(
        churned=rows.churned,
        weight=weight,
        event_weight=min(1.0, churns / max(float(rows.churned.sum()), 1.0)),
        plain=np.column_stack([np.ones(len(at)), has_joined, stages, renewal, which]),
        effects=effects,
        centers=centers,
        account=pd.factorize(frame["account_id"])[0][at],
        middle_days=middle,
        month=(month.year * 12 + month.month).to_numpy(),
    )


def _thinned(rows: HazardRows) -> tuple[HazardRows, np.ndarray]:
    """All churns and MOST_KEPT of the other rows, evenly spaced, each of which stands for several (case-control)."""
    kept = np.flatnonzero(rows.churned == 0)
    share = len(kept) / MOST_KEPT
    if share <= 1:
        return rows, np.ones(len(rows))
    kept = kept[evenly(len(kept), MOST_KEPT)]
    both = np.sort(np.append(np.flatnonzero(rows.churned > 0), kept))
    return rows.take(both), np.where(rows.churned[both] > 0, 1.0, share)


def _blocks(middle: np.ndarray, until: float, length: float) -> np.ndarray | None:
    """Which whole stretch of so many days before `until` each row lies in, -1 for what is older; None with fewer than
    two."""
    whole = min(int((until - middle.min() + length - LEAST_SHARE * length) // length), MOST_BLOCKS)
    if whole < 2:
        return None
    number = ((until - middle) // length).astype(int)
    return np.where(number < whole, number, -1)


def _gain(known: _Known, name: str, z: np.ndarray, block: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(gain in log-likelihood of rows in blocks left out, which rows these are)."""
    gains, judged = [], []
    number = np.unique(block)
    level = (block[:, None] == number[None, :]).astype(float)
    x = np.concatenate([level, known.effects[name]], axis=1)
    penalty = np.append(np.full(level.shape[1], FREE), precision(name))
    for left_out in number[number >= 0]:
        out, rest = np.flatnonzero(block == left_out), np.flatnonzero(block != left_out)
        churned, weight = known.churned[out], known.weight[out]
        if not 0 < churned.sum() < len(churned) or not known.churned[rest].any():
            continue
        taught = _Rows(known.churned[rest], known.event_weight, x[rest], z[rest], known.weight[rest])
        beta, _ = penalised_logistic(taught, penalty, np.zeros(x.shape[1]), 15, 1e-6)
        without = _levelled(z[out], churned, weight)
        with_it = _levelled(z[out] + known.effects[name][out] @ beta[level.shape[1] :], churned, weight)
        gains.append(known.event_weight * weight * (_loss(without, churned) - _loss(with_it, churned)))
        judged.append(out)
    if not gains:
        return np.zeros(0), np.zeros(0, dtype=int)
    return np.concatenate(gains), np.concatenate(judged)


def _levelled(z: np.ndarray, churned: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Log-odds moved so that as many are expected as churned."""
    for _ in range(20):
        p = expit(z)
        z = z + np.clip((weight @ (churned - p)) / max(float(weight @ (p * (1 - p))), 1e-9), -1.0, 1.0)
    return z


def _loss(z: np.ndarray, churned: np.ndarray) -> np.ndarray:
    return np.asarray(np.logaddexp(0.0, z) - churned * z)


def _effects(
    adopted: tuple[str, ...],
    fit: _Fit,
    known: _Known,
    frame: pd.DataFrame,
    intervals: Intervals,
    entry_day: float | None,
) -> TimeEffects:
    """The adopted effects and their means over the training rows of the frame."""
    effects: dict[str, Any] = {}
    at, level = known.plain.shape[1], 0.0
    for name in adopted:
        own = fit.beta[at : at + WIDTHS[name]]
        effects[name] = tuple(own.tolist())
        level += float(known.centers[name] @ own) if name in known.centers else 0.0
        at += WIDTHS[name]
    made = TimeEffects(**effects, entry_day=entry_day)
    if TENURE in adopted and entry_day is not None:
        made = replace(made, entry_level=level - float(fit.beta[1]))
    some = np.linspace(0, len(frame) - 1, min(SAMPLE, len(frame))).astype(int)
    parts = made.parts(frame.iloc[some], intervals)
    none = (0.0,) * intervals.count
    means = tuple(tuple(parts[name].mean(axis=0).tolist()) if name in parts else none for name in WIDTHS)
    return replace(made, means=means)
