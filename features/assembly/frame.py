"""The frame of signals: snapshots and their lagged rows, aggregates, what is derived from them, stage and scores.

Rows of a month and of three months before are in the same frame while it is worked out, as known at those days, so
that a change of the health score compares two scores made alike.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

import ibis.expr.types as ir
import numpy as np
import pandas as pd

from configs.framework import Framework
from configs.settings import Settings
from features.assembly.aggregate import aggregate_signals
from features.assembly.lagged_rows import with_lagged_rows
from features.assembly.little_data import began, draw_shares, never_used, tenure_stages, with_trials
from features.assembly.postprocess import (
    days_of_feed,
    feed_totals,
    feeds_reached,
    outage_ages,
    outage_days,
    postprocess,
    significant,
)
from features.health import SEGMENT, lifecycle_stages, score_columns, weighted_coverage
from features.signal import AggregateSignal, DerivedSignal, Schema, Signal
from features.signals import (
    DIMENSION_TABLES,
    INTERVENTION_SIGNALS,
    MONTHS_BACK,
    attribute_infos,
    days_column,
    needs_scores,
    own_signals,
    require_framework_signals,
    schema_of,
    signals_behind,
    signals_of,
    tables_behind,
)
from features.sources import Sources
from features.timeline import DAY_SECONDS, SUPERSEDED, asof_join, of_accounts
from features.usage import Units

CONTEXT = ("name", "segment", "owner", "strategic", "parent_account_id")
ALWAYS = ("arr", "days_to_renewal", "term_days")  # columns that later parts read whether or not there is such a signal
HIDDEN = (
    "asked",
    "in_play",
    "spell_start",
    "family",
    "tenure_stage",
    *(f"row_{months}mo_ago" for months in MONTHS_BACK),
)


class Columns(dict[str, pd.Series]):
    """Columns of one frame by name, as items and as attributes; its numbers lie together, and are copied nowhere."""

    BLOCK = 64  # columns

    def __init__(self, columns: Mapping[str, pd.Series]) -> None:
        super().__init__(columns)
        self.index = next(iter(columns.values())).index
        self._codes: dict[tuple[str, ...], np.ndarray] = {}
        self._blocks: list[np.ndarray] = []
        self._numbers: dict[str, np.ndarray] = {}

    def __getattr__(self, name: str) -> pd.Series:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    def numbers(self, name: str) -> np.ndarray:
        """(n,) the column of numbers of that name, to be filled: NaN where it is new."""
        if name not in self._numbers:
            position = len(self._numbers) % self.BLOCK
            if not position:
                self._blocks.append(np.empty((self.BLOCK, len(self.index))))
            values = self._numbers[name] = self._blocks[-1][position]
            values.fill(np.nan)
            self[name] = pd.Series(values, index=self.index, copy=False)
        return self._numbers[name]

    def codes(self, *names: str) -> np.ndarray:
        """(n,) whole numbers, equal where the rows are alike in all these columns; missing is a value of its own."""
        if names not in self._codes:
            last = pd.factorize(self[names[-1]], use_na_sentinel=False)[0]
            if len(names) > 1:
                rest = self.codes(*names[:-1])
                last = pd.factorize(rest * np.int64(last.max(initial=0) + 1) + last)[0]
            self._codes[names] = last
        return self._codes[names]

    def frame(self, names: Iterable[str]) -> pd.DataFrame:
        """Those of the columns that there are."""
        return pd.DataFrame({name: self[name] for name in dict.fromkeys(names) if name in self}, copy=False)

    def first(self, rows: int, hidden: Iterable[str]) -> pd.DataFrame:
        """The first rows of all columns but those hidden, in the order in which they came; numbers are not copied."""
        parts = []
        for position, block in enumerate(self._blocks):
            names = list(self._numbers)[position * self.BLOCK : (position + 1) * self.BLOCK]
            parts.append(pd.DataFrame(block[: len(names), :rows].T, columns=names, copy=False))
        frame = pd.concat(parts, axis=1)
        for position, name in enumerate(name for name in self if name not in hidden):
            if name not in frame:
                frame.insert(position, name, self[name].array[:rows])
        return frame


def assemble(
    sources: Sources,
    settings: Settings,
    days: pd.DatetimeIndex,
    units: Units | None = None,
    only: Collection[str] | None = None,
) -> tuple[pd.DataFrame, Schema]:
    """Every signal that the sources can feed, for each snapshot at the days.

    Parameters
    ----------
    sources : Sources
        The project's tables.
    settings : Settings
        The project's settings; its own signals are read from the file that they name.
    days : DatetimeIndex
        The as_ofs, UTC midnights.
    units : Units, optional
        Stands in for the usage events where they have been rolled up before.
    only : collection of str, optional
        Columns that are asked for: what they are not worked out from is left out, to save time.

    Returns
    -------
    frame : DataFrame
        One row a snapshot, by as_of and account_id (see `features.dataset.Dataset`).
    schema : Schema
        Of the columns that a model may learn from.

    Raises
    ------
    ConfigError
        When the framework names a signal that does not exist, or, in a rule that is no default, one that the sources
        cannot feed.
    """
    require_framework_signals(settings, sources)
    pairs = with_lagged_rows(sources, settings, days)
    signals = every = signals_of(sources, settings.framework, own_signals(settings))
    if only is not None:
        signals = signals_behind(every, only)
        sources = _with_tables(sources, tables_behind(signals)) if len(signals) < len(every) else sources
    late = needs_scores(signals)
    aggregates = [signal for signal in signals if isinstance(signal, AggregateSignal)]
    derived = [signal for signal in signals if isinstance(signal, DerivedSignal)]
    t = Columns({str(name): pairs[name] for name in pairs})
    t.numbers("tenure_days")[:] = (t.as_of - t.spell_start).dt.total_seconds() / DAY_SECONDS
    attributes = _context(t, sources)
    t["tenure_stage"] = tenure_stages(t.tenure_days, settings.framework)
    values = {signal.name: _empty(t, signal) for signal in aggregates}
    trials = with_trials(aggregates)
    values |= {signal.name: np.full(len(pairs), np.nan) for signal in trials}
    statistics = aggregate_signals(sources, settings, pairs, [*aggregates, *trials], values, units)
    totals = feed_totals(sources, statistics)
    has, outages = feeds_reached(sources, pairs, statistics), outage_ages(sources, pairs, totals)
    starts = began(sources, pairs)
    days_of = {name: days_of_feed(of_feed, pairs, starts) for name, of_feed in totals.items()}
    silent = never_used(values.get("seats"), has, days_of)
    for signal in aggregates:
        postprocess(values[signal.name], signal, has | silent.reached, outages, pairs, days_of)
    silent.count_days(values)
    for name, there in days_of.items():
        t[days_column(name)] = pd.Series(there, index=t.index)
    if not sources.has("accounts", SEGMENT):
        t[SEGMENT] = tier_names(values.get("arr"), settings.framework, t.index)
    draw_shares(t, aggregates, values)
    _derive(t, [signal for signal in derived if signal.name not in late])
    for name in ALWAYS:
        if name not in t:
            t.numbers(name)
    _cover(t, has)
    t.numbers("feed_outage_days")[:] = outage_days(outages, pairs)
    if len(signals) == len(every):
        add_stage_and_scores(t, settings.framework)
        _derive(t, [signal for signal in derived if signal.name in late])
    frame = t.first(int(pairs.asked.sum()), (*HIDDEN, *map(days_column, days_of)))
    unmodelled = {signal.name for signal in INTERVENTION_SIGNALS}
    described = [signal for signal in signals if signal.name not in unmodelled]
    return frame, schema_of(described, attribute_infos(attributes))


def _with_tables(sources: Sources, names: Collection[str]) -> Sources:
    """The sources with accounts and these tables alone."""

    def of(tables: Mapping[str, ir.Table]) -> dict[str, ir.Table]:
        return {name: rows for name, rows in tables.items() if name == "accounts" or name in names}

    return replace(
        sources,
        tables=of(sources.tables),
        versions=of(sources.versions),
        first_versions=of(sources.first_versions),
    )


def _context(t: Columns, sources: Sources) -> dict[str, str]:
    """Adds context and attributes of the accounts; returns the kind of each attribute that is a signal."""
    accounts = sources.engine.to_pandas(sources.history().tables["accounts"])
    kinds = {name: _kind(accounts[name]) for name in sources.attributes}
    row = _account_rows(t, accounts)
    index = t.account_id.index
    for name in CONTEXT:
        values = accounts[name].take(row).array if name in accounts else np.full(len(row), None)
        t[name] = pd.Series(values, index=index)
    t["family"] = t.parent_account_id.where(t.parent_account_id.notna(), t.account_id)
    if "segment" in accounts:
        kinds["segment"] = "category"
    # An attribute's column carries a prefix, so that it can never be taken for a signal or a context column.
    for name, kind in kinds.items():
        if kind == "number":
            t.numbers(f"account_{name}")[:] = accounts[name].to_numpy(dtype="float64", na_value=np.nan)[row]
        else:
            t[f"account_{name}"] = _texts(accounts[name]).take(row).set_axis(index)
    return kinds


def tier_names(arr: np.ndarray | None, framework: Framework, index: pd.Index) -> pd.Series:
    """Where no segment is mapped, the tier by ARR stands for it: (n,) names, None where an account is in none."""
    tiers = sorted(framework.tiers, key=lambda tier: tier.arr_from)
    names = np.array([None, *(tier.name for tier in tiers)], dtype=object)
    known = np.full(len(index), np.nan) if arr is None else arr
    reached = np.searchsorted([tier.arr_from for tier in tiers], known, side="right")
    return pd.Series(names[np.where(np.isnan(known), 0, reached)], index=index, dtype=object)


def _account_rows(t: Columns, accounts: pd.DataFrame) -> np.ndarray:
    """(n,) where each row's account stands among the accounts: of several versions the one known at its as_of."""
    if SUPERSEDED not in accounts:
        return pd.Index(accounts.account_id).get_indexer(t.account_id)
    known = accounts.recorded_at.fillna(pd.Timestamp("1900-01-01")).sort_values(kind="stable")
    versions = accounts.loc[known.index, ["account_id"]].assign(position=known.index, known=known)
    pairs = pd.DataFrame({"account_id": t.account_id, "as_of": t.as_of})
    position = asof_join(pairs, versions, "known", ["position"]).position
    first = versions.drop_duplicates("account_id").set_index("account_id").position
    return position.fillna(of_accounts(first, pairs.account_id)).to_numpy(dtype="int64")


