"""Runs every fold over every run of as_ofs, and lays what signals make of them beside the snapshots asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa

from configs.settings import Settings
from features.frames import Seen, fold_named
from features.signal import Signal
from features.sources import Sources
from features.sources.backends import engine
from features.usage import EDGES, Calendar, Told, Units, Ways, sql_rollup

ALL, SNAPSHOTS, ACCOUNTS = "forewarn_snapshots_all", "forewarn_snapshots", "forewarn_account_numbers"


def folded_signals(
    sources: Sources,
    settings: Settings,
    pairs: pd.DataFrame,
    signals: Sequence[Signal],
    out: Mapping[str, np.ndarray],
    units: Units | None = None,
) -> Told | None:
    """Fills `out`, an array over `pairs` (account_id, as_of; a RangeIndex) for each fold's signals, where rows are.

    As_ofs go through in runs, so that at most about `engine.memory_mb` is used at a time; the engine spills beyond it.
    `units` stands in for the usage events where they have been folded before. Returns what was told of usage beside,
    if it was.
    """
    by_fold: dict[str, list[Signal]] = {}
    for signal in signals:
        if signal.fold is not None:
            by_fold.setdefault(signal.fold, []).append(signal)
    usage = {name: found for name, found in by_fold.items() if name in EDGES}
    others = {name: found for name, found in by_fold.items() if name not in EDGES}
    as_ofs = pd.DatetimeIndex(sorted(pairs.as_of.unique())).as_unit("us")
    told = None
    if usage and len(as_ofs):
        units = units or Units(sources.connection, sql_rollup.units(sources))
        told = _of_usage(units, sources, settings, pairs, as_ofs, usage, out)
    if others and len(as_ofs):
        _of_tables(sources, settings, pairs, as_ofs, others, out)
    return told


def _of_usage(
    units: Units,
    sources: Sources,
    settings: Settings,
    pairs: pd.DataFrame,
    as_ofs: pd.DatetimeIndex,
    by_fold: Mapping[str, list[Signal]],
    out: Mapping[str, np.ndarray],
) -> Told | None:
    """Fills `out` with the signals of the folds of usage."""
    connection = units.connection
    account, ids = pd.factorize(pairs.account_id)
    numbered = pd.DataFrame({"account_id": ids, "account": np.arange(len(ids), dtype="int32")})
    accounts = engine.given(connection, ACCOUNTS, numbered)
    # By account, then as_of: where a result's row goes is found by its place in that order.
    key = account * np.int64(len(as_ofs)) + as_ofs.get_indexer(pd.Index(pairs.as_of))
    order = np.argsort(key)
    measures = tuple(sources.measures.get(sql_rollup.EVENTS, ()))
    calendars = {name: Calendar(as_ofs, EDGES[name]) for name in by_fold}
    ways = Ways(units, accounts, ids, calendars, measures, settings)
    for name, signals in by_fold.items():
        way, query, place = ways.of(name), None, 0
        for run in engine.chunks(as_ofs, len(ids), settings.engine.memory_mb, crowded=name in sql_rollup.KEYS):
            # The table under the query keeps its name while what is in it changes from run to run.
            rows = way.seen(range(place, place + len(run)))
            if query is None:
                seen = Seen(accounts, {name: rows}, settings.framework.milestones)
                rows = _wide(fold_named(name).build(sources, seen), ["account", "place"], signals)
                query = engine.Query(connection, rows)
            for batch in query.run().to_batches():
                found = batch.column("account").to_numpy() * np.int64(len(as_ofs)) + batch.column("place").to_numpy()
                at = np.minimum(np.searchsorted(key, found, sorter=order), len(key) - 1)
                asked = key[order[at]] == found
                _write(batch.filter(pa.array(asked)), order[at[asked]], signals, out)
            place += len(run)
        way.drop()
    engine.drop(connection, ACCOUNTS)
    return ways.told


def _of_tables(
    sources: Sources,
    settings: Settings,
    pairs: pd.DataFrame,
    as_ofs: pd.DatetimeIndex,
    by_fold: Mapping[str, list[Signal]],
    out: Mapping[str, np.ndarray],
) -> None:
    """Fills `out` with the signals of the folds of all other tables."""
    connection = sources.connection
    engine.bound(connection, settings)
    account = pd.factorize(pairs.account_id)[0].astype("int32")
    numbered = pairs.assign(row=np.arange(len(pairs), dtype="int32"), account=account)
    every = engine.given(connection, ALL, numbered[["row", "account", "account_id", "as_of"]])
    accounts = engine.given(connection, ACCOUNTS, numbered[["account_id", "account"]].drop_duplicates())
    sources = _numbered(sources, accounts)
    runs = engine.chunks(as_ofs, int(numbered.groupby("as_of").size().max()), settings.engine.memory_mb)
    for name, signals in by_fold.items():
        query = None
        for run in runs:
            asked = every
            if len(runs) > 1:
                asked = engine.keep(connection, SNAPSHOTS, every.filter(every.as_of.isin(list(run))))
            if query is None:
                rows = fold_named(name).build(sources, Seen(asked, {}, settings.framework.milestones))
                query = engine.Query(connection, _wide(rows, ["row"], signals))
            for batch in query.run().to_batches():
                _write(batch, batch.column("row").to_numpy(), signals, out)
    for kept in (ALL, SNAPSHOTS, ACCOUNTS):
        engine.drop(connection, kept)


def _numbered(sources: Sources, accounts: ir.Table) -> Sources:
    """The sources with the number of its account in each row, by which rows are joined faster."""
    named = [name for name in sources.tables if name != "accounts"]
    tables = {name: sources.tables[name].join(accounts, "account_id") for name in named}
    return replace(sources, tables={**sources.tables, **tables})


def _wide(rows: ir.Table, keys: list[str], signals: Sequence[Signal]) -> ir.Table:
    values: dict[str, Any] = {}
    for signal in signals:
        value = signal.value(rows)
        values[signal.name] = value if signal.kind == "category" else value.cast("float64")
    return rows.group_by(keys).aggregate(**values)


def _write(batch: pa.RecordBatch, rows: np.ndarray, signals: Sequence[Signal], out: Mapping[str, np.ndarray]) -> None:
    for one in signals:
        out[one.name][rows] = batch.column(one.name).to_numpy(zero_copy_only=False)
