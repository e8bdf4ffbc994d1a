"""Finds a lasting shift of the churn level in known outcomes, distinguishes it from a season, and measures it.

A model's level is that of all its training rows. When a competitor's launch doubles the churn, half a year of quarterly
retrains has it still far too low; a calibrator that is fitted on past quarters brings their level, and one that follows
the newest month follows chance and season. So the level moves for one reason only: since some day, the outcomes were
many more (or fewer) than chance allows, and a year before, in the same months, they were not.

With O and E the churns seen and expected in the first interval of the snapshots of a day, r = sum O / sum E, and the
outcomes before and since a day at two levels (a change point; Page 1954, James, James and Siegmund 1987),

    G(day) = 2 [O_b log(O_b / (r E_b)) + O_s log(O_s / (r E_s))],

the largest of which has to pass LIMIT. Each churn counts once, however many snapshots saw it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit, xlogy

from training.optim import WeightedRows, penalised_logistic
from training.serialization import JsonObject

LIMIT = 12.0  # passed by chance in 3 to 14 histories of 1,000 (tests/benchmarks/quiet_levels.py)
LEAST_TIMES = 1.25  # a smaller shift is left to the next retrain
LEAST_CHURNS = 10.0  # seen or expected since the shift
YEAR_DAYS, NEAR_DAYS = 365.0, 16.0
SEASON_LIMIT = 2.71  # a likelihood ratio: one-sided 5 % that the same months a year before were no different
RIDGE = 8.0  # as of a calibrator's intercept
STEPS, EXACT = 50, 1e-10


@dataclass(frozen=True)
class LevelShift:
    """A shift in the level of churn.

    Attributes
    ----------
    shift : float
        Of every hazard's log-odds; 0 without one.
    error : float
        Its standard error.
    ratio : float
        Likelihood ratio of the likeliest day since which the level is another, against none.
    why : str
        Why the level is moved, or is not: a sentence for the model's log.
    since : str, optional
        The day; with `times` and `churned` only where the level is moved.
    times : float, optional
        Churns seen since then over those expected.
    churned : float, optional
        Churns seen since then.
    """

    shift: float
    error: float
    ratio: float
    why: str
    since: str | None = None
    times: float | None = None
    churned: float | None = None

    def to_json(self) -> JsonObject:
        """What a model's log keeps of it."""
        found = {"since": self.since, "times": self.times, "churned": self.churned} if self.since is not None else {}
        return {**found, "ratio": self.ratio, "why": self.why}


@dataclass(frozen=True)
class RecordedShift:
    """What a calibrator's log keeps of the search for a level shift (`LevelShift.to_json`).

    Attributes
    ----------
    why : str
        Why the level was moved, or was not.
    ratio : float
        Likelihood ratio of the likeliest day.
    since, times, churned : str, float and float, or None
        As in `LevelShift`; only where the level was moved.
    """

    why: str
    ratio: float = 0.0
    since: str | None = None
    times: float | None = None
    churned: float | None = None


def find_level_shift(day: np.ndarray, log_odds: np.ndarray, churned: np.ndarray, event_weight: float) -> LevelShift:
    """Looks for a level shift in rows of first intervals that have ended.

    Parameters
    ----------
    day : ndarray of float, shape (m,)
        Of each snapshot, days since 1970.
    log_odds : ndarray of float, shape (m,)
        Of its first interval, as served.
    churned : ndarray of float, shape (m,)
        1 or 0.
    event_weight : float
        Distinct churns by churned rows.

    Returns
    -------
    LevelShift
        In force at the newest day.

    References
    ----------
    E. S. Page (1954), "Continuous inspection schemes"; B. James, K. L. James, D. Siegmund (1987), "Tests for a change-
    point".
    """
    days, of = np.unique(day, return_inverse=True)
    seen = event_weight * np.bincount(of, weights=churned)
    expected = event_weight * np.bincount(of, weights=expit(log_odds))
    change, ratio = _likeliest(seen, expected)
    if change == 0 or ratio < LIMIT:
        return _none(f"no step in the level (likelihood ratio {ratio:.1f}, needed {LIMIT:g})", ratio)
    since = float(days[change])
    rows = day >= since
    times = float(seen[change:].sum() / expected[change:].sum())
    date = str(np.datetime64(int(since), "D"))
    sentence = f"since {date} {times:.2f} times as many left as expected"
    if LEAST_TIMES > times > 1 / LEAST_TIMES:
        return _none(f"{sentence}: too little to move the level", ratio)
    before = (days >= since - YEAR_DAYS - NEAR_DAYS) & (days <= days[-1] - YEAR_DAYS + NEAR_DAYS) & (days < since)
    if days[0] > since - YEAR_DAYS + NEAR_DAYS or not before.any():
        return _none(f"{sentence}, with less than a year before it to tell a season by: the level is left", ratio)
    own, past = (seen[change:].sum(), expected[change:].sum()), (seen[before].sum(), expected[before].sum())
    if (times > 1) != (own[0] * past[1] > past[0] * own[1]) or _two_levels_ratio(own, past) < SEASON_LIMIT:
        return _none(f"{sentence}, and so they did a year before: a season", ratio)
    shift, error = _shift(log_odds[rows], churned[rows], event_weight)
    why = f"{sentence}, and not so a year before: the level is moved"
    return LevelShift(shift, error, ratio, why, date, times, float(seen[change:].sum()))


def _none(why: str, ratio: float) -> LevelShift:
    return LevelShift(0.0, 0.0, ratio, why)


def _likeliest(seen: np.ndarray, expected: np.ndarray) -> tuple[int, float]:
    """(index of the day since which the level most likely is another, likelihood ratio); (0, 0) with no such day."""
    best = (0, 0.0)
    for change in range(1, len(seen)):
        before = float(seen[:change].sum()), float(expected[:change].sum())
        since = float(seen[change:].sum()), float(expected[change:].sum())
        if max(since) >= LEAST_CHURNS and (ratio := _two_levels_ratio(before, since)) > best[1]:
            best = (change, ratio)
    return best


def _two_levels_ratio(first: tuple[float, float], second: tuple[float, float]) -> float:
    """Likelihood ratio of two counts (seen, expected) for each having its own level, against one that both share.

    >>> round(_two_levels_ratio((10.0, 10.0), (30.0, 15.0)), 2)
    3.99
    """
    level = (first[0] + second[0]) / (first[1] + second[1])
    if level == 0:
        return 0.0
    return float(2 * sum(xlogy(seen, seen / (level * expected)) for seen, expected in (first, second)))


@dataclass(frozen=True)
class _Moved(WeightedRows):
    """Rows whose log-odds are all moved by one number."""

    served: np.ndarray

    def log_odds(self, theta: np.ndarray) -> np.ndarray:
        return np.asarray(self.served + theta[0])

    def slopes(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        gradient = self.event_weight * float((p - self.churned).sum())
        return np.array([gradient]), np.array([[self.event_weight * float((p * (1 - p)).sum())]])


def _shift(log_odds: np.ndarray, churned: np.ndarray, event_weight: float) -> tuple[float, float]:
    """(shift of the log-odds that fits the rows, held near 0 by a ridge; its standard error)."""
    rows = _Moved(churned, event_weight, log_odds)
    theta, curvature = penalised_logistic(rows, np.array([RIDGE]), np.zeros(1), STEPS, EXACT)
    return float(theta[0]), float(1 / np.sqrt(curvature[0, 0]))
