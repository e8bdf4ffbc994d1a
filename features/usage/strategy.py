"""The two ways to the rows that signals of usage aggregate: streamed from arrays, or grouped by the engine.

Either gives, for a run of as_ofs, one row for each (account, place of the as_of) and band of days, person or feature.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import ibis.expr.types as ir
import pandas as pd

from configs.settings import Settings
from features.sources.backends import engine
from features.usage import sql_rollup
from features.usage.arrays import Cells
from features.usage.stream_rollup import SHARE, Told, dense
from features.usage.window_segments import Calendar

EDGES = {
    "usage_days": sql_rollup.DAY_EDGES,
    "usage_users": sql_rollup.KEY_EDGES,
    "usage_features": sql_rollup.KEY_EDGES,
}
AGES, STREAM = "forewarn_ages", "forewarn_seen"


@dataclass(frozen=True)
class Units:
    """Usage as `daily.units` gives it, and the connection in which it stands: the sources' own, or a kept state's."""

    connection: Any
    rows: ir.Table


class Way(Protocol):
    """How one fold is worked out."""

    def seen(self, places: range) -> ir.Table:
        """The rows visible at the as_ofs in these places, later ones from call to call; to be read once."""

    def drop(self) -> None:
        """Gives back what was kept."""


class Ways:
    """Which way each fold of usage goes. `told` is what usage told beside, where one pass over it was enough."""

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
        memory_mb = settings.engine.memory_mb
        # Floats are added to the arrays in one order: the sums are the same on any number of threads.
        engine.bound(units.connection, settings, 1.0 - SHARE, in_order=True)
        added = dense(units.connection, units.rows, accounts, account_ids, calendars, measures, memory_mb)
        self.told: Told | None = None if added is None else added.told
        self.cells = {} if added is None else dict(added.cells)
        if not self.cells:
            engine.bound(units.connection, settings)

    def of(self, fold: str) -> Way:
        """The way of that fold, to be gone once."""
        if fold in self.cells:
            return _Streamed(self.units.connection, self.cells.pop(fold))
        return _Grouped(self.units, self.accounts, self.calendars[fold], fold, self.measures)


class _Streamed:
    def __init__(self, connection: Any, cells: Cells) -> None:
        self.connection, self.cells = connection, cells

    def seen(self, places: range) -> ir.Table:
        return engine.streamed(self.connection, STREAM, self.cells.schema, map(self.cells.seen, places))

    def drop(self) -> None:
        self.connection.con.unregister(STREAM)


class _Grouped:
    def __init__(
        self, units: Units, accounts: ir.Table, calendar: Calendar, fold: str, measures: tuple[str, ...]
    ) -> None:
        self.connection, self.measures, self.by_key = units.connection, measures, fold in sql_rollup.KEYS
        self.ages = calendar.ages(levels=not self.by_key)
        if self.by_key:
            self.folded = sql_rollup.fold_keys(self.connection, units.rows, accounts, fold, calendar)
        else:
            self.folded = sql_rollup.fold_days(self.connection, units.rows, accounts, measures, calendar)

    def seen(self, places: range) -> ir.Table:
        of_run = self.ages[self.ages.place.between(places.start, places.stop - 1)]
        near = engine.given(self.connection, AGES, of_run)
        return (
            sql_rollup.seen_keys(self.folded, near)
            if self.by_key
            else sql_rollup.seen_days(self.folded, near, self.measures)
        )

    def drop(self) -> None:
        sql_rollup.drop(self.connection)
        engine.drop(self.connection, AGES)
