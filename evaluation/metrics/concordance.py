"""Whether accounts leave in the order of their risk: concordance of the curve over all horizons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from configs.errors import DataError, Fault
from evaluation.metrics.validation import Array, MetricRefused

TIED = 1e-8
PAIRS_AT_ONCE = 500_000  # more would not stay in the processor's cache


class Concordance(NamedTuple):
    """`c` over all comparable pairs, of which `concordant`, `discordant` and `tied` in risk.

    `rows` are the rows that left, and `won` and `pairs` what each brought ((rows,) arrays): c is sum(won) / sum(pairs),
    so that accounts can be drawn.
    """

    c: float
    concordant: float
    discordant: float
    tied: float
    rows: Array
    won: Array
    pairs: Array


def concordance(days: Array, left: Array, curve: Array, horizons_days: Sequence[int], groups: Array) -> Concordance:
    """Share of comparable pairs in which the account that left first had the higher risk of leaving by then.

    The risks compared are those of both accounts by the end of the day on which the first left, on straight lines
    through `curve`. With one horizon the order is the same on every day, and it is Harrell's C. A pair is comparable
    when both are rows of one group, one left, and the other was still there then: followed for longer, or for as many
    days without leaving. Risks within 1e-8 are tied and count half.

    Parameters
    ----------
    days, left : array, (n,)
        Days followed, until the account left (`left` 1) or the window closed (0); past the last horizon is not left.
    curve : array, (n, horizons)
        Probability of leaving by each horizon; 0 on day 0.
    horizons_days : sequence of int, days
    groups : array, (n,)
        Each row's as_of.

    Returns
    -------
    Concordance
        Range 0-1, higher is better; .5 is chance.

    Raises
    ------
    MetricRefused, DataError
        Without a comparable pair; for shapes that do not match.

    References
    ----------
    Antolini, Boracchi and Biganzoli (2005); Harrell and others (1982).

    Examples
    --------
    >>> curve = [[0.5], [0.4], [0.3], [0.1]]
    >>> concordance([10, 20, 30, 30], [1, 0, 1, 0], curve, [30], [0, 0, 0, 0])[:4]      # 3 pairs of the first, 1 more
    (1.0, 4.0, 0.0, 0.0)
    """
    days, left, curve = (np.asarray(values, dtype=float) for values in (days, left, curve))
    horizons = np.asarray(horizons_days, dtype=float)
    if curve.shape != (days.size, horizons.size) or left.shape != days.shape or len(groups) != days.size:
        shapes = f"{days.size} days, {left.size} outcomes, {len(groups)} groups, a curve {curve.shape}"
        raise DataError(Fault("concordance", shapes, f"as many rows of {horizons.size} horizons", "pass matching rows"))
    left = np.where(days > horizons[-1], 0.0, left)
    days = np.minimum(days, horizons[-1])
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    order = np.argsort(group, kind="stable")
    parts = [np.zeros((4, 0))]
    for here in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        gone = here[left[here] == 1]
        step = max(1, PAIRS_AT_ONCE // max(1, here.size))
        parts += [_pairs(gone[at : at + step], here, days, left, curve, horizons) for at in range(0, gone.size, step)]
    rows, concordant, discordant, tied = np.concatenate(parts, axis=1)
    pairs = concordant + discordant + tied
    if not pairs.sum():
        raise MetricRefused("concordance", "comparable pairs", 0, 1)
    won = concordant + tied / 2
    above, below, level = (float(pairs.sum()) for pairs in (concordant, discordant, tied))
    return Concordance(float(won.sum() / pairs.sum()), above, below, level, rows.astype(int), won, pairs)


def _pairs(gone: Array, here: Array, days: Array, left: Array, curve: Array, horizons: Array) -> Array:
    """(4, gone): the row, and its concordant, discordant and tied pairs among the rows `here`."""
    t = days[gone][:, None]
    by = np.minimum(days[gone] + 1, horizons[-1])
    comparable = (days[here] > t) | ((days[here] == t) & (left[here] == 0))
    knots = np.append(0.0, horizons)
    at = np.clip(np.searchsorted(knots, by, side="left"), 1, horizons.size)
    share = (by - knots[at - 1]) / (knots[at] - knots[at - 1])
    risks = np.vstack([np.zeros(here.size), curve[here].T])
    share = share[:, None]
    risk = risks[at - 1] * (1 - share) + risks[at] * share  # (gone, here)
    own = risk[np.arange(gone.size), np.searchsorted(here, gone)]  # rows of a group are in order
    gap = own[:, None] - risk
    tied = comparable & (np.abs(gap) <= TIED)
    above = comparable & (gap > TIED)
    return np.vstack([gone, above.sum(axis=1), (comparable & ~tied & ~above).sum(axis=1), tied.sum(axis=1)])
