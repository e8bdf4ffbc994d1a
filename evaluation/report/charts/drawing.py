"""What a chart is: a Vega-Lite specification with a text alternative and its numbers as a table; how all of them look.

Nothing is computed here: every number comes from the summary, and a chart whose numbers were refused is not drawn.
Ink, grid and background belong to the page (it styles the SVG), so that one chart reads in light, in dark and in print;
the colours of marks were chosen to differ on both and by colour-blind readers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert

from evaluation.report.document import Summary

FONT = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', sans-serif"
WIDTH = 640  # pixels of an image
FIT = alt.AutoSizeParams(type="fit-x", contains="padding")
MODEL, OTHER, CHANCE, CEILING = "#2f7ed8", "#d9741a", "#8b93a0", "#2a9d6f"


@dataclass(frozen=True)
class Chart:
    """A chart ready to print, with its numbers for who cannot see it.

    Attributes
    ----------
    key : str
        By which a template shows it.
    title : str
        Its heading.
    spec : dict
        Vega-Lite specification, for Vega-Embed.
    description : str
        Text alternative.
    columns : tuple of str
        Headings of `table`.
    table : tuple of tuple of str
        Its numbers as text, row by row.
    """

    key: str
    title: str
    spec: dict[str, Any]
    description: str
    columns: tuple[str, ...]
    table: tuple[tuple[str, ...], ...]


# Vega writes numbers as the text beside the charts does: "5 %" with its space.
LOCALE = {"decimal": ".", "thousands": ",", "grouping": [3], "currency": ["", ""], "percent": "\u00a0%"}


def percent_axis(title: str, **more: Any) -> alt.Axis:
    return alt.Axis(title=title, format="~%", tickCount=5, **more)


def decimal_axis(title: str) -> alt.Axis:
    """An axis whose numbers are written as `evaluation.formatting.decimal` writes them: .80."""
    short = "replace(format(datum.value, '.2f'), regexp('^(-?)0[.]'), '$1.')"
    return alt.Axis(title=title, labelExpr=short, tickCount=5)


def spec(chart: Any, height: int) -> dict[str, Any]:
    sized = _styled(chart.properties(width="container", height=height, background="transparent", autosize=FIT))
    legend = sized.configure_legend(orient="top", title=None, labelFontSize=12, columns=4, labelLimit=300)
    return dict(legend.to_dict(validate=False))  # the tests hold every chart to the schema; a report need not again


def fixed_spec(chart: Any, height: int) -> dict[str, Any]:
    """The specification of a chart that is only drawn as an image.

    Parameters
    ----------
    chart : altair chart
        Any kind.
    height : int
        In pixels.

    Returns
    -------
    dict
        Vega-Lite specification, WIDTH wide on white.
    """
    return dict(_styled(chart.properties(width=WIDTH, height=height, background="white")).to_dict(validate=False))


def _styled(chart: Any) -> Any:
    styled = chart.configure(font=FONT, locale={"number": LOCALE}).configure_view(strokeOpacity=0)
    styled = styled.configure_axis(labelLimit=210, labelFontSize=12, titleFontSize=12, titleFontWeight="normal")
    # From the right end to the left: below long labels there is room for a title that is wider than its axis.
    return styled.configure_axisX(titleAnchor="end")


def png(chart: Chart) -> bytes:
    """The chart as an image on white, drawn without a network."""
    wide = {name: value for name, value in chart.spec.items() if name != "autosize"}
    spec = {**wide, "width": WIDTH, "background": "white", "title": chart.title}
    return bytes(vl_convert.vegalite_to_png(json.dumps(spec), scale=1.5))


def colours(names: Sequence[str]) -> alt.Scale:
    palette = {"predicted": MODEL, "happened": OTHER, "lost": OTHER, "expected": MODEL, "chance": CHANCE}
    palette |= {"model": MODEL, "ceiling": CEILING, "everybody": CHANCE}
    return alt.Scale(domain=list(names), range=[palette.get(name, OTHER) for name in names])


def quarter_end(quarter: str) -> str:
    """What comes on or after every day of a quarter, by its name: an event belongs to the quarter that it falls into.

    >>> quarter_end("2025 Q2"), quarter_end("2025Q4")
    ('2025-06-31', '2025-12-31')
    """
    return f"{quarter[:4]}-{3 * int(quarter[-1]):02d}-31"


def event_layer(summary: Summary, places: Mapping[str, str]) -> Any:
    """A layer with a line where the ledger holds an event: at the first place of a chart on or after its day.

    places: ISO day -> name on the chart's nominal x axis, in order. Empty where nothing happened by the last of them.
    """
    labels_at: dict[str, list[str]] = {}
    for event in summary.get("events", []):
        place = next((name for day, name in places.items() if day >= event["at"]), None)
        if place is not None and event["label"]:
            labels_at.setdefault(place, []).append(event["label"])
    values = [{"at": place, "label": "; ".join(labels)} for place, labels in labels_at.items()]
    base = alt.Chart(alt.Data(values=values)).encode(x=alt.X("at:N", sort=None), tooltip=[alt.Tooltip("label:N")])
    line = base.mark_rule(strokeWidth=1.5, strokeDash=[3, 3], color=CHANCE)
    # Left of the line there is always room: the y axis, if nothing else.
    return line + base.mark_text(align="right", dx=-4, dy=-6, fontSize=11).encode(y=alt.value(0), text="label:N")
