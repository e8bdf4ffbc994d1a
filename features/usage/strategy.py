"""The two strategies by which usage is added up: in arrays, from one stream of events, or in SQL.

Either gives, for a run of as_ofs, one row for each (account, index of the as_of) and band of days, user or feature.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import ibis
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa

from configs.settings import Settings
from features.sources.backends import Engine
from features.usage import sql_rollup
from features.usage.arrays import RollupArrays
from features.usage.stream_rollup import SHARE, UsageStatistics, stream_rollup
from features.usage.window_segments import Calendar

EDGES = {
    "usage_days": sql_rollup.DAY_EDGES,
    "usage_users": sql_rollup.KEY_EDGES,
    "usage_features": sql_rollup.KEY_EDGES,
}
AGES, STREAM, SEEN = "forewarn_ages", "forewarn_seen", "forewarn_seen_versions"


@dataclass(frozen=True)
class Units:
    """Usage events in small rows, and the engine in which they stand: the sources' own, or a kept state's.

    Attributes
    ----------
    engine : Engine
    rows : ibis.expr.types.Table
        One row an event, or what a source counts a day, as `sql_rollup.units` gives it.
    """

    engine: Engine
    rows: ir.Table


class RollupStrategy(Protocol):
    """How one fold is worked out."""

    def seen(self, indices: range) -> ir.Table:
        """The rows visible at the as_ofs at these indices, later ones from call to call; to be read once."""

    def drop(self) -> None:
        """Gives back what was kept."""


class RollupStrategies:
    """Which strategy adds up each fold of usage.

    Parameters
    ----------
    units : Units
    accounts : ibis.expr.types.Table
        account_id and account, its number: the position in `account_ids`.
    account_ids : pandas.Index, shape (accounts,)
    calendars : Mapping of str to Calendar
        By the name of the fold.
    measures : tuple of str
        The measures that usage events carry.
    settings : Settings

    Attributes
    ----------
    statistics : UsageStatistics or None
        Of the source of usage, where one pass over it was enough to find them.
    """

    def __init__(
        self,
        units: Units,
        accounts: ir.Table,
        account_ids: pd.Index,
        calendars: Mapping[str, Calendar],
        measures: tuple[str, ...],
        settings: Settings,
    ) -> None:
        self.units, self.accounts, self.calendars, self.measures = units, accounts, calendars, measures
        # Floats are added to the arrays in one order: the sums are the same on any number of threads.
        units.engine.limit_memory(settings, 1.0 - SHARE, in_order=True)
        memory_mb = settings.engine.memory_mb
        # What is in the arrays is not taken out again: they know no later versions.
        rollup = None
        if not self._corrected:
            rollup = stream_rollup(units.engine, units.rows, accounts, account_ids, calendars, measures, memory_mb)
        self.statistics: UsageStatistics | None = None if rollup is None else rollup.statistics
        self._arrays = {} if rollup is None else dict(rollup.arrays)
        if not self._arrays:
            units.engine.limit_memory(settings)

    @property
    def _corrected(self) -> bool:
        return "until" in self.units.rows.columns

    def of(self, fold: str) -> RollupStrategy:
        """The strategy of a fold, to be used once.

        Parameters
        ----------
        fold : str
            A name of `EDGES`.

        Returns
        -------
        RollupStrategy
        """
        # Why there are two: at 20 million events a build took 23.5 processor seconds with arrays and 52.0 with SQL
        # alone, in 1.4 and 1.5 GB (`tests/benchmarks/signals.py --events 20000000 --strategies`). At 2 million they are
        # alike; SQL serves what does not fit into the memory that arrays may take.
        if self._corrected:
            return VersionsRollup(self.units, self.accounts, self.calendars[fold], fold, self.measures)
        if fold in self._arrays:
            return ArrayRollup(self.units.engine, self._arrays.pop(fold))
        return SqlRollup(self.units, self.accounts, self.calendars[fold], fold, self.measures)


class ArrayRollup:
    """Streams what stands in arrays to the engine, an as_of at a time."""

    def __init__(self, engine: Engine, arrays: RollupArrays) -> None:
        self.engine, self.arrays = engine, arrays

    def seen(self, indices: range) -> ir.Table:
        return self.engine.stream(STREAM, self.arrays.schema, map(self.arrays.visible, indices))

    def drop(self) -> None:
        self.engine.drop_stream(STREAM)


class SqlRollup:
    """Groups the events in the engine once, and sums the groups that each as_of sees."""

    def __init__(
        self, units: Units, accounts: ir.Table, calendar: Calendar, fold: str, measures: tuple[str, ...]
    ) -> None:
        self.engine, self.measures, self.by_key = units.engine, measures, fold in sql_rollup.KEYS
        self.ages = calendar.ages(levels=not self.by_key)
        if self.by_key:
            self.folded = sql_rollup.fold_keys(self.engine, units.rows, accounts, fold, calendar)
        else:
            self.folded = sql_rollup.fold_days(self.engine, units.rows, accounts, measures, calendar)

    def seen(self, indices: range) -> ir.Table:
        of_run = self.ages[self.ages.as_of_index.between(indices.start, indices.stop - 1)]
        ages = self.engine.upload(AGES, of_run)
        if self.by_key:
            return sql_rollup.seen_keys(self.folded, ages)
        return sql_rollup.seen_days(self.folded, ages, self.measures)

    def drop(self) -> None:
        sql_rollup.drop(self.engine)
        self.engine.drop(AGES)


class VersionsRollup:
    """Groups the events anew for each as_of, from the versions that count there: rows come and go from one to the
    next, so that nothing that is grouped once serves two."""

    def __init__(
        self, units: Units, accounts: ir.Table, calendar: Calendar, fold: str, measures: tuple[str, ...]
    ) -> None:
        self.units, self.accounts, self.calendar, self.fold, self.measures = units, accounts, calendar, fold, measures

    def seen(self, indices: range) -> ir.Table:
        return self.units.engine.materialize(SEEN, pa.concat_tables([self._at(index) for index in indices]))

    def _at(self, index: int) -> pa.Table:
        as_of, rows = self.calendar.as_ofs[index], self.units.rows
        counts = rows.until.isnull() | (rows.until > ibis.date(f"{as_of:%Y-%m-%d}"))
        units = replace(self.units, rows=rows.filter(counts).drop("until"))
        calendar = Calendar(self.calendar.as_ofs[[index]], self.calendar.edges)
        rollup = SqlRollup(units, self.accounts, calendar, self.fold, self.measures)
        seen = rollup.seen(range(1))
        found = units.engine.to_arrow(seen.mutate(as_of_index=ibis.literal(index, "int32")))
        rollup.drop()
        return found

    def drop(self) -> None:
        self.units.engine.drop(SEEN)
