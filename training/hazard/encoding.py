"""Signals into numbers, learned from training rows only and the same when serving.

A category's level becomes its smoothed log-odds of churn against the prior (for trees) or a 0/1 column (for the linear
learner). A level that was rare or never seen in training gets the prior, 0, in both: unknown is not risky.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from configs.errors import DataError, Fault, nearest
from training.hazard.time_effects import TENURE, entered
from training.serialization import JsonObject

MIN_ACCOUNTS = 20  # a level seen in fewer training accounts is pooled with the unseen ones
SMOOTHING_ACCOUNTS = 30.0  # accounts' worth of prior that each level's rate is drawn towards
MAX_LEVELS = 40
MISSING = "\0missing"  # a missing category is a level of its own; no source text starts with NUL


@dataclass(frozen=True)
class Category:
    """`effects`: smoothed log-odds of each kept level less the prior's."""

    name: str
    levels: tuple[str, ...]
    effects: tuple[float, ...]

    def codes(self, frame: pd.DataFrame) -> np.ndarray:
        """Index of each row's level in `levels`, -1 where unseen or pooled; (n,)."""
        code = {level: number for number, level in enumerate(self.levels)}
        number, names = distinct(frame[self.name])
        return np.array([code.get(name, -1) for name in names], dtype=np.int64)[number]


def distinct(column: pd.Series) -> tuple[np.ndarray, list[str]]:
    """(number of each row's level (n,), the levels as text): a column has few levels and many rows.

    The last level is MISSING, whether there is such a row or not.
    """
    number, levels = pd.factorize(column)
    return np.where(number < 0, len(levels), number), [*map(str, levels), MISSING]


def texts(column: pd.Series) -> np.ndarray:
    """A category column as text, a missing one as MISSING; (n,) objects."""
    number, names = distinct(column)
    return np.array(names, dtype=object)[number]


@dataclass(frozen=True)
class Encoder:
    """Which signals enter a learner, and how.

    Attributes
    ----------
    numbers : tuple of str
        Signals that enter as numbers.
    categories : tuple of Category
        Those that enter by level.
    entry_day : float, optional
        Days since 1970 on which the data begin: of accounts that joined then tenure is not known (delayed entry), and
        enters as missing.
    """

    numbers: tuple[str, ...]
    categories: tuple[Category, ...]
    entry_day: float | None = None

    def check(self, frame: pd.DataFrame, *beside: str) -> None:
        """DataError naming every signal, and column `beside` them, that the frame lacks, all at once."""
        names = dict.fromkeys([*self.numbers, *(category.name for category in self.categories), *beside])
        faults = [
            Fault(f"signal {name}", "no such column", "every signal of training", nearest(name, list(frame.columns)))
            for name in names
            if name not in frame.columns
        ]
        if faults:
            raise DataError(faults)

    def values(self, frame: pd.DataFrame) -> np.ndarray:
        """Numeric signals, NaN where missing; (n, len(numbers)), C-contiguous float64."""
        self.check(frame)
        out = np.empty((len(frame), len(self.numbers)))
        for column, name in enumerate(self.numbers):
            out[:, column] = frame[name].to_numpy(dtype=float, na_value=np.nan)
            if name == TENURE and self.entry_day is not None:
                out[entered(frame, self.entry_day) > 0, column] = np.nan
        return out

    def codes(self, frame: pd.DataFrame) -> np.ndarray:
        """Level of each category, -1 when unseen; (n, len(categories)) int64."""
        self.check(frame)
        out = np.full((len(frame), len(self.categories)), -1, dtype=np.int64)
        for column, category in enumerate(self.categories):
            out[:, column] = category.codes(frame)
        return out

    def effects(self, codes: np.ndarray) -> np.ndarray:
        """Smoothed log-odds of each code, 0 for unseen; same shape as `codes`."""
        out = np.zeros(codes.shape)
        for column, category in enumerate(self.categories):
            table = np.array([*category.effects, 0.0])
            out[:, column] = table[codes[:, column]]
        return out

    def to_json(self) -> JsonObject:
        categories = [
            {"name": category.name, "levels": list(category.levels), "effects": list(category.effects)}
            for category in self.categories
        ]
        return {"numbers": list(self.numbers), "categories": categories, "entry_day": self.entry_day}

    @classmethod
    def from_json(cls, body: JsonObject) -> Encoder:
        categories = tuple(
            Category(category["name"], tuple(category["levels"]), tuple(category["effects"]))
            for category in body["categories"]
        )
        return cls(tuple(body["numbers"]), categories, body["entry_day"])


def fit_encoder(
    frame: pd.DataFrame,
    numbers: list[str],
    categories: list[str],
    snapshot: np.ndarray,
    churned: np.ndarray,
) -> Encoder:
    """Learns the categories' levels and effects from hazard rows.

    Each account weighs 1 however many rows it has, so that the smoothing counts accounts.

    Parameters
    ----------
    frame : DataFrame, n rows
        Signals, with account_id.
    numbers, categories : list of str
        Names of signals.
    snapshot : ndarray of int, shape (m,)
        Row of the frame that each hazard row is of.
    churned : ndarray of float, shape (m,)
        1 or 0.

    Returns
    -------
    Encoder
        With levels and their smoothed log-odds.

    References
    ----------
    D. Micci-Barreca (2001), "A preprocessing scheme for high-cardinality categorical attributes".
    """
    used = np.bincount(snapshot, minlength=len(frame)).astype(float)
    events = np.bincount(snapshot, weights=churned, minlength=len(frame))
    account, _ = pd.factorize(frame["account_id"])
    rows_of_account = np.bincount(account, weights=used)
    weight = np.divide(1.0, rows_of_account[account], out=np.zeros(len(frame)), where=rows_of_account[account] > 0)
    prior = _clip(float((weight * events).sum() / max((weight * used).sum(), 1e-12)))
    fitted = []
    for name in categories:
        rows = pd.DataFrame(
            {
                "level": texts(frame[name]),
                "account": account,
                "n": weight * used,
                "e": weight * events,
                "used": used > 0,
            }
        )
        rows = rows[rows["used"]]
        by = rows.groupby("level").agg(accounts=("account", "nunique"), n=("n", "sum"), e=("e", "sum")).reset_index()
        by = by[by["accounts"] >= MIN_ACCOUNTS].sort_values(["accounts", "level"], ascending=[False, True])
        by = by.head(MAX_LEVELS).sort_values("level")
        rate = (by["e"] + SMOOTHING_ACCOUNTS * prior) / (by["n"] + SMOOTHING_ACCOUNTS)
        effects = [float(np.log(_clip(share) / (1 - _clip(share))) - np.log(prior / (1 - prior))) for share in rate]
        fitted.append(Category(name, tuple(by["level"]), tuple(effects)))
    return Encoder(tuple(numbers), tuple(fitted))


def _clip(share: float) -> float:
    return min(max(share, 1e-6), 1 - 1e-6)
