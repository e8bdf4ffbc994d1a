"""The charts of the report."""

from evaluation.report.charts.catalogue import charts
from evaluation.report.charts.drawing import Chart, fixed_spec
from evaluation.report.charts.shap_plots import shap_plots

__all__ = ["Chart", "charts", "fixed_spec", "shap_plots"]
