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

QUARTERS = 12  # shown; the report's JSON holds all
LEVELS = (CEILING, MODEL, "#e0a030", "#c0392b")  # from healthy to high


def retention(summary: Summary) -> Chart | None:
    """Gross and net revenue retention of each quarter, with intervals; logo churn stands in the table."""
    retained = summary["revenue"].get("retention", {})
    every = retained["quarters"]["all"] if "quarters" in retained else []
    lines = [line for line in every if "value" in line["gross"]][-QUARTERS:]
    if len(lines) < 2:
        return None
    values = [
        {"quarter": line["period"], "which": which, **figure}
        for line in lines
        for which, figure in (("gross", line["gross"]), ("net", line["net"]))
    ]
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
            line["period"], f"{line['accounts']:,}",
            *(
                f"{percent(figure['value'])} ({interval_text(figure, percent)})"
                for figure in (line["gross"], line["net"], line["logo_churn"])
            ),
        )
        for line in lines
    )  # fmt: skip
    first, last = lines[0], lines[-1]
    description = (
        f"Of the ARR under contract on a quarter's first day, {percent(last['gross']['value'])} was kept through"
        f" {last['period']} (net, with expansion: {percent(last['net']['value'])}); in {first['period']} it was"
        f" {percent(first['gross']['value'])} ({percent(first['net']['value'])})."
    )
    chart = chart + event_layer(summary, {quarter_end(line["period"]): line["period"] for line in lines})
    columns = ("Quarter", "Accounts", "Gross", "Net", "Logo churn")
    return Chart("retention", "ARR kept, by quarter", spec(chart, 260), description, columns, table)


def health(summary: Summary) -> Chart | None:
    """Share of accounts at each risk level on each as_of."""
    by_level = summary["revenue"]["health"]
    lines, names = by_level["all"], [*by_level["levels"]]
    names += ["(other)"] if any("(other)" in line for line in lines) else []
    if not lines:
        return None
    values = [
        {"as_of": line["as_of"], "level": name, "rank": rank, "share": line.get(name, 0) / line["accounts"]}
        for line in lines
        for rank, name in enumerate(names)
    ]
    colours = [*LEVELS[: len(names)], *[CHANCE] * max(0, len(names) - len(LEVELS))]
    chart = (
        alt.Chart(alt.Data(values=values))
        .mark_bar()
        .encode(
            x=alt.X("as_of:N", sort=None, axis=alt.Axis(title="scored on", labelAngle=-30, labelOverlap=True)),
            y=alt.Y("sum(share):Q", scale=alt.Scale(domain=[0, 1]), axis=percent_axis("accounts")),
            color=alt.Color("level:N", scale=alt.Scale(domain=names, range=colours)),
            order=alt.Order("rank:Q"),
            tooltip=[alt.Tooltip("as_of:N"), alt.Tooltip("level:N"), alt.Tooltip("share:Q", format=".0%")],
        )
    )
    table = tuple(
        (line["as_of"], f"{line['accounts']:,}", *(f"{line.get(name, 0):,}" for name in names)) for line in lines
    )
    first, last = lines[0], lines[-1]
    worst = by_level["levels"][-1]
    description = f"On {last['as_of']} {percent(last[worst] / last['accounts'])} of accounts stood at {worst} risk"
    description += f", on {first['as_of']} {percent(first[worst] / first['accounts'])}." if len(lines) > 1 else "."
    chart = chart + event_layer(summary, {line["as_of"]: line["as_of"] for line in lines})
    columns = ("Scored on", "Accounts", *names)
    return Chart("health", "Accounts by risk level", spec(chart, 240), description, columns, table)
