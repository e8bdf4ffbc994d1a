"""The charts of a report, as one literal tuple: each a function of the summary that draws nothing that was refused.

One more chart: a function in a file of its kind (plots_leaders, plots_right, plots_worth), and an entry here.
"""

from __future__ import annotations

from collections.abc import Callable

from evaluation import plots_leaders, plots_right, plots_watch, plots_worth
from evaluation.drawing import Chart, Summary

CHARTS: tuple[Callable[[Summary], Chart | None], ...] = (
    plots_leaders.retention, plots_leaders.health,
    plots_right.reliability, plots_right.levels, plots_right.versus,
    plots_worth.arr, plots_worth.lead,
    plots_right.stages, plots_right.segments, plots_right.quarters, plots_right.owners,
    plots_worth.gains, plots_worth.decision,
)  # fmt: skip

# Where the summary holds what the monitoring found.
WATCHED = (plots_watch.level, plots_watch.expected, plots_watch.far)


def charts(summary: Summary) -> dict[str, Chart]:
    """Every chart that the summary's figures allow, by key. Where it holds `marks`, charts over time show them."""
    drawn = (one(summary) for one in (*CHARTS, *WATCHED))
    return {one.key: one for one in drawn if one is not None}
