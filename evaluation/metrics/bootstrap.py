"""Intervals by bootstrap over accounts, fast enough to put one beside every figure.

Rows of one account are alike, so accounts are drawn, not rows. A draw is never a copy of rows: it is how often each
account was drawn, and every statistic (bootstrap_statistics.py) is written as sums over accounts times those counts.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import numpy as np
import pandas as pd

from evaluation.metrics.bootstrap_statistics import Counts, Statistic
from evaluation.metrics.validation import Array, MetricRefused

KEPT_COUNTS = 50_000_000  # bytes
COUNTED_AT_ONCE = 40_000_000  # numbers in hand while a block of draws is worked out
MOST_NUMBERED = 10_000_000  # accounts that are numbers up to here need no sorting


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95 % interval.

    Attributes
    ----------
    value : float
        The estimate, in the unit of the statistic.
    low, high : float
        Ends of the interval, in the same unit.
    """

    value: float
    low: float
    high: float


def _blocks(accounts: int, draws: int, seed: int, block: int) -> Iterator[Counts]:
    """All accounts once (the estimate itself), then `draws` resamples, some at a time."""
    yield np.ones((accounts, 1))
    if accounts * draws > KEPT_COUNTS:
        resamples = _resamples(accounts, draws, seed)
        for start in range(0, draws, block):
            yield np.column_stack(list(islice(resamples, min(block, draws - start)))).astype(float)
        return
    kept = _kept(accounts, draws, seed)
    for start in range(0, draws, block):
        yield kept[:, start : start + block].astype(float)


@lru_cache(maxsize=4)  # a report comes back to the accounts of each horizon
def _kept(accounts: int, draws: int, seed: int) -> Counts:
    """All resamples at once, for the many figures of the same rows."""
    return np.column_stack(list(_resamples(accounts, draws, seed)))


def _resamples(accounts: int, draws: int, seed: int) -> Iterator[Array]:
    """How often each account was drawn, (accounts,) uint8 (none is drawn 256 times), one resample after another."""
    random = np.random.default_rng(seed)
    for _ in range(draws):
        yield np.bincount(random.integers(accounts, size=accounts), minlength=accounts).astype(np.uint8)


def draw(frame: pd.DataFrame, statistics: Mapping[str, Statistic], draws: int, seed: int) -> dict[str, Array]:
    """Resamples accounts and works out statistics on every draw; all on the same draws, so that they pair.

    Parameters
    ----------
    frame : pd.DataFrame
        account_id and the columns that the statistics name; the order of rows does not matter.
    statistics : mapping of str to Statistic
        What to work out, by name (see bootstrap_statistics.py).
    draws : int
        How many times accounts are drawn, with replacement.
    seed : int
        Of the random draws.

    Returns
    -------
    dict of str to array, (1 + draws,) or (groups, 1 + draws)
        Of each statistic the estimate on all rows, then its value on each draw.
    """
    codes, size = _coded(frame["account_id"])
    block = max(1, min(draws, COUNTED_AT_ONCE // max(1, 2 * len(frame) + size)))
    prepared = {name: statistic(frame, codes, size) for name, statistic in statistics.items()}
    values: dict[str, list[Array]] = {name: [] for name in statistics}
    for counts in _blocks(size, draws, seed, block):
        for name, drawn in prepared.items():
            values[name].append(drawn(counts))
    return {name: np.concatenate(parts, axis=-1) for name, parts in values.items()}


def _coded(accounts: pd.Series) -> tuple[Array, int]:
    """The number of each row's account in the order of their names, (n,) int, and how many accounts there are."""
    who = accounts.to_numpy()
    if who.dtype.kind != "i" or not who.size or who.min() < 0 or who.max() > MOST_NUMBERED:
        codes, names = pd.factorize(accounts, sort=True)
        return codes, len(names)
    is_present = np.zeros(int(who.max()) + 1, dtype=bool)
    is_present[who] = True
    if is_present.all():
        return who, is_present.size
    return (np.cumsum(is_present) - 1)[who], int(is_present.sum())


def interval_of(values: Array, name: str = "interval", noise: Array | None = None) -> Interval:
    """The estimate and its 95 % interval, from the values of a bootstrap.

    Parameters
    ----------
    values : array, (1 + draws,)
        The estimate, then its value on each draw (`draw`). NaN: a draw without a churned account, which is left out.
    name : str
        Of the statistic, for the message of a refusal.
    noise : array, (1 + draws,), optional
        For a distance, which noise makes greater and which cannot be negative: what noise alone would make of it. The
        2.5 and 97.5 % points are then mirrored at the estimate, which takes back what resampling adds; and as a
        distance differs from the true one by at most that of noise, the lower end lies below the estimate by at least
        what noise makes in 95 of 100 cases: at 0 for whatever noise alone may have made.

    Returns
    -------
    Interval
        In the unit of the statistic.

    Raises
    ------
    MetricRefused
        When there is no estimate, or more than 1 draw in 20 has no value.
    """
    value, drawn = float(values[0]), values[1:][~np.isnan(values[1:])]
    if np.isnan(value) or drawn.size < 0.95 * (values.size - 1):
        raise MetricRefused(name, "draws with churned accounts", drawn.size, int(np.ceil(0.95 * (values.size - 1))))
    low, high = np.quantile(drawn, (0.025, 0.975))
    if noise is not None:
        beyond_noise = value - float(np.quantile(noise[1:], 0.95))
        low, high = max(0.0, min(2 * value - high, beyond_noise)), max(value, 2 * value - low)
    return Interval(value, float(low), float(high))


def interval(frame: pd.DataFrame, statistic: Statistic, draws: int = 400, seed: int = 7) -> Interval:
    """A statistic of the frame with its 95 % interval over accounts; a second row is what noise alone makes of it.

    >>> from evaluation.metrics.bootstrap_statistics import brier
    >>> frame = pd.DataFrame({"account_id": list("abcdefgh"), "p": np.arange(1, 9) / 10, "y": [0, 0, 0, 1] * 2})
    >>> score = interval(frame, brier(), draws=200)
    >>> score.low < round(score.value, 3) < score.high, round(score.value, 3)
    (True, 0.205)
    """
    values = draw(frame, {"it": statistic}, draws, seed)["it"]
    return interval_of(values) if values.ndim == 1 else interval_of(values[0], noise=values[1])


def paired(frame: pd.DataFrame, first: Statistic, second: Statistic, draws: int = 400, seed: int = 7) -> Interval:
    """first - second on identical rows and identical draws: what both share cancels, so the interval is tight.

    >>> from evaluation.metrics.bootstrap_statistics import brier
    >>> frame = pd.DataFrame({"account_id": list("abcd"), "p": [.1, .2, .3, .4], "y": [0, 0, 1, 1]})
    >>> paired(frame, brier("p"), brier("p"), draws=50)
    Interval(value=0.0, low=0.0, high=0.0)
    """
    both = draw(frame, {"first": first, "second": second}, draws, seed)
    return interval_of(both["first"] - both["second"])
