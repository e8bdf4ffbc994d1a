"""Charts of how right the predictions are: reliability, the yardsticks, and predicted beside happened by group."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

from evaluation.formatting import decimal, interval_text, percent
from evaluation.report.charts.drawing import (
    CHANCE,
    MODEL,
    Chart,
    Summary,
    colours,
    percent_axis,
    spec,
)
from evaluation.report.text import main_horizon


def reliability(summary: Summary) -> Chart | None:
    """Predicted against happened, with intervals, beside the line on which both are equal."""
    bins = main_horizon(summary)["reliability"]
    if "refused" in bins:
        return None
    top = max(max(one["high"] for one in bins), max(one["mean_p"] for one in bins)) * 1.04
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
    held = sum(one["low"] <= one["mean_p"] <= one["high"] for one in bins)
    words = (
        f"{len(bins)} groups of like predictions, from {percent(bins[0]['mean_p'])} to {percent(bins[-1]['mean_p'])}."
        f" In {held} of them the prediction lies inside the interval of what happened."
    )
    table = tuple(
        (f"{one['rows']:,}", percent(one["mean_p"]), percent(one["happened"]), interval_text(one, percent))
        for one in bins
    )
    return Chart(
        "reliability", "Predicted and happened", spec(chart, 320), words,
        ("Scorings", "Predicted", "Left", "95 % interval"), table,
    )  # fmt: skip


def comparison(summary: Summary) -> Chart | None:
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
    colour = alt.Color("who:N", scale=colours(["model", "yardstick"]))
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
            interval_text(one["auc"]["better_by"], lambda value: decimal(value, 3)),
        )
        for one in pairs
    )  # fmt: skip
    columns = ("Yardstick", "Same rows", "Model", "Yardstick's", "Model better by", "95 % interval")
    order = sorted(pairs, key=lambda one: ("beats", "level", "worse").index(one["verdict"]))
    said = {"beats": "better than", "level": "no different beyond chance from", "worse": "worse than"}
    parts = [
        f"{said[verdict]} {', '.join(one['title'] for one in order if one['verdict'] == verdict)}"
        for verdict in said
        if any(one["verdict"] == verdict for one in order)
    ]
    words = f"The model is: {'; '.join(parts)}."
    return Chart("comparison", "The model beside the yardsticks", spec(chart, 44 * len(pairs)), words, columns, table)


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
            str(one[name]).replace("_", " "), f"{one['rows']:,}",
            f"{one.get('churned_accounts', one.get('churned_rows')):,}",
            percent(one["mean_p"]), percent(one["happened"]["value"]), interval_text(one["happened"], percent),
            *((f"{decimal(one['auc']['value'])} ({interval_text(one['auc'], decimal)})" if "value" in one["auc"]
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
    return Chart(key, title, spec(chart, 30 * len(lines)), words, columns, table)


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
