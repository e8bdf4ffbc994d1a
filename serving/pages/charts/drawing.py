"""What every chart has in common: an image with words beside it, scales, ticks, and days as places."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from markupsafe import Markup, escape

Columns = tuple[tuple[str, str], ...]
Rows = tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Chart:
    """A chart with its numbers beside it; the macro `chart` shows both.

    Attributes
    ----------
    caption : str
    svg : Markup
        An image with a title and a description.
    columns : tuple of (str, str)
        Labels of the table's columns and their kinds, text or number.
    rows : tuple of tuple of str
        Each number in words, as the chart has it.
    """

    caption: str
    svg: Markup
    columns: Columns
    rows: Rows


@dataclass(frozen=True)
class Scale:
    """Straight from values to places: `low` lies at `start`, `high` at `end`."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """
        >>> Scale(0.0, 10.0, 100.0, 0.0)(2.5)
        75.0
        """
        span = (self.high - self.low) or 1.0
        return round(self.start + (value - self.low) / span * (self.end - self.start), 2)


def svg(width: float, height: float, title: str, description: str, body: str, kind: str = "") -> Markup:
    """An image whose parts are escaped already, with what is said of it to those who do not see it."""
    words = escape(f"{title}. {description}")
    of_kind = f' class="{escape(kind)}"' if kind else ""
    return Markup(
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{words}"{of_kind}>'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>{body}</svg>"
    )


def text(x: float, y: float, words: str, anchor: str = "start", kind: str = "") -> str:
    """Words at a place."""
    of_kind = f' class="{kind}"' if kind else ""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}"{of_kind}>{escape(words)}</text>'


def path(places: Sequence[tuple[float, float]], kind: str, closed: bool = False) -> str:
    """A line through places; nothing for fewer than two."""
    if len(places) < 2:
        return ""
    steps = " ".join(f"{'M' if index == 0 else 'L'}{x:g} {y:g}" for index, (x, y) in enumerate(places))
    return f'<path d="{steps}{"Z" if closed else ""}" class="{kind}"/>'


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round values from low to high, about so many.

    >>> ticks(0.0, 0.23), ticks(0.0, 100.0), ticks(3.0, 3.0)
    ([0.0, 0.05, 0.1, 0.15, 0.2], [0.0, 20.0, 40.0, 60.0, 80.0, 100.0], [3.0])
    """
    if high <= low:
        return [low]
    raw = (high - low) / most
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * times for times in (1, 2, 2.5, 5, 10) if size * times >= raw * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    return [round((first + place) * step, 12) for place in range(math.floor(high / step + 1e-9) - first + 1)]


def day_number(day: str) -> int:
    """A day of ISO text as a number that grows by 1 a day."""
    return date.fromisoformat(day[:10]).toordinal()


def day_words(day: str) -> str:
    """A day as a reader sees it.

    Parameters
    ----------
    day : str
        ISO, with a time or without.

    Returns
    -------
    str

    Examples
    --------
    >>> day_words("2026-01-05T10:00:00Z")
    '5 Jan 2026'
    """
    found = date.fromisoformat(day[:10])
    return f"{found.day} {found:%b} {found.year}"


def month_ticks(first: int, last: int, most: int = 7) -> list[tuple[int, str]]:
    """Firsts of months between two day numbers, with their names, at most so many; the year is named where it begins.

    >>> month_ticks(day_number("2025-11-15"), day_number("2026-03-02"))[:2]
    [(739586, 'Dec'), (739617, 'Jan 2026')]
    """
    begin = date.fromordinal(first)
    found = []
    day = begin.replace(day=1)
    while day.toordinal() <= last:
        if day.toordinal() >= first:
            found.append((day.toordinal(), f"{day:%b} {day.year}" if day.month == 1 else f"{day:%b}"))
        day = date(day.year + day.month // 12, day.month % 12 + 1, 1)
    step = max(1, -(-len(found) // most))
    return found[::step]


Words = Callable[[float], str]
