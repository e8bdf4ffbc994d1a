"""The signals that the framework's rules name: each must exist, be a number, and be there when the rule reads it.

A rule on a misspelt signal would never fire, and nothing would say so. The rules of `default.yaml` are for companies
that have every table; where a table is not mapped they rest, so that a signal which they name may be missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from configs.errors import ConfigError, Fault, nearest
from configs.framework import DIMENSIONS, Condition, Framework
from configs.settings import Settings
from configs.settings_file import DEFAULT_FILE, read_body
from features.frames import frame_named
from features.health import SCORES
from features.signal import AggregateSignal, Signal
from features.signals.catalogue import (
    INTERVENTION_SIGNALS,
    catalogued,
    made_of,
    needs_scores,
    signals_of,
)
from features.signals.own import own_signals
from features.sources import Sources

COVERAGE = tuple(f"coverage_{dimension}" for dimension in DIMENSIONS)
EARLY = (*COVERAGE, "feed_outage_days")  # columns of numbers beside the signals; there before stage and scores are
LATE = ("coverage", "strategic")


def require_framework_signals(settings: Settings, sources: Sources | None = None) -> None:
    """ConfigError with every rule of the framework that reads a signal which does not exist.

    Parameters
    ----------
    settings : Settings
        The project's; the names of its own signals are read from their file.
    sources : Sources, optional
        The project's tables. With them, a signal that they cannot feed is a fault too, unless a default rule names it.

    Raises
    ------
    ConfigError
        With every fault at once, the nearest name in each.
    """
    faults = list(framework_faults(settings, sources))
    if faults:
        raise ConfigError(faults)


def framework_faults(settings: Settings, sources: Sources | None = None) -> Iterator[Fault]:
    """The faults that `require_framework_signals` raises.

    Parameters
    ----------
    settings, sources
        As there.

    Yields
    ------
    Fault
        One for each rule and signal.
    """
    own = own_signals(settings)
    known = {signal.name: signal for signal in (*catalogued(settings), *INTERVENTION_SIGNALS, *own)}
    late = needs_scores([*known.values()]) | {score.name for score in SCORES} | {*LATE}
    attributes = settings.tables["accounts"].attributes if "accounts" in settings.tables else ()
    numbers = {name for name, signal in known.items() if signal.kind == "number"}
    numbers |= {*EARLY, *late, *(f"account_{name}" for name in attributes)}
    if sources is not None:
        numbers -= _categories(sources)
        built = {signal.name for signal in signals_of(sources, settings.framework, own)}
        unfed = known.keys() - built
        unfed = unfed - _default_signals() if unfed & {name for _, name, _ in _rules(settings.framework)} else set()
    else:
        unfed = set()
    categories = (known.keys() | {f"account_{name}" for name in (*attributes, "segment")}) - numbers
    for where, name, early in _rules(settings.framework):
        choice = sorted(numbers - late if early else numbers)
        if name in categories:
            yield Fault(where, f"{name}, a category", "a signal that is a number", nearest(name, choice))
        elif name not in numbers:
            yield Fault(
                where, f"{name}, which is no signal", "a signal of docs/signals.md or of your own", _do(name, choice)
            )
        elif early and name in late:
            found = f"{name}, which is worked out from stage and scores"
            yield Fault(where, found, "a signal that is there before them", _do(name, choice))
        elif sources is not None and name in unfed:
            wanted = ", ".join(sorted(_unmapped(known[name], known, sources)))
            found = f"{name}, which no mapped table feeds: the rule could never hold"
            yield Fault(where, found, f"{wanted} under tables", "map it, or take the rule out")


def _do(name: str, choice: Sequence[str]) -> str:
    hint = nearest(name, choice)
    return hint if hint.startswith("did you") else "choose one of docs/signals.md"


def _rules(framework: Framework) -> Iterator[tuple[str, str, bool]]:
    """(setting, signal, whether it is read before stage and scores are there) of everything that names a signal."""
    for stage, criteria in framework.criteria.entry.items():
        for index, criterion in enumerate(criteria):
            yield f"framework.criteria.entry.{stage}[{index}].signal", criterion.signal, True
    for index, health_map in enumerate(framework.health_maps):
        yield f"framework.health_maps[{index}].signal", health_map.signal, True
    for trigger in framework.triggers:
        yield f"framework.triggers.{trigger.name}.signal", trigger.signal, False
    for escalation in framework.escalations:
        conditions: Sequence[Condition] = escalation.conditions
        for index, condition in enumerate(conditions):
            yield f"framework.escalations.{escalation.name}.conditions[{index}].signal", condition.signal, False


def _default_signals() -> set[str]:
    """Names of the signals that the rules of `default.yaml` read."""
    default = Framework.model_validate(read_body(DEFAULT_FILE)["framework"])
    return {name for _, name, _ in _rules(default)}


def _categories(sources: Sources) -> set[str]:
    """Columns of attributes that hold no numbers."""
    of = [("account", "accounts", name) for name in sources.attributes]
    of += [("contract", "contracts", name) for name in sources.contract_attributes]
    return {f"{one}_{name}" for one, table, name in of if not sources.tables[table][name].type().is_numeric()}


def _unmapped(signal: Signal, known: Mapping[str, Signal], sources: Sources) -> set[str]:
    """The tables and columns that a signal would need, itself or by those that it is made of."""
    columns = list(signal.needs)
    if isinstance(signal, AggregateSignal):
        frame = frame_named(signal.frame)
        columns += [frame.table, *(f"{frame.table}.{column}" for column in frame.needs)]
    tables = {column.split(".")[0] for column in columns}
    missing = {name for name in tables if not sources.has(name)}
    missing |= {
        column for column in columns if column.split(".")[0] not in missing and not sources.has(*column.split("."))
    }
    for name in made_of(signal):
        missing |= _unmapped(known[name], known, sources) if name in known else set()
    return missing
