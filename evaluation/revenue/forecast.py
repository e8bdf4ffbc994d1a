"""What the newest scores say of the coming horizon: ARR lost and accounts that leave, each with its interval."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.metrics import Array, Interval, MetricRefused

LEAST_WINDOWS = 4
COVERS = (
    "each account leaving or staying by itself",
    "all probabilities being too high or too low together, as much as in the past windows",
)
LEAVES_OUT = ("new customers", "expansion and contraction", "a change in the level of churn beyond any seen so far")


@dataclass(frozen=True)
class Forecast:
    """ARR expected to be lost and accounts expected to leave within the horizon, each with its 95 % interval.

    Attributes
    ----------
    arr_lost : Interval
        In the currency of arr; accounts whose ARR is unknown count as 0.
    churns : Interval
        Accounts.
    accounts, arr_unknown : int
        Accounts under contract, and those of unknown ARR.
    arr : float
        The ARR that is known.
    shared_error : float
        `shared_error` of the past windows, in log-odds.
    windows : int
        How many past windows there were.
    covers, leaves_out : tuple of str
        What the intervals cover, and what they do not.
    """

    arr_lost: Interval
    churns: Interval
    accounts: int
    arr: float
    arr_unknown: int
    shared_error: float
    windows: int
    covers: tuple[str, ...] = COVERS
    leaves_out: tuple[str, ...] = LEAVES_OUT


def shared_error(windows: pd.DataFrame) -> float:
    """How far the level of all probabilities together was off in past windows, as a standard deviation of log-odds.

    windows: one a past period that does not overlap the others: expected (sum of p), churns, variance (sum of
    p (1 - p)). The mean square of (churns - expected) / variance (the shift of all log-odds that would have put it
    right) less what chance alone gives (1 / variance); from 0 up. Raises MetricRefused with fewer than 4 windows.

    >>> windows = pd.DataFrame({"expected": [100.0] * 4, "churns": [130, 70, 130, 70], "variance": [80.0] * 4})
    >>> round(shared_error(windows), 3)      # sqrt(.375**2 - 1 / 80)
    0.358
    """
    if len(windows) < LEAST_WINDOWS:
        raise MetricRefused("forecast", "past windows", len(windows), LEAST_WINDOWS)
    shift = (windows.churns - windows.expected) / windows.variance
    return float(np.sqrt(max(0.0, float((shift**2 - 1 / windows.variance).mean()))))


def forecast(p: Array, arr: Array, windows: pd.DataFrame, draws: int = 2000, seed: int = 7) -> Forecast:
    """What the newest scores say of their horizon: ARR lost and accounts that leave.

    The interval is that of the sum of independent losses (Poisson-binomial, drawn, so that one large account shows)
    under a shift of all log-odds alike: `shared_error(windows)` times a Student t of as many degrees as there are
    windows, since the error is itself an estimate. It covers COVERS and leaves out LEAVES_OUT.

    Parameters
    ----------
    p : ndarray, (n,)
        Probability of each account under contract to leave within the horizon, 0-1.
    arr : ndarray, (n,)
        Its ARR; NaN where unknown.
    windows : pandas.DataFrame
        Past windows, as `shared_error` takes them.
    draws, seed : int
        Draws of the sum behind the intervals, and their seed.

    Returns
    -------
    Forecast
        The sums with their intervals.

    Raises
    ------
    MetricRefused
        Without accounts, or with fewer than 4 past windows.

    Examples
    --------
    >>> windows = pd.DataFrame({"expected": [100.0] * 4, "churns": [104, 97, 99, 101], "variance": [80.0] * 4})
    >>> coming = forecast(np.array([0.1, 0.3]), np.array([1000.0, 500.0]), windows)
    >>> coming.arr_lost.value, coming.churns.value, coming.accounts      # .1 * 1000 + .3 * 500
    (250.0, 0.4, 2)
    """
    p, arr = np.asarray(p, dtype=float), np.asarray(arr, dtype=float)
    if p.size == 0:
        raise MetricRefused("forecast", "accounts under contract", 0, 1)
    error, random = shared_error(windows), np.random.default_rng(seed)
    known = np.nan_to_num(arr)
    against = 1 / np.clip(p, 1e-9, 1 - 1e-9) - 1  # the odds of staying
    sums = np.empty((draws, 2))
    for row, shift in enumerate(error * random.standard_t(len(windows), draws)):
        left = random.random(p.size) < 1 / (1 + against * np.exp(-shift))
        sums[row] = left @ known, left.sum()
    ends = np.quantile(sums, (0.025, 0.975), axis=0)
    figures = [
        Interval(float(value), float(min(value, low)), float(max(value, high)))
        for value, low, high in zip((p @ known, p.sum()), ends[0], ends[1], strict=True)
    ]
    unknown = int(np.isnan(arr).sum())
    return Forecast(figures[0], figures[1], p.size, float(known.sum()), unknown, error, len(windows))
