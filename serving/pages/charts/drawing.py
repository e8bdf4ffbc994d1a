"""What every chart has in common: its size, its scales, and how a number becomes a place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape


@dataclass(frozen=True)
class Chart:
    """A chart with its numbers beside it.

    Attributes
    ----------
    caption : str
    svg : Markup
    columns : sequence of (str, str)
        Labels of the table's columns and their kinds, text or number.
    rows : sequence of sequence of str
    """

    caption: str
    svg: Markup
    columns: Sequence[tuple[str, str]]
    rows: Sequence[Sequence[str]]


def svg(width: float, height: float, title: str, description: str, body: str, kind: str = "") -> Markup:
    """An image of parts that are escaped already, with what a screen reader says of it."""
    label = escape(f"{title}. {description}")
    class_of = f' class="{kind}"' if kind else ""
    return Markup(
        f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{label}"{class_of}>'
        f"<title>{escape(title)}</title><desc>{escape(description)}</desc>{body}</svg>"
    )
