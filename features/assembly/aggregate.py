"""Builds every frame over every run of as_ofs, and lays what signals make of them beside the snapshots asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa

from configs.settings import Settings
from features.assembly.chunks import as_of_chunks
from features.frames import COVER, CREDITS, FrameInputs, frame_named
from features.signal import AggregateSignal
from features.sources import Sources
from features.usage import EDGES, Calendar, RollupStrategies, Units, UsageStatistics, sql_rollup

ALL, SNAPSHOTS, ACCOUNTS = "forewarn_snapshots_all", "forewarn_snapshots", "forewarn_account_numbers"


def aggregate_signals(
    sources: Sources,
    settings: Settings,
    pairs: pd.DataFrame,
    signals: Sequence[AggregateSignal],
    out: Mapping[str, np.ndarray],
    units: Units | None = None,
) -> UsageStatistics | None:
    """Fills `out`, an array over `pairs` (account_id, as_of; a RangeIndex) for each signal, where rows are.

    As_ofs go through in runs, so that at most about `engine.memory_mb` is used at a time; the engine spills beyond it.
    `units` stands in for the usage events where they have been rolled up before. Returns statistics
    of usage, where its own pass found them.
    """
    by_frame: dict[str, list[AggregateSignal]] = {}
    for signal in signals:
        by_frame.setdefault(signal.frame, []).append(signal)
    usage = {name: of_frame for name, of_frame in by_frame.items() if name in EDGES}
    others = {name: of_frame for name, of_frame in by_frame.items() if name not in EDGES}
    as_ofs = pd.DatetimeIndex(sorted(pairs.as_of.unique())).as_unit("us")
    statistics = None
    if usage and len(as_ofs):
        units = units or Units(sources.engine, sql_rollup.units(sources))
        statistics = _of_usage(units, sources, settings, pairs, as_ofs, usage, out)
    if others and len(as_ofs):
        _of_tables(sources, settings, pairs, as_ofs, others, out)
    return statistics


def _of_usage(
    units: Units,
    sources: Sources,
    settings: Settings,
    pairs: pd.DataFrame,
    as_ofs: pd.DatetimeIndex,
    by_frame: Mapping[str, list[AggregateSignal]],
    out: Mapping[str, np.ndarray],
) -> UsageStatistics | None:
    """Fills `out` with the signals of the frames of usage."""
    engine = units.engine
    account, ids = pd.factorize(pairs.account_id)
    numbered = pd.DataFrame({"account_id": ids, "account": np.arange(len(ids), dtype="int32")})
    accounts = engine.upload(ACCOUNTS, numbered)
    # By account, then as_of: where a result's row goes is found by its position in that order.
    key = account * np.int64(len(as_ofs)) + as_ofs.get_indexer(pd.Index(pairs.as_of))
    order = np.argsort(key)
    measures = tuple(sources.measures.get(sql_rollup.EVENTS, ()))
    calendars = {name: Calendar(as_ofs, EDGES[name]) for name in by_frame}
    strategies = RollupStrategies(units, accounts, ids, calendars, measures, settings)
    for name, signals in by_frame.items():
        strategy, query, as_of_index = strategies.of(name), None, 0
        for run in as_of_chunks(as_ofs, len(ids), settings.engine.memory_mb, crowded=name in sql_rollup.KEYS):
            # The table under the query keeps its name while what is in it changes from run to run.
            rows = strategy.seen(range(as_of_index, as_of_index + len(run)))
            if query is None:
                inputs = FrameInputs(accounts, {name: rows}, settings.framework.milestones, settings.churn)
                rows = _wide(frame_named(name).build(sources, inputs), ["account", "as_of_index"], signals)
                query = engine.prepare(rows)
            for batch in query().to_batches():
                result_key = (
                    batch.column("account").to_numpy() * np.int64(len(as_ofs)) + batch.column("as_of_index").to_numpy()
                )
                at = np.minimum(np.searchsorted(key, result_key, sorter=order), len(key) - 1)
                asked = key[order[at]] == result_key
                _write(batch.filter(pa.array(asked)), order[at[asked]], signals, out)
            as_of_index += len(run)
        strategy.drop()
    engine.drop(ACCOUNTS)
    return strategies.statistics


def _of_tables(
    sources: Sources,
    settings: Settings,
    pairs: pd.DataFrame,
    as_ofs: pd.DatetimeIndex,
    by_frame: Mapping[str, list[AggregateSignal]],
    out: Mapping[str, np.ndarray],
) -> None:
    """Fills `out` with the signals of the frames of all other tables."""
    engine = sources.engine
    engine.limit_memory(settings)
    account = pd.factorize(pairs.account_id)[0].astype("int32")
    numbered = pairs.assign(row=np.arange(len(pairs), dtype="int32"), account=account)
    every = engine.upload(ALL, numbered[["row", "account", "account_id", "as_of"]])
    accounts = engine.upload(ACCOUNTS, numbered[["account_id", "account"]].drop_duplicates())
    sources = _numbered(sources, accounts)
    runs = as_of_chunks(as_ofs, int(numbered.groupby("as_of").size().max()), settings.engine.memory_mb)
    for name, signals in by_frame.items():
        query = None
        for run in runs:
            asked = every
            if len(runs) > 1:
                asked = engine.materialize(SNAPSHOTS, every.filter(every.as_of.isin(list(run))))
            if query is None:
                inputs = FrameInputs(asked, {}, settings.framework.milestones, settings.churn)
                rows = frame_named(name).build(sources, inputs)
                query = engine.prepare(_wide(rows, ["row"], signals))
            for batch in query().to_batches():
                _write(batch, batch.column("row").to_numpy(), signals, out)
    for kept in (ALL, SNAPSHOTS, ACCOUNTS, COVER, CREDITS):
        engine.drop(kept)


def _numbered(sources: Sources, accounts: ir.Table) -> Sources:
    """The sources with every version of their rows, and the number of its account in each, by which rows are joined
    faster."""
    sources = sources.history()
    named = [name for name in sources.tables if name != "accounts"]
    tables = {name: sources.tables[name].join(accounts, "account_id") for name in named}
    return replace(sources, tables={**sources.tables, **tables})


def _wide(rows: ir.Table, keys: list[str], signals: Sequence[AggregateSignal]) -> ir.Table:
    values: dict[str, Any] = {}
    for signal in signals:
        value = signal.value(rows)
        values[signal.name] = value if signal.kind == "category" else value.cast("float64")
    return rows.group_by(keys).aggregate(**values)


def _write(
    batch: pa.RecordBatch, rows: np.ndarray, signals: Sequence[AggregateSignal], out: Mapping[str, np.ndarray]
) -> None:
    for signal in signals:
        out[signal.name][rows] = batch.column(signal.name).to_numpy(zero_copy_only=False)
