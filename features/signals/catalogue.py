"""Every signal there is, which of them a project's tables can feed, and what belongs to a table's own extra columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from configs.framework import Framework
from features.frames import fold_named
from features.health import SCORES
from features.signal import Schema, Signal, SignalInfo
from features.signals.engagement import ENGAGEMENT
from features.signals.financial import FINANCIAL
from features.signals.relationship import RELATIONSHIP
from features.signals.trends_and_peers import ACROSS
from features.signals.usage import USAGE
from features.sources import Sources

SIGNALS: tuple[Signal, ...] = (*FINANCIAL, *USAGE, *ENGAGEMENT, *RELATIONSHIP)
# What we do about an account is told beside its signals, and never among them: a model that read it would take our help
# for the cause of a lower, or of a higher, risk.
APART: tuple[Signal, ...] = (
    Signal(
        "interventions_open",
        "account",
        "interventions",
        0,
        "interventions under way now",
        lambda t: t.count(where=t.ended_at.isnull()),
        fold="interventions",
        needs=("interventions.ended_at",),
        empty=0.0,
    ),
    Signal(
        "interventions_90d",
        "account",
        "interventions",
        0,
        "interventions begun in the last 90 days",
        lambda t: t.count(where=t.age <= 90),
        fold="interventions",
        window_days=90,
        empty=0.0,
    ),
)
EVERY: tuple[Signal, ...] = (*SIGNALS, *ACROSS)

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


def _measure(table: str, measure: str) -> tuple[Signal, ...]:
    """Signals of one measure: its last value and mean; for events also its sum over 30 and 90 days and in all."""
    fold, dimension = MEASURED[table]
    daily = fold == "usage_days"

    def total(t: Any, days: float) -> Any:
        return (t[f"{measure}_sum"] if daily else t[measure]).sum(where=t.age <= days)

    def mean(t: Any) -> Any:
        if not daily:
            return t[measure].mean()
        return t[f"{measure}_sum"].sum() / t[f"{measure}_n"].sum().nullif(0.0)

    def last(t: Any) -> Any:
        if not daily:
            return t[measure].mean(where=t.latest)
        return t[f"{measure}_last"].argmax(t[f"{measure}_moment"])

    label = f"{measure.replace('_', ' ')} of {table.replace('_', ' ')}"
    signals = [
        Signal(f"{table}_{measure}_last", dimension, "", 0, f"last {label}", last, fold=fold),
        Signal(f"{table}_{measure}_mean", dimension, "", 0, f"mean {label}", mean, fold=fold),
    ]
    if table != "contracts":
        for days, words in ((30, "in 30 days"), (90, "in 90 days"), (395, "in 395 days")):
            name = f"{table}_{measure}_{days}d"
            sentence = f"sum of {label} {words}"
            value = lambda t, days=days: total(t, days)  # noqa: E731
            signals.append(Signal(name, dimension, "", 0, sentence, value, fold=fold, window_days=days, empty=0.0))
    return tuple(signals)


def _milestone(name: str) -> Signal:
    return Signal(
        f"milestone_{name}",
        "engagement",
        "0 or 1",
        1,
        f"whether the milestone {name.replace('_', ' ')} was reached",
        lambda t: t.count(where=t.milestone == name).clip(upper=1),
        fold="milestones",
        empty=0.0,
    )


def signals_of(sources: Sources, framework: Framework) -> tuple[Signal, ...]:
    """The signals that these sources can feed, then those of measures; each comes after those it is `of`."""
    own = [
        signal
        for table, measures in sources.measures.items()
        if table in MEASURED
        for measure in measures
        for signal in _measure(table, measure)
    ]
    chosen: dict[str, Signal] = {}
    known = {one.name for one in SCORES}
    reached = map(_milestone, framework.criteria.milestones)
    waiting = [TENURE, *SIGNALS, *own, *reached, *ACROSS, *APART]
    while waiting:
        ready = [one for one in waiting if all(name in chosen or name in known for name in one.of)]
        fed = [one for one in ready if _fed(one, sources)]
        chosen |= {one.name: one for one in fed}
        if not fed:
            break
        waiting = [one for one in waiting if one not in ready]
    return tuple(chosen.values())


def _fed(signal: Signal, sources: Sources) -> bool:
    """Whether the sources have the table and the columns that the signal is made from."""
    if not all(sources.has(*need.split(".")) for need in signal.needs):
        return False
    if signal.fold is None:
        return True
    fold = fold_named(signal.fold)
    return sources.has(fold.table, *fold.needs)


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


def schema_of(signals: Sequence[Signal], attributes: tuple[SignalInfo, ...]) -> Schema:
    infos = (SignalInfo(s.name, s.dimension, s.unit, s.healthier, s.kind, s.sentence) for s in signals)
    return Schema((*infos, *attributes))
