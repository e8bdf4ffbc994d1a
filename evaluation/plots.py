"""Charts of a summary, as Vega-Lite specifications with a text alternative and the numbers as a table.

Nothing is computed here: every number comes from the summary, and a chart whose numbers were refused is not drawn.
Ink, grid and background belong to the page (it styles the SVG), so that one chart reads in light, in dark and in print;
the colours of marks were chosen to be told apart on both and by colour-blind readers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert

from evaluation.answer import decimal, main_horizon, money, percent

Summary = Mapping[str, Any]
FONT = "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'DejaVu Sans', sans-serif"
WIDTH = 640  # pixels of an image
FIT = alt.AutoSizeParams(type="fit-x", contains="padding")
MODEL, OTHER, CHANCE, CEILING = "#2f7ed8", "#d9741a", "#8b93a0", "#2a9d6f"


@dataclass(frozen=True)
class Chart:
    """A chart ready to print: `spec` for Vega-Embed, `description` for who cannot see it, and its numbers."""

    key: str
    title: str
    spec: dict[str, Any]
    description: str
    columns: tuple[str, ...]
    table: tuple[tuple[str, ...], ...]


def _percent_axis(title: str, **more: Any) -> alt.Axis:
    return alt.Axis(title=title, format="~%", tickCount=5, **more)


def _spec(chart: Any, height: int) -> dict[str, Any]:
    sized = _styled(chart.properties(width="container", height=height, background="transparent", autosize=FIT))
    return dict(sized.configure_legend(orient="top", title=None, labelFontSize=12, columns=4, labelLimit=300).to_dict())


def fixed_spec(chart: Any, height: int) -> dict[str, Any]:
    """The specification of a chart that is only drawn as an image."""
    return dict(_styled(chart.properties(width=WIDTH, height=height, background="white")).to_dict())


def _styled(chart: Any) -> Any:
    styled = chart.configure(font=FONT).configure_view(strokeOpacity=0)
    return styled.configure_axis(labelLimit=150, labelFontSize=12, titleFontSize=12, titleFontWeight="normal")


def png(chart: Chart) -> bytes:
    """The chart as an image on white, drawn without a network."""
    wide = {name: value for name, value in chart.spec.items() if name != "autosize"}
    spec = {**wide, "width": WIDTH, "background": "white", "title": chart.title}
    return bytes(vl_convert.vegalite_to_png(json.dumps(spec), scale=1.5))


def _interval(one: Mapping[str, Any], form: Callable[[float], str] = percent) -> str:
    return f"{form(one['low'])} to {form(one['high'])}" if "low" in one else one.get("refused", "")


def _colours(names: Sequence[str]) -> alt.Scale:
    palette = {"predicted": MODEL, "happened": OTHER, "lost": OTHER, "expected": MODEL, "chance": CHANCE}
    palette |= {"model": MODEL, "ceiling": CEILING}
    return alt.Scale(domain=list(names), range=[palette.get(name, OTHER) for name in names])


def reliability(summary: Summary) -> Chart | None:
    """Predicted against happened, with intervals, beside the line on which both are equal."""
    bins = main_horizon(summary)["reliability"]
    if "refused" in bins:
        return None
    top = max(max(one["high"] for one in bins), max(one["mean_p"] for one in bins)) * 1.04
    edge = alt.Scale(domain=[0, top], nice=False)
    across, up = _percent_axis("predicted probability of leaving"), _percent_axis("share that left")
    x = alt.X("mean_p:Q", scale=edge, axis=across)
    base = alt.Chart(alt.Data(values=bins))
    tips = [
        alt.Tooltip("rows:Q", title="scorings", format=","),
        alt.Tooltip("mean_p:Q", title="predicted", format=".1%"),
        alt.Tooltip("happened:Q", title="left", format=".1%"),
    ]
    line = alt.Chart(alt.Data(values=[{"at": 0}, {"at": top}])).mark_line(color=CHANCE, strokeDash=[5, 4])
    chart = (
        line.encode(x=alt.X("at:Q", scale=edge, axis=across), y=alt.Y("at:Q", scale=edge, axis=up))
        + base.mark_rule(color=MODEL, strokeWidth=2, opacity=0.55).encode(
            x=x, y=alt.Y("low:Q", scale=edge, axis=up), y2="high:Q"
        )
        + base.mark_circle(color=MODEL, size=64, opacity=1).encode(
            x=x, y=alt.Y("happened:Q", scale=edge, axis=up), tooltip=tips
        )
    )
    held = sum(one["low"] <= one["mean_p"] <= one["high"] for one in bins)
    words = (
        f"{len(bins)} groups of like predictions, from {percent(bins[0]['mean_p'])} to {percent(bins[-1]['mean_p'])}."
        f" In {held} of them the prediction lies inside the interval of what happened."
    )
    table = tuple(
        (f"{one['rows']:,}", percent(one["mean_p"]), percent(one["happened"]), _interval(one)) for one in bins
    )
    return Chart(
        "reliability", "Predicted and happened", _spec(chart, 320), words,
        ("Scorings", "Predicted", "Left", "95 % interval"), table,
    )  # fmt: skip


def versus(summary: Summary) -> Chart | None:
    """AUC of the model and of each yardstick, each pair on its own identical rows."""
    pairs = [one for one in summary["comparisons"] if one["days"] == summary["main_horizon_days"] and "auc" in one]
    if not pairs:
        return None
    values = [
        {"yardstick": one["title"], "who": who, **one["auc"][part]}
        for one in pairs
        for who, part in (("model", "model"), ("yardstick", "baseline"))
    ]
    order = [one["title"] for one in pairs]
    low, high = min(one["low"] for one in values), max(one["high"] for one in values)
    scale = alt.Scale(domain=[max(0.0, min(0.48, low - 0.02)), min(1.0, high + 0.02)], nice=False, zero=False)
    y = alt.Y("yardstick:N", sort=order, axis=alt.Axis(title=None, ticks=False, domain=False, labelPadding=8))
    offset = alt.YOffset("who:N", sort=["model", "yardstick"])
    colour = alt.Color("who:N", scale=_colours(["model", "yardstick"]))
    base = alt.Chart(alt.Data(values=values)).encode(y=y, yOffset=offset, color=colour)
    axis = alt.Axis(title="ranking (AUC); dashed: chance", format=".2f", tickCount=5)
    tips = [alt.Tooltip("who:N"), *(alt.Tooltip(f"{name}:Q", format=".3f") for name in ("value", "low", "high"))]
    chance = alt.Chart(alt.Data(values=[{"at": 0.5}])).mark_rule(color=CHANCE, strokeDash=[5, 4])
    chart = (
        chance.encode(x=alt.X("at:Q", scale=scale, axis=axis))
        + base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", scale=scale, axis=axis), x2="high:Q")
        + base.mark_circle(size=90, opacity=1).encode(x=alt.X("value:Q", scale=scale, axis=axis), tooltip=tips)
    )
    table = tuple(
        (
            one["title"], f"{one['rows']:,}", decimal(one["auc"]["model"]["value"], 3),
            decimal(one["auc"]["baseline"]["value"], 3), decimal(one["auc"]["better_by"]["value"], 3),
            _interval(one["auc"]["better_by"], lambda value: decimal(value, 3)),
        )
        for one in pairs
    )  # fmt: skip
    columns = ("Yardstick", "Same rows", "Model", "Yardstick's", "Model better by", "95 % interval")
    order = sorted(pairs, key=lambda one: ("beats", "level", "worse").index(one["verdict"]))
    said = {"beats": "better than", "level": "not to be told apart from", "worse": "worse than"}
    parts = [
        f"{said[verdict]} {', '.join(one['title'] for one in order if one['verdict'] == verdict)}"
        for verdict in said
        if any(one["verdict"] == verdict for one in order)
    ]
    words = f"The model is: {'; '.join(parts)}."
    return Chart("versus", "The model beside the yardsticks", _spec(chart, 44 * len(pairs)), words, columns, table)


def gains(summary: Summary) -> Chart | None:
    """Share of churned accounts reached by working down the list, model and yardstick, with the capacity marked."""
    capacity = summary["capacity"]
    if "gains" not in capacity["model"]:
        return None
    lines = {"model": capacity["model"]["gains"]}
    if "gains" in capacity.get("baseline", {}):
        lines[capacity["yardstick"]] = capacity["baseline"]["gains"]
    lines["chance"] = [[0.0, 0.0], [1.0, 1.0]]
    values = [
        {"who": who, "share": share, "caught": caught}
        for who, points in lines.items()
        for share, caught in [[0.0, 0.0], *points]
    ]
    dash = alt.StrokeDash("who:N", scale=alt.Scale(domain=list(lines), range=[[1, 0]] * (len(lines) - 1) + [[5, 4]]))
    line = (
        alt.Chart(alt.Data(values=values))
        .mark_line(strokeWidth=2.5)
        .encode(
            x=alt.X(
                "share:Q", scale=alt.Scale(domain=[0, 1]), axis=_percent_axis("accounts worked on, riskiest first")
            ),
            y=alt.Y("caught:Q", scale=alt.Scale(domain=[0, 1]), axis=_percent_axis("of those that left, reached")),
            color=alt.Color("who:N", scale=_colours(list(lines))),
            strokeDash=dash,
            tooltip=[alt.Tooltip("who:N"), alt.Tooltip("share:Q", format=".0%"), alt.Tooltip("caught:Q", format=".0%")],
        )
    )
    at = alt.Chart(alt.Data(values=[{"share": capacity["share"]}])).mark_rule(color=CHANCE, strokeWidth=1.5)
    names = [name for name in lines if name != "chance"]
    table = tuple(
        (percent(share), *(percent(lines[name][place][1]) for name in names))
        for place, (share, _) in enumerate(lines["model"])
    )
    reached = ", ".join(f"{name} {percent(dict(map(tuple, lines[name])).get(0.2, 0))}" for name in names)
    words = f"Working on the riskiest 20 % of accounts reaches, of those that left: {reached}; chance 20 %."
    chart = line + at.encode(x="share:Q")
    return Chart("gains", "How far down the list to go", _spec(chart, 300), words, ("Worked on", *names), table)


def lead(summary: Summary) -> Chart | None:
    """Share of churned accounts in the red band so many days before they left."""
    found = summary["lead_time"]
    names = {"model": "model", "baseline": found.get("yardstick", "rules"), "ceiling": "ceiling"}
    if "yardstick" in summary["capacity"]:
        names["baseline"] = summary["capacity"]["yardstick"]
    values = [
        {"days": str(one["days"]), "who": title, **one["share"]}
        for who, title in names.items()
        for one in found.get(who, [])
        if "share" in one
    ]
    if not values:
        return None
    said = [one for one in found["model"] if "share" in one]
    values += [{"days": str(one["days"]), "who": "chance", "value": one["chance"]} for one in said]
    shown = [title for title in (*names.values(), "chance") if any(one["who"] == title for one in values)]
    base = alt.Chart(alt.Data(values=values)).encode(
        x=alt.X("days:N", sort=None, axis=alt.Axis(title="days before they left, at least", labelAngle=0)),
        xOffset=alt.XOffset("who:N", sort=shown),
    )
    axis = _percent_axis("already in the red band")
    chart = base.mark_bar(cornerRadiusEnd=2).encode(
        y=alt.Y("value:Q", axis=axis),
        color=alt.Color("who:N", scale=_colours(shown)),
        tooltip=[alt.Tooltip("who:N"), alt.Tooltip("value:Q", format=".0%")],
    ) + base.mark_rule(strokeWidth=1.5, color="#5b6470").encode(y=alt.Y("low:Q", axis=axis), y2="high:Q")
    cells = {(one["who"], one["days"]): one for one in values}
    table = tuple(
        (
            f"{one['days']}", f"{one['churned']:,}", f"{one['median_days']:.0f}",
            *(
                f"{percent(cell['value'])}{f' ({_interval(cell)})' if 'low' in cell else ''}" if cell else ""
                for cell in (cells.get((title, str(one["days"]))) for title in shown)
            ),
        )
        for one in said
    )  # fmt: skip
    words = " ".join(
        f"{one['days']} days before: model {percent(one['share']['value'])}, chance {percent(one['chance'])}."
        for one in said
    )
    columns = ("Days before, at least", "Accounts that left", "Median days", *shown)
    return Chart("lead", "How early it was seen", _spec(chart, 280), words, columns, table)


def arr(summary: Summary) -> Chart | None:
    """ARR expected to be lost with its range, and ARR lost, per window."""
    windows = [one for one in summary["arr"]["windows"] if "expected" in one]
    if not windows:
        return None
    currency = summary["currency"]
    values = [
        {"from": one["as_of"], "who": who, "value": one[key], "low": one["low"], "high": one["high"]}
        for one in windows
        for who, key in (("expected", "expected"), ("lost", "realised"))
    ]
    base = alt.Chart(alt.Data(values=values)).encode(
        x=alt.X("from:N", sort=None, axis=alt.Axis(title="scored on", labelAngle=-30)),
        xOffset=alt.XOffset("who:N", sort=["expected", "lost"]),
    )
    axis = alt.Axis(title=f"ARR, {currency}", format="~s", tickCount=5)
    bars = base.mark_bar(cornerRadiusEnd=2).encode(
        y=alt.Y("value:Q", axis=axis),
        color=alt.Color("who:N", scale=_colours(["expected", "lost"])),
        tooltip=[alt.Tooltip("from:N"), alt.Tooltip("who:N"), alt.Tooltip("value:Q", format=",.0f")],
    )
    rule = base.transform_filter(alt.datum.who == "expected").mark_rule(strokeWidth=1.5, color="#5b6470")
    chart = bars + rule.encode(y=alt.Y("low:Q", axis=axis), y2="high:Q")
    table = tuple(
        (
            one["as_of"], one["until"], money(one["arr"], currency), money(one["expected"], currency),
            f"{money(one['low'], currency)} to {money(one['high'], currency)}", money(one["realised"], currency),
            f"{one['expected_churns']:.1f}", f"{one['churns']}",
        )
        for one in windows
    )  # fmt: skip
    columns = ("Scored on", "Until", "ARR", "Expected loss", "Range of chance", "Lost", "Churns expected", "Churns")
    words = f"In {summary['arr']['within']} of {len(windows)} windows the ARR lost lay in the range that chance leaves."
    return Chart("arr", "ARR expected to be lost, and lost", _spec(chart, 280), words, columns, table)


def _dumbbell(key: str, title: str, name: str, lines: Sequence[Summary], more: tuple[str, ...] = ()) -> Chart | None:
    """Predicted and happened by group, with the interval of what happened."""
    lines = [one for one in lines if "happened" in one]
    if not lines:
        return None
    values = [
        {"group": str(one[name]).replace("_", " "), "who": who, **found}
        for one in lines
        for who, found in (("predicted", {"value": one["mean_p"]}), ("happened", one["happened"]))
    ]
    base = alt.Chart(alt.Data(values=values)).encode(
        y=alt.Y("group:N", sort=None, axis=alt.Axis(title=None, ticks=False, domain=False, labelPadding=8)),
        color=alt.Color("who:N", scale=_colours(["predicted", "happened"])),
    )
    tips = [alt.Tooltip("group:N"), alt.Tooltip("who:N"), alt.Tooltip("value:Q", format=".1%")]
    axis = _percent_axis("share that left")
    shape = alt.Shape("who:N", scale=alt.Scale(domain=["predicted", "happened"], range=["diamond", "circle"]))
    chart = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", axis=axis), x2="high:Q") + base.mark_point(
        size=80, filled=True, opacity=1
    ).encode(x=alt.X("value:Q", axis=axis), shape=shape, tooltip=tips)
    table = tuple(
        (
            str(one[name]).replace("_", " "), f"{one['rows']:,}",
            f"{one.get('churned_accounts', one.get('churned_rows')):,}",
            percent(one["mean_p"]), percent(one["happened"]["value"]), _interval(one["happened"]),
            *((f"{decimal(one['auc']['value'])} ({_interval(one['auc'], decimal)})" if "value" in one["auc"]
               else f"refused: {one['auc']['refused']}",) if "auc" in one else ()),
        )
        for one in lines
    )  # fmt: skip
    off = [
        str(one[name]).replace("_", " ")
        for one in lines
        if not one["happened"]["low"] <= one["mean_p"] <= one["happened"]["high"]
    ]
    words = f"Predicted and happened for {len(lines)} groups. " + (
        f"The prediction lies outside the interval of what happened in: {', '.join(off)}."
        if off
        else "The prediction lies inside the interval of what happened in every one."
    )
    columns = (title, "Scorings", "Churned", "Predicted", "Left", "95 % interval", *more)
    return Chart(key, title, _spec(chart, 30 * len(lines)), words, columns, table)


def stages(summary: Summary) -> Chart | None:
    return _dumbbell("stages", "Lifecycle stage", "group", summary["groups"]["lifecycle_stage"], ("AUC",))


def segments(summary: Summary) -> Chart | None:
    return _dumbbell("segments", "Segment", "group", summary["groups"]["segment"], ("AUC",))


def quarters(summary: Summary) -> Chart | None:
    return _dumbbell("quarters", "Quarter", "group", summary["groups"]["quarter"], ("AUC",))


def owners(summary: Summary) -> Chart | None:
    return _dumbbell("owners", "Owner", "group", summary["groups"]["owner"], ("AUC",))


def levels(summary: Summary) -> Chart | None:
    return _dumbbell("levels", "Risk level", "level", summary["levels"])


CHARTS: tuple[Callable[[Summary], Chart | None], ...] = (
    reliability, versus, gains, lead, arr, levels, stages, segments, quarters, owners,
)  # fmt: skip


def charts(summary: Summary) -> dict[str, Chart]:
    """Every chart that the summary's figures allow, by key."""
    drawn = (one(summary) for one in CHARTS)
    return {one.key: one for one in drawn if one is not None}
