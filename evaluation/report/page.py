"""The report's page: one HTML file that needs no network, from the figures of a summary."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from configs.json_object import JsonObject
from evaluation.formatting import decimal, figure_text, money, percent
from evaluation.metrics import METRICS
from evaluation.report.charts import charts
from evaluation.report.document import Summary
from evaluation.report.sections import CHAPTERS, SECTIONS, Chapter, Section
from evaluation.report.text import main_horizon
from evaluation.report.vega_embed import vega_embed

TEMPLATES = Path(__file__).parent / "templates"
UNBROKEN = re.compile(r"(?<=\d) (?=%)|(?<=\b[A-Z]{3}) (?=\d)")


def _unbroken(value: Any) -> Any:
    """Text in which no line breaks between a number and its per cent or currency; markup is left as it is.

    >>> _unbroken("3.5 % of USD 4.2M").split(" ")
    ['3.5\xa0%', 'of', 'USD\xa04.2M']
    """
    if type(value) is not str:
        return value
    return UNBROKEN.sub("\u00a0", value)


def _signal_value(value: Any) -> str:
    """A signal's value as a person writes it.

    >>> _signal_value(325200.0), _signal_value(0.33333), _signal_value("software")
    ('325,200', '0.333', 'software')
    """
    if not isinstance(value, int | float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _hash(script: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() + "'"


@lru_cache(maxsize=4)
def _environment(currency: str) -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_unbroken,
    )  # fmt: skip
    environment.filters |= {"percent": percent, "decimal": decimal, "figure": figure_text}
    environment.filters["share"] = lambda figure: figure_text(figure, percent)
    environment.filters["fine"] = lambda figure: figure_text(figure, lambda value: decimal(value, 3))
    environment.filters["signal_value"] = _signal_value
    environment.filters["money"] = lambda amount: "unknown" if amount is None else money(amount, currency)
    return environment


def _of_chapter(parts: Mapping[Section, str], chapter: Chapter) -> list[Markup]:
    """The sections of a chapter that have something to show."""
    return [Markup(part) for section, part in parts.items() if part and section.chapter == chapter.key]


def _links(parts: Mapping[Section, str]) -> list[tuple[str, str]]:
    """(id, label) of what the page's navigation leads to: sections that are always to be seen, then chapters."""
    of_sections = [(section.key, section.link) for section, part in parts.items() if part and section.link]
    return of_sections + [(chapter.key, chapter.title) for chapter in CHAPTERS if _of_chapter(parts, chapter)]


def render(summary: Summary, meta: Mapping[str, str], cache: Path | None = None) -> str:
    """Renders a summary as the report's page, section by section in the order of SECTIONS, chapter by chapter below.

    Every value is escaped; the page's policy allows no connection, and no script but the two that are written here (by
    hash), so that nothing a source table contains can run.

    Parameters
    ----------
    summary : Summary
        What `summarise` returns.
    meta : Mapping of str to str
        Shown at the page's foot, in order; `title` is used at its head.
    cache : Path, optional
        Folder in which the charts' script is kept from one report to the next.

    Returns
    -------
    str
        HTML.
    """
    environment = _environment(summary["currency"])
    drawn = charts(summary)
    shared: JsonObject = {"report": summary, "main": main_horizon(summary), "charts": drawn}
    shared["metrics"] = [metric for metric in METRICS if metric.name in main_horizon(summary)]
    parts = {
        section: environment.get_template(section.template).render(shared).strip()
        for section in SECTIONS
        if section.template is not None
    }
    starter = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    library = vega_embed(cache) if drawn else ""
    scripts = [library, starter] if drawn else [starter]
    return environment.get_template("report.html").render(
        shared,
        meta=meta,
        links=_links(parts),
        parts=[Markup(part) for section, part in parts.items() if part and section.chapter is None],
        chapters=[(chapter, _of_chapter(parts, chapter)) for chapter in CHAPTERS if _of_chapter(parts, chapter)],
        specs={key: chart.spec for key, chart in drawn.items()},
        style=(TEMPLATES / "report.css").read_text(encoding="utf-8"),
        library=library,
        starter=starter,
        hashes=" ".join(map(_hash, scripts)),
    )