def _texts(values: pd.Series) -> pd.Series:
    texts = [None if missing else str(value) for value, missing in zip(values, values.isna(), strict=True)]
    return pd.Series(texts, index=values.index, dtype=object)


def _kind(values: pd.Series) -> str:
    number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
    return "number" if number else "category"


def _empty(t: Columns, signal: Signal) -> np.ndarray:
    """A column of the frame for the signal, with nothing in it."""
    if signal.kind == "number":
        return t.numbers(signal.name)
    values = np.full(len(t.index), None, dtype=object)
    t[signal.name] = pd.Series(values, index=t.index, dtype=object, copy=False)
    return values


def _derive(t: Columns, signals: list[DerivedSignal]) -> None:
    for signal in signals:
        values = signal.value(t).to_numpy(dtype="float64")
        significant(values, t.numbers(signal.name))


def _cover(t: Columns, has: dict[str, np.ndarray]) -> None:
    """coverage_{dimension}: the share of its source tables in which the account has any row."""
    for dimension, tables in DIMENSION_TABLES.items():
        reached = [has[table].astype("float64") if table in has else np.zeros(len(t.index)) for table in tables]
        t.numbers(f"coverage_{dimension}")[:] = np.mean(reached, axis=0)


def add_stage_and_scores(t: Columns, framework: Framework) -> None:
    """Lifecycle stage and its criterion, coverage, and the rules' scores."""
    read = ("tenure_days", "days_to_renewal", "term_days", *framework.criteria.signals)
    staged = lifecycle_stages(t.frame(read), framework)
    t.update({str(name): staged[name] for name in staged})
    coverage = t.numbers("coverage")
    mapped = [health_map.signal for health_map in framework.health_maps]
    scores = score_columns(t.frame((*mapped, SEGMENT, "lifecycle_stage")), framework)
    for name in scores:
        significant(scores[name].to_numpy(), t.numbers(str(name)))
    for dimension in DIMENSION_TABLES:
        # Rows of which no signal is known are no data that a score rests on.
        t.numbers(f"coverage_{dimension}")[np.isnan(t.numbers(f"health_{dimension}"))] = 0.0
    covered = [f"coverage_{dimension}" for dimension in DIMENSION_TABLES]
    coverage[:] = weighted_coverage(t.frame((*covered, "lifecycle_stage")), framework)
