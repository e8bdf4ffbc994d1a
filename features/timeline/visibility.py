"""What every frame of rows beside as_ofs is made of.

The rule is stated once, here. A fact of the time t counts at as_of when t < as_of and when it was known by then
(`recorded_at` <= as_of). As as_ofs are midnights, the first one able to see a row is the later of the midnight after
t and the midnight at or after `recorded_at`: `visible_from`, the day after the row's `last_blind_day`. A window of w
days is [as_of - w, as_of); a row lies in it when its age is at most w.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from configs.tables import TABLES
from features.sources import SUPERSEDED, Sources

DAY_SECONDS = 86_400
TIME = {table.name: table.time for table in TABLES}


def days_between(later: ir.Value, earlier: ir.Value) -> ir.Value:
    """Days from one time to another.

    Parameters
    ----------
    later, earlier : ibis Value
        Times.

    Returns
    -------
    ibis Value
        Days as a float; null when either is.
    """
    return (later.epoch_seconds() - earlier.epoch_seconds()) / ibis.literal(float(DAY_SECONDS))


def known(value: ir.Value, as_of: ir.Value) -> ir.Value:
    """A time that is filled in later: null at every as_of before the moment that it names."""
    return (value < as_of).ifelse(value, ibis.null("timestamp"))


def ratio(top: Any, bottom: Any) -> Any:
    """A quotient that is missing where the bottom is 0 or less.

    Parameters
    ----------
    top, bottom : ibis Value or Series
        Both of one kind.

    Returns
    -------
    ibis Value or Series
        top / bottom as a float.

    Examples
    --------
    >>> ratio(pd.Series([1.0, 1.0]), pd.Series([4.0, 0.0])).tolist()
    [0.25, nan]
    """
    if isinstance(bottom, pd.Series):
        return top / bottom.where(bottom > 0)
    return (bottom > 0).ifelse(top.cast("float64") / bottom.cast("float64"), ibis.null("float64"))


def visible_from(rows: ir.Table, time: str) -> ir.Value:
    """The first as_of (a midnight) able to see each row.

    Parameters
    ----------
    rows : ibis Table
        With recorded_at, where that is known.
    time : str
        The column of when it happened.

    Returns
    -------
    ibis Value
        Timestamps.
    """
    one_day = ibis.interval(days=1)
    after = rows[time].truncate("D") + one_day
    if "recorded_at" not in rows.columns:
        return after
    midnight = rows.recorded_at.truncate("D")
    arrived = (rows.recorded_at == midnight).ifelse(midnight, midnight + one_day)
    return ibis.greatest(after, ibis.coalesce(arrived, after))


def last_blind_day(rows: ir.Table, time: str) -> ir.Value:
    """The day before `visible_from`, as a date: cheaper to work out for many rows.

    Parameters
    ----------
    rows : ibis Table
        With recorded_at, where that is known.
    time : str
        The column of when it happened.

    Returns
    -------
    ibis Value
        Dates.
    """
    return _last_blind(rows, time).date()


def _last_blind(rows: ir.Table, time: str) -> ir.Value:
    """A moment of that day."""
    if "recorded_at" not in rows.columns:
        return rows[time]
    before = rows.recorded_at - ibis.interval(microseconds=1)
    return ibis.greatest(rows[time], ibis.coalesce(before, rows[time]))


def is_known(rows: ir.Table, as_of: ir.Value) -> ir.BooleanValue:
    """Which rows an as_of sees: they have become `visible`, and no later version has.

    Parameters
    ----------
    rows : ibis Table
        With visible; with superseded, where facts have versions.
    as_of : ibis Value
        Of the table, or a literal.

    Returns
    -------
    ibis BooleanValue
    """
    seen = rows.visible <= as_of
    if SUPERSEDED in rows.columns:
        seen &= rows.superseded.isnull() | (rows.superseded > as_of)
    return seen


def seen_at(rows: pd.DataFrame, as_of: pd.Timestamp | pd.Series) -> pd.DataFrame:
    """The rows that an as_of sees: known by then, and not replaced by a later version.

    Parameters
    ----------
    rows : DataFrame
        visible, and superseded (NaT: never) where facts have versions.
    as_of : Timestamp or Series
        One for all rows, or each row's own.

    Returns
    -------
    DataFrame
    """
    seen = rows.visible <= as_of
    if SUPERSEDED in rows:
        seen &= ~(rows.superseded <= as_of)
    return rows[seen]


def first_visible(sources: Sources, name: str) -> pd.Series:
    """For each account with a row in the table, the first as_of able to see any of them.

    Parameters
    ----------
    sources : Sources
        The project's tables.
    name : str
        The table.

    Returns
    -------
    Series
        Midnights, indexed by account_id.
    """
    rows = sources.tables[name]
    seen = rows.select("account_id", seen=_last_blind(rows, TIME[name]))
    first = sources.engine.to_pandas(seen.group_by("account_id").aggregate(seen=seen.seen.min().date()))
    days = pd.to_datetime(first.seen).astype("datetime64[us]") + pd.Timedelta(days=1)
    return pd.Series(days.to_numpy(), index=first.account_id)


def seen_rows(
    sources: Sources, name: str, snapshots: ir.Table, latest: bool = False, distinct: Sequence[str] = ()
) -> ir.Table:
    """Every row of a table beside each snapshot of its account able to see it; what is filled in later is masked at
    each as_of, and of several versions the newest known then is there.

    Parameters
    ----------
    sources : Sources
        Their tables have `account`, the number of the account, as well.
    name : str
        The table.
    snapshots : ibis Table
        row, account_id, account (its number) and as_of.
    latest : bool
        Adds a flag of that name on the newest rows of each kind (tables without a kind: the newest rows); of surveys,
        which several contacts answer at different hours, those of the newest day.
    distinct : sequence of str
        Columns; adds `is_first` on one of a snapshot's rows of each value of them: to count those is to count values.

    Returns
    -------
    ibis Table
        The table's columns, row, as_of, and `age` in days (a float).
    """
    time = TIME[name]
    rows = sources.tables[name]
    corrected = SUPERSEDED in rows.columns
    # What can be worked out once a row is, before the row meets its many as_ofs.
    rows = rows.mutate(visible=visible_from(rows, time), moment=rows[time].epoch_seconds())
    newer = rows[time].truncate("D") if name == "surveys" else rows[time]
    if latest and not corrected:
        rows = rows.mutate(followed=_followed(rows, newer))
    if distinct and not corrected:
        rows = rows.mutate(is_first=first_known(rows, name, *(rows[column] for column in distinct)))
    seen = rows.join(snapshots.drop("account_id"), "account")
    seen = seen.filter(is_known(seen, seen.as_of))
    later = [column.name for table in TABLES if table.name == name for column in table.columns if column.filled_later]
    masked = {column: known(seen[column], seen.as_of) for column in later if column in seen.columns}
    for measure, moment in sources.known_from.get(name, {}).items():
        masked[measure] = (seen[moment] < seen.as_of).ifelse(seen[measure], ibis.null("float64"))
    if latest and not corrected:
        masked["latest"] = seen.followed.isnull() | (seen.followed > seen.as_of)
    if latest and corrected:
        # A later version may say another time: which rows are the newest is another matter at each as_of.
        of_kind = ibis.window(group_by=["row", *(["kind"] if "kind" in seen.columns else [])])
        at = (seen[time].truncate("D") if name == "surveys" else seen[time]).epoch_seconds()
        masked["latest"] = at == at.max().over(of_kind)
    if distinct and corrected:
        order = ibis.window(group_by=["row", *distinct], order_by=[seen.visible, seen.moment])
        masked["is_first"] = ibis.row_number().over(order) == 0
    age = (seen.as_of.epoch_seconds() - seen.moment) / ibis.literal(float(DAY_SECONDS))
    return seen.mutate(age=age, **masked)


def first_known(rows: ir.Table, name: str, *keys: ir.Value) -> ir.Value:
    """Marks one row for each account and value of the keys, known when the first of them was: to count those that mark
    is to count distinct values.

    Parameters
    ----------
    rows : ibis Table
        With account and the table's time.
    name : str
        The table.
    *keys : ibis Value
        What makes a value.

    Returns
    -------
    ibis Value
        Flags.
    """
    order = ibis.window(group_by=[rows.account, *keys], order_by=visible_from(rows, TIME[name]))
    return ibis.row_number().over(order) == 0


def _followed(rows: ir.Table, time: ir.Value) -> ir.Value:
    """The first as_of that sees a row of a later `time` of the same account and kind; null when there is none."""
    keys = ["account", *(["kind"] if "kind" in rows.columns else [])]
    newer = ibis.window(group_by=keys, order_by=time.epoch_seconds(), range=(1, None))
    return rows.visible.min().over(newer)
