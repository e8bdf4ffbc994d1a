"""Effects of the time that an interval lies in, known in advance and shared by all learners.

An interval has a place in the calendar and, for each account, in the year since it joined; an account has a tenure
then, and joined in some month. None of this needs a signal: it is a part of the log-odds of its own, fitted once
(time_effects_fit.py), that the learners but for the plain rules are fitted beside, and their predictions have once. Of
an account that was there when the data began the day of joining is not known (delayed entry): it has a level of its own
and no place in a year.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from training.hazard.intervals import Intervals
from training.known_labels import days
from training.serialization import JsonObject

SEASON = "season"
PLACE_IN_TERM = "place_in_term"
MONTH_JOINED = "month_joined"
TENURE = "tenure_days"
# The names that these effects are explained under, and what they say to a reader.
TIME_SENTENCES = {
    SEASON: "the time of the year that lies ahead",
    PLACE_IN_TERM: "how far the time ahead lies from the day of the year on which the account joined",
    MONTH_JOINED: "the month of the year in which the account joined",
    TENURE: "how long the account has been a customer",
}
MONTHS = 12
YEAR_DAYS = 365.25
BIN_DAYS = YEAR_DAYS / MONTHS
# Days between which the effect of tenure is a straight line; no logarithm, whose last bit may depend on the batch.
KNOTS = (0.0, 30.0, 90.0, 180.0, 365.0, 730.0, 1460.0, 2920.0)
WIDTHS = {SEASON: MONTHS, TENURE: len(KNOTS), PLACE_IN_TERM: MONTHS, MONTH_JOINED: MONTHS}
SAME_DAY = 1.5  # days, within which a day of joining is that on which the data begin


@dataclass(frozen=True)
class TimeEffects:
    """What the time of an interval adds to the log-odds of its hazard; all 0 where the data showed no such effect.

    Attributes
    ----------
    season : tuple of float, length 12
        By calendar month of the interval, January first.
    tenure_days : tuple of float, length len(KNOTS)
        By tenure in the middle of the interval, straight between KNOTS.
    place_in_term : tuple of float, length 12
        By twelfth of the year since joining that the interval lies in.
    month_joined : tuple of float, length 12
        By calendar month of joining.
    entry_day : float, optional
        Days since 1970 on which many accounts joined at once, because the data begin there.
    entry_level : float
        Of these accounts, in place of tenure, place and month.
    means : tuple of tuple of float, (4, K)
        Of each effect over the training rows, in the order of WIDTHS: contributions are counted from these.
    """

    season: tuple[float, ...] = (0.0,) * MONTHS
    tenure_days: tuple[float, ...] = (0.0,) * len(KNOTS)
    place_in_term: tuple[float, ...] = (0.0,) * MONTHS
    month_joined: tuple[float, ...] = (0.0,) * MONTHS
    entry_day: float | None = None
    entry_level: float = 0.0
    means: tuple[tuple[float, ...], ...] = ()

    def __bool__(self) -> bool:
        return any(any(getattr(self, name)) for name in WIDTHS)

    @property
    def columns(self) -> tuple[str, ...]:
        """What it reads of a frame."""
        reads_joining = any(any(getattr(self, name)) for name in (TENURE, PLACE_IN_TERM, MONTH_JOINED))
        return (*(("as_of",) if self else ()), *((TENURE,) if reads_joining else ()))

    def parts(self, frame: pd.DataFrame, intervals: Intervals) -> dict[str, np.ndarray]:
        """The effects that there are, by name; each (n, K)."""
        return {
            name: weighted(columns(name, frame, intervals, self.entry_day), getattr(self, name))
            + (self.entry_level * entered(frame, self.entry_day)[:, None] if name == TENURE else 0.0)
            for name in WIDTHS
            if any(getattr(self, name))
        }

    def log_odds(self, frame: pd.DataFrame, intervals: Intervals) -> np.ndarray:
        """Their sum, added up in one order; (n, K)."""
        out = np.zeros((len(frame), intervals.count))
        for part in self.parts(frame, intervals).values():
            out = out + part
        return out

    def contributions(self, frame: pd.DataFrame, intervals: Intervals) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """(base (K,), each effect less its training mean (n, K)); they add up to `log_odds`."""
        base = np.zeros(intervals.count)
        out = {}
        means = dict(zip(WIDTHS, self.means, strict=True))
        for name, part in self.parts(frame, intervals).items():
            mean = np.array(means[name])
            base, out[name] = base + mean, part - mean
        return base, out

    def to_json(self) -> JsonObject:
        return asdict(self)

    @classmethod
    def from_json(cls, body: JsonObject) -> TimeEffects:
        read = {name: tuple(body[name]) for name in WIDTHS}
        means = tuple(tuple(row) for row in body["means"])
        return cls(**read, entry_day=body["entry_day"], entry_level=body["entry_level"], means=means)


NO_EFFECTS = TimeEffects()


def weighted(parts: np.ndarray, weights: Sequence[float]) -> np.ndarray:
    """Sum of columns (n, K, width) times weights, in one order whatever rows there are; (n, K)."""
    out = np.zeros(parts.shape[:2])
    for index, weight in enumerate(weights):
        out = out + weight * parts[:, :, index]
    return out


def joined_on(frame: pd.DataFrame) -> np.ndarray:
    """Day of joining of each row, days since 1970; (n,)."""
    return days(frame["as_of"]) - frame[TENURE].to_numpy(float)


def entered(frame: pd.DataFrame, entry_day: float | None) -> np.ndarray:
    """1 for an account that was there when the data began, else 0; (n,)."""
    if entry_day is None:
        return np.zeros(len(frame))
    return (np.abs(joined_on(frame) - entry_day) < SAME_DAY).astype(float)


def columns(name: str, frame: pd.DataFrame, intervals: Intervals, entry_day: float | None) -> np.ndarray:
    """The columns of one effect; (n, K, width). All 0 but for the season where the day of joining is not known."""
    if name == SEASON:
        return _season(days(frame["as_of"]), intervals)
    tenure = frame[TENURE].to_numpy(float)
    known = np.isfinite(tenure) & (entered(frame, entry_day) == 0)
    tenure = np.where(known, np.maximum(tenure, 0.0), 0.0)
    starts, ends = np.array(intervals.starts, float), np.array(intervals.ends, float)
    if name == MONTH_JOINED:
        joined = pd.DatetimeIndex(pd.to_datetime(np.where(known, joined_on(frame), 0.0) // 1, unit="D")).month
        own = (joined.to_numpy()[:, None] == np.arange(1, MONTHS + 1)[None, :]).astype(float)
        out = np.repeat(own[:, None, :], intervals.count, axis=1)
    elif name == PLACE_IN_TERM:
        first, last = tenure[:, None] + starts[None, :], tenure[:, None] + ends[None, :]
        out = (_days_in_bins(last) - _days_in_bins(first)) / (ends - starts)[None, :, None]
    else:
        out = _hats(tenure[:, None] + ((starts + ends) / 2)[None, :])
    return np.asarray(out * known[:, None, None])


def _season(as_of: np.ndarray, intervals: Intervals) -> np.ndarray:
    """Share of each interval's days in each calendar month; (n, K, 12)."""
    distinct, number = np.unique(as_of, return_inverse=True)
    table = np.zeros((len(distinct), intervals.count, MONTHS))
    for row, day in enumerate(distinct):
        ahead = pd.DatetimeIndex(pd.to_datetime(day + np.arange(intervals.ends[-1]), unit="D")).month.to_numpy() - 1
        for k, (start, end) in enumerate(zip(intervals.starts, intervals.ends, strict=True)):
            table[row, k] = np.bincount(ahead[start:end], minlength=MONTHS) / (end - start)
    return table[number]


