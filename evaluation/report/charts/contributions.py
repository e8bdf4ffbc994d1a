"""What moves the predictions: one dot an account and signal, as Lundberg et al. 2020 draw it."""

from __future__ import annotations

import altair as alt
import numpy as np

from evaluation.backtest import Contributions
from evaluation.report.charts.drawing import Chart, fixed_spec

SHOWN = 15

GOLDEN = 0.6180339887498949  # multiples of it, modulo 1, fill a band evenly: a jitter without a random draw


def contributions_chart(shown: Contributions) -> Chart:
    """The SHOWN signals with the largest mean contribution, either way."""
    size = np.abs(shown.contributions).mean(axis=0)
    top = [int(one) for one in np.argsort(-size, kind="stable")[:SHOWN] if size[one] > 0]
    points = 100 * shown.contributions
    values = [
        {
            "signal": shown.signals[one],
            "points": round(float(points[row, one]), 4),
            "place": -1 if np.isnan(shown.place[row, one]) else round(float(shown.place[row, one]), 3),
            "jitter": round((row * GOLDEN) % 1, 3),
        }
        for one in top
        for row in range(len(points))
    ]
    names = [shown.signals[one] for one in top]
    colour = alt.Color(
        "place:Q",
        scale=alt.Scale(range=["#2f7ed8", "#d9741a"], domain=[0, 1], interpolate="rgb", clamp=True),
        legend=alt.Legend(title="value, lowest to highest", format=".0%"),
    )
    chart = (
        alt.Chart(alt.Data(values=values))
        .mark_circle(size=14, opacity=0.7)
        .encode(
            x=alt.X("points:Q", axis=alt.Axis(title=f"points of probability within {shown.horizon_days} days")),
            y=alt.Y("signal:N", sort=names, axis=alt.Axis(title=None, grid=True, labelLimit=260)),
            yOffset=alt.YOffset("jitter:Q", scale=alt.Scale(domain=[-0.3, 1.3])),
            color=alt.condition("datum.place < 0", alt.value("#8b93a0"), colour),
        )
    )
    table = tuple((shown.signals[one], f"{100 * size[one]:.2f}") for one in top)
    words = f"Contributions of {len(points)} out-of-time scorings; the largest on average: {', '.join(names[:3])}."
    words += " Grey: missing, or text."
    columns = ("Signal", "Mean contribution, points")
    return Chart("contributions", "What moves the predictions", fixed_spec(chart, 26 * len(top)), words, columns, table)
