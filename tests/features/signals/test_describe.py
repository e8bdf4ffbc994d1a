"""The catalogue of signals in docs/ is what the definitions say."""

from __future__ import annotations

from pathlib import Path

from features.signal import AggregateSignal
from features.signals.catalogue import ALL_SIGNALS
from features.signals.describe import catalogue

DOCS = Path(__file__).resolve().parents[3] / "docs" / "signals.md"


def test_the_catalogue_is_current() -> None:
    text = DOCS.read_text(encoding="utf-8")
    assert text == catalogue(), "run `python -m features.signals.describe > docs/signals.md`"


def test_there_are_enough_signals_and_each_has_its_row() -> None:
    text = catalogue()
    assert len(ALL_SIGNALS) >= 90
    for signal in ALL_SIGNALS:
        assert text.count(f"| `{signal.name}` |") == 1


def test_scaled_signals_have_a_window_and_counts_an_empty_value() -> None:
    for signal in ALL_SIGNALS:
        if isinstance(signal, AggregateSignal) and signal.outage == "scale":
            assert signal.window_days is not None, signal.name
            assert signal.window_days > signal.window_from_days >= 0
