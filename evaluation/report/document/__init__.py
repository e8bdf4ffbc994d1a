"""What report.json holds, as types: who writes a sentence, a chart or a page reads its figures by these."""

from evaluation.report.document.figures import (
    ArrWindow,
    BesideRules,
    BeyondContracts,
    Capacity,
    Comparison,
    Decision,
    Figure,
    GroupFigures,
    HorizonFigures,
    Paired,
    Profit,
    Scope,
)
from evaluation.report.document.monitoring import MonitoredFigures, Monitoring
from evaluation.report.document.revenue import Forecast, HealthLine, Retained, Revenue
from evaluation.report.document.summary import Summary

__all__ = [
    "ArrWindow",
    "BesideRules",
    "BeyondContracts",
    "Capacity",
    "Comparison",
    "Decision",
    "Figure",
    "Forecast",
    "GroupFigures",
    "HealthLine",
    "HorizonFigures",
    "MonitoredFigures",
    "Monitoring",
    "Paired",
    "Profit",
    "Retained",
    "Revenue",
    "Scope",
    "Summary",
]
