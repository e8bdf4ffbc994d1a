"""Usage folded day by day: what became visible on a new day is added to a kept state, and the past is not read again.

The state holds the units of `sql_rollup`, in a DuckDB file of its own, keyed by the last day blind to them. It is
append-only: a row that arrives late is added on the day on which it became visible, whenever it happened. Where the
source no longer holds what was kept (rows came late without a recorded_at, or were deleted), it is begun anew. So
signals from the state equal those from the events themselves, at every as_of up to the day reached. Other tables are
small and have columns that are filled in later; they are read whole.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import duckdb
import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from configs.errors import DataError, Fault, SourceError
from configs.settings import Settings
from features.sources import Sources
from features.sources.backends import DuckDBEngine, reason
from features.timeline import DAY_SECONDS, TIME
from features.usage import sql_rollup
from features.usage.strategy import Units

LAYOUT = 3  # of the units; a state of another is begun anew
_KEYS = ("account_id", "day", "seen")


@dataclass(frozen=True)
class FoldedIn:
    """What one call of `UsageState.fold_in` did.

    Attributes
    ----------
    added : int
        How many units were added.
    reached : Timestamp
        The midnight up to which the state now knows everything.
    """

    added: int
    reached: pd.Timestamp


class UsageState:
    """The kept units of one project's usage events; `close` it when done."""

    def __init__(self, engine: DuckDBEngine, mark: str) -> None:
        self.engine, self.mark = engine, mark

    @classmethod
    def open(cls, settings: Settings, path: Path | None = None) -> Self:
        """Opens the state of a project; one of another mapping (or engine version) is begun anew.

        Parameters
        ----------
        settings : Settings
            The project.
        path : Path or None
            The state's file, made when there is none; `settings.paths.usage` when None.

        Returns
        -------
        UsageState

        Raises
        ------
        SourceError
            When the file cannot be opened, as while another command has it open.
        """
        path = path or settings.paths.usage
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            engine = DuckDBEngine.at(path)
        except duckdb.IOException as error:
            found = f"{path.name}: {reason(error)}"
            do = "wait for the other command to end, or set engine.incremental: false for one of them"
            raise SourceError(Fault("engine.incremental", found, "a state of one's own", do)) from None
        engine.connection.execute("CREATE TABLE IF NOT EXISTS state (mark VARCHAR, reached TIMESTAMP)")
        state = cls(engine, _mark(settings))
        known = engine.connection.execute("SELECT mark FROM state").fetchall()
        if known and known[0][0] != state.mark:
            state._begin_anew()
        return state

    @property
    def reached(self) -> pd.Timestamp | None:
        """Everything visible at this midnight has been folded in; None while nothing was."""
        rows = self.engine.connection.execute("SELECT reached FROM state").fetchall()
        return pd.Timestamp(rows[0][0]).as_unit("us") if rows else None

    def fold_in(self, sources: Sources, until: pd.Timestamp) -> FoldedIn:
        """Adds what became visible since the day reached: all of it or, when something fails, nothing.

        What was kept is held against the source by its rows, their quantity and their days; where they differ, all of
        it is read again.

        Parameters
        ----------
        sources : Sources
            The project's tables.
        until : Timestamp
            The as_of (a midnight) up to which to add; nothing is added when that is known already.

        Returns
        -------
        FoldedIn

        Raises
        ------
        DataError
            When `until` lies beyond the data.
        """
        if until > sources.data_end:
            fault = Fault(
                "incremental", f"{until:%Y-%m-%d}", f"a day up to {sources.data_end:%Y-%m-%d}", "bring newer data"
            )
            raise DataError(fault)
        since = self.reached
        if since is not None and self._is_stale(sources, since):
            self._begin_anew()
            since = None
        if since is not None and until <= since:
            return FoldedIn(0, since)
        batches = sources.engine.batches(_new(sources, since, until))
        con = self.engine.connection
        con.begin()
        try:
            con.register("forewarn_new_units", batches)
            is_begun = con.execute("SELECT count(*) FROM duckdb_tables() WHERE table_name = 'units'").fetchall()[0][0]
            write = "INSERT INTO units" if is_begun else "CREATE TABLE units AS"
            added = con.execute(f"{write} SELECT * FROM forewarn_new_units").fetchall()[0][0]
            con.execute("DELETE FROM state")
            con.execute("INSERT INTO state VALUES (?, ?)", [self.mark, until.to_pydatetime()])
            con.commit()
        except BaseException:
            con.rollback()
            raise
        finally:
            con.unregister("forewarn_new_units")
        return FoldedIn(int(added), until)

    def _begin_anew(self) -> None:
        self.engine.connection.execute("DROP TABLE IF EXISTS units")
        self.engine.connection.execute("DELETE FROM state")

    def _is_stale(self, sources: Sources, since: pd.Timestamp) -> bool:
        """Whether the source no longer holds what was kept of the days up to the one reached: rows of before that came
        later without a recorded_at, were deleted, or were changed."""
        then = ibis.date(f"{since:%Y-%m-%d}")
        totals = []
        for engine, rows in ((self.engine, self.units().rows), (sources.engine, sql_rollup.units(sources))):
            rows = rows.filter(rows.seen < then)
            day = (rows.day.cast("timestamp").epoch_seconds() / DAY_SECONDS).cast("float64")
            asked = rows.aggregate(n=rows.n.sum(), quantity=rows.quantity.sum(), days=(rows.n * day).sum())
            totals.append(engine.to_pandas(asked).iloc[0].astype("float64").fillna(0.0).to_numpy())
        return not np.allclose(totals[0], totals[1], rtol=1e-9, atol=1e-6)

    def units(self) -> Units:
        """What the usage signals are worked out from, instead of the events."""
        return Units(self.engine, self.engine.backend.table("units"))

    def close(self) -> None:
        self.engine.close()


def _new(sources: Sources, since: pd.Timestamp | None, until: pd.Timestamp) -> ir.Table:
    """Units that became visible after `since` and by `until`, summed by day, person and feature."""
    rows = sql_rollup.units(sources) if since is None else _lately(sources, since)
    rows = rows.filter(rows.seen < ibis.date(f"{until:%Y-%m-%d}"))
    keys = [*_KEYS, *(name for name in sql_rollup.KEYS if name in rows.columns)]
    sums = {name: rows[name].sum() for name in rows.columns if name not in keys}
    return rows.group_by(keys).aggregate(**sums).order_by("day")


def _lately(sources: Sources, since: pd.Timestamp) -> ir.Table:
    """Units that became visible after the midnight `since`.

    Asked for in two halves, each by one column: by one, a file or an index can be searched, by either of two it cannot.
    """
    events = sources.tables[sql_rollup.EVENTS]
    begun = events[TIME[sql_rollup.EVENTS]] >= ibis.literal(since)
    halves = [events.filter(begun)]
    if "recorded_at" in events.columns:
        halves.append(events.filter((events.recorded_at > ibis.literal(since)) & ~begun))
    units = [sql_rollup.units(replace(sources, tables={**sources.tables, sql_rollup.EVENTS: half})) for half in halves]
    rows = units[0].union(units[1]) if units[1:] else units[0]
    return rows.filter(rows.seen >= ibis.date(f"{since:%Y-%m-%d}"))


def _mark(settings: Settings) -> str:
    """Changes with what the units mean: the mapping of usage events, and the engine whose hash stands for users."""
    events = settings.tables[sql_rollup.EVENTS].model_dump(mode="json")
    body = json.dumps([LAYOUT, events, settings.connection, settings.timezone, duckdb.__version__], sort_keys=True)
    return hashlib.sha256(body.encode()).hexdigest()[:16]
