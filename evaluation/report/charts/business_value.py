"""Charts of what the predictions were worth: gains, lead time, ARR, and the decision curve."""

from __future__ import annotations

from typing import Any

import altair as alt

from evaluation.formatting import figure_text, money, percent
from evaluation.report.charts.drawing import (
    CHANCE,
    Chart,
    Summary,
    colours,
    event_layer,
    percent_axis,
    spec,
)


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
            x=alt.X("share:Q", scale=alt.Scale(domain=[0, 1]), axis=percent_axis("accounts worked on, riskiest first")),
            y=alt.Y("caught:Q", scale=alt.Scale(domain=[0, 1]), axis=percent_axis("of those that left, reached")),
            color=alt.Color("who:N", scale=colours(list(lines))),
            strokeDash=dash,
            tooltip=[alt.Tooltip("who:N"), alt.Tooltip("share:Q", format=".0%"), alt.Tooltip("caught:Q", format=".0%")],
        )
    )
    at = alt.Chart(alt.Data(values=[{"share": capacity["share"]}])).mark_rule(color=CHANCE, strokeWidth=1.5)
    names = [name for name in lines if name != "chance"]
    table = tuple(
        (percent(share), *(percent(lines[name][index][1]) for name in names))
        for index, (share, _) in enumerate(lines["model"])
    )
    at_fifth = {name: next((caught for share, caught in lines[name] if share == 0.2), 0.0) for name in names}
    reached = ", ".join(f"{name} {percent(caught)}" for name, caught in at_fifth.items())
    description = f"Working on the riskiest 20 % of accounts reaches, of those that left: {reached}; chance 20 %."
    chart = line + at.encode(x="share:Q")
    return Chart("gains", "How far down the list to go", spec(chart, 300), description, ("Worked on", *names), table)


def lead(summary: Summary) -> Chart | None:
    """Share of churned accounts in the red band so many days before they left."""
    by_days = summary["lead_time"]
    yardstick = summary["capacity"].get("yardstick", by_days.get("yardstick", "rules"))
    lines = {
        "model": by_days["model"],
        yardstick: by_days.get("baseline", []),
        "ceiling": by_days.get("ceiling", []),
    }
    values: list[dict[str, Any]] = [
        {"days": str(line["days"]), "who": who, **line["share"]}
        for who, of_who in lines.items()
        for line in of_who
        if "share" in line
    ]
    if not values:
        return None
    known = [line for line in by_days["model"] if "share" in line]
    values += [{"days": str(line["days"]), "who": "chance", "value": line["chance"]} for line in known]
    shown = [who for who in (*lines, "chance") if any(value["who"] == who for value in values)]
    base = alt.Chart(alt.Data(values=values)).encode(
        x=alt.X("days:N", sort=None, axis=alt.Axis(title="days before they left, at least", labelAngle=0)),
        xOffset=alt.XOffset("who:N", sort=shown),
    )
    axis = percent_axis("already in the red band")
    chart = base.mark_bar(cornerRadiusEnd=2).encode(
        y=alt.Y("value:Q", axis=axis),
        color=alt.Color("who:N", scale=colours(shown)),
        tooltip=[alt.Tooltip("who:N"), alt.Tooltip("value:Q", format=".0%")],
    ) + base.mark_rule(strokeWidth=1.5, color="#5b6470").encode(y=alt.Y("low:Q", axis=axis), y2="high:Q")
    cells = {(value["who"], value["days"]): value for value in values}
    table = tuple(
        (
            f"{line['days']}", f"{line['churned']:,}", f"{line['median_days']:.0f}",
            *(
                (figure_text(cell, percent) if "low" in cell else percent(cell["value"])) if cell else ""
                for cell in (cells.get((who, str(line["days"]))) for who in shown)
            ),
        )
        for line in known
    )  # fmt: skip
    description = " ".join(
        f"{line['days']} days before: model {percent(line['share']['value'])}, chance {percent(line['chance'])}."
        for line in known
    )
    columns = ("Days before, at least", "Accounts that left", "Median days", *shown)
    return Chart("lead", "How early it was seen", spec(chart, 280), description, columns, table)


