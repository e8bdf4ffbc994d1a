"""The charts of a report, as one literal tuple: each a function of the summary that draws nothing that was refused.

One more chart: a function in a file of its kind (revenue, calibration, business_value, monitoring), and an entry in
CHARTS; a template shows it by its key.
"""

from __future__ import annotations

from collections.abc import Callable

from altair.utils.schemapi import debug_mode

from evaluation.report.charts import business_value, calibration, monitoring, revenue
from evaluation.report.charts.drawing import Chart, Summary

CHARTS: tuple[Callable[[Summary], Chart | None], ...] = (
    revenue.retention, revenue.health,
    calibration.reliability, calibration.levels, calibration.comparison,
    business_value.arr, business_value.lead,
    calibration.stages, calibration.segments, calibration.quarters, calibration.owners,
    business_value.gains, business_value.decision,
    monitoring.level, monitoring.expected, monitoring.far,
)  # fmt: skip


def charts(summary: Summary) -> dict[str, Chart]:
    """Every chart that the figures of a summary allow.

    Parameters
    ----------
    summary : Summary
        See evaluation.report.summary. Where it holds `events`, charts over time show them.

    Returns
    -------
    dict of str to Chart
        By key.
    """
    with debug_mode(False):  # Altair would hold each part to its schema on the way, half of the time that drawing takes
        drawn = [make(summary) for make in CHARTS]
    return {chart.key: chart for chart in drawn if chart is not None}
