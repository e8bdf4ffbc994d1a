"""Shares of rows with intervals that count accounts, not rows."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from evaluation.metrics.validation import Array

Z95 = 1.959963984540054


def wilson(share: float, rows: float) -> tuple[float, float]:
    """95 % interval of a share; stays within [0, 1], and is not empty at 0 or 1.

    Parameters
    ----------
    share : float
        Seen, 0-1.
    rows : float
        Number of independent rows over which it was seen.

    Returns
    -------
    low, high : float
        0-1.

    References
    ----------
    Wilson (1927), Probable inference, the law of succession, and statistical inference.

    Examples
    --------
    >>> [round(end, 3) for end in wilson(0.5, 10)]
    [0.237, 0.763]
    """
    middle, z2 = (share + Z95**2 / (2 * rows)) / (1 + Z95**2 / rows), Z95**2
    half = Z95 / (1 + z2 / rows) * math.sqrt(share * (1 - share) / rows + z2 / (4 * rows**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def share_interval(y: Array, accounts: Array) -> tuple[float, float]:
    """95 % interval of a share where rows of one account are not independent.

    Wilson's, over the number of rows that would carry as much if they were independent (rows over the design effect of
    accounts as clusters); with no churn, or nothing else, that number is the count of accounts.

    Parameters
    ----------
    y : array, (n,)
        Outcomes, 0 or 1.
    accounts : array, (n,)
        Each row's account.

    Returns
    -------
    low, high : float
        0-1.

    References
    ----------
    Kish (1965), Survey sampling: the design effect.

    Examples
    --------
    >>> share_interval([1, 1, 0, 0], ["a", "a", "b", "b"]) == wilson(0.5, 2)
    True
    """
    y = np.asarray(y, dtype=float)
    share = float(y.mean())
    codes = pd.factorize(np.asarray(accounts))[0]
    clusters = int(codes.max()) + 1
    spread = float((np.bincount(codes, y - share) ** 2).sum())
    effective = float(y.size**2 * share * (1 - share) / spread) if spread > 1e-12 and 0 < share < 1 else clusters
    return wilson(share, max(1.0, min(y.size, effective)))


def difference_interval(first: float, first_rows: float, second: float, second_rows: float) -> tuple[float, float]:
    """95 % interval of the difference of two shares of independent rows, first minus second.

    Parameters
    ----------
    first, second : float
        Shares seen, 0-1.
    first_rows, second_rows : float
        Number of independent rows over which each was seen.

    Returns
    -------
    low, high : float
        -1 to 1.

    References
    ----------
    Newcombe (1998), Interval estimation for the difference between independent proportions, method 10.

    Examples
    --------
    >>> [round(end, 4) for end in difference_interval(56 / 70, 70, 48 / 80, 80)]      # Newcombe's own example (a)
    [0.0524, 0.3339]
    """
    (low, high), (other_low, other_high) = wilson(first, first_rows), wilson(second, second_rows)
    difference = first - second
    below = math.sqrt((first - low) ** 2 + (other_high - second) ** 2)
    above = math.sqrt((high - first) ** 2 + (second - other_low) ** 2)
    return difference - below, difference + above
