"""Numbers as a reader sees them: shares, amounts, and the words for a calibration slope."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


def decimal(value: float, places: int = 2) -> str:
    """A figure without its leading zero.

    >>> decimal(0.814), decimal(-0.05), decimal(1.02)
    ('.81', '-.05', '1.02')
    >>> decimal(-0.001)
    '.00'
    """
    text = f"{round(value, places) + 0.0:.{places}f}"
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def percent(share: float) -> str:
    """A share in per cent, with a decimal where it is small.

    >>> percent(0.0512), percent(0.384)
    ('5.1 %', '38 %')
    """
    return f"{100 * share:.1f} %" if abs(share) < 0.0995 else f"{100 * share:.0f} %"


def money(amount: float, currency: str) -> str:
    """An amount to three figures.

    >>> money(1_234_567, "USD"), money(950, "EUR")
    ('USD 1.23M', 'EUR 950')
    """
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(amount) >= size:
            digits = 2 if abs(amount) < 10 * size else 1 if abs(amount) < 100 * size else 0
            return f"{currency} {amount / size:.{digits}f}{letter}"
    return f"{currency} {amount:.0f}"


def interval_text(figure: Mapping[str, Any], form: Callable[[float], str] = decimal) -> str:
    """The ends of a figure's interval, or why there is none; nothing of a figure without an interval.

    >>> interval_text({"value": 0.8, "low": 0.75, "high": 0.83}), interval_text({"low": 0.1, "high": 0.2}, percent)
    ('.75 to .83', '10 % to 20 %')
    >>> interval_text({"refused": "too few churned accounts"}), interval_text({"value": 0.8})
    ('too few churned accounts', '')
    """
    return f"{form(figure['low'])} to {form(figure['high'])}" if "low" in figure else str(figure.get("refused", ""))


def figure_text(figure: Mapping[str, Any] | None, form: Callable[[float], str] = decimal) -> str:
    """A figure with its interval, or why there is none; a dash where there is no figure at all.

    >>> figure_text({"value": 0.8, "low": 0.75, "high": 0.83}), figure_text(None)
    ('.80 (.75 to .83)', '-')
    >>> figure_text({"refused": "too few churned accounts"})
    'refused: too few churned accounts'
    """
    if not figure:
        return "-"
    if "refused" in figure:
        return f"refused: {figure['refused']}"
    return f"{form(figure['value'])} ({interval_text(figure, form)})"


def spread_word(slope: Mapping[str, Any]) -> str | None:
    """What a calibration slope whose interval is clear of 1 says of the probabilities; None of any other.

    >>> spread_word({"value": 1.26, "low": 1.07, "high": 1.49})
    'too timid'
    >>> spread_word({"value": 0.7, "low": 0.6, "high": 0.9}), spread_word({"value": 1.1, "low": 0.9, "high": 1.3})
    ('too extreme', None)
    """
    if "value" not in slope or slope["low"] <= 1 <= slope["high"]:
        return None
    return "too timid" if slope["low"] > 1 else "too extreme"
