"""Runs every fold over every run of as_ofs, and lays what signals make of them beside the snapshots asked for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from configs.settings import Settings
from features import daily, engine
from features.calendar import Calendar
from features.folds import Seen, fold_named
from features.signal import Signal
from features.sources import Sources

ALL, SNAPSHOTS, ACCOUNTS, AGES = (
    "forewarn_snapshots_all",
    "forewarn_snapshots",
    "forewarn_account_numbers",
    "forewarn_ages",
)
EDGES = {"usage_days": daily.DAY_EDGES, "usage_users": daily.KEY_EDGES, "usage_features": daily.KEY_EDGES}


@dataclass(frozen=True)
class Units:
    """Usage as `daily.units` gives it, and the connection in which it stands: the sources' own, or a kept state's."""

    connection: Any
    rows: ir.Table


def folded_signals(
    sources: Sources,
    settings: Settings,
    pairs: pd.DataFrame,
    signals: Sequence[Signal],
    units: Units | None = None,
) -> dict[str, np.ndarray]:
    """Each fold's signals as arrays over `pairs` (account_id, as_of; a RangeIndex), NaN or None where no row is.

    As_ofs go through in runs, so that at most about `engine.memory_mb` is used at a time; the engine spills beyond it.
    `units` stands in for the usage events where they have been folded before.
    """
    by_fold: dict[str, list[Signal]] = {}
    for signal in signals:
        if signal.fold is not None:
            by_fold.setdefault(signal.fold, []).append(signal)
    out: dict[str, np.ndarray] = {
        one.name: np.full(len(pairs), np.nan) if one.kind == "number" else np.full(len(pairs), None, dtype=object)
        for found in by_fold.values()
        for one in found
    }
    usage = {name: found for name, found in by_fold.items() if name in EDGES}
    others = {name: found for name, found in by_fold.items() if name not in EDGES}
    if usage:
        units = units or Units(sources.connection, daily.units(sources))
        _collect(units.connection, sources, settings, pairs, usage, out, units.rows)
    if others:
        _collect(sources.connection, sources, settings, pairs, others, out)
    return out


def _collect(
    connection: Any,
    sources: Sources,
    settings: Settings,
    pairs: pd.DataFrame,
    by_fold: dict[str, list[Signal]],
    out: dict[str, np.ndarray],
    units: ir.Table | None = None,
) -> None:
    """Fills `out` with the signals of these folds, all of usage (from `units`) or all of tables of the connection."""
    engine.bound(connection, settings)
    as_ofs = pd.DatetimeIndex(sorted(pairs.as_of.unique())).as_unit("us")
    if not len(as_ofs):
        return
    numbered = pairs.assign(row=np.arange(len(pairs)), account=pd.factorize(pairs.account_id)[0])
    every = engine.given(connection, ALL, numbered[["row", "account", "account_id", "as_of"]])
    accounts = engine.given(connection, ACCOUNTS, numbered[["account_id", "account"]].drop_duplicates())
    usage = {}
    if units is None:
        sources = _numbered(sources, accounts, by_fold)
    else:
        measures = tuple(sources.measures.get(daily.EVENTS, ()))
        usage = _folded(connection, units, accounts, measures, list(by_fold), as_ofs)
    size = int(numbered.groupby("as_of").size().max())
    for name, found in by_fold.items():
        runs = engine.chunks(as_ofs, size, settings.engine.memory_mb, crowded=name in daily.KEYS)
        for frame in _runs(sources, settings, connection, name, found, runs, every, usage):
            rows = frame["row"].to_numpy()
            for one in found:
                out[one.name][rows] = _values(frame[one.name], one)
    for kept in (ALL, SNAPSHOTS, ACCOUNTS, AGES, daily.UNITS, daily.DAYS, *(f"forewarn_{key}" for key in daily.KEYS)):
        engine.drop(connection, kept)


def _numbered(sources: Sources, accounts: ir.Table, folds: Iterable[str]) -> Sources:
    """The sources with the number of its account in each row of the folds' tables, by which rows are joined faster."""
    tables = dict(sources.tables)
    for name in {fold_named(one).table for one in folds}:
        tables[name] = tables[name].join(accounts, "account_id")
    return replace(sources, tables=tables)


def _runs(
    sources: Sources,
    settings: Settings,
    connection: Any,
    name: str,
    signals: list[Signal],
    runs: list[pd.DatetimeIndex],
    every: ir.Table,
    usage: dict[str, tuple[ir.Table, ir.Table]],
) -> Iterator[pd.DataFrame]:
    """(row, one column a signal) of one fold, a frame for each run of as_ofs."""
    query = None
    for run in runs:
        # The tables under the query keep their names while what is in them changes from run to run.
        seen = {}
        asked = every if len(runs) == 1 else engine.keep(connection, SNAPSHOTS, _at(every, run))
        if name in usage:
            folded, ages = usage[name]
            seen[name] = (folded, ages if len(runs) == 1 else engine.keep(connection, AGES, _at(ages, run)))
        if query is None:
            rows = fold_named(name).build(sources, Seen(asked, seen, settings.framework.milestones))
            query = engine.Query(connection, _wide(rows, asked, signals))
        yield query.run()


def _at(rows: ir.Table, run: pd.DatetimeIndex) -> ir.Table:
    return rows.filter(rows.as_of.isin(list(run)))


def _wide(rows: ir.Table, asked: ir.Table, signals: list[Signal]) -> ir.Table:
    values: dict[str, Any] = {}
    for signal in signals:
        value = signal.value(rows)
        values[signal.name] = value if signal.kind == "category" else value.cast("float64")
    if "row" in rows.columns:
        return rows.group_by("row").aggregate(**values)
    wide = rows.group_by(["account", "as_of"]).aggregate(**values)
    return wide.join(asked, ["account", "as_of"]).select("row", *values)


def _values(values: pd.Series, signal: Signal) -> np.ndarray:
    if signal.kind == "number":
        return values.to_numpy(dtype="float64", na_value=np.nan)
    return values.astype(object).where(values.notna(), None).to_numpy()


def _folded(
    connection: Any,
    units: ir.Table,
    accounts: ir.Table,
    measures: tuple[str, ...],
    names: list[str],
    as_ofs: pd.DatetimeIndex,
) -> dict[str, tuple[ir.Table, ir.Table]]:
    """The usage folds, each with the ages of its segments at every as_of."""
    kept = daily.keep_units(connection, units, accounts, as_ofs)
    rows = int(connection.to_pandas(kept.count()))
    found = {}
    for name in names:
        ages = engine.given(connection, f"{AGES}_{name}", Calendar(as_ofs, EDGES[name]).ages())
        if name in daily.KEYS:
            found[name] = (daily.fold_keys(connection, kept, name, as_ofs, rows), ages)
        else:
            found[name] = (daily.fold_days(connection, kept, measures, as_ofs), ages)
    return found
