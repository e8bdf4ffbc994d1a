"""Differences with their intervals, one a line, beside the line of no difference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from serving.pages.charts.drawing import Chart, Scale, Words, svg, text, ticks

LABEL_WIDTH, WIDTH, LINE_HEIGHT = 190.0, 560.0, 28.0


@dataclass(frozen=True)
class IntervalLine:
    """A figure with the ends of its interval.

    Attributes
    ----------
    label : str
    value, low, high : float
    """

    label: str
    value: float
    low: float
    high: float


def interval_chart(lines: Sequence[IntervalLine], caption: str, value_label: str, words: Words) -> Chart | None:
    """Dots with whiskers beside zero; None without a line.

    Parameters
    ----------
    lines : sequence of IntervalLine
        From above.
    caption, value_label : str
        The second of the table's column.
    words : callable
        A value as a reader sees it.

    Returns
    -------
    Chart or None
    """
    if not lines:
        return None
    least, most = min(0.0, *(one.low for one in lines)), max(0.0, *(one.high for one in lines))
    x = Scale(least, most if most > least else least + 1.0, LABEL_WIDTH + 10, WIDTH - 20)
    height = LINE_HEIGHT * len(lines) + 26
    parts = [text(x(value), height - 6, words(value), "middle") for value in ticks(least, most, 4)]
    parts.append(f'<line x1="{x(0.0):g}" x2="{x(0.0):g}" y1="0" y2="{height - 20:g}" class="zero"/>')
    for place, one in enumerate(lines):
        y = place * LINE_HEIGHT + 14
        parts.append(text(LABEL_WIDTH - 6, y + 4, one.label[:30], "end"))
        parts.append(f'<line x1="{x(one.low):g}" x2="{x(one.high):g}" y1="{y:g}" y2="{y:g}" class="whisker"/>')
        parts.append(f'<circle cx="{x(one.value):g}" cy="{y:g}" r="4" class="dot"/>')
    rows = tuple((one.label, words(one.value), f"{words(one.low)} to {words(one.high)}") for one in lines)
    said = "; ".join(f"{label} {value} ({interval})" for label, value, interval in rows)
    columns = (("Group", "text"), (value_label, "number"), ("Interval (95 %)", "number"))
    return Chart(caption, svg(WIDTH, height, caption, f"{said}.", "".join(parts)), columns, rows)
