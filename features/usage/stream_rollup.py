"""One pass over usage for all of its folds, on the embedded engine, where arrays of them fit into memory.

A database groups all rows anew for each fold, and searches where each of them belongs. Here they come as one stream and
are added to arrays, in which every row's position is worked out. The pass also gives what outages and coverage are
worked out from. Where the arrays do not fit, and on other engines, `features.usage.sql_rollup` gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from features.sources.backends import Engine
from features.usage.arrays import SPARSE, DayArrays, KeyArrays, RollupArrays
from features.usage.event_batches import EventBatch, concatenated, event_batches
from features.usage.window_segments import EPOCH, Calendar, number

DAYS = "usage_days"
SHARE = 0.5  # of engine.memory_mb that arrays may take
FEW = 1 << 22  # cells that are no effort, however few the rows
CELLS_A_ROW = 8  # cells a row, beyond which it is dearer to look through the cells than to group the rows
LATE_BYTES = 64  # that a late row takes while it waits
NEVER = -(1 << 30)  # a day before all others
ALWAYS = 1 << 30  # one after all others


@dataclass(frozen=True)
class UsageStatistics:
    """Since when each account's usage is known, and how many rows each day has; found in the pass over the events.

    Attributes
    ----------
    first_visible : Series of datetime64[us], indexed by account_id
        The first as_of (a midnight) able to see any row of the account; accounts without rows are missing.
    totals : DataFrame
        day and visible (midnights) and n (rows), as `features.timeline.daily_totals` returns them.
    """

    first_visible: pd.Series
    totals: pd.DataFrame


@dataclass(frozen=True)
class StreamRollup:
    """What one pass over the usage events gives.

    Attributes
    ----------
    arrays : mapping of str to RollupArrays
        By the name of their rollup, those that fit into memory.
    statistics : UsageStatistics
        Of every row, whoever's it is.
    """

    arrays: Mapping[str, RollupArrays]
    statistics: UsageStatistics


def stream_rollup(
    engine: Engine,
    units: ir.Table,
    accounts: ir.Table,
    account_ids: pd.Index,
    calendars: Mapping[str, Calendar],
    measures: Sequence[str],
    memory_mb: int,
) -> StreamRollup | None:
    """Adds up the usage events into arrays, in one pass.

    Parameters
    ----------
    engine : Engine
        Only one that streams in order is used.
    units : ibis.expr.types.Table
        As `sql_rollup.units` returns them.
    accounts : ibis.expr.types.Table
        account_id and account, their number: the position in `account_ids`.
    account_ids : Index, shape (n_accounts,)
        Whose events are added up.
    calendars : mapping of str to Calendar
        By the name of the rollup, its segments and as_ofs.
    measures : sequence of str
        Further numbers of the events.
    memory_mb : int
        Of which the arrays may take half.

    Returns
    -------
    StreamRollup or None
        None where not one of the arrays fits, or the engine does not stream in order.
    """
    if not engine.streams_in_order:
        return None
    rows = engine.count(units)
    arrays = _that_fit(calendars, len(account_ids), measures, int(memory_mb * 2**20 * SHARE), rows)
    if not arrays:
        return None
    most_late = memory_mb * 2**20 * SHARE / LATE_BYTES
    late: list[EventBatch] = []
    collector = _StatisticsCollector(len(account_ids))
    lookback_days = max(calendar.lookback_days for calendar in calendars.values())
    splitter = LateArrivalSplitter(next(iter(calendars.values())).as_ofs, lookback_days)
    keys = [name for name in arrays if name != DAYS]
    for batch in event_batches(engine, units, accounts, keys, measures if DAYS in arrays else ()):
        collector.add(batch)
        in_time, later = splitter.split(batch)
        late += [later] if len(later.account) else []
        if sum(len(part.account) for part in late) > most_late:
            arrays, late = {}, []
        for of_fold in arrays.values():
            of_fold.add(in_time)
    if late:
        waiting = concatenated(late)
        for of_fold in arrays.values():
            of_fold.add_late(waiting)
    fitting = {name: of_fold for name, of_fold in arrays.items() if not of_fold.full}
    return StreamRollup(fitting, collector.statistics(account_ids))


def _that_fit(
    calendars: Mapping[str, Calendar], accounts: int, measures: Sequence[str], room: int, rows: int
) -> dict[str, RollupArrays]:
    """Empty cells of the folds that there is room (bytes) for, and enough rows."""
    most = max(FEW, CELLS_A_ROW * rows)
    arrays: dict[str, RollupArrays] = {}
    if DAYS in calendars:
        count, taken = DayArrays.size(calendars[DAYS], accounts, measures)
        if count <= most and taken <= room:
            arrays[DAYS] = DayArrays(calendars[DAYS], accounts, measures)
            room -= taken
    keys = [name for name in calendars if name != DAYS]
    for name in keys:
        fitting = KeyArrays(calendars[name], name, most, room // len(keys))
        if fitting.most:
            arrays[name] = fitting
    return arrays


class LateArrivalSplitter:
    """Splits rows known by the first as_of after their day from those that only a later one is able to see."""

    def __init__(self, as_ofs: pd.DatetimeIndex, lookback_days: int) -> None:
        at = number(as_ofs)
        self.first, self.end = int(at[0]) - lookback_days, int(at[-1])
        days = np.arange(self.first, self.end)
        # Of each day the last blind day with which a row is in time; none is on the days before and after all these.
        self.due = np.full(len(days) + 2, NEVER, "int32")
        self.due[1:-1] = at[np.searchsorted(at, days, side="right")] - 1

    def split(self, batch: EventBatch) -> tuple[EventBatch, EventBatch]:
        """Those in time, and those late; neither those that no as_of sees, nor those of accounts not asked for."""
        is_asked = batch.account >= 0
        in_time = (self.due.take(batch.day - (self.first - 1), mode="clip") >= batch.seen) & is_asked
        if in_time.all():
            return batch, batch.take(slice(0))
        late = ~in_time & is_asked & (batch.seen < self.end) & (batch.day >= self.first)
        return batch.take(np.flatnonzero(in_time)), batch.take(np.flatnonzero(late))


class _StatisticsCollector:
    """Adds up what `UsageStatistics` holds over every row, whoever's it is and whenever it was known."""

    def __init__(self, accounts: int) -> None:
        self.first = np.full(accounts + 1, ALWAYS, "int32")  # the last is of accounts not asked for
        self.totals = [pd.DataFrame({"day": [], "late": [], "n": []}, dtype="int64")]

    def add(self, batch: EventBatch) -> None:
        """Rows, one at least."""
        np.minimum.at(self.first, batch.account, batch.seen)
        low, late = int(batch.day.min()), batch.seen - batch.day
        width = int(late.max()) + 1
        code = (batch.day - low).astype("int64") * width + late
        if int(code.max()) < SPARSE * len(code):
            n = np.bincount(code, batch.n)
            codes = np.flatnonzero(n)
            n = n[codes]
        else:
            codes, inverse = np.unique(code, return_inverse=True)
            n = np.bincount(inverse, batch.n)
        self.totals.append(pd.DataFrame({"day": codes // width + low, "late": codes % width, "n": n}))
        if len(self.totals) > 64:
            self.totals = [self._together()]

    def _together(self) -> pd.DataFrame:
        return pd.concat(self.totals).groupby(["day", "late"], as_index=False)[["n"]].sum()

    def statistics(self, account_ids: pd.Index) -> UsageStatistics:
        """What was added up, with the accounts' ids."""
        has_rows = self.first[:-1] < ALWAYS
        first = pd.Series(_midnights(self.first[:-1][has_rows] + 1), index=account_ids[has_rows])
        totals = self._together()
        day, visible = _midnights(totals.day), _midnights(totals.day + totals.late + 1)
        return UsageStatistics(first, pd.DataFrame({"day": day, "visible": visible, "n": totals.n.astype("int64")}))


def _midnights(days: Any) -> pd.DatetimeIndex:
    return (EPOCH + pd.to_timedelta(np.asarray(days), unit="D")).as_unit("us")
