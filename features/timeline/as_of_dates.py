"""The days that are looked at: the project's own as_ofs, and what makes a day given by hand a valid one."""

from __future__ import annotations

import ibis
import pandas as pd

from configs.errors import DataError, Fault
from configs.settings import Settings
from features.sources import Sources

FREQUENCY = {"day": "D", "week": "W-MON", "month": "MS", "quarter": "QS"}

WARM_UP_DAYS = 90


def calendar_days(sources: Sources, settings: Settings) -> pd.DatetimeIndex:
    """The project's own as_ofs, as `snapshots` in its settings asks for them.

    Parameters
    ----------
    sources : Sources
        Tell when the data begin and end.
    settings : Settings
        The project's settings.

    Returns
    -------
    DatetimeIndex
        UTC midnights, rising, none later than the data's end.

    Raises
    ------
    DataError
        When a day of `snapshots.at` lies after the data's end, or there is none at all.
    """
    rule = settings.snapshots
    if rule.at:
        days = pd.DatetimeIndex(sorted(pd.Timestamp(day) for day in set(rule.at)))
        late = days[days > sources.data_end]
        if len(late):
            raise DataError(_future(late[0], sources.data_end, "snapshots.at"))
        return days.as_unit("us")
    accounts = sources.tables["accounts"]
    first = (
        pd.Timestamp(rule.from_) if rule.from_ else _day(accounts.created_at.min()) + pd.Timedelta(days=WARM_UP_DAYS)
    )
    last = min(pd.Timestamp(rule.to), sources.data_end) if rule.to else sources.data_end
    days = pd.date_range(first.ceil("D"), last, freq=FREQUENCY[rule.every])
    if days.empty:
        raise DataError(
            Fault(
                "snapshots",
                f"no as_of between {first:%Y-%m-%d} and {last:%Y-%m-%d}",
                f"at least one {rule.every} of data after {WARM_UP_DAYS} days of warm-up",
                "set snapshots.from, or give as_ofs in snapshots.at",
            )
        )
    return days.as_unit("us")


def check_as_ofs(as_ofs: pd.DatetimeIndex, data_end: pd.Timestamp) -> None:
    """Refuses as_ofs that cannot be looked at.

    Parameters
    ----------
    as_ofs : DatetimeIndex
        Days given by hand.
    data_end : Timestamp
        The first midnight that the data do not cover.

    Raises
    ------
    DataError
        When there is none, or one lies after the data's end or is no midnight.
    """
    if as_ofs.empty:
        raise DataError(Fault("as_of", "none", "at least one UTC midnight", "give a day"))
    faults = [_future(day, data_end, "as_of") for day in as_ofs if day > data_end]
    faults += [
        Fault("as_of", str(day), "a UTC midnight", "give the date alone") for day in as_ofs if day != day.normalize()
    ]
    if faults:
        raise DataError(faults)


def _future(day: pd.Timestamp, data_end: pd.Timestamp, where: str) -> Fault:
    return Fault(
        where,
        f"{day:%Y-%m-%d}, in the future of the data",
        f"a day up to the data's end, {data_end:%Y-%m-%d}",
        "choose an earlier day, or bring newer data",
    )


def _day(value: ibis.Value) -> pd.Timestamp:
    return pd.Timestamp(value.execute()).normalize()
