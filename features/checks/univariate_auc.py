"""How well one column alone separates accounts that left from those that stayed, compared only within like strata."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import sqrt
from typing import Any

import numpy as np
import pandas as pd

STANDARD_ERRORS = 3  # many columns are looked at in many comparisons
TELLTALE_SHARE = 0.25  # a value has to hold for so many of those that left
TELLTALE_MIN = 10
TELLTALE_TIMES = 20  # and has to be so many times as frequent among them as among those that stayed


@dataclass(frozen=True)
class Separation:
    """How well one column separates accounts that left from those that stayed.

    Attributes
    ----------
    auc : float
        From 0.5 to 1, whichever the direction.
    low : float
        `auc` less three standard errors; 0 when nothing could be compared.
    left, stayed : int
        How many of each kind were compared.
    """

    auc: float
    low: float
    left: int
    stayed: int


def separate(values: pd.Series, left: np.ndarray, strata: np.ndarray | None = None) -> Separation:
    """Measures how well a column tells who left, by its value or by its being missing, whichever does better.

    Pairs of one that left and one that stayed count only within a stratum, so that what merely dates an account (and
    older accounts have had more time to leave) does not count as one. Categories are scored by the share that left in
    the other half of the rows: a row's own label must not give its score.

    Parameters
    ----------
    values : Series, shape (n,)
        The column; numbers are ranked, anything else is taken for categories.
    left : ndarray of bool, shape (n,)
        Whether the account of the row left.
    strata : ndarray of int, shape (n,), or None
        Which rows may be compared with each other; all of them when None.

    Returns
    -------
    Separation

    References
    ----------
    Hanley and McNeil (1982), The meaning and use of the area under a receiver operating characteristic (ROC) curve,
    Radiology 143(1), 29-36: the standard error.

    Examples
    --------
    >>> separation = separate(pd.Series([1.0, 2.0, None, None]), np.array([False, False, True, True]))
    >>> separation.auc, separation.left, separation.stayed
    (1.0, 2, 2)
    """
    strata = np.zeros(len(values), dtype="int64") if strata is None else strata
    absent = values.isna().to_numpy()
    separations = [_auc(absent.astype("float64"), left, strata)]
    if is_number(values):
        given = ~absent
        separations.append(_auc(values.to_numpy("float64", na_value=np.nan)[given], left[given], strata[given]))
    else:
        separations.append(_auc(_shares(values, left), left, strata))
    return max(separations, key=lambda separation: separation.auc)


def is_number(values: pd.Series) -> bool:
    """Whether a column is of numbers that can be ordered; flags are categories."""
    return pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)


def _shares(values: pd.Series, left: np.ndarray) -> np.ndarray:
    half = np.arange(len(values)) % 2
    codes, overall = pd.factorize(as_texts(values))[0], float(left.mean())
    score, kinds = np.empty(len(values)), int(codes.max(initial=0)) + 1
    for fold in (0, 1):
        of_others = half != fold
        counts = np.bincount(codes[of_others], minlength=kinds)
        shares = np.full(kinds, overall)
        np.divide(np.bincount(codes[of_others], left[of_others], kinds), counts, out=shares, where=counts > 0)
        score[~of_others] = shares[codes[~of_others]]
    return score


def as_texts(values: pd.Series) -> pd.Series:
    """A column as texts, missing ones empty."""
    return values.astype("object").where(values.notna(), "").astype("str").reset_index(drop=True)


def _auc(score: np.ndarray, left: np.ndarray, strata: np.ndarray) -> Separation:
    order = np.lexsort((score, strata))
    score, left, strata = score[order], left[order], strata[order]
    begins = np.flatnonzero(np.r_[True, strata[1:] != strata[:-1]][: len(strata)])
    sizes = np.diff(np.r_[begins, len(strata)])
    ones = np.add.reduceat(left, begins, dtype="float64") if len(begins) else np.zeros(0)
    zeros = sizes - ones
    pairs = ones * zeros
    if not pairs.sum():
        return Separation(0.5, 0.0, int(ones.sum()), int(zeros.sum()))
    # Equal scores of a stratum share the mean of their ranks.
    ties = np.flatnonzero(np.r_[True, (score[1:] != score[:-1]) | (strata[1:] != strata[:-1])])
    lengths = np.diff(np.r_[ties, len(score)])
    rank = np.repeat(ties + (lengths + 1) / 2, lengths) - np.repeat(begins, sizes)
    wins = np.add.reduceat(rank * left, begins) - ones * (ones + 1) / 2
    auc = float(wins.sum() / pairs.sum())
    both = pairs > 0
    return _with_low(max(auc, 1 - auc), int(ones[both].sum()), int(zeros[both].sum()))


def _with_low(auc: float, left: int, stayed: int) -> Separation:
    q1, q2 = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc) + (left - 1) * (q1 - auc**2) + (stayed - 1) * (q2 - auc**2)
    return Separation(auc, auc - STANDARD_ERRORS * sqrt(max(0.0, spread) / (left * stayed)), left, stayed)


@dataclass(frozen=True)
class Telltale:
    """A value that holds for many that left and for next to nobody that stayed (shares, strata weighted alike).

    `holds` says of each row whether it has it.
    """

    value: str
    share_left: float
    share_stayed: float
    holds: np.ndarray = field(repr=False, compare=False)


def telltale(values: pd.Series, left: np.ndarray, strata: np.ndarray | None = None) -> Telltale | None:
    """The clearest value of that kind, None without one.

    An AUC does not see a column that is written for some of those that leave only: a reason given by 40 % of them has
    one of 0.7, though whoever has a reason has left.
    """
    strata = np.zeros(len(values), dtype="int64") if strata is None else strata
    shares = values[left].value_counts(normalize=True, dropna=False)
    states = [(f"the value {value!s}", (values == value).to_numpy(bool)) for value in _frequent(shares)]
    absent = values.isna().to_numpy()
    telltales = [
        _telltale_of(name, holds, left, strata)
        for name, holds in [*states, ("any value", ~absent), ("no value", absent)]
    ]
    clear = [shares for shares in telltales if shares is not None]
    return max(clear, key=lambda telltale: telltale.share_left, default=None)


def _frequent(shares: pd.Series) -> list[Any]:
    """Values frequent enough to be a telltale in some of the strata, whatever the others hold."""
    return list(shares[(shares >= TELLTALE_SHARE / 2).to_numpy() & shares.index.notna()].index)


def _telltale_of(name: str, holds: np.ndarray, left: np.ndarray, strata: np.ndarray) -> Telltale | None:
    """Shares in each stratum that has both kinds, weighted by how many left in it."""
    kinds = int(strata.max()) + 1
    of_left, of_stayed = (np.bincount(strata[kind], minlength=kinds) for kind in (left, ~left))
    holds_left, holds_stayed = (np.bincount(strata[kind], holds[kind], minlength=kinds) for kind in (left, ~left))
    both = (of_left > 0) & (of_stayed > 0)
    if not both.any():
        return None
    share_left = float(holds_left[both].sum() / of_left[both].sum())
    weights = of_left[both] / of_left[both].sum()
    share_stayed = float((weights * holds_stayed[both] / of_stayed[both]).sum())
    enough = share_left >= TELLTALE_SHARE and holds_left[both].sum() >= TELLTALE_MIN
    rare = share_stayed + 1 / (of_stayed[both].sum() + 2) <= share_left / TELLTALE_TIMES
    return Telltale(name, share_left, share_stayed, holds) if enough and rare else None
