"""The level of churn by calendar month, taken from the same month a year before (`training.season_level: last_year`).

With less than two years of history no model can tell a season from a trend, and a calibrator fitted on the last
quarters carries their season into the next ones. Where the business is known to be seasonal, the seasonal naive
forecast of the level is hard to beat: the share that churned among the snapshots of that month a year ago. Every
account's log-odds are moved by one number a month, so that the mean prediction over the accounts in play at the cut
equals that share; who is at more risk than whom is left as it is. Off by default: it is a statement about the
business that the data of one year cannot prove.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from training.hazard import churn_by
from training.known_labels import rows_known

YEAR_DAYS = 365
MIN_CHURNS = 30  # churned snapshots of a month before its share is taken for a level
REACH = 6.0  # no month moves the log-odds by more

NONE: tuple[float, ...] = (0.0,) * 12


def month_levels(labels: pd.DataFrame, cut: pd.Timestamp, until: pd.Timestamp, horizon_days: int) -> dict[int, float]:
    """Share churned within the horizon by calendar month of the as_of, in the year before the cut; matured rows only.

    A month with fewer than MIN_CHURNS churned snapshots, or with none that stayed, has no level.

    Parameters
    ----------
    labels : DataFrame
        A row a snapshot: account_id, as_of, churn_at, observed_until.
    cut : Timestamp
        Before which the year lies.
    until : Timestamp
        By which outcomes are known.
    horizon_days : int
        Within which an account churns.

    Returns
    -------
    dict of int to float
        Share that churned, by month from 1 to 12.
    """
    recent = (
        rows_known(labels, until, horizon_days) & (labels["as_of"] >= cut - pd.Timedelta(days=YEAR_DAYS)).to_numpy()
    )
    rows = labels[recent]
    churned = rows["churn_at"] < rows["as_of"] + pd.Timedelta(days=horizon_days)
    by_month = churned.groupby(rows["as_of"].dt.month).agg(["sum", "mean", "size"])
    return {
        int(str(month)): float(group["mean"])
        for month, group in by_month.iterrows()
        if MIN_CHURNS <= group["sum"] < group["size"]
    }


def month_shifts(log_odds: np.ndarray, count: int, levels: dict[int, float]) -> tuple[float, ...]:
    """Twelve shifts of the hazard log-odds (n, K) of the accounts in play, January first.

    With each, the mean probability of churn within the first `count` intervals equals the month's level; a month
    without a level, or with one that a shift of REACH does not come to, gets the mean of the others (0 when there is
    none).

    Parameters
    ----------
    log_odds : ndarray of float, shape (n, K)
        Of the hazard, of accounts in play.
    count : int
        Of the first intervals that make up the horizon.
    levels : dict of int to float
        Of `month_levels`.

    Returns
    -------
    tuple of float, length 12
        January first.
    """

    from scipy.optimize import brentq  # half a second to import, which predicting can do without

    def gap(shift: float, level: float) -> float:
        return float(churn_by(log_odds + shift, (count,)).mean()) - level

    if not levels or not len(log_odds):
        return NONE
    shifts = {
        month: brentq(gap, -REACH, REACH, args=(level,), xtol=1e-9)
        for month, level in levels.items()
        if gap(-REACH, level) < 0 < gap(REACH, level)
    }
    rest = float(np.mean(list(shifts.values()))) if shifts else 0.0
    return tuple(float(shifts.get(month, rest)) for month in range(1, 13))


def shift_of(shifts: tuple[float, ...], frame: pd.DataFrame) -> np.ndarray:
    """Each row's shift by the month of its as_of; (n,). Without shifts the as_of is not needed.

    Parameters
    ----------
    shifts : tuple of float, length 12
        Of `month_shifts`.
    frame : DataFrame, n rows
        With as_of.

    Returns
    -------
    ndarray of float, shape (n,)
        Of the log-odds.
    """
    if not any(shifts):
        return np.zeros(len(frame))
    return np.array(shifts)[frame["as_of"].dt.month.to_numpy() - 1]
