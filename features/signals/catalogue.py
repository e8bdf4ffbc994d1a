"""Every signal there is, which of them a project's tables can feed, and what a schema says of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from configs.framework import Framework
from configs.settings import Settings
from features.frames import frame_named
from features.health import HEALTH, SCORES
from features.signal import AggregateSignal, DerivedSignal, Kind, Schema, Signal, SignalInfo
from features.signals.configured import MEASURED, contract_attribute_signal, measure_signals, milestone_signal
from features.signals.engagement import ENGAGEMENT
from features.signals.financial import FINANCIAL
from features.signals.relationship import RELATIONSHIP
from features.signals.trends_and_peers import TRENDS_AND_PEERS
from features.signals.usage import USAGE
from features.sources import Sources

SIGNALS: tuple[Signal, ...] = (*FINANCIAL, *USAGE, *ENGAGEMENT, *RELATIONSHIP)
ALL_SIGNALS: tuple[Signal, ...] = (*SIGNALS, *TRENDS_AND_PEERS)
# What we do about an account is a column beside its signals, and never among them: a model that read it would take our
# help for the cause of a lower, or of a higher, risk.
INTERVENTION_SIGNALS: tuple[Signal, ...] = (
    AggregateSignal(
        name="interventions_open",
        dimension="account",
        unit="interventions",
        healthier=0,
        sentence="interventions under way now",
        value=lambda t: t.count(where=t.ended_at.isnull()),
        frame="interventions",
        needs=("interventions.ended_at",),
        empty=0.0,
    ),
    AggregateSignal(
        name="interventions_90d",
        dimension="account",
        unit="interventions",
        healthier=0,
        sentence="interventions begun in the last 90 days",
        value=lambda t: t.count(where=t.age <= 90),
        frame="interventions",
        window_days=90,
        empty=0.0,
    ),
)
TENURE = DerivedSignal(
    name="tenure_days",
    dimension="financial",
    unit="days",
    healthier=0,
    sentence="days since the customer signed up",
    value=lambda t: t.tenure_days,
)

# Source tables behind each dimension: an account's coverage is the share of them that it has rows in.
DIMENSION_TABLES: dict[str, tuple[str, ...]] = {
    "usage": ("usage_events",),
    "engagement": ("interactions", "tickets"),
    "financial": ("contracts", "invoices"),
    "relationship": ("contacts", "surveys"),
}
# The health scores are made of their dimension's tables, the health score of all.
SCORE_INFOS: tuple[SignalInfo, ...] = tuple(
    replace(
        info,
        tables=tuple(
            name
            for dimension, tables in DIMENSION_TABLES.items()
            if info.name in {HEALTH, f"health_{dimension}"}
            for name in tables
        ),
    )
    for info in SCORES
)


def signals_of(sources: Sources, framework: Framework, own: Sequence[Signal] = ()) -> tuple[Signal, ...]:
    """The signals that these sources can feed, each after those it is `of`.

    Parameters
    ----------
    sources : Sources
        The project's tables: a signal whose table or column is not mapped does not exist.
    framework : Framework
        Its milestones become signals.
    own : sequence of Signal
        The project's own signals (`own_signals`).

    Returns
    -------
    tuple of Signal
        Those of the catalogue, of measures and milestones, the project's own, and the interventions kept apart.
    """
    measures = [
        signal
        for table, names in sources.measures.items()
        if table in MEASURED
        for name in names
        for signal in measure_signals(table, name)
    ]
    milestones = map(milestone_signal, framework.criteria.milestones)
    attributes = [contract_attribute_signal(name, _kind(sources, name)) for name in sources.contract_attributes]
    chosen: dict[str, Signal] = {}
    scores = {info.name for info in SCORES}
    waiting = [TENURE, *SIGNALS, *measures, *attributes, *milestones, *own, *TRENDS_AND_PEERS, *INTERVENTION_SIGNALS]
    while waiting:
        ready = [signal for signal in waiting if all(name in chosen or name in scores for name in made_of(signal))]
        fed = [signal for signal in ready if _is_fed(signal, sources)]
        chosen |= {signal.name: signal for signal in fed}
        if not fed:
            break
        waiting = [signal for signal in waiting if signal not in ready]
    return tuple(chosen.values())


def _kind(sources: Sources, attribute: str) -> Kind:
    """Whether an attribute of contracts holds numbers."""
    kind = sources.tables["contracts"][attribute].type()
    return "number" if kind.is_numeric() and not kind.is_boolean() else "category"


def signals_behind(signals: Sequence[Signal], names: Collection[str]) -> tuple[Signal, ...]:
    """The signals that columns of these names are worked out from, themselves among them.

    Parameters
    ----------
    signals : sequence of Signal
        Each after those that it is `of`, as `signals_of` returns them.
    names : collection of str
        Columns of the frame of signals.

    Returns
    -------
    tuple of Signal
        In their order; all of them where a column is worked out from stage and scores, which every signal may move.
    """
    scored = needs_scores(signals) | {info.name for info in SCORES} | {"lifecycle_stage", "coverage"}
    if scored.intersection(names):
        return tuple(signals)
    wanted = {*names, "seats"}  # whether seats were ever used says what silence means
    for signal in reversed(signals):
        if signal.name in wanted:
            wanted.update(made_of(signal))
    return tuple(signal for signal in signals if signal.name in wanted)


def tables_behind(signals: Sequence[Signal]) -> set[str]:
    """The source tables whose rows these signals are made of, and those of the columns that they need.

    Parameters
    ----------
    signals : sequence of Signal

    Returns
    -------
    set of str
    """
    frames = {frame_named(signal.frame).table for signal in signals if isinstance(signal, AggregateSignal)}
    return frames | {column.split(".")[0] for signal in signals for column in signal.needs}


def catalogued(settings: Settings) -> tuple[Signal, ...]:
    """Every signal that there could be for these settings, whichever tables are there, but for a project's own.

    Parameters
    ----------
    settings : Settings
        Their mapping names measures, their framework milestones.

    Returns
    -------
    tuple of Signal
    """
    measures = [
        signal
        for table, source in settings.tables.items()
        if table in MEASURED
        for measure in source.measures
        for signal in measure_signals(table, measure)
    ]
    contracts = settings.tables.get("contracts")
    # Of what kind an attribute is, only its values tell.
    attributes = [contract_attribute_signal(name, "number") for name in (contracts.attributes if contracts else ())]
    milestones = map(milestone_signal, settings.framework.criteria.milestones)
    return (TENURE, *ALL_SIGNALS, *milestones, *measures, *attributes)


def made_of(signal: Signal) -> tuple[str, ...]:
    """The signals that a derived one is made of; none for one that aggregates a frame."""
    return signal.of if isinstance(signal, DerivedSignal) else ()


def needs_scores(signals: Sequence[Signal]) -> set[str]:
    """Names of the signals that can only be worked out once stage and health scores are there.

    Parameters
    ----------
    signals : sequence of Signal
        Each after those that it is `of`, as `signals_of` returns them.

    Returns
    -------
    set of str
        Trends and comparisons of the catalogue, and every other signal that is made of one of them or of a score; of a
        project's own signals also those that look at peers, who may be those of the same stage.
    """
    late = {signal.name for signal in TRENDS_AND_PEERS}
    scores, catalogue = {info.name for info in SCORES}, {signal.name for signal in SIGNALS}
    for signal in signals:
        own_peers = isinstance(signal, DerivedSignal) and signal.peers and signal.name not in catalogue
        if own_peers or any(name in late or name in scores for name in made_of(signal)):
            late.add(signal.name)
    return late


def _is_fed(signal: Signal, sources: Sources) -> bool:
    """Whether the sources have the table and the columns that the signal is made from."""
    if not all(sources.has(*column.split(".")) for column in signal.needs):
        return False
    if not isinstance(signal, AggregateSignal):
        return True
    frame = frame_named(signal.frame)
    return sources.has(frame.table, *frame.needs)


def schema_of(signals: Sequence[Signal], attributes: Sequence[SignalInfo] = ()) -> Schema:
    """The schema of a frame: its signals, the attributes of accounts, then the health scores.

    Parameters
    ----------
    signals : sequence of Signal
        In the order of their columns, with those that they are made of.
    attributes : sequence of SignalInfo
        Attributes of accounts (`attribute_infos`).

    Returns
    -------
    Schema
    """
    known = {signal.name: signal for signal in signals}
    return Schema((*(_info(signal, known) for signal in signals), *attributes, *SCORE_INFOS))


def _info(signal: Signal, known: Mapping[str, Signal]) -> SignalInfo:
    return SignalInfo(
        name=signal.name,
        dimension=signal.dimension,
        unit=signal.unit,
        healthier=signal.healthier,
        kind=signal.kind,
        sentence=signal.sentence,
        tables=_tables_of(signal, known),
        windows_days=tuple(sorted(_windows_of(signal, known))),
    )


def _windows_of(signal: Signal, known: Mapping[str, Signal]) -> set[int]:
    """Days that a signal looks back on, and those of the signals that it is made of, each once."""
    own = set() if signal.window_days is None else {signal.window_days}
    return own.union(*(_windows_of(known[name], known) for name in made_of(signal) if name in known))


def _tables_of(signal: Signal, known: Mapping[str, Signal]) -> tuple[str, ...]:
    """The tables whose rows a signal is made of, its own or those of the signals (and scores) that it is made of."""
    if isinstance(signal, AggregateSignal):
        return (frame_named(signal.frame).table,)
    scores = {info.name: info.tables for info in SCORE_INFOS}
    of = [scores[name] if name in scores else _tables_of(known[name], known) for name in made_of(signal)]
    return tuple(dict.fromkeys(table for tables in of for table in tables))
