"""A project's own signals: read from the Python file that its settings name, and checked before any of them is used.

The file runs when signals are built, never at import. It holds a tuple `SIGNALS` of `AggregateSignal` and
`DerivedSignal`, made like those of the catalogue; `forewarn check` runs the point-in-time law on them.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from configs.errors import ConfigError, Fault, nearest
from configs.framework import DIMENSIONS
from configs.settings import Settings
from features.frames import FRAMES
from features.health import SCORES
from features.signal import AggregateSignal, DerivedSignal, Signal
from features.signals.catalogue import INTERVENTION_SIGNALS, catalogued, made_of
from features.usage import EDGES

WHERE = "signals"
README = 'README, "A signal of your own"'
# Columns of the frame that are no signals, and how names of such columns begin.
CONTEXT = {"account_id", "as_of", "name", "segment", "owner", "strategic", "parent_account_id", "family", "asked"}
CONTEXT |= {"in_play", "spell_start", "lifecycle_stage", "stage_criterion", "coverage", "feed_outage_days"}
PREFIXES = ("account_", "coverage_", "health_", "row_", "p_churn_", "churned_")


def own_signals(settings: Settings) -> tuple[Signal, ...]:
    """The project's own signals, in the order of their file.

    Parameters
    ----------
    settings : Settings
        `signals` names the file; without it there are none.

    Returns
    -------
    tuple of Signal

    Raises
    ------
    ConfigError
        With every fault of the file: none there, one that does not run, one without a tuple `SIGNALS`; a name that
        exists already, an unknown frame or signal, a window that the frame cannot show. Also raised later, by a
        signal whose `value` fails.
    """
    if settings.signals is None:
        return ()
    path = settings.path(settings.signals)
    signals = _read(path)
    faults = [fault for signal in signals for fault in _faults_of(signal)]
    faults += _name_faults(signals, settings)
    if faults:
        raise ConfigError(faults)
    return tuple(replace(signal, value=_with_faults(signal, path)) for signal in signals)


def _read(path: Path) -> tuple[Signal, ...]:
    """What the file defines as SIGNALS; ConfigError when that is not a tuple of signals."""
    expected = "a Python file with a tuple SIGNALS of AggregateSignal and DerivedSignal"
    try:
        code = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        found = f"no file {path}" if isinstance(error, FileNotFoundError) else f"{path}: {error}"
        do = f"write it beside the project's file ({README}), or take `signals` out of the settings"
        raise ConfigError(Fault(WHERE, found, expected, do)) from None
    body: dict[str, Any] = {"__name__": path.stem, "__file__": str(path)}
    try:
        exec(compile(code, str(path), "exec"), body)
    except Exception as error:
        raise ConfigError(Fault(WHERE, _where(error, path), "a file that runs", "fix that line")) from None
    signals = body.get("SIGNALS")
    if not isinstance(signals, tuple):
        found = "no SIGNALS" if signals is None else f"SIGNALS is a {type(signals).__name__}"
        raise ConfigError(Fault(WHERE, f"{path.name}: {found}", expected, f"see the {README}"))
    others = [item for item in signals if not isinstance(item, AggregateSignal | DerivedSignal)]
    if others:
        found = f"{path.name}: {others[0]!r:.80} in SIGNALS"
        raise ConfigError(Fault(WHERE, found, "AggregateSignal or DerivedSignal", f"see the {README}"))
    return signals


def _where(error: Exception, path: Path) -> str:
    """The error in words, with the last line of the file that it came through."""
    lines = [step.lineno for step in traceback.extract_tb(error.__traceback__) if step.filename == str(path)]
    line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
    at = "" if line is None else f" line {line}"
    return f"{path.name}{at}: {type(error).__name__}: {error}"


def _faults_of(signal: Signal) -> Iterator[Fault]:
    """What is wrong with one signal by itself."""
    where = f"{WHERE}.{signal.name}"
    if not str(signal.name).isidentifier():
        yield Fault(where, repr(signal.name), "a name of letters, digits and _", "rename it")
    dimensions = (*DIMENSIONS, "account")
    if signal.dimension not in dimensions:
        yield Fault(f"{where}.dimension", repr(signal.dimension), "one of " + ", ".join(dimensions), "choose one")
    if signal.healthier not in {-1, 0, 1}:
        yield Fault(f"{where}.healthier", repr(signal.healthier), "1, -1, or 0 where it is not known", "choose one")
    if isinstance(signal, DerivedSignal):
        if signal.kind != "number":
            yield Fault(f"{where}.kind", repr(signal.kind), "a number", "aggregate a frame for a category")
        return
    assert isinstance(signal, AggregateSignal)
    frames = [frame.name for frame in FRAMES]
    if signal.frame not in frames:
        yield Fault(f"{where}.frame", repr(signal.frame), "one of " + ", ".join(frames), nearest(signal.frame, frames))
    if signal.window_days is None and signal.outage in {"scale", "void"}:
        do = "give window_days, or outage 'none'"
        yield Fault(f"{where}.window_days", "none", f"the window over which outages {signal.outage} it", do)
    if edges := EDGES.get(signal.frame):
        yield from _edge_faults(signal, edges)


def _edge_faults(signal: AggregateSignal, edges: Sequence[int]) -> Iterator[Fault]:
    """A window that usage cannot show as it is rolled up: days end at an edge, users and features at the last one."""
    ends = {days for days in (signal.window_days, signal.window_from_days) if days}
    if signal.frame == "usage_days":
        wrong, expected = ends - set(edges), "days at which usage is added up: " + ", ".join(map(str, edges))
    else:
        wrong, expected = {days for days in ends if days > edges[-1]}, f"up to {edges[-1]} days"
    if wrong:
        found = ", ".join(map(str, sorted(wrong)))
        yield Fault(f"{WHERE}.{signal.name}.window_days", found, expected, "choose another window")


def _name_faults(signals: Sequence[Signal], settings: Settings) -> Iterator[Fault]:
    """Names that are taken, and signals made of such as do not exist."""
    known = {signal.name for signal in catalogued(settings)} | {score.name for score in SCORES}
    taken = known | {signal.name for signal in INTERVENTION_SIGNALS} | CONTEXT
    own = {signal.name for signal in signals}
    for signal in signals:
        where = f"{WHERE}.{signal.name}"
        if signal.name in taken or signal.name.startswith(PREFIXES):
            yield Fault(where, "a name that exists already", "a name of its own", "rename it, e.g. with a prefix")
        taken = taken | {signal.name}
        for name in made_of(signal):
            if name not in known | own or name == signal.name:
                yield Fault(f"{where}.of", repr(name), "the name of another signal", nearest(name, sorted(known | own)))


def _with_faults(signal: Signal, path: Path) -> Callable[[Any], Any]:
    """The signal's `value`, whose exceptions become a fault of the file."""

    def value(t: Any) -> Any:
        try:
            return signal.value(t)
        except Exception as error:
            if isinstance(signal, AggregateSignal):
                columns = ", ".join(t.columns)
                expected = f"an aggregate of the frame {signal.frame}, which has {columns}"
            else:
                expected = f"a column made of {', '.join(made_of(signal)) or 'the frame of signals'}"
            where = f"{WHERE}.{signal.name}"
            raise ConfigError(Fault(where, _where(error, path), expected, "fix its value")) from None

    return value
