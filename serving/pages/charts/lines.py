"""Lines: over time with an interval and markers, over horizons, and small ones beside a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from serving.pages.charts.drawing import Chart, Scale, Words, day_number, day_words, month_ticks, path, svg, text, ticks

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640.0, 210.0, 44.0, 12.0, 22.0, 24.0


@dataclass(frozen=True)
class Point:
    """A value of a day, with the ends of its interval where it has one.

    Attributes
    ----------
    day : str
        ISO.
    value : float
    low, high : float or None
    """

    day: str
    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Mark:
    """Something that happened on a day.

    Attributes
    ----------
    day : str
        ISO.
    letter : str
        What stands in the chart.
    label : str
        What it was, in words.
    """

    day: str
    letter: str
    label: str


@dataclass(frozen=True)
class LineStyle:
    """How a line over time is shown.

    Attributes
    ----------
    caption : str
    value_label : str
        Of the table's column.
    words : callable
        A value as a reader sees it.
    low, high : float or None
        Of the axis; None: from the values.
    """

    caption: str
    value_label: str
    words: Words
    low: float | None = 0.0
    high: float | None = None


def line_chart(points: Sequence[Point], marks: Sequence[Mark], style: LineStyle) -> Chart | None:
    """A line over time with its interval, and markers of what happened; None without a point.

    Parameters
    ----------
    points : sequence of Point
        In the order of their days.
    marks : sequence of Mark
        Those between the first day and the last are drawn.
    style : LineStyle

    Returns
    -------
    Chart or None
    """
    if not points:
        return None
    days = [day_number(one.day) for one in points]
    marks = sorted((one for one in marks if days[0] <= day_number(one.day) <= days[-1]), key=lambda one: one.day)
    ends = [end for one in points for end in (one.value, one.low, one.high) if end is not None]
    low = min(ends) if style.low is None else style.low
    high = (max(ends) * 1.05 or 1.0) if style.high is None else style.high
    x = Scale(days[0], max(days[-1], days[0] + 1), LEFT, WIDTH - RIGHT)
    y = Scale(low, high, HEIGHT - BOTTOM, TOP)
    parts = [_axes(x, y, style.words, days[0], days[-1])]
    banded = [
        (x(day), y(one.low), y(one.high))
        for day, one in zip(days, points, strict=True)
        if one.low is not None and one.high is not None
    ]
    around = [(at, top) for at, _, top in banded] + [(at, bottom) for at, bottom, _ in reversed(banded)]
    parts.append(path(around, "band", closed=True) if len(banded) > 1 else "")
    parts += [_mark(x(day_number(one.day)), one) for one in _by_day(marks)]
    parts.append(path([(x(day), y(one.value)) for day, one in zip(days, points, strict=True)], "line"))
    for day, one in zip(days, points, strict=True):
        label = f"{day_words(one.day)}: {style.words(one.value)}"
        parts.append(f'<circle cx="{x(day):g}" cy="{y(one.value):g}" r="3" class="dot"><title>{escape(label)}</title>')
        parts.append("</circle>")
    last = points[-1]
    parts.append(text(x(days[-1]), y(last.value) - 8, style.words(last.value), "end", "strong"))
    what = f"From {day_words(points[0].day)}, {style.words(points[0].value)}, to {day_words(last.day)}"
    description = f"{what}, {style.words(last.value)}. " + "; ".join(f"{day_words(m.day)}: {m.label}" for m in marks)
    return Chart(
        style.caption,
        svg(WIDTH, HEIGHT, style.caption, description.strip(), "".join(parts)),
        (("Day", "text"), (style.value_label, "number"), ("Interval", "number"), ("What happened", "text")),
        _rows(points, marks, style.words),
    )


def _axes(x: Scale, y: Scale, words: Words, first: int, last: int) -> str:
    parts = []
    for value in ticks(y.low, y.high):
        parts.append(f'<line x1="{LEFT:g}" x2="{WIDTH - RIGHT:g}" y1="{y(value):g}" y2="{y(value):g}" class="axis"/>')
        parts.append(text(LEFT - 6, y(value) + 4, words(value), "end"))
    for day, name in month_ticks(first, last):
        parts.append(text(x(day), HEIGHT - 7, name, "middle" if LEFT + 10 < x(day) < WIDTH - 30 else "end"))
    return "".join(parts)


def _by_day(marks: Sequence[Mark]) -> list[Mark]:
    """One marker a day, with every letter once."""
    days: dict[str, list[Mark]] = {}
    for one in marks:
        days.setdefault(one.day[:10], []).append(one)
    return [
        Mark(day, "".join(dict.fromkeys(one.letter for one in of)), "; ".join(one.label for one in of))
        for day, of in days.items()
    ]


def _mark(at: float, mark: Mark) -> str:
    label = escape(f"{day_words(mark.day)}: {mark.label}")
    line = f'<line x1="{at:g}" x2="{at:g}" y1="{TOP - 6:g}" y2="{HEIGHT - BOTTOM:g}" class="mark"/>'
    return f"<g><title>{label}</title>{line}{text(at, TOP - 9, mark.letter, 'middle', 'mark-text')}</g>"


def _rows(points: Sequence[Point], marks: Sequence[Mark], words: Words) -> tuple[tuple[str, ...], ...]:
    """A row a point, the newest first, with what happened since the point before it."""
    rows = []
    before = ""
    for one in points:
        happened = "; ".join(
            mark.label if mark.day[:10] == one.day[:10] else f"{mark.label} ({day_words(mark.day)})"
            for mark in marks
            if before < mark.day[:10] <= one.day[:10]
        )
        between = "" if one.low is None or one.high is None else f"{words(one.low)} to {words(one.high)}"
        rows.append((day_words(one.day), words(one.value), between, happened))
        before = one.day[:10]
    return tuple(reversed(rows))


@dataclass(frozen=True)
class CurvePoint:
    """A value over a number of days ahead, beside one to compare it with.

    Attributes
    ----------
    days : int
    value : float
    other : float or None
    """

    days: int
    value: float
    other: float | None = None


def curve_chart(points: Sequence[CurvePoint], caption: str, labels: tuple[str, str], words: Words) -> Chart | None:
    """A value by days ahead, from today on, beside a second dashed line; None without a point.

    Parameters
    ----------
    points : sequence of CurvePoint
        By rising days.
    caption : str
    labels : (str, str)
        Of the value, and of what it is compared with.
    words : callable
        A value as a reader sees it.

    Returns
    -------
    Chart or None
    """
    if not points:
        return None
    most = max(max(one.value, one.other or 0.0) for one in points)
    x = Scale(0, points[-1].days, LEFT, WIDTH / 2 - 10)
    y = Scale(0.0, most * 1.15 or 1.0, HEIGHT - BOTTOM, TOP)
    width = WIDTH / 2 + 20
    parts = []
    for value in ticks(0.0, y.high, 4):
        parts.append(f'<line x1="{LEFT:g}" x2="{width - 12:g}" y1="{y(value):g}" y2="{y(value):g}" class="axis"/>')
        parts.append(text(LEFT - 6, y(value) + 4, words(value), "end"))
    others = [(x(one.days), y(one.other)) for one in points if one.other is not None]
    parts.append(path([(x(0), y(0.0)), *others], "line second") if others else "")
    parts.append(path([(x(0), y(0.0)), *((x(one.days), y(one.value)) for one in points)], "line"))
    for one in points:
        parts.append(f'<circle cx="{x(one.days):g}" cy="{y(one.value):g}" r="3" class="dot"/>')
        parts.append(text(x(one.days), y(one.value) - 8, words(one.value), "middle", "strong"))
        parts.append(text(x(one.days), HEIGHT - 7, f"{one.days} d", "middle"))
    said = "; ".join(f"within {one.days} days {words(one.value)}" for one in points)
    rows = tuple(
        (f"within {one.days} days", words(one.value), "" if one.other is None else words(one.other)) for one in points
    )
    columns = (("When", "text"), (labels[0], "number"), (labels[1], "number"))
    return Chart(caption, svg(width, HEIGHT, caption, f"{said}.", "".join(parts)), columns, rows)


def sparkline(values: Sequence[float | None], title: str, words: Words) -> Markup:
    """A small line beside a number; what is missing leaves a gap.

    Parameters
    ----------
    values : sequence of float or None
        In the order of time.
    title : str
    words : callable
        A value as a reader sees it.

    Returns
    -------
    Markup
        An image whose description names the first and the last value.
    """
    known = [value for value in values if value is not None]
    if not known:
        return svg(120, 28, title, "Nothing is known.", "", "spark")
    x, y = Scale(0, max(1, len(values) - 1), 2, 116), Scale(min(0.0, *known), max(known) or 1.0, 25, 4)
    runs: list[list[tuple[float, float]]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((x(place), y(value)))
    body = "".join(path(run, "line") for run in runs)
    end = next(run[-1] for run in reversed(runs) if run)
    body += f'<circle cx="{end[0]:g}" cy="{end[1]:g}" r="2.5" class="dot"/>'
    said = f"From {words(known[0])} to {words(known[-1])}, at most {words(max(known))}."
    return svg(120, 28, title, said, body, "spark")
