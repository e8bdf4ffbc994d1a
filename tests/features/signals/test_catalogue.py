"""The catalogue of signals: what each asks of the rollup of usage exists there."""

from __future__ import annotations

import pytest

from features.signal import AggregateSignal
from features.signals.catalogue import ALL_SIGNALS
from features.usage import EDGES

OF_USAGE = [signal for signal in ALL_SIGNALS if isinstance(signal, AggregateSignal) and signal.frame in EDGES]


def test_there_are_signals_of_every_rollup() -> None:
    assert {signal.frame for signal in OF_USAGE} == set(EDGES)


@pytest.mark.parametrize("signal", OF_USAGE, ids=lambda signal: signal.name)
def test_windows_begin_and_end_where_usage_is_added_up(signal: AggregateSignal) -> None:
    """Elsewhere a window would count a stretch between two edges whole or not at all, without a word."""
    ends = {days for days in (signal.window_days, signal.window_from_days) if days}
    edges = EDGES[signal.frame]
    assert ends <= set(edges) if signal.frame == "usage_days" else max(ends, default=0) <= edges[-1]
