"""Every signal there is, which of them a project's tables can feed, and what belongs to a table's own extra columns."""

from __future__ import annotations

from typing import Any

from features.engagement import ENGAGEMENT
from features.financial import FINANCIAL
from features.relationship import RELATIONSHIP
from features.signal import Schema, Signal, SignalInfo
from features.sources import Sources
from features.usage import USAGE
from features.windows import FOLDS, Fold

SIGNALS: tuple[Signal, ...] = (*FINANCIAL, *USAGE, *ENGAGEMENT, *RELATIONSHIP)

# Feeds behind each dimension: an account's coverage is the share of them that it has rows in.
DIMENSION_FEEDS: dict[str, tuple[str, ...]] = {
    "usage": ("usage_events",),
    "engagement": ("interactions", "tickets"),
    "financial": ("contracts", "invoices"),
    "relationship": ("contacts", "surveys"),
}
MEASURED: dict[str, tuple[str, str]] = {
    "usage_events": ("usage_days", "usage"),
    "interactions": ("interactions", "engagement"),
    "tickets": ("tickets", "engagement"),
    "contracts": ("contracts", "financial"),
    "invoices": ("invoices", "financial"),
    "surveys": ("surveys", "relationship"),
}
TENURE = Signal(
    "tenure_days",
    "financial",
    "days",
    0,
    "days since the customer signed up",
    lambda t: t.tenure_days,
)


def fold_named(name: str) -> Fold:
    return next(fold for fold in FOLDS if fold.name == name)


def _measure(table: str, measure: str) -> tuple[Signal, ...]:
    """Signals of one measure: its last value and mean; for events also its sum over 30 and 90 days and in all."""
    fold, dimension = MEASURED[table]
    daily = fold == "usage_days"

    def total(t: Any, days: float) -> Any:
        return (t[f"{measure}_sum"] if daily else t[measure]).sum(where=t.age <= days)

    def mean(t: Any) -> Any:
        if not daily:
            return t[measure].mean()
        return t[f"{measure}_sum"].sum() / t[f"{measure}_n"].sum().nullif(0).cast("float64")

    def last(t: Any) -> Any:
        if not daily:
            return t[measure].mean(where=t.latest)
        on_day = t[f"{measure}_sum"] / t[f"{measure}_n"].nullif(0).cast("float64")
        moment = t.day.epoch_seconds() * 1000 + (t.visible.epoch_seconds() - t.day.epoch_seconds()) / 86400
        return on_day.argmax(moment, where=t[f"{measure}_n"] > 0)

    label = f"{measure.replace('_', ' ')} of {table.replace('_', ' ')}"
    signals = [
        Signal(f"{table}_{measure}_last", dimension, "", 0, f"last {label}", last, fold=fold),
        Signal(f"{table}_{measure}_mean", dimension, "", 0, f"mean {label}", mean, fold=fold),
    ]
    if table != "contracts":
        for days, words in ((30, "in 30 days"), (90, "in 90 days"), (400, "so far")):
            name = f"{table}_{measure}_{days}d"
            sentence = f"sum of {label} {words}"
            value = lambda t, days=days: total(t, days)  # noqa: E731
            signals.append(Signal(name, dimension, "", 0, sentence, value, fold=fold, window_days=days, empty=0.0))
    return tuple(signals)


def signals_of(sources: Sources) -> tuple[Signal, ...]:
    """The signals that these sources can feed, then those of measures; each comes after those it is `of`."""
    own = [
        signal
        for table, measures in sources.measures.items()
        if table in MEASURED
        for measure in measures
        for signal in _measure(table, measure)
    ]
    chosen: dict[str, Signal] = {}
    for signal in (TENURE, *SIGNALS, *own):
        tables = () if signal.fold is None else (fold_named(signal.fold).table,)
        columns = () if signal.fold is None else fold_named(signal.fold).needs
        fed = all(sources.has(table, *columns) for table in tables)
        fed = fed and all(sources.has(*need.split(".")) for need in signal.needs)
        if fed and all(name in chosen for name in signal.of):
            chosen[signal.name] = signal
    return tuple(chosen.values())


def attribute_infos(sources: Sources, kinds: dict[str, str]) -> tuple[SignalInfo, ...]:
    """Account attributes (and the segment) as signals, static facts known from the account's first day."""
    return tuple(
        SignalInfo(
            f"account_{name}",
            "account",
            "",
            0,
            "number" if kinds[name] == "number" else "category",
            name.replace("_", " "),
        )
        for name in kinds
    )


def schema_of(signals: tuple[Signal, ...], attributes: tuple[SignalInfo, ...]) -> Schema:
    infos = (SignalInfo(s.name, s.dimension, s.unit, s.healthier, s.kind, s.sentence) for s in signals)
    return Schema((*infos, *attributes))
