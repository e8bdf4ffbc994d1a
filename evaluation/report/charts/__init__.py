"""The charts of the report."""

from evaluation.report.charts.catalogue import charts
from evaluation.report.charts.contributions import contributions_chart
from evaluation.report.charts.drawing import Chart, fixed_spec

__all__ = ["Chart", "charts", "contributions_chart", "fixed_spec"]
