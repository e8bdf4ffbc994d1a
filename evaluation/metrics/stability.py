"""How steady predictions are: levels that flip from one scoring to the next and back again, and how far p moves.

A level that flips without cause is work for a CSM and costs trust; one that never moves sees nothing. There is no right
value: read it beside the share of churned accounts caught, and beside the rules'.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from evaluation.metrics.bootstrap import Interval, draw, interval_of
from evaluation.metrics.bootstrap_statistics import ratio
from evaluation.metrics.validation import Array, MetricRefused

MONTH_DAYS = 45  # scorings of an account further apart are no neighbours


def steps(rows: pd.DataFrame, most_days: int = MONTH_DAYS) -> pd.DataFrame:
    """Each scoring with one of the same account at most `most_days` before it, in the order of account and day.

    rows: account_id, as_of, level (text), p; one an account and day. Returns account_id, as_of, flipped (1.0: the level
    is not that of the scoring before), three (1.0: that one had such a scoring before it too), back (1.0: of three
    levels in a row the first and third are the same and the second is not), moved (|p - p before|, 0-1).

    >>> days = pd.to_datetime(["2025-01-01", "2025-02-01", "2025-03-01"])
    >>> rows = pd.DataFrame({"account_id": "a", "as_of": days, "level": ["low", "high", "low"], "p": [0.1, 0.5, 0.2]})
    >>> steps(rows)[["flipped", "three", "back", "moved"]].round(3).values.tolist()
    [[1.0, 0.0, 0.0, 0.4], [1.0, 1.0, 1.0, 0.3]]
    """
    rows = rows.sort_values(["account_id", "as_of"], kind="stable")
    near = pd.Timedelta(days=most_days)
    account, level = pd.factorize(rows.account_id)[0], pd.factorize(rows.level)[0]
    at, p = rows.as_of.to_numpy(), rows.p.to_numpy(dtype=float)
    follows = np.zeros(len(rows), dtype=bool)
    follows[1:] = (np.diff(account) == 0) & (np.diff(at) <= near.to_timedelta64())
    three = follows & np.roll(follows, 1)
    flipped = follows & (level != np.roll(level, 1))
    back = three & flipped & (level == np.roll(level, 2))
    made = {"flipped": flipped, "three": three, "back": back, "moved": np.abs(p - np.roll(p, 1))}
    columns = {name: values.astype(float)[follows] for name, values in made.items()}
    return rows.loc[follows, ["account_id", "as_of"]].assign(**columns).reset_index(drop=True)


def rank_correlation(rows: pd.DataFrame) -> float:
    """Mean over neighbouring days of the rank correlation (Spearman) of p between them, of accounts scored on both.

    From -1 to 1, higher is steadier; 1: the order of risk did not change. Raises MetricRefused when no two neighbouring
    days share three accounts and more whose p differ.

    >>> days = pd.to_datetime(["2025-01-01"] * 3 + ["2025-02-01"] * 3)
    >>> rows = pd.DataFrame({"account_id": list("abcabc"), "as_of": days, "p": [0.1, 0.2, 0.3, 0.2, 0.1, 0.3]})
    >>> rank_correlation(rows)
    0.5
    """
    account = pd.factorize(rows.account_id)[0]
    _, day = np.unique(rows.as_of.to_numpy(), return_inverse=True)
    p_of = np.full((day.max(initial=-1) + 1, account.max(initial=-1) + 1), np.nan)
    p_of[day, account] = rows.p.to_numpy(dtype=float)
    correlations = []
    for before, after in pairwise(p_of):
        both = np.column_stack([before, after])
        both = both[~np.isnan(both).any(axis=1)]
        if len(both) >= 3 and (np.ptp(both, axis=0) > 0).all():
            correlations.append(float(np.corrcoef(pd.Series(both[:, 0]).rank(), pd.Series(both[:, 1]).rank())[0, 1]))
    if not correlations:
        raise MetricRefused("rank_correlation", "neighbouring days with three common accounts", 0, 1)
    return float(np.mean(correlations))


@dataclass(frozen=True)
class Stability:
    """How steady predictions are from one scoring to the next; lower is steadier, but for the rank correlation.

    Attributes
    ----------
    months : int
        Pairs of neighbouring scorings.
    flips : Interval
        Share of them at which the level changed, 0-1.
    flips_back : Interval
        Share of three scorings in a row whose level went and came back, 0-1.
    moved : Interval
        Mean change of p, 0-1.
    rank_correlation : float
        Of p between neighbouring days, -1 to 1 (see `rank_correlation`).
    """

    months: int
    flips: Interval
    flips_back: Interval
    moved: Interval
    rank_correlation: float


def stability(rows: pd.DataFrame, draws: int, seed: int) -> Stability:
    """How often levels flip and how far probabilities move from one scoring to the next, with intervals over accounts.

    Parameters
    ----------
    rows : pd.DataFrame
        As for `steps`: account_id, as_of, level, p.
    draws, seed : int
        Of the bootstrap.

    Returns
    -------
    Stability
        With 95 % intervals.

    Raises
    ------
    MetricRefused
        Without three neighbouring scorings of an account.

    Examples
    --------
    >>> days = pd.to_datetime(["2025-01-01", "2025-02-01", "2025-03-01"] * 3)
    >>> levels = ["low", "high", "low"] + ["low"] * 6
    >>> rows = pd.DataFrame({"account_id": list("aaabbbccc"), "as_of": days, "level": levels})
    >>> steady = stability(rows.assign(p=[0.1, 0.5, 0.2, 0.3, 0.3, 0.3, 0.4, 0.4, 0.4]), draws=50, seed=1)
    >>> steady.months, round(steady.flips.value, 3), round(steady.flips_back.value, 3)      # 2 of 6, 1 of 3
    (6, 0.333, 0.333)
    """
    table = steps(rows)
    if not table.three.sum():
        raise MetricRefused("stability", "accounts scored three months in a row", 0, 1)
    asked = {"flips": ratio("flipped"), "flips_back": ratio("back", "three"), "moved": ratio("moved")}
    drawn: Mapping[str, Array] = draw(table, asked, draws, seed)
    shares = {name: interval_of(values, name) for name, values in drawn.items()}
    return Stability(len(table), shares["flips"], shares["flips_back"], shares["moved"], rank_correlation(rows))
