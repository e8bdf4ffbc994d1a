"""The charts of a report, as one literal tuple: each a function of the summary that draws nothing that was refused.

One more chart: a function in a file of its kind (plots_leaders, plots_right, plots_worth), and an entry here.
"""

from __future__ import annotations

from collections.abc import Callable

from evaluation.report.charts import business_value, calibration, monitoring, revenue
from evaluation.report.charts.drawing import Chart, Summary

CHARTS: tuple[Callable[[Summary], Chart | None], ...] = (
    revenue.retention, revenue.health,
    calibration.reliability, calibration.levels, calibration.versus,
    business_value.arr, business_value.lead,
    calibration.stages, calibration.segments, calibration.quarters, calibration.owners,
    business_value.gains, business_value.decision,
)  # fmt: skip

# Where the summary holds what the monitoring found.
WATCHED = (monitoring.level, monitoring.expected, monitoring.far)


def charts(summary: Summary) -> dict[str, Chart]:
    """Every chart that the summary's figures allow, by key. Where it holds `marks`, charts over time show them."""
    drawn = (one(summary) for one in (*CHARTS, *WATCHED))
    return {one.key: one for one in drawn if one is not None}
