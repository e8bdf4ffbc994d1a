"""Sources to a data set: one row per (account, as_of) with every signal, and beside it what happened next."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from configs.settings import Settings
from features.catalogue import DIMENSION_FEEDS, attribute_infos, fold_named, schema_of, signals_of
from features.labels import labels_for
from features.lifecycle import lifecycle_stages, weighted_coverage
from features.rules import SCORES, score_columns
from features.signal import Schema, Signal
from features.snapshots import calendar_days, check_as_ofs, snapshots
from features.sources import Sources, open_sources
from features.windows import DAY_SECONDS, TIME, visible_from

DIGITS = 9
CONTEXT = ("name", "segment", "owner", "strategic")


@dataclass(frozen=True)
class Dataset:
    """Signals and labels of the same snapshots, in the same order (by as_of, then account_id), with a RangeIndex.

    `signals` holds account_id, as_of, name, segment, owner, arr, days_to_renewal, term_days, tenure_days,
    lifecycle_stage, stage_criterion, coverage (0-1; also by dimension), and one column for each signal of `schema`
    (float64 with NaN for missing, or text). `labels` holds account_id, as_of, churn_at, observed_until, voluntary.
    """

    signals: pd.DataFrame
    labels: pd.DataFrame
    schema: Schema
    fingerprint: str
    data_end: pd.Timestamp


def load_dataset(
    settings: Settings, sources: Sources | None = None, as_ofs: Sequence[pd.Timestamp] | None = None
) -> Dataset:
    """Builds signals and labels at the project's as_ofs, or at those given; DataError when one lies in the future."""
    sources = sources or open_sources(settings)
    if as_ofs is None:
        days = calendar_days(sources, settings)
    else:
        days = pd.DatetimeIndex(sorted({pd.Timestamp(day) for day in as_ofs})).as_unit("us")
        check_as_ofs(days, sources.data_end)
    pairs = snapshots(sources, settings, days)
    frame, schema = signal_frame(sources, settings, pairs, days)
    return Dataset(
        signals=frame,
        labels=labels_for(sources, pairs, settings),
        schema=schema,
        fingerprint=_fingerprint(sources, settings, days),
        data_end=sources.data_end,
    )


def signal_frame(
    sources: Sources, settings: Settings, pairs: pd.DataFrame, days: pd.DatetimeIndex
) -> tuple[pd.DataFrame, Schema]:
    """Every signal that the sources can feed, for each snapshot of `pairs`, in their order."""
    signals = signals_of(sources)
    wanted = pairs.assign(tenure_days=(pairs.as_of - pairs.life_start).dt.total_seconds() / DAY_SECONDS)
    wanted = wanted.assign(row=np.arange(len(wanted)))
    anchor = ibis.memtable(wanted[["row", "account_id", "as_of", "tenure_days"]])
    table = _with_feeds(sources, anchor)
    for name in dict.fromkeys(signal.fold for signal in signals if signal.fold is not None):
        table = _with_fold(sources, table, anchor, days, name, [signal for signal in signals if signal.fold == name])
    for signal in signals:
        if signal.fold is None:
            table = table.mutate(**{signal.name: signal.value(table)})
    frame = sources.connection.to_pandas(table).sort_values("row", ignore_index=True).drop(columns="row")
    return _finish(frame, sources, settings, signals)


def _with_feeds(sources: Sources, anchor: ir.Table) -> ir.Table:
    """Adds has_{table}: whether the account had any visible row of that feed by as_of; a feed not mapped is absent."""
    table = anchor
    for name in sorted({feed for feeds in DIMENSION_FEEDS.values() for feed in feeds}):
        if not sources.has(name):
            continue
        rows = sources.tables[name]
        rows = rows.mutate(visible=visible_from(rows, TIME[name]))
        first = rows.group_by("account_id").aggregate(first_visible=rows.visible.min())
        table = table.left_join(first, "account_id")
        has = (table.first_visible <= table.as_of).fill_null(False)
        table = table.mutate(**{f"has_{name}": has}).drop("account_id_right", "first_visible")
    return table


