"""Which predictions came too late to be forecasts."""

from __future__ import annotations

from typing import Any

import pandas as pd

from configs.settings import Settings


def is_in_hindsight(as_of: Any, requested_at: Any, settings: Settings) -> Any:
    """Whether predictions were asked for too long after their as_of to be forecasts, which are kept and never judged.

    Parameters
    ----------
    as_of, requested_at : Timestamp or Series
        Both of one kind; a time zone is UTC's.
    settings : Settings
        `evaluation.forecast_within_days`, and horizons, none of which may have passed.

    Returns
    -------
    bool or Series of bool

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> within = SimpleNamespace(forecast_within_days=7)
    >>> [is_in_hindsight(pd.Timestamp("2026-01-01"), pd.Timestamp(day), within) for day in ("2026-01-07", "2026-01-08")]
    [False, True]
    """
    if isinstance(requested_at, pd.Timestamp) and requested_at.tzinfo is not None:
        requested_at = requested_at.tz_convert("UTC").tz_localize(None)
    return requested_at >= as_of + pd.Timedelta(days=settings.forecast_within_days)