def arr(summary: Summary) -> Chart | None:
    """ARR expected to be lost with its range, and ARR lost, per window."""
    windows = [window for window in summary["arr"]["windows"] if "expected" in window]
    if not windows:
        return None
    currency = summary["currency"]
    values = [
        {"from": window["as_of"], "who": who, "value": amount, "low": window["low"], "high": window["high"]}
        for window in windows
        for who, amount in (("expected", window["expected"]), ("lost", window["realised"]))
    ]
    base = alt.Chart(alt.Data(values=values)).encode(
        x=alt.X("from:N", sort=None, axis=alt.Axis(title="scored on", labelAngle=-30)),
        xOffset=alt.XOffset("who:N", sort=["expected", "lost"]),
    )
    axis = alt.Axis(title=f"ARR, {currency}", format="~s", tickCount=5)
    bars = base.mark_bar(cornerRadiusEnd=2).encode(
        y=alt.Y("value:Q", axis=axis),
        color=alt.Color("who:N", scale=colours(["expected", "lost"])),
        tooltip=[alt.Tooltip("from:N"), alt.Tooltip("who:N"), alt.Tooltip("value:Q", format=",.0f")],
    )
    rule = base.transform_filter(alt.datum.who == "expected").mark_rule(strokeWidth=1.5, color="#5b6470")
    chart = bars + rule.encode(y=alt.Y("low:Q", axis=axis), y2="high:Q")
    chart = chart + event_layer(summary, {window["as_of"]: window["as_of"] for window in windows})
    table = tuple(
        (
            window["as_of"], window["until"], money(window["arr"], currency), money(window["expected"], currency),
            f"{money(window['low'], currency)} to {money(window['high'], currency)}",
            money(window["realised"], currency), f"{window['expected_churns']:.1f}", f"{window['churns']}",
        )
        for window in windows
    )  # fmt: skip
    columns = ("Scored on", "Until", "ARR", "Expected loss", "Range of chance", "Lost", "Churns expected", "Churns")
    description = (
        f"In {summary['arr']['within']} of {len(windows)} windows the ARR lost lay in the range that chance leaves."
    )
    return Chart("arr", "ARR expected to be lost, and lost", spec(chart, 280), description, columns, table)


def decision(summary: Summary) -> Chart | None:
    """Net benefit of acting from each probability on: the model's, the yardstick's, and of approaching everybody."""
    decided = summary["decision"]
    curve = decided["model"].get("curve", [])
    if len(curve) < 2:
        return None
    lines = {"model": {point["threshold"]: 100 * point["model"]["value"] for point in curve}}
    if "curve" in decided.get("baseline", {}):
        other = {point["threshold"]: 100 * point["model"]["value"] for point in decided["baseline"]["curve"]}
        lines[decided["yardstick"]] = {at: value for at, value in other.items() if at in lines["model"]}
    everyone = {point["threshold"]: 100 * point["everyone"] for point in curve}
    low = -0.15 * max(lines["model"].values())
    lines["everybody"] = {at: value for at, value in everyone.items() if value >= low}
    values = [{"who": who, "at": at, "value": value} for who, line in lines.items() for at, value in line.items()]
    axis = alt.Axis(title="net benefit, churns of 100 scorings", tickCount=5)
    across = percent_axis("act on accounts from this probability", values=[0.01, 0.02, 0.05, 0.1, 0.2, 0.5])
    x = alt.X("at:Q", scale=alt.Scale(type="log", nice=False), axis=across)
    tips = [alt.Tooltip("who:N"), alt.Tooltip("at:Q", format=".1%"), alt.Tooltip("value:Q", format=".2f")]
    chart = (
        alt.Chart(alt.Data(values=values))
        .mark_line(strokeWidth=2.5, point=True)
        .encode(x=x, y=alt.Y("value:Q", axis=axis), color=alt.Color("who:N", scale=colours(list(lines))), tooltip=tips)
    )
    others = [name for name in lines if name not in ("model", "everybody")]
    columns = ("From", "Acted on", "Model", "95 % interval", *others, "Everybody")
    table = tuple(
        (
            percent(point["threshold"]), percent(point["flagged"]), f"{100 * point['model']['value']:.2f}",
            f"{100 * point['model']['low']:.2f} to {100 * point['model']['high']:.2f}",
            *(f"{lines[name][point['threshold']]:.2f}" if point["threshold"] in lines[name] else "" for name in others),
            f"{everyone[point['threshold']]:.2f}",
        )
        for point in curve
    )  # fmt: skip
    paid = [point for point in curve if point["model"]["low"] > max(0.0, point["everyone"])]
    description = (
        f"From {percent(paid[0]['threshold'])} to {percent(paid[-1]['threshold'])} acting on the model is surely better"
        " than approaching everybody or nobody."
        if paid
        else "At no threshold is acting on the model surely better than approaching everybody or nobody."
    )
    return Chart("decision", "Whom to act on", spec(chart, 260), description, columns, table)
