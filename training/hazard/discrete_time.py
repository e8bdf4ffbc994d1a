"""What the learners of the hazard share: their inputs, the names of their contributions, survival.

The hazard of interval k is the probability of churn in it given no churn before it; p = 1 - prod(1 - hazard), so p
never falls as the horizon grows. Numbers are computed row by row in a fixed order, never by a matrix product, so that
one account scored alone and the same account in a batch agree to the last bit.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

from features.signal import Schema
from training.hazard.encoding import Encoder
from training.hazard.intervals import AHEAD, HazardRows, Intervals, renewal_ahead
from training.hazard.time_effects import MONTH_JOINED, PLACE_IN_TERM, SEASON, TENURE

STAGE = "lifecycle_stage"
INTERVAL = "interval"  # the name under which the interval's own effect (how far ahead it lies) is explained
RENEWAL = "days_to_renewal"  # renewals that fall in an interval are explained under this signal's name


@dataclass(frozen=True)
class Inputs:
    """One frame of n snapshots, ready for the learners.

    Attributes
    ----------
    values : ndarray of float, shape (n, numbers)
        NaN where missing.
    codes : ndarray of int, shape (n, categories)
        The level of each, -1 where unknown.
    falls : ndarray of float, shape (n, K)
        1 where a renewal falls in the interval, else 0; NaN where none is known.
    ahead : ndarray of float, shape (n, K)
        Days from the interval's start to the next renewal.
    """

    values: np.ndarray
    codes: np.ndarray
    falls: np.ndarray
    ahead: np.ndarray

    def __len__(self) -> int:
        return len(self.values)

    def take(self, rows: np.ndarray) -> Inputs:
        return Inputs(self.values[rows], self.codes[rows], self.falls[rows], self.ahead[rows])


@dataclass(frozen=True)
class TrainingRows:
    """What a learner of the hazard is taught.

    Attributes
    ----------
    inputs : Inputs
        Of the n snapshots that the rows are of.
    rows : HazardRows
        The m (snapshot, interval) rows whose outcome is known; `snapshot` is a row of `inputs`.
    encoder : Encoder
        By which the inputs were made.
    events : int
        Distinct churns among the rows, however many snapshots saw each.
    seed : int
        Of whatever is drawn at random.
    offset : ndarray of float, shape (m,), optional
        What the time of each row's interval adds to its log-odds (time_effects.py): learners are fitted beside it.
    """

    inputs: Inputs
    rows: HazardRows
    encoder: Encoder
    events: int
    seed: int
    offset: np.ndarray | None = None

    @property
    def event_weight(self) -> float:
        """Weight of a row in the likelihood: each churn counts once, however many snapshots and intervals saw it."""
        return self.events / max(float(self.rows.churned.sum()), 1.0)


def make_inputs(frame: pd.DataFrame, encoder: Encoder, intervals: Intervals) -> Inputs:
    """Turns a frame of signals into what the learners read.

    Parameters
    ----------
    frame : DataFrame, n rows
        Signals.
    encoder : Encoder
        Learned in training.
    intervals : Intervals
        K of them.

    Returns
    -------
    Inputs
        Of the n rows.

    Raises
    ------
    DataError
        Naming every signal that the frame lacks.
    """
    encoder.check(frame, *AHEAD)
    falls, ahead = renewal_ahead(frame, intervals)
    return Inputs(encoder.values(frame), encoder.codes(frame), falls, ahead)


def stages_of(frame: pd.DataFrame) -> np.ndarray:
    """Lifecycle stage of each row.

    Parameters
    ----------
    frame : DataFrame, n rows
        With lifecycle_stage.

    Returns
    -------
    ndarray of object, shape (n,)
        Names of stages.
    """
    return frame[STAGE].astype(object).to_numpy()


@dataclass(frozen=True)
class Explained:
    """The names that contributions come under.

    Attributes
    ----------
    signals : tuple of str, length m
        In column order of every explanation.
    dimensions : tuple of str, length m
        The dimension of each.
    """

    signals: tuple[str, ...]
    dimensions: tuple[str, ...]

    def index(self, name: str) -> int:
        """Which column of an explanation a name has."""
        return self.signals.index(name)


def explained_by(encoder: Encoder, schema: Schema) -> Explained:
    """The signals that enter, then stage, next renewal and effects of time where they are no signals themselves.

    Parameters
    ----------
    encoder : Encoder
        What enters the learners.
    schema : Schema
        Of the signals, with their dimensions.

    Returns
    -------
    Explained
        Each name once.
    """
    dimensions = {signal.name: signal.dimension for signal in schema.signals}
    names = [*encoder.numbers, *(category.name for category in encoder.categories)]
    time = (INTERVAL, SEASON, PLACE_IN_TERM, MONTH_JOINED, TENURE)
    for extra in (STAGE, RENEWAL, *time):
        dimensions.setdefault(extra, "financial" if extra == RENEWAL else "account")
        if extra not in names:
            names.append(extra)
    return Explained(tuple(names), tuple(dimensions[name] for name in names))


def joined(first: Explained, second: Explained) -> Explained:
    """The names of both, each once, those of the first before those that are new in the second.

    Parameters
    ----------
    first, second : Explained
        Names to be put together.

    Returns
    -------
    Explained
        The names, with their dimensions.
    """
    dimensions = dict(zip(second.signals, second.dimensions, strict=True))
    dimensions |= dict(zip(first.signals, first.dimensions, strict=True))
    names = tuple(dict.fromkeys([*first.signals, *second.signals]))
    return Explained(names, tuple(dimensions[name] for name in names))


def churn_by(log_odds: np.ndarray, counts: tuple[int, ...]) -> np.ndarray:
    """Probability of churn within the first intervals, from hazard log-odds.

    Parameters
    ----------
    log_odds : ndarray of float, shape (n, K)
        Of the hazard in each interval.
    counts : tuple of int
        How many of the first intervals make up each horizon.

    Returns
    -------
    ndarray of float, shape (n, len(counts))
        Probabilities; rising with the count.

    Examples
    --------
    >>> churn_by(np.array([[0.0, 0.0]]), (1, 2)).tolist()
    [[0.5, 0.75]]
    """
    alive = np.ones(len(log_odds))
    out = np.empty((len(log_odds), len(counts)))
    for number in range(max(counts)):
        alive = alive * expit(-np.ascontiguousarray(log_odds[:, number]))
        for column, count in enumerate(counts):
            if count == number + 1:
                out[:, column] = 1.0 - alive
    return out


def probability_frame(
    log_odds: np.ndarray, intervals: Intervals, horizons: tuple[int, ...], index: pd.Index
) -> pd.DataFrame:
    """Probabilities per horizon as a frame, from calibrated hazard log-odds.

    Parameters
    ----------
    log_odds : ndarray of float, shape (n, K)
        Calibrated, of the hazard.
    intervals : Intervals
        K of them.
    horizons : tuple of int
        Days, each the end of an interval.
    index : Index, n entries
        Of the result.

    Returns
    -------
    DataFrame, n rows
        p_churn_{h}d for each horizon.
    """
    p = churn_by(log_odds, tuple(intervals.upto(horizon) for horizon in horizons))
    columns = {f"p_churn_{horizon}d": p[:, number] for number, horizon in enumerate(horizons)}
    return pd.DataFrame(columns, index=index)


def log_loss_rows(log_odds: np.ndarray, churned: np.ndarray) -> np.ndarray:
    """Negative log-likelihood of each row.

    Parameters
    ----------
    log_odds : ndarray of float, shape (m,)
        Predicted.
    churned : ndarray of float, shape (m,)
        1 or 0.

    Returns
    -------
    ndarray of float, shape (m,)
        In nats, lower is better.

    Examples
    --------
    >>> log_loss_rows(np.array([0.0]), np.array([1.0])).round(4).tolist()
    [0.6931]
    """
    return np.logaddexp(0.0, log_odds) - churned * log_odds