def _days_in_bins(since: np.ndarray) -> np.ndarray:
    """Of the days since joining, how many lay in each twelfth of a year; (n, K, 12)."""
    years = np.floor(since / YEAR_DAYS)
    rest = since - years * YEAR_DAYS
    inside = np.clip(rest[:, :, None] - np.arange(MONTHS) * BIN_DAYS, 0.0, BIN_DAYS)
    return np.asarray(years[:, :, None] * BIN_DAYS + inside)


def _hats(tenure: np.ndarray) -> np.ndarray:
    """Piecewise linear hat functions at KNOTS; beyond the last it stays; (n, K, len(KNOTS))."""
    at = np.clip(tenure, KNOTS[0], KNOTS[-1])
    out = np.zeros((*at.shape, len(KNOTS)))
    for index, knot in enumerate(KNOTS):
        if index > 0:
            left = (at - KNOTS[index - 1]) / (knot - KNOTS[index - 1])
            out[:, :, index] = np.where((at >= KNOTS[index - 1]) & (at <= knot), left, out[:, :, index])
        if index + 1 < len(KNOTS):
            right = (KNOTS[index + 1] - at) / (KNOTS[index + 1] - knot)
            out[:, :, index] = np.where((at >= knot) & (at < KNOTS[index + 1]), right, out[:, :, index])
    return out
