"""One pass over usage for all of its folds, on the embedded engine, where arrays of them fit into memory.

A database groups all rows anew for each fold, and searches where each of them belongs. Here they come as one stream and
are added to arrays, in which every row's place is worked out. The pass also tells what outages and coverage are worked
out from. Where the arrays do not fit, and on other engines, `features.daily` gives the same numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from features.sources.backends import is_duckdb
from features.usage.arrays import SPARSE, Cells, DayCells, KeyCells
from features.usage.event_batches import Uses, joined, uses
from features.usage.window_segments import EPOCH, Calendar, number

DAYS = "usage_days"
SHARE = 0.5  # of engine.memory_mb that arrays may take
FEW = 1 << 22  # cells that are no effort, however few the rows
CELLS_A_ROW = 8  # cells a row, beyond which it is dearer to look through the cells than to group the rows
LATE_BYTES = 64  # that a row told late takes while it waits
NEVER = -(1 << 30)  # a day before all others
ALWAYS = 1 << 30  # one after all others


@dataclass(frozen=True)
class Told:
    """What a feed's rows tell of the feed itself.

    `first_visible`: by account_id, the first as_of able to see any row, of accounts that have some. `totals`: day,
    visible and n as of `outages.daily_totals`.
    """

    first_visible: pd.Series
    totals: pd.DataFrame


@dataclass(frozen=True)
class Dense:
    """Cells by the name of their fold, of those that fit; and what the pass told beside."""

    cells: Mapping[str, Cells]
    told: Told


def dense(
    connection: Any,
    units: ir.Table,
    accounts: ir.Table,
    account_ids: pd.Index,
    calendars: Mapping[str, Calendar],
    measures: Sequence[str],
    memory_mb: int,
) -> Dense | None:
    """The folds that `calendars` names, from `daily.units`; None where not one of them fits.

    `accounts` has account_id and account, their number: the place in `account_ids`.
    """
    if not is_duckdb(connection):
        return None
    rows = int(connection.to_pandas(units.count()))
    cells = _that_fit(calendars, len(account_ids), measures, int(memory_mb * 2**20 * SHARE), rows)
    if not cells:
        return None
    most_late = memory_mb * 2**20 * SHARE / LATE_BYTES
    late: list[Uses] = []
    telling = _Telling(len(account_ids))
    sieve = _Sieve(next(iter(calendars.values())).as_ofs, max(one.lookback_days for one in calendars.values()))
    keys = [name for name in cells if name != DAYS]
    for some in uses(connection, units, accounts, keys, measures if DAYS in cells else ()):
        telling.hear(some)
        in_time, later = sieve.parted(some)
        late += [later] if len(later.account) else []
        if sum(len(one.account) for one in late) > most_late:
            cells, late = {}, []
        for one in cells.values():
            one.add(in_time)
    if late:
        waiting = joined(late)
        for one in cells.values():
            one.wait(waiting)
    return Dense({name: one for name, one in cells.items() if not one.full}, telling.told(account_ids))


def _that_fit(
    calendars: Mapping[str, Calendar], accounts: int, measures: Sequence[str], room: int, rows: int
) -> dict[str, Cells]:
    """Empty cells of the folds that there is room (bytes) for, and enough rows."""
    most = max(FEW, CELLS_A_ROW * rows)
    cells: dict[str, Cells] = {}
    if DAYS in calendars:
        count, taken = DayCells.size(calendars[DAYS], accounts, measures)
        if count <= most and taken <= room:
            cells[DAYS] = DayCells(calendars[DAYS], accounts, measures)
            room -= taken
    keys = [name for name in calendars if name != DAYS]
    for name in keys:
        fitting = KeyCells(calendars[name], name, most, room // len(keys))
        if fitting.most:
            cells[name] = fitting
    return cells


class _Sieve:
    """Parts rows known by the first as_of after their day from those that only a later one is able to see."""

    def __init__(self, as_ofs: pd.DatetimeIndex, lookback_days: int) -> None:
        at = number(as_ofs)
        self.first, self.end = int(at[0]) - lookback_days, int(at[-1])
        days = np.arange(self.first, self.end)
        # Of each day the last blind day with which a row is in time; none is on the days before and after all these.
        self.due = np.full(len(days) + 2, NEVER, "int32")
        self.due[1:-1] = at[np.searchsorted(at, days, side="right")] - 1

    def parted(self, some: Uses) -> tuple[Uses, Uses]:
        """Those in time, and those late; neither those that no as_of sees, nor those of accounts not asked for."""
        asked = some.account >= 0
        in_time = (self.due.take(some.day - (self.first - 1), mode="clip") >= some.seen) & asked
        if in_time.all():
            return some, some.at(slice(0))
        late = ~in_time & asked & (some.seen < self.end) & (some.day >= self.first)
        return some.at(np.flatnonzero(in_time)), some.at(np.flatnonzero(late))


class _Telling:
    """Hears every row, whoever's it is and whenever it was known, and tells of the feed what `Told` holds."""

    def __init__(self, accounts: int) -> None:
        self.first = np.full(accounts + 1, ALWAYS, "int32")  # the last is of accounts not asked for
        self.totals = [pd.DataFrame({"day": [], "late": [], "n": []}, dtype="int64")]

    def hear(self, some: Uses) -> None:
        """Rows, one at least."""
        np.minimum.at(self.first, some.account, some.seen)
        low, late = int(some.day.min()), some.seen - some.day
        width = int(late.max()) + 1
        code = (some.day - low).astype("int64") * width + late
        if int(code.max()) < SPARSE * len(code):
            n = np.bincount(code, some.n)
            found = np.flatnonzero(n)
            n = n[found]
        else:
            found, place = np.unique(code, return_inverse=True)
            n = np.bincount(place, some.n)
        self.totals.append(pd.DataFrame({"day": found // width + low, "late": found % width, "n": n}))
        if len(self.totals) > 64:
            self.totals = [self._together()]

    def _together(self) -> pd.DataFrame:
        return pd.concat(self.totals).groupby(["day", "late"], as_index=False)[["n"]].sum()

    def told(self, account_ids: pd.Index) -> Told:
        there = self.first[:-1] < ALWAYS
        first = pd.Series(_midnights(self.first[:-1][there] + 1), index=account_ids[there])
        totals = self._together()
        day, visible = _midnights(totals.day), _midnights(totals.day + totals.late + 1)
        return Told(first, pd.DataFrame({"day": day, "visible": visible, "n": totals.n.astype("int64")}))


def _midnights(days: Any) -> pd.DatetimeIndex:
    return (EPOCH + pd.to_timedelta(np.asarray(days), unit="D")).as_unit("us")
