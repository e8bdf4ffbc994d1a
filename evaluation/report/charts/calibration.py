"""Charts of how right the predictions are: reliability, the yardsticks, and predicted beside happened by group."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from evaluation.formatting import decimal, figure_text, interval_text, percent
from evaluation.report.charts.drawing import (
    CHANCE,
    MODEL,
    Chart,
    Summary,
    colours,
    decimal_axis,
    percent_axis,
    spec,
)
from evaluation.report.document import GroupFigures
from evaluation.report.text import main_horizon


def reliability(summary: Summary) -> Chart | None:
    """Predicted against happened, with intervals, beside the line on which both are equal."""
    bins = main_horizon(summary)["reliability"]
    if "refused" in bins:
        return None
    top = max(max(each["high"] for each in bins), max(each["mean_p"] for each in bins)) * 1.04
    edge = alt.Scale(domain=[0, top], nice=False)
    across, up = percent_axis("predicted probability of leaving"), percent_axis("share that left")
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
    held = sum(each["low"] <= each["mean_p"] <= each["high"] for each in bins)
    description = (
        f"{len(bins)} groups of like predictions, from {percent(bins[0]['mean_p'])} to {percent(bins[-1]['mean_p'])}."
        f" In {held} of them the prediction lies inside the interval of what happened."
    )
    table = tuple(
        (f"{each['rows']:,}", percent(each["mean_p"]), percent(each["happened"]), interval_text(each, percent))
        for each in bins
    )
    return Chart(
        "reliability", "Predicted and happened", spec(chart, 320), description,
        ("Scorings", "Predicted", "Left", "95 % interval"), table,
    )  # fmt: skip


def comparison(summary: Summary) -> Chart | None:
    """AUC of the model and of each yardstick, each pair on its own identical rows."""
    pairs = [pair for pair in summary["comparisons"] if pair["days"] == summary["main_horizon_days"] and "auc" in pair]
    if not pairs:
        return None
    values = [
        {"yardstick": pair["title"], "who": who, "told": figure_text(figure), **figure}
        for pair in pairs
        for who, figure in (("model", pair["auc"]["model"]), ("yardstick", pair["auc"]["baseline"]))
    ]
    titles = [pair["title"] for pair in pairs]
    figures = [figure for pair in pairs for figure in (pair["auc"]["model"], pair["auc"]["baseline"])]
    low, high = min(figure["low"] for figure in figures), max(figure["high"] for figure in figures)
    scale = alt.Scale(domain=[max(0.0, min(0.48, low - 0.02)), min(1.0, high + 0.02)], nice=False, zero=False)
    y = alt.Y("yardstick:N", sort=titles, axis=alt.Axis(title=None, ticks=False, domain=False, labelPadding=8))
    offset = alt.YOffset("who:N", sort=["model", "yardstick"])
    colour = alt.Color("who:N", scale=colours(["model", "yardstick"]))
    base = alt.Chart(alt.Data(values=values)).encode(y=y, yOffset=offset, color=colour)
    axis = decimal_axis("ranking (AUC); dashed: chance")
    tips = [alt.Tooltip("who:N"), alt.Tooltip("told:N", title="AUC")]
    chance = alt.Chart(alt.Data(values=[{"at": 0.5}])).mark_rule(color=CHANCE, strokeDash=[5, 4])
    chart = (
        chance.encode(x=alt.X("at:Q", scale=scale, axis=axis))
        + base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", scale=scale, axis=axis), x2="high:Q")
        + base.mark_circle(size=90, opacity=1).encode(x=alt.X("value:Q", scale=scale, axis=axis), tooltip=tips)
    )
    table = tuple(
        (
            pair["title"], f"{pair['rows']:,}", decimal(pair["auc"]["model"]["value"], 3),
            decimal(pair["auc"]["baseline"]["value"], 3), decimal(pair["auc"]["better_by"]["value"], 3),
            interval_text(pair["auc"]["better_by"], lambda value: decimal(value, 3)),
        )
        for pair in pairs
    )  # fmt: skip
    columns = ("Yardstick", "Same rows", "Model", "Yardstick's", "Model better by", "95 % interval")
    by_verdict = sorted(pairs, key=lambda pair: ("beats", "level", "worse").index(pair["verdict"]))
    phrases = {"beats": "better than", "level": "no different beyond chance from", "worse": "worse than"}
    parts = [
        f"{phrases[verdict]} {', '.join(pair['title'] for pair in by_verdict if pair['verdict'] == verdict)}"
        for verdict in phrases
        if any(pair["verdict"] == verdict for pair in by_verdict)
    ]
    description = f"The model is: {'; '.join(parts)}."
    return Chart(
        "comparison", "The model beside the yardsticks", spec(chart, 44 * len(pairs)), description, columns, table
    )


def _dumbbell(key: str, title: str, lines: Sequence[GroupFigures], more: tuple[str, ...] = ()) -> Chart | None:
    """Predicted and happened by group, with the interval of what happened."""
    lines = [line for line in lines if "happened" in line]
    if not lines:
        return None
    values = [
        {"group": line["group"].replace("_", " "), "who": who, **figure}
        for line in lines
        for who, figure in (("predicted", {"value": line["mean_p"]}), ("happened", line["happened"]))
    ]
    base = alt.Chart(alt.Data(values=values)).encode(
        y=alt.Y("group:N", sort=None, axis=alt.Axis(title=None, ticks=False, domain=False, labelPadding=8)),
        color=alt.Color("who:N", scale=colours(["predicted", "happened"])),
    )
    tips = [alt.Tooltip("group:N"), alt.Tooltip("who:N"), alt.Tooltip("value:Q", format=".1%")]
    axis = percent_axis("share that left")
    shape = alt.Shape("who:N", scale=alt.Scale(domain=["predicted", "happened"], range=["diamond", "circle"]))
    chart = base.mark_rule(strokeWidth=2).encode(x=alt.X("low:Q", axis=axis), x2="high:Q") + base.mark_point(
        size=80, filled=True, opacity=1
    ).encode(x=alt.X("value:Q", axis=axis), shape=shape, tooltip=tips)
    table = tuple(
        (
            line["group"].replace("_", " "), f"{line['rows']:,}",
            f"{line.get('churned_accounts', line.get('churned_rows')):,}",
            percent(line["mean_p"]), percent(line["happened"]["value"]), interval_text(line["happened"], percent),
            *((f"{decimal(line['auc']['value'])} ({interval_text(line['auc'], decimal)})" if "value" in line["auc"]
               else f"refused: {line['auc']['refused']}",) if "auc" in line else ()),
        )
        for line in lines
    )  # fmt: skip
    off = [
        line["group"].replace("_", " ")
        for line in lines
        if not line["happened"]["low"] <= line["mean_p"] <= line["happened"]["high"]
    ]
    description = f"Predicted and happened for {len(lines)} groups. " + (
        f"The prediction lies outside the interval of what happened in: {', '.join(off)}."
        if off
        else "The prediction lies inside the interval of what happened in every one."
    )
    columns = (title, "Scorings", "Churned", "Predicted", "Left", "95 % interval", *more)
    return Chart(key, title, spec(chart, 30 * len(lines)), description, columns, table)


def stages(summary: Summary) -> Chart | None:
    return _dumbbell("stages", "Lifecycle stage", summary["groups"]["lifecycle_stage"], ("AUC",))


def segments(summary: Summary) -> Chart | None:
    return _dumbbell("segments", "Segment", summary["groups"]["segment"], ("AUC",))


def quarters(summary: Summary) -> Chart | None:
    return _dumbbell("quarters", "Quarter", summary["groups"]["quarter"], ("AUC",))


def owners(summary: Summary) -> Chart | None:
    return _dumbbell("owners", "Owner", summary["groups"]["owner"], ("AUC",))


def levels(summary: Summary) -> Chart | None:
    lines: list[GroupFigures] = [{**line, "group": line["level"]} for line in summary["levels"]]
    return _dumbbell("levels", "Risk level", lines)
