"""The prediction-versus-outcome report: one HTML file that needs no network, and the same figures as JSON."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
import vl_convert

from configs.settings import Settings
from evaluation.formatting import decimal, money, percent
from evaluation.metrics import METRICS
from evaluation.outcomes import Facts
from evaluation.report.charts import charts
from evaluation.report.sections import ReasonsOf
from evaluation.report.summary import summarise
from evaluation.report.text import main_horizon

TEMPLATES = Path(__file__).parent / "templates"
UNBROKEN = re.compile(r"(?<=\d) (?=%)|(?<=\b[A-Z]{3}) (?=\d)")


@dataclass(frozen=True)
class ReportFiles:
    """Where the report was written."""

    html: Path
    json: Path


def _figure(found: Mapping[str, Any] | None, form: Any = decimal) -> str:
    """A figure with its interval, or why there is none."""
    if not found:
        return "-"
    if "refused" in found:
        return f"refused: {found['refused']}"
    return f"{form(found['value'])} ({form(found['low'])} to {form(found['high'])})"


def _unbroken(value: Any) -> Any:
    """Text in which no line breaks between a number and its per cent or currency; markup is left as it is.

    >>> _unbroken("3.5 % of USD 4.2M").split(" ")
    ['3.5\xa0%', 'of', 'USD\xa04.2M']
    """
    if type(value) is not str:
        return value
    return UNBROKEN.sub("\u00a0", value)


def _value(found: Any) -> str:
    """A signal's value as a person writes it.

    >>> _value(325200.0), _value(0.33333), _value("software")
    ('325,200', '0.333', 'software')
    """
    if not isinstance(found, int | float):
        return str(found)
    return f"{found:,.0f}" if abs(found) >= 1000 else f"{found:.3g}"


@lru_cache(maxsize=1)
def _library() -> str:
    """Vega-Embed and what it needs as one script that may stand inside a <script> element; it takes a second or two."""
    return (
        str(vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;"))
        .replace("</script", "<\\/script")
        .replace("<!--", "<\\!--")
    )


def _hash(script: str) -> str:
    return "'sha256-" + base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() + "'"


def render(
    summary: Mapping[str, Any],
    meta: Mapping[str, str],
    marks: Sequence[Mapping[str, Any]] = (),
    outages: Sequence[str] | None = None,
    monitoring: Mapping[str, Any] | None = None,
) -> str:
    """The page of a summary. `meta` is shown at its foot, in order; `title` and `created` are used at its head.
    `marks` (evaluation.marks), the feeds' outages and what the monitoring found (None: nobody looked) are told.

    Every value is escaped; the page's policy allows no connection, and no script but the two that are written here (by
    hash), so that nothing a source table contains can run.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, finalize=_unbroken,
    )  # fmt: skip
    currency = summary["currency"]
    environment.filters |= {"percent": percent, "decimal": decimal, "figure": _figure}
    environment.filters["share"] = lambda found: _figure(found, percent)
    environment.filters["fine"] = lambda found: _figure(found, lambda value: decimal(value, 3))
    environment.filters["plain"] = _value
    environment.filters["money"] = lambda amount: "unknown" if amount is None else money(amount, currency)
    starter = (TEMPLATES / "report.js").read_text(encoding="utf-8")
    drawn = charts({**summary, "marks": marks, "monitoring": monitoring})
    return environment.get_template("report.html").render(
        s=summary,
        at=main_horizon(summary),
        charts=drawn,
        specs={key: chart.spec for key, chart in drawn.items()},
        metrics=[one for one in METRICS if one.name in main_horizon(summary)],
        meta=meta,
        marks=marks,
        outages=outages,
        monitoring=monitoring,
        style=(TEMPLATES / "report.css").read_text(encoding="utf-8"),
        library=_library() if drawn else "",
        starter=starter,
        hashes=" ".join(_hash(one) for one in ([_library()] if drawn else []) + [starter]),
    )


def _write(path: Path, text: str) -> None:
    """All or nothing: a reader never sees half a report."""
    half = path.with_name(f".{path.name}.{os.getpid()}.part")
    half.write_text(text, encoding="utf-8")
    half.replace(path)


def write_report(
    judged: pd.DataFrame,
    baselines: pd.DataFrame,
    settings: Settings,
    out_dir: Path,
    meta: Mapping[str, str],
    marks: Sequence[Mapping[str, Any]] = (),
    reasons: ReasonsOf | None = None,
    outages: Sequence[str] | None = None,
    monitoring: Mapping[str, Any] | None = None,
    facts: Facts | None = None,
    newest: pd.DataFrame | None = None,
    random_split: Mapping[str, Any] | None = None,
    effect: Mapping[str, Any] | None = None,
) -> ReportFiles:
    """Writes report.html and report.json into `out_dir` (made if absent, replaced if there).

    `judged`, `baselines`, `reasons`, `facts`, `newest`, `random_split` and `effect` as `summarise` takes them; raises
    DataError as that does, before anything is written. `meta` holds what only the caller knows, shown as it is:
    "source" (backtest or ledger), "created", versions; `marks` what the ledger marked beside its predictions
    (evaluation.marks), oldest first; `outages` a sentence for each time at which a feed brought next to nothing;
    `monitoring` what evaluation.monitor found.
    """
    summary = summarise(judged, baselines, settings, reasons, facts, newest, random_split, effect)
    page = render(summary, meta, marks, outages, monitoring)
    beside = {"meta": dict(meta), "marks": [dict(one) for one in marks], "outages": outages, "monitoring": monitoring}
    body = json.dumps({**beside, **summary}, indent=1, allow_nan=False, ensure_ascii=False)
    out_dir.mkdir(parents=True, exist_ok=True)
    files = ReportFiles(out_dir / "report.html", out_dir / "report.json")
    _write(files.json, body)
    _write(files.html, page)
    return files
