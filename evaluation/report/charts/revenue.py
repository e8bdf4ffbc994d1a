"""Charts of the figures that leaders are measured by: revenue retention by quarter, and health over time."""

from __future__ import annotations

import altair as alt

from evaluation.formatting import interval_text, percent
from evaluation.report.charts.drawing import (
    CEILING,
    CHANCE,
    MODEL,
    OTHER,
    Chart,
    Summary,
    event_layer,
    percent_axis,
    quarter_end,
    spec,
)

RETAINED = ("gross", "net", "logo_churn")
QUARTERS = 12  # shown; the report's JSON holds all
LEVELS = (CEILING, MODEL, "#e0a030", "#c0392b")  # from healthy to high


def retention(summary: Summary) -> Chart | None:
    """Gross and net revenue retention of each quarter, with intervals; logo churn stands in the table."""
    found = summary["revenue"].get("retention", {})
    lines = [one for one in found.get("quarters", {}).get("all", []) if "value" in one["gross"]][-QUARTERS:]
    if len(lines) < 2:
        return None
    values = [{"quarter": one["period"], "which": which, **one[which]} for one in lines for which in ("gross", "net")]
    shown = ["gross", "net"]
    base = alt.Chart(alt.Data(values=values)).encode(
        x=alt.X("quarter:N", sort=None, axis=alt.Axis(title=None, labelAngle=-30, labelOverlap=True)),
        color=alt.Color("which:N", scale=alt.Scale(domain=shown, range=[MODEL, OTHER])),
    )
    scale = alt.Scale(zero=False, nice=True)
    y = alt.Y("value:Q", scale=scale, axis=percent_axis("ARR kept within the quarter"))
    offset = alt.XOffset("which:N", sort=shown)
    tips = [alt.Tooltip("quarter:N"), alt.Tooltip("which:N"), alt.Tooltip("value:Q", format=".1%")]
    chart = base.mark_rule(strokeWidth=2, opacity=0.55).encode(
        y=alt.Y("low:Q", scale=scale), y2="high:Q", xOffset=offset
    ) + base.mark_point(size=70, filled=True, opacity=1).encode(y=y, xOffset=offset, tooltip=tips)
    table = tuple(
        (
            one["period"], f"{one['accounts']:,}",
            *(f"{percent(one[name]['value'])} ({interval_text(one[name], percent)})" for name in RETAINED),
        )
        for one in lines
    )  # fmt: skip
    first, last = lines[0], lines[-1]
    words = (
        f"Of the ARR under contract on a quarter's first day, {percent(last['gross']['value'])} was kept through"
        f" {last['period']} (net, with expansion: {percent(last['net']['value'])}); in {first['period']} it was"
        f" {percent(first['gross']['value'])} ({percent(first['net']['value'])})."
    )
    chart = chart + event_layer(summary, {quarter_end(one["period"]): one["period"] for one in lines})
    columns = ("Quarter", "Accounts", "Gross", "Net", "Logo churn")
    return Chart("retention", "ARR kept, by quarter", spec(chart, 260), words, columns, table)


def health(summary: Summary) -> Chart | None:
    """Share of accounts at each risk level on each as_of."""
    found = summary["revenue"]["health"]
    lines, names = found["all"], [*found["levels"]]
    names += ["(other)"] if any("(other)" in one for one in lines) else []
    if not lines:
        return None
    values = [
        {"as_of": one["as_of"], "level": name, "place": place, "share": one.get(name, 0) / one["accounts"]}
        for one in lines
        for place, name in enumerate(names)
    ]
    colours = [*LEVELS[: len(names)], *[CHANCE] * max(0, len(names) - len(LEVELS))]
    chart = (
        alt.Chart(alt.Data(values=values))
        .mark_bar()
        .encode(
            x=alt.X("as_of:N", sort=None, axis=alt.Axis(title="scored on", labelAngle=-30, labelOverlap=True)),
            y=alt.Y("sum(share):Q", scale=alt.Scale(domain=[0, 1]), axis=percent_axis("accounts")),
            color=alt.Color("level:N", scale=alt.Scale(domain=names, range=colours)),
            order=alt.Order("place:Q"),
            tooltip=[alt.Tooltip("as_of:N"), alt.Tooltip("level:N"), alt.Tooltip("share:Q", format=".0%")],
        )
    )
    table = tuple((one["as_of"], f"{one['accounts']:,}", *(f"{one.get(name, 0):,}" for name in names)) for one in lines)
    first, last = lines[0], lines[-1]
    worst = found["levels"][-1]
    words = f"On {last['as_of']} {percent(last[worst] / last['accounts'])} of accounts stood at {worst} risk"
    words += f", on {first['as_of']} {percent(first[worst] / first['accounts'])}." if len(lines) > 1 else "."
    chart = chart + event_layer(summary, {one["as_of"]: one["as_of"] for one in lines})
    columns = ("Scored on", "Accounts", *names)
    return Chart("health", "Accounts by risk level", spec(chart, 240), words, columns, table)