def _with_fold(
    sources: Sources, table: ir.Table, anchor: ir.Table, days: pd.DatetimeIndex, name: str, signals: list[Signal]
) -> ir.Table:
    fold = fold_named(name)
    seen = fold.build(sources, anchor, days)
    values: dict[str, Any] = {}
    for signal in signals:
        value = signal.value(seen)
        values[signal.name] = value if signal.kind == "category" else value.cast("float64")
    wide = seen.group_by(["account_id", "as_of"]).aggregate(**values)
    table = table.left_join(wide, ["account_id", "as_of"]).drop("account_id_right", "as_of_right")
    fed = table[f"has_{fold.table}"] if f"has_{fold.table}" in table.columns else ibis.literal(True)
    empties = {
        signal.name: fed.ifelse(table[signal.name].fill_null(signal.empty), table[signal.name])
        for signal in signals
        if signal.empty is not None
    }
    return table.mutate(**empties) if empties else table


def _finish(
    frame: pd.DataFrame, sources: Sources, settings: Settings, signals: tuple[Signal, ...]
) -> tuple[pd.DataFrame, Schema]:
    accounts = sources.connection.to_pandas(sources.tables["accounts"])
    attributes = {name: _kind(accounts[name]) for name in sources.attributes}
    context = [name for name in CONTEXT if name in accounts]
    if "segment" in context:
        attributes["segment"] = "category"
    # An attribute's column carries a prefix, so that it can never be taken for a signal or a context column.
    renamed = {f"account_{name}": accounts[name] for name in attributes}
    extra = pd.DataFrame({"account_id": accounts.account_id, **{name: accounts[name] for name in context}, **renamed})
    frame = frame.merge(extra, on="account_id", how="left", validate="many_to_one")
    schema = schema_of(signals, attribute_infos(sources, attributes))
    columns: dict[str, Any] = {name: frame[name] for name in ("account_id", "as_of")}
    for name in ("name", "segment", "owner", "strategic"):
        columns[name] = frame.get(name)
    for name in (*schema.names, "arr", "days_to_renewal", "term_days"):
        if name in schema.categories:
            columns[name] = _texts(frame[name])
        elif name in frame:
            columns[name] = significant(frame[name].to_numpy(dtype="float64", na_value=np.nan))
        else:
            columns[name] = np.nan
    for dimension, feeds in DIMENSION_FEEDS.items():
        has = [
            frame[f"has_{feed}"].to_numpy(dtype="float64") if sources.has(feed) else np.zeros(len(frame))
            for feed in feeds
        ]
        columns[f"coverage_{dimension}"] = np.mean(has, axis=0)
    out = pd.DataFrame(columns, index=frame.index)
    out = pd.concat([out, lifecycle_stages(out, settings.framework)], axis=1)
    coverage = weighted_coverage(out, settings.framework).rename("coverage")
    scores = score_columns(out, settings.framework).apply(lambda column: significant(column.to_numpy()))
    return pd.concat([out, coverage, scores], axis=1), Schema((*schema.signals, *SCORES))


def _texts(values: pd.Series) -> pd.Series:
    texts = [None if missing else str(value) for value, missing in zip(values, values.isna(), strict=True)]
    return pd.Series(texts, index=values.index, dtype="object")


def _kind(values: pd.Series) -> str:
    number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    return "number" if number else "category"


def significant(values: np.ndarray) -> np.ndarray:
    """Rounded to nine significant digits: sums of floats differ in their last bits with the order of the rows.

    >>> significant(np.array([1234.56789012345, 0.0, float("nan")])).tolist()
    [1234.56789, 0.0, nan]
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        exponent = np.floor(np.log10(np.abs(values)))
    exponent = np.where(np.isfinite(exponent), exponent, 0)
    scale = 10.0 ** (DIGITS - 1 - exponent)
    return np.where(np.isfinite(values), np.round(values * scale) / scale, np.nan)


def _fingerprint(sources: Sources, settings: Settings, days: pd.DatetimeIndex) -> str:
    body = [sources.fingerprint, settings.version, [str(day) for day in days]]
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()[:16]
