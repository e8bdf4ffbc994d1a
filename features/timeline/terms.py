"""Terms of contracts that renew themselves: where each ends, by the calendar, and which of them a moment lies in."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.timeline.asof_join import MOMENT

UNEVEN = 31 / 28  # the longest month in the shortest: how far a count of terms by days can be out
# What a billing period is called, in months; a plain number is one of months.
MONTHS: Mapping[str, int] = {
    **dict.fromkeys(("monthly", "month", "1 month", "p1m"), 1),
    **dict.fromkeys(("quarterly", "quarter", "3 months", "p3m"), 3),
    **dict.fromkeys(("half-yearly", "half_yearly", "semi-annual", "semiannual", "semi_annual", "6 months", "p6m"), 6),
    **dict.fromkeys(("annual", "annually", "yearly", "year", "1 year", "12 months", "p1y"), 12),
    **dict.fromkeys(("biennial", "two-yearly", "2 years", "24 months", "p2y"), 24),
    **{str(months): months for months in range(1, 61)},
}
DAYS: Mapping[str, int] = {**dict.fromkeys(("weekly", "week"), 7), **dict.fromkeys(("biweekly", "fortnightly"), 14)}


def first_ends(starts: pd.Series, billing_period: pd.Series) -> pd.Series:
    """The first anniversary of contracts that are billed by the period; NaT where the period is not known.

    Parameters
    ----------
    starts : Series of datetime64[us]
    billing_period : Series
        In words, or as a number of months.

    Returns
    -------
    Series of datetime64[us]

    Examples
    --------
    >>> starts = pd.Series(pd.to_datetime(["2024-01-31", "2024-01-31", "2024-01-31"])).astype(MOMENT)
    >>> [f"{end:%Y-%m-%d}" for end in first_ends(starts, pd.Series(["Monthly", "annual", "12.0"]))]
    ['2024-02-29', '2025-01-31', '2025-01-31']
    """
    words = billing_period.astype(object).where(billing_period.notna(), "").astype(str).str.strip().str.lower()
    words = words.str.replace(r"[.]0+$", "", regex=True)
    months = words.map(MONTHS)
    by_month = _months_later(starts, months.fillna(0).to_numpy().astype(int))
    days = starts + pd.to_timedelta(words.map(DAYS), unit="D")
    return pd.Series(by_month, index=starts.index).where(months.notna(), days).astype(MOMENT)


def after_terms(starts: pd.Series, ends: pd.Series, terms: NDArray[np.integer]) -> pd.Series:
    """The end so many terms later: by calendar months where the first term is some of them, else by its days.

    Parameters
    ----------
    starts, ends : Series of datetime64[us]
        Of the first term.
    terms : ndarray of int
        0 is the first end itself.

    Returns
    -------
    Series of datetime64[us]
    """
    months = ((ends.dt.year - starts.dt.year) * 12 + ends.dt.month - starts.dt.month).to_numpy()
    # From the beginning on: the 31st is the last of a shorter month, and the 31st again after it.
    last = ends.to_numpy().astype("datetime64[us]")
    whole = (months > 0) & (_days(_months_later(starts, months)) == _days(last))
    by_days = (ends + (ends - starts) * terms).to_numpy()
    by_months = _days(_months_later(starts, months * (terms + 1))) + (last - _days(last))
    return pd.Series(np.where(whole, by_months, by_days), index=ends.index).astype(MOMENT)


def end_of_term(states: pd.DataFrame, moments: pd.Series) -> pd.Series:
    """The end of the term, of a contract that renews itself, in which each moment lies.

    Parameters
    ----------
    states : DataFrame
        starts_at and ends_at of the first term.
    moments : Series of datetime64[us]

    Returns
    -------
    Series of datetime64[us]
    """
    starts, ends = states.starts_at, states.ends_at
    passed = ((moments - ends) / (ends - starts)).to_numpy()
    terms = np.maximum(np.floor(passed / UNEVEN).astype(int) - 1, 0)
    while (short := (after_terms(starts, ends, terms) < moments).to_numpy()).any():
        terms = terms + short
    return after_terms(starts, ends, terms)


def _days(moments: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    return moments.astype("datetime64[D]").astype("datetime64[us]")


def _months_later(moments: pd.Series, months: NDArray[np.integer]) -> NDArray[np.datetime64]:
    """So many months later, on the same day of the month or its last."""
    at = moments.to_numpy().astype("datetime64[us]")
    begun = at.astype("datetime64[M]")
    day = (at.astype("datetime64[D]") - begun.astype("datetime64[D]")).astype(int)
    then = begun + months
    length = ((then + 1).astype("datetime64[D]") - then.astype("datetime64[D]")).astype(int)
    days = then.astype("datetime64[D]") + np.minimum(day, length - 1)
    return days.astype("datetime64[us]") + (at - _days(at))
