"""Charts of the monitoring (evaluation.monitoring): the level by month, the AUC that was to be expected, and drift."""

from __future__ import annotations

from typing import Any

import altair as alt

from evaluation.formatting import decimal, figure_text, percent
from evaluation.report.charts.drawing import (
    CHANCE,
    MODEL,
    OTHER,
    Chart,
    Summary,
    colours,
    decimal_axis,
    event_layer,
    percent_axis,
    quarter_end,
    spec,
)
from evaluation.report.document import MonitoredFigures

ALL = "all stages"


def _monitored(summary: Summary) -> MonitoredFigures | None:
    monitoring = summary.get("monitoring")
    return None if monitoring is None else monitoring["figures"]


def _month(name: str) -> alt.X:
    return alt.X(f"{name}:N", sort=None, axis=alt.Axis(title=None, labelAngle=-40, labelOverlap=True))


def level(summary: Summary) -> Chart | None:
    """Mean probability and share that left, by month of the scoring."""
    monitored = _monitored(summary)
    lines = [] if monitored is None else [line for line in monitored["scores"] if line["stage"] == ALL]
    if monitored is None or len(lines) < 2:
        return None
    values: list[dict[str, Any]] = [
        {"as_of": line["as_of"], "who": "predicted", "value": line["mean_p"]} for line in lines
    ]
    values += [
        {"as_of": line["as_of"], "who": "happened", "value": line["happened"]}
        for line in lines
        if line["happened"] is not None
    ]
    base = alt.Chart(alt.Data(values=values)).encode(
        x=_month("as_of"), color=alt.Color("who:N", scale=colours(["predicted", "happened"]))
    )
    axis = percent_axis(f"left within {monitored['horizon_days']} days")
    y = alt.Y("value:Q", axis=axis, scale=alt.Scale(zero=True))
    tips = [alt.Tooltip("as_of:N"), alt.Tooltip("who:N"), alt.Tooltip("value:Q", format=".1%")]
    shape = alt.Shape("who:N", scale=alt.Scale(domain=["predicted", "happened"], range=["diamond", "circle"]))
    chart = base.mark_line(strokeWidth=2).encode(y=y) + base.mark_point(size=60, filled=True, opacity=1).encode(
        y=y, shape=shape, tooltip=tips
    )
    chart = chart + event_layer(summary, {line["as_of"]: line["as_of"] for line in lines})
    table = tuple(
        (
            line["as_of"], f"{line['rows']:,}", percent(line["mean_p"]),
            "not known yet" if line["happened"] is None else percent(line["happened"]),
        )
        for line in lines
    )  # fmt: skip
    known = [(line["happened"], line) for line in lines if line["happened"] is not None]
    description = f"{len(lines)} months of scorings, {len(known)} of which are judged."
    if known:
        happened, widest = max(known, key=lambda pair: abs(pair[0] - pair[1]["mean_p"]))
        description += (
            f" Furthest apart as of {widest['as_of']}: {percent(widest['mean_p'])} predicted, {percent(happened)} left."
        )
    columns = ("Scored on", "Accounts", "Predicted", "Left")
    return Chart("watch_level", "Predicted and happened, by month", spec(chart, 260), description, columns, table)


def expected(summary: Summary) -> Chart | None:
    """The AUC of each quarter as estimated before labels arrived, with its interval, and as it came out."""
    monitored = _monitored(summary)
    lines = [] if monitored is None else monitored["estimates"]
    if not lines:
        return None
    values: list[dict[str, Any]] = [
        {
            "quarter": line["quarter"],
            "who": "expected",
            "told": figure_text(line["expected"]["auc"]),
            **line["expected"]["auc"],
        }
        for line in lines
    ]
    values += [
        {
            "quarter": line["quarter"],
            "who": "came out",
            "value": line["graded"]["true"],
            "told": decimal(line["graded"]["true"]),
        }
        for line in lines
        if line["graded"]
    ]
    base = alt.Chart(alt.Data(values=values)).encode(
        x=_month("quarter"),
        color=alt.Color("who:N", scale=alt.Scale(domain=["expected", "came out"], range=[MODEL, OTHER])),
        xOffset=alt.XOffset("who:N", sort=["expected", "came out"]),
    )
    scale = alt.Scale(zero=False, nice=True)
    axis = decimal_axis("ranking (AUC)")
    tips = [alt.Tooltip("quarter:N"), alt.Tooltip("who:N"), alt.Tooltip("told:N", title="AUC")]
    rule = base.transform_filter(alt.datum.who == "expected").mark_rule(strokeWidth=2, opacity=0.55)
    chart = rule.encode(y=alt.Y("low:Q", scale=scale, axis=axis), y2="high:Q") + base.mark_point(
        size=70, filled=True, opacity=1
    ).encode(y=alt.Y("value:Q", scale=scale, axis=axis), tooltip=tips)
    chart = chart + event_layer(summary, {quarter_end(line["quarter"]): line["quarter"] for line in lines})
    table = tuple(
        (
            line["quarter"], f"{line['expected']['rows']:,}", decimal(auc["value"], 3),
            f"{decimal(auc['low'], 3)} to {decimal(auc['high'], 3)}",
            decimal(line["graded"]["true"], 3) if line["graded"] else "not known yet",
            decimal(line["graded"]["error"], 3) if line["graded"] else "",
        )
        for line in lines
        for auc in (line["expected"]["auc"],)
    )  # fmt: skip
    graded = [line["graded"] for line in lines if line["graded"]]
    held = sum(grade["within"] for grade in graded)
    description = f"Of {len(graded)} quarters that are judged, the AUC came out within the interval in {held}."
    columns = ("Quarter", "Scorings", "Expected AUC", "95 % interval", "Came out", "Expected less came out")
    return Chart(
        "watch_auc", "AUC expected before outcomes, and as it came out", spec(chart, 240), description, columns, table
    )


def far(summary: Summary) -> Chart | None:
    """Share of the signals that are far from where they were in training, by month, beside the alarm's limit."""
    monitoring = summary.get("monitoring")
    if monitoring is None or len(monitoring["figures"]["far_share"]) < 2:
        return None
    lines = monitoring["figures"]["far_share"]
    limit = monitoring["kinds"]["far_from_training"]["limit"]
    values = [{"as_of": as_of, "share": share} for as_of, share in lines]
    y = alt.Y("share:Q", axis=percent_axis("signals far from their training"), scale=alt.Scale(domainMin=0))
    tips = [alt.Tooltip("as_of:N"), alt.Tooltip("share:Q", format=".0%")]
    bars = alt.Chart(alt.Data(values=values)).mark_bar(color=MODEL, cornerRadiusEnd=2)
    at_limit = alt.Chart(alt.Data(values=[{"share": limit}])).mark_rule(color=CHANCE, strokeDash=[5, 4])
    chart = bars.encode(x=_month("as_of"), y=y, tooltip=tips) + at_limit.encode(y=y)
    chart = chart + event_layer(summary, {as_of: as_of for as_of, _ in lines})
    table = tuple((as_of, percent(share)) for as_of, share in lines)
    most = max(lines, key=lambda line: line[1])
    description = (
        f"At most {percent(most[1])} of the signals, as of {most[0]}; the alarm goes off above {percent(limit)}."
    )
    return Chart(
        "watch_far", "Signals far from their training", spec(chart, 200), description, ("Month", "Share"), table
    )
