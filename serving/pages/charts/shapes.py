"""Bars, the heat of two groupings, and predicted beside observed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from serving.pages.charts.drawing import Chart, Scale, Words, path, svg, text, ticks

BAR_HEIGHT, LABEL_WIDTH, WIDTH = 24.0, 190.0, 560.0


@dataclass(frozen=True)
class Bar:
    """A bar with its label; `kind` is its colour's class: bar, up (worse), down (better).

    Attributes
    ----------
    label : str
    value : float
    kind : str
    """

    label: str
    value: float
    kind: str = "bar"


def bar_chart(bars: Sequence[Bar], caption: str, value_label: str, words: Words) -> Chart | None:
    """Bars that lie, from zero to the right and to the left; None without one.

    Parameters
    ----------
    bars : sequence of Bar
        From above.
    caption, value_label : str
        The second of the table's column.
    words : callable
        A value as a reader sees it.

    Returns
    -------
    Chart or None
    """
    if not bars:
        return None
    least, most = min(0.0, *(one.value for one in bars)), max(0.0, *(one.value for one in bars))
    x = Scale(least, most if most > least else least + 1, LABEL_WIDTH + (50 if least < 0 else 0), WIDTH - 60)
    height = BAR_HEIGHT * len(bars) + 6
    parts = []
    for place, one in enumerate(bars):
        top = place * BAR_HEIGHT + 4
        left, right = sorted((x(0.0), x(one.value)))
        parts.append(text(LABEL_WIDTH - 10, top + 13, _short(one.label, 30), "end"))
        parts.append(
            f'<rect x="{left:g}" y="{top:g}" width="{max(1.0, right - left):g}" height="16" rx="2" class="{one.kind}"/>'
        )
        is_left = one.value < 0
        at, anchor = (left - 5, "end") if is_left else (right + 5, "start")
        parts.append(text(at, top + 13, words(one.value), anchor, "strong"))
    parts.append(f'<line x1="{x(0.0):g}" x2="{x(0.0):g}" y1="0" y2="{height:g}" class="zero"/>')
    said = "; ".join(f"{one.label} {words(one.value)}" for one in bars)
    rows = tuple((one.label, words(one.value)) for one in bars)
    return Chart(
        caption,
        svg(WIDTH, height, caption, f"{said}.", "".join(parts)),
        (("What", "text"), (value_label, "number")),
        rows,
    )


def _short(label: str, most: int) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"


def heat_chart(
    cells: Sequence[Sequence[float]], rows: Sequence[str], columns: Sequence[str], caption: str, words: Words
) -> Chart | None:
    """How many (or how much) there are of each row and column, the darker the more; None without a cell.

    Parameters
    ----------
    cells : sequence of sequence of float
        By row, then column.
    rows, columns : sequence of str
        Their names.
    caption : str
    words : callable
        A value as a reader sees it.

    Returns
    -------
    Chart or None
    """
    if not rows or not columns:
        return None
    width = (WIDTH - LABEL_WIDTH) / len(columns)
    most = max((value for row in cells for value in row), default=0.0) or 1.0
    parts = [
        text(LABEL_WIDTH + (place + 0.5) * width, 14, _short(name, 14), "middle") for place, name in enumerate(columns)
    ]
    for down, (name, row) in enumerate(zip(rows, cells, strict=True)):
        top = 22 + down * 30.0
        parts.append(text(LABEL_WIDTH - 10, top + 18, _short(name, 28), "end"))
        for across, value in enumerate(row):
            left = LABEL_WIDTH + across * width
            shade = round(0.08 + 0.5 * value / most, 3) if value else 0.0
            parts.append(
                f'<rect x="{left + 1:g}" y="{top:g}" width="{width - 2:g}" height="28" rx="3" class="heat"'
                f' fill-opacity="{shade:g}"/>'
            )
            parts.append(text(left + width / 2, top + 18, words(value), "middle", "cell-text"))
    table = tuple((name, *(words(value) for value in row)) for name, row in zip(rows, cells, strict=True))
    said = "; ".join(
        f"{row[0]}: " + ", ".join(f"{c} {v}" for c, v in zip(columns, row[1:], strict=True)) for row in table
    )
    height = 26 + 30.0 * len(rows)
    return Chart(
        caption,
        svg(WIDTH, height, caption, f"{said}.", "".join(parts)),
        (("What", "text"), *((name, "number") for name in columns)),
        table,
    )


@dataclass(frozen=True)
class CalibrationPoint:
    """A group of predictions: what was predicted on the mean, what happened, and its interval.

    Attributes
    ----------
    predicted, observed : float
    low, high : float or None
        Ends of the interval of what happened.
    count : int
        How many predictions.
    """

    predicted: float
    observed: float
    low: float | None
    high: float | None
    count: int


def calibration_chart(points: Sequence[CalibrationPoint], caption: str, words: Words) -> Chart | None:
    """What happened by what was predicted, with intervals, beside the line on which both are the same; None without a
    point.

    Parameters
    ----------
    points : sequence of CalibrationPoint
        By rising prediction.
    caption : str
    words : callable
        A share as a reader sees it.

    Returns
    -------
    Chart or None
    """
    if not points:
        return None
    size, left, bottom = 300.0, 44.0, 30.0
    most = max(max(one.predicted, one.observed, one.high or 0.0) for one in points) * 1.05 or 1.0
    x, y = Scale(0.0, most, left, size - 10), Scale(0.0, most, size - bottom, 10)
    parts = []
    for value in ticks(0.0, most):
        parts.append(f'<line x1="{left:g}" x2="{size - 10:g}" y1="{y(value):g}" y2="{y(value):g}" class="axis"/>')
        parts.append(text(left - 5, y(value) + 4, words(value), "end"))
        parts.append(text(x(value), size - 14, words(value), "middle"))
    parts.append(text((left + size) / 2, size - 1, "predicted", "middle"))
    parts.append(path([(x(0.0), y(0.0)), (x(most), y(most))], "ideal"))
    for one in points:
        if one.low is not None and one.high is not None:
            parts.append(
                f'<line x1="{x(one.predicted):g}" x2="{x(one.predicted):g}" y1="{y(one.low):g}"'
                f' y2="{y(one.high):g}" class="whisker"/>'
            )
        parts.append(f'<circle cx="{x(one.predicted):g}" cy="{y(one.observed):g}" r="4" class="dot"/>')
    parts.append(path([(x(one.predicted), y(one.observed)) for one in points], "line"))
    said = "; ".join(f"predicted {words(one.predicted)}, happened {words(one.observed)}" for one in points)
    rows = tuple(
        (
            words(one.predicted),
            words(one.observed),
            "" if one.low is None or one.high is None else f"{words(one.low)} to {words(one.high)}",
            f"{one.count:,}",
        )
        for one in points
    )
    columns = (("Predicted", "number"), ("Happened", "number"), ("Interval", "number"), ("Accounts", "number"))
    return Chart(caption, svg(size, size, caption, f"{said}.", "".join(parts)), columns, rows)
