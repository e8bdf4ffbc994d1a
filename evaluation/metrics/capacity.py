"""What working on a limited number of accounts would have reached: the riskiest share of them at each scoring.

The band holds a share of the accounts of an as_of, because that is what CSMs can work on at a time. Plain functions,
as in scores.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from evaluation.metrics.validation import Array, MetricRefused, checked


def in_top_share(p: Array, share: float, groups: Array | None = None) -> Array:
    """How much of each row lies among the riskiest `share` of its group.

    The band holds round(share * rows) rows of a group and at least one. Rows tied at its edge share the places left, so
    that the answer never hangs on the order of rows.

    Parameters
    ----------
    p : array, (n,)
        Probabilities, or any score that rises with risk.
    share : float
        Of the rows of a group that the band holds, 0-1.
    groups : array, (n,), optional
        Each row's group (an as_of); None: all rows are one group.

    Returns
    -------
    array, (n,)
        0-1; between them only for rows tied at the edge.

    Examples
    --------
    >>> in_top_share([0.9, 0.5, 0.5, 0.1], 0.5).tolist()
    [1.0, 0.5, 0.5, 0.0]
    """
    return in_top_shares(p, [share], groups)[0]


def in_top_shares(p: Array, shares: Sequence[float], groups: Array | None = None) -> list[Array]:
    """`in_top_share` of several shares, sorted once.

    >>> [held.tolist() for held in in_top_shares([0.9, 0.5, 0.1], [0.3, 1.0])]
    [[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]]
    """
    p = np.asarray(p, dtype=float)
    group = np.zeros(p.size, dtype=int) if groups is None else pd.factorize(np.asarray(groups))[0]
    order = np.argsort(-p)  # ties share their places, whatever their order
    small = group.astype(np.min_scalar_type(int(group.max(initial=0))))  # few groups are put in order without comparing
    order = order[np.argsort(small[order], kind="stable")]
    new = np.ones(p.size, dtype=bool)
    new[1:] = (np.diff(group[order]) != 0) | (np.diff(p[order]) != 0)
    starts = np.flatnonzero(new)
    ties = np.diff(np.append(starts, p.size))
    sizes = np.bincount(group)
    group_of_tie = group[order][starts]
    above = starts - (np.cumsum(sizes) - sizes)[group_of_tie]
    bands = []
    for share in shares:
        places = np.maximum(1, np.floor(share * sizes + 0.5))[group_of_tie]
        held = np.empty(p.size)
        held[order] = np.repeat(np.clip((places - above) / ties, 0, 1), ties)
        bands.append(held)
    return bands


class Capacity(NamedTuple):
    """`flagged` rows of `rows`, `caught` of `churned` among them; precision, recall and lift over the churn rate."""

    rows: int
    flagged: float
    churned: int
    caught: float
    precision: float
    recall: float
    lift: float


def precision_recall_at_capacity(
    y: Array, p: Array, as_of: Array, share: float = 0.1, held: Array | None = None
) -> Capacity:
    """What working on the riskiest `share` of accounts at each as_of would have reached.

    held: `in_top_share` of these rows, where it is known already.

    Precision: share of the flagged that churned; recall: share of the churned that were flagged; all 0-1, higher is
    better, chance gives the churn rate and `share`. Raises MetricRefused without a row of each class.

    >>> precision_recall_at_capacity([1, 0, 0, 1], [0.9, 0.8, 0.2, 0.1], ["d1", "d1", "d2", "d2"], share=0.5)
    Capacity(rows=4, flagged=2.0, churned=2, caught=1.0, precision=0.5, recall=0.5, lift=1.0)
    """
    y, p = checked("precision_recall_at_capacity", y, p, probability=False)
    held = in_top_share(p, share, as_of) if held is None else held
    flagged, caught = float(held.sum()), float(held @ y)
    precision = caught / flagged
    return Capacity(
        y.size, flagged, int(y.sum()), caught, precision, caught / float(y.sum()), precision / float(y.mean())
    )


def gains(y: Array, p: Array, as_of: Array, shares: Sequence[float]) -> list[tuple[float, float]]:
    """(share of accounts worked on, share of the churned among them) for each of `shares`, both 0-1.

    The higher above the diagonal, which chance gives, the better. Raises MetricRefused without a row of each class.

    >>> gains([1, 0, 0, 0], [0.9, 0.5, 0.4, 0.1], [0, 0, 0, 0], [0.25, 1.0])
    [(0.25, 1.0), (1.0, 1.0)]
    """
    y, p = checked("gains", y, p, probability=False)
    bands = in_top_shares(p, shares, as_of)
    return [(float(share), float(held @ y / y.sum())) for share, held in zip(shares, bands, strict=True)]


class Lead(NamedTuple):
    """Churned accounts scored `days` and more before they left: their places in the band at the last such scoring.

    `places`, `chance` and `accounts` are (churned,) arrays, for an interval; `share` is the mean of `places`.
    """

    days: int
    churned: int
    share: float
    by_chance: float
    median_days: float
    accounts: Array
    places: Array


def chance_of(in_band: Array, as_of: Array) -> Array:
    """The band's share of the rows of each row's as_of, (n,), 0-1: what drawing it blindly would have given."""
    day = pd.factorize(np.asarray(as_of))[0]
    held = np.asarray(in_band, dtype=float)
    return np.asarray((np.bincount(day, held) / np.bincount(day))[day])


def lead_time(
    accounts: Array, as_of: Array, churn_at: Array, in_band: Array, days: Sequence[int], chance: Array | None = None
) -> list[Lead]:
    """Share of churned accounts in the red band at the LAST scoring at least so many days before they left.

    A point-in-time share: 0-1, higher is better, to be read beside chance (the band's share of those scorings). "In the
    band at any time before" would flatter, and is not offered. `in_band` comes from `in_top_share`; the ceiling is the
    same call with the true probabilities. Times are datetime64; NaT in churn_at: not known to have left. chance: what
    `chance_of` says of each row, where rows of accounts that are not known to have left are left out. Raises
    MetricRefused when nobody churned that long after a scoring.

    >>> day = np.array(["2025-01-01", "2025-02-01", "2025-03-01"], dtype="datetime64[us]")
    >>> left = np.array(["2025-03-20"] * 3, dtype="datetime64[us]")
    >>> lead_time(["a", "a", "a"], day, left, [1.0, 0.0, 1.0], [30])[0].share      # the last was 1 February
    0.0
    """
    as_of, churn_at = np.asarray(as_of, dtype="datetime64[us]"), np.asarray(churn_at, dtype="datetime64[us]")
    who, held = np.asarray(accounts), np.asarray(in_band, dtype=float)
    chance = chance_of(held, as_of) if chance is None else chance
    ahead = (churn_at - as_of) / np.timedelta64(1, "D")
    table = []
    for least in days:
        rows = np.flatnonzero(~np.isnat(churn_at) & (np.nan_to_num(ahead, nan=-1.0) >= least))
        if rows.size == 0:
            raise MetricRefused("lead_time", f"accounts that left {least} days and more after a scoring", 0, 1)
        _, code = np.unique(who[rows], return_inverse=True)
        rows = rows[np.lexsort((as_of[rows], churn_at[rows], code))]
        _, code = np.unique(who[rows], return_inverse=True)
        last = np.append((np.diff(code) != 0) | (np.diff(churn_at[rows]) != np.timedelta64(0)), True)
        kept = rows[last]
        table.append(
            Lead(
                int(least), kept.size, float(held[kept].mean()), float(chance[kept].mean()),
                float(np.median(ahead[kept])), who[kept], held[kept],
            )
        )  # fmt: skip
    return table


class First(NamedTuple):
    """Churned accounts, the share flagged at any scoring of the window, and how long before they left at first.

    `accounts`, `flagged` and `days` (NaN: never flagged) are (churned,) arrays, for intervals.
    """

    churned: int
    ever: float
    by_chance: float
    median_days: float
    accounts: Array
    flagged: Array
    days: Array


def first_flagged(accounts: Array, as_of: Array, churn_at: Array, in_band: Array, within_days: int = 180) -> First:
    """Days from the first flag to the churn, over scorings in the `within_days` days before it.

    A row is flagged when at least half of its place lies in the band. `ever` (0-1, higher is better) flatters: with
    many scorings chance alone flags most accounts once, so it is never to be quoted without `by_chance`, what a band
    drawn blindly would have given; the share to quote is `lead_time`'s. `median_days` is over the flagged: longer is
    earlier, up to `within_days`; NaN when none was. Times are datetime64; NaT in churn_at: not known to have left.
    Raises MetricRefused when nobody churned within the window of a scoring.

    >>> day = np.array(["2025-01-01", "2025-02-01", "2025-03-01"], dtype="datetime64[us]")
    >>> left = np.array(["2025-03-31"] * 3, dtype="datetime64[us]")
    >>> found = first_flagged(["a", "a", "a"], day, left, [0.0, 1.0, 0.0])
    >>> found.ever, found.median_days      # flagged on 1 February, 58 days before
    (1.0, 58.0)
    """
    as_of, churn_at = np.asarray(as_of, dtype="datetime64[us]"), np.asarray(churn_at, dtype="datetime64[us]")
    who, held = np.asarray(accounts), np.asarray(in_band, dtype=float)
    chance = chance_of(held, as_of)
    ahead = np.nan_to_num((churn_at - as_of) / np.timedelta64(1, "D"), nan=-1.0)
    rows = np.flatnonzero(~np.isnat(churn_at) & (ahead >= 0) & (ahead <= within_days))
    if rows.size == 0:
        raise MetricRefused("first_flagged", f"accounts that left within {within_days} days of a scoring", 0, 1)
    _, code = np.unique(who[rows], return_inverse=True)
    order = np.lexsort((churn_at[rows], code))
    rows, code = rows[order], code[order]
    begins = np.append(True, (np.diff(code) != 0) | (np.diff(churn_at[rows]) != np.timedelta64(0)))
    starts = np.flatnonzero(begins)
    earliest = np.maximum.reduceat(np.where(held[rows] >= 0.5, ahead[rows], -1.0), starts)
    missed = np.multiply.reduceat(1 - chance[rows], starts)
    flagged = earliest >= 0
    days = np.where(flagged, earliest, np.nan)
    median = float(np.median(days[flagged])) if flagged.any() else float("nan")
    return First(starts.size, float(flagged.mean()), float(1 - missed.mean()), median, who[rows[starts]], flagged, days)


def quarterly_loss_as_ofs(as_ofs: Sequence[pd.Timestamp], horizon_days: int) -> list[pd.Timestamp]:
    """As_ofs one horizon apart, so that no loss is counted twice.

    They start with the first that begins a quarter, if one does. Windows may overlap by up to a twentieth of the
    horizon (months are not of one length). Not `non_overlapping_as_ofs`, which starts with the very first and lets
    windows overlap by a fixed number of days: sums of money are read by quarter, a watch must not lose its first days.
    One rule for both would move figures.

    Parameters
    ----------
    as_ofs : sequence of pd.Timestamp
        Days of scorings, in any order.
    horizon_days : int
        Length of the window after each, in days.

    Returns
    -------
    list of pd.Timestamp
        Those to count, in order of time.
    """
    days = sorted(pd.Timestamp(day) for day in as_ofs)
    begins = [day for day in days if day.day == 1 and day.month % 3 == 1]
    kept: list[pd.Timestamp] = []
    for day in days:
        if day >= (begins or days)[0] and (not kept or (day - kept[-1]).days >= 0.95 * horizon_days):
            kept.append(day)
    return kept
