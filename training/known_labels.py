"""Which outcomes were known at a cut: label windows that had ended by then, and the churns in them.

Half-open windows throughout. A cut is a UTC midnight at which a model could have been fitted: a label window
[as_of + start, as_of + end) may teach it only if its END was known by then. What "known" takes is measured from the
data: when the labels end `lag` before the data does (a contract's allowed gap, a silence that must run its course),
they end `lag` before every cut as well.
"""

from __future__ import annotations

import numpy as np
import pandas as pd


def days(times: pd.Series) -> np.ndarray:
    """Times as float days since 1970, NaN where missing; shape (n,).

    Parameters
    ----------
    times : Series of datetime, shape (n,)
        May hold missing ones.

    Returns
    -------
    ndarray of float, shape (n,)
        Days since 1970, NaN where missing.
    """
    moments = pd.to_datetime(times).to_numpy("datetime64[us]")
    out = moments.astype("int64") / 86_400e6
    return np.where(np.isnat(moments), np.nan, out)


def distinct_as_ofs(labels: pd.DataFrame) -> tuple[pd.Timestamp, ...]:
    """The as_ofs of the rows, rising.

    Parameters
    ----------
    labels : DataFrame
        A row a snapshot: account_id, as_of, churn_at, observed_until.

    Returns
    -------
    tuple of Timestamp
        Rising, each once.
    """
    return tuple(pd.Timestamp(moment) for moment in sorted(labels["as_of"].unique()))


def label_lag(labels: pd.DataFrame, data_end: pd.Timestamp) -> pd.Timedelta:
    """How long before the data's end the labels end; never negative.

    A cut in the past knew its outcomes with the same delay, so training there must end as long before the cut.

    Parameters
    ----------
    labels : DataFrame
        A row a snapshot: account_id, as_of, churn_at, observed_until.
    data_end : Timestamp
        The end of the data.

    Returns
    -------
    Timedelta
        Not below 0.
    """
    observed = labels["observed_until"]
    # A snapshot without any label is observed until its own as_of, which says nothing of when outcomes are known.
    labelled = observed[observed != labels["as_of"]]
    return max(data_end - pd.Timestamp((labelled if len(labelled) else observed).max()), pd.Timedelta(0))


def known_until(labels: pd.DataFrame, data_end: pd.Timestamp, cut: pd.Timestamp) -> pd.Timestamp:
    """The moment by which a label window must have ended to be known at `cut`.

    Parameters
    ----------
    labels : DataFrame
        A row a snapshot: account_id, as_of, churn_at, observed_until.
    data_end, cut : Timestamp
        The end of the data; when a model is, or could have been, fitted.

    Returns
    -------
    Timestamp
        `cut` less the labels' lag.
    """
    return cut - label_lag(labels, data_end)


def rows_known(labels: pd.DataFrame, cut: pd.Timestamp, window_days: int = 0) -> np.ndarray:
    """Rows whose window [as_of, as_of + window_days) has ended by `cut` and by the row's observed_until; (n,) bool.

    Parameters
    ----------
    labels : DataFrame
        A row a snapshot: account_id, as_of, churn_at, observed_until.
    cut : Timestamp
        By which windows must have ended.
    window_days : int
        Length of the window.

    Returns
    -------
    ndarray of bool, shape (n,)
        Which rows.

    Examples
    --------
    >>> labels = pd.DataFrame({"as_of": pd.to_datetime(["2024-01-01", "2024-02-01"]), "observed_until": "2025-01-01"})
    >>> rows_known(labels, pd.Timestamp("2024-02-15"), 30).tolist()
    [True, False]
    """
    end = labels["as_of"] + pd.Timedelta(days=window_days)
    return ((end <= cut) & (end <= pd.to_datetime(labels["observed_until"]))).to_numpy()


def churned_accounts(labels: pd.DataFrame, until: pd.Timestamp) -> int:
    """Accounts with a churn that was seen, after one of their snapshots, before `until`.

    Parameters
    ----------
    labels : DataFrame
        A row a snapshot: account_id, as_of, churn_at, observed_until.
    until : Timestamp
        Before which the churn was.

    Returns
    -------
    int
        Accounts.
    """
    churn_at = labels["churn_at"]
    return int(
        labels.loc[churn_at.notna() & (churn_at < until) & (churn_at >= labels["as_of"]), "account_id"].nunique()
    )


def churn_events(labels: pd.DataFrame, until: pd.Timestamp) -> int:
    """Distinct churns (account, moment) before `until`; an account that came back may count more than once.

    Parameters
    ----------
    labels : DataFrame
        A row a snapshot: account_id, as_of, churn_at, observed_until.
    until : Timestamp
        Before which the churn was.

    Returns
    -------
    int
        Distinct (account, moment).
    """
    churn_at = labels["churn_at"]
    seen = labels.loc[churn_at.notna() & (churn_at < until) & (churn_at >= labels["as_of"]), ["account_id", "churn_at"]]
    return len(seen.drop_duplicates())
