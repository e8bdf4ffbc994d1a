"""Splits by time: which as_ofs test which fold, and that no training label window reaches into a test period.

What was known at a cut is the matter of training/known_labels.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from configs.errors import DataError, Fault
from training.known_labels import churned_accounts, days, distinct_as_ofs, known_until

Refit = Literal["month", "quarter", "year", "never"]
_PERIOD = {"month": "M", "quarter": "Q", "year": "Y"}


@dataclass(frozen=True)
class Fold:
    """A model fitted at `origin` is tested on `as_ofs`, all of them in [origin, next origin).

    Attributes
    ----------
    origin : Timestamp
        When the model is fitted.
    as_ofs : tuple of Timestamp
        On which it is tested, all in [origin, next origin).
    """

    origin: pd.Timestamp
    as_ofs: tuple[pd.Timestamp, ...]


def evenly(count: int, about: int) -> np.ndarray:
    """Which of `count` are chosen when about so many, and at least one, are to be evenly spaced; (count,) bool.

    Parameters
    ----------
    count : int
        Of what is chosen from.
    about : int
        How many.

    Returns
    -------
    ndarray of bool, shape (count,)
        Which are chosen.

    Examples
    --------
    >>> evenly(6, 3).tolist()
    [True, False, True, False, False, True]
    """
    chosen = np.zeros(count, dtype=bool)
    chosen[np.linspace(0, count - 1, max(1, min(count, about))).astype(int)] = True
    return chosen


def period_starts(as_ofs: tuple[pd.Timestamp, ...], refit: Refit) -> tuple[pd.Timestamp, ...]:
    """The first as_of of each calendar period: where a model would be refitted.

    Parameters
    ----------
    as_ofs : tuple of Timestamp
        The days with snapshots.
    refit : {"month", "quarter", "year", "never"}
        The calendar period.

    Returns
    -------
    tuple of Timestamp
        Rising; the first as_of alone with "never".

    Examples
    --------
    >>> days = tuple(pd.to_datetime(["2024-02-01", "2024-03-01", "2024-04-01", "2024-05-01"]))
    >>> [str(day.date()) for day in period_starts(days, "quarter")]
    ['2024-02-01', '2024-04-01']
    """
    if refit == "never":
        return as_ofs[:1]
    seen: dict[pd.Period, pd.Timestamp] = {}
    for moment in sorted(as_ofs):
        seen.setdefault(moment.to_period(_PERIOD[refit]), moment)
    return tuple(seen.values())


def first_test(labels: pd.DataFrame, data_end: pd.Timestamp, min_churns: int, interval_days: int) -> pd.Timestamp:
    """The earliest as_of by which `min_churns` churned accounts can be learned from: known to have left, in an interval
    of a snapshot that had ended.

    Parameters
    ----------
    labels : DataFrame
        A row a snapshot: account_id, as_of, churn_at, observed_until.
    data_end : Timestamp
        The end of the data.
    min_churns, interval_days : int
        Churned accounts to learn from; length of a hazard interval.

    Returns
    -------
    Timestamp
        An as_of of the labels.

    Raises
    ------
    DataError
        When no as_of has that many before it.
    """
    as_ofs = distinct_as_ofs(labels)
    seen = labels[labels["churn_at"].notna() & (labels["churn_at"] >= labels["as_of"])]
    as_of_days = days(seen["as_of"])
    ended = as_of_days + (np.floor((days(seen["churn_at"]) - as_of_days) / interval_days) + 1.0) * interval_days
    for as_of in as_ofs:
        until = days(pd.Series([known_until(labels, data_end, as_of)]))[0]
        if seen.loc[ended <= until, "account_id"].nunique() >= min_churns:
            return as_of
    known = churned_accounts(labels, known_until(labels, data_end, as_ofs[-1])) if as_ofs else 0
    raise DataError(
        Fault(
            "backtest",
            f"{known} churned accounts known before the last as_of",
            f"at least {min_churns} (training.min_churns)",
            "give a longer history of outcomes, or lower training.min_churns knowing that the figures will be rough",
        )
    )


def rolling_folds(as_ofs: tuple[pd.Timestamp, ...], first: pd.Timestamp, refit: Refit) -> tuple[Fold, ...]:
    """Rolling-origin folds from `first` on: refitted there and at the first as_of of each later calendar period.

    Parameters
    ----------
    as_ofs : tuple of Timestamp
        The days with snapshots.
    first : Timestamp
        Before which none is tested.
    refit : {"month", "quarter", "year", "never"}
        How often a model is fitted anew.

    Returns
    -------
    tuple of Fold
        In order of time.

    Raises
    ------
    DataError
        When no as_of lies at or after `first`.

    References
    ----------
    L. J. Tashman (2000), "Out-of-sample tests of forecasting accuracy: an analysis and review".

    Examples
    --------
    >>> days = tuple(pd.date_range("2024-01-01", "2024-06-01", freq="MS"))
    >>> [(str(f.origin.date()), len(f.as_ofs)) for f in rolling_folds(days, days[1], "quarter")]
    [('2024-02-01', 2), ('2024-04-01', 3)]
    """
    later = tuple(moment for moment in sorted(as_ofs) if moment >= first)
    if not later:
        raise DataError(
            Fault("backtest.from", str(first.date()), "a day with an as_of at or after it", "choose an earlier day")
        )
    origins = sorted({later[0], *(start for start in period_starts(as_ofs, refit) if start >= later[0])})
    ends = [*origins[1:], pd.Timestamp.max]
    return tuple(
        Fold(origin, tuple(moment for moment in later if origin <= moment < end))
        for origin, end in zip(origins, ends, strict=True)
    )


def assert_no_overlap(train_ends: pd.Series | np.ndarray, test_start: pd.Timestamp) -> None:
    """Raises DataError when a training label window ends after the test period begins.

    Parameters
    ----------
    train_ends : Series or ndarray of datetime, shape (n,)
        The END of each training label window.
    test_start : Timestamp
        The first test as_of.

    Raises
    ------
    DataError
        When a training label window ends after the test period begins.

    References
    ----------
    M. Lopez de Prado (2018), "Advances in financial machine learning", ch. 7 (purging).
    """
    ends = pd.Series(pd.to_datetime(pd.Series(train_ends)))
    late = ends > test_start
    if late.any():
        raise DataError(
            Fault(
                "training rows",
                f"{int(late.sum())} label windows that end after {test_start}, the last one at {ends.max()}",
                "every label window closed by the first test as_of",
                "cut the training rows with rows_known(labels, cut, window_days)",
            )
        )
