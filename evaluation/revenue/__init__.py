"""The figures that leaders are measured by: revenue retention, health over time, time to value, and the forecast."""

from evaluation.revenue.forecast import Forecast, forecast
from evaluation.revenue.health_levels import LevelCounts, health_over_time
from evaluation.revenue.retention import ContractBook, Retention, arr_at, first_days, retention
from evaluation.revenue.time_to_value import TimeToValue, time_to_value

__all__ = [
    "ContractBook",
    "Forecast",
    "LevelCounts",
    "Retention",
    "TimeToValue",
    "arr_at",
    "first_days",
    "forecast",
    "health_over_time",
    "retention",
    "time_to_value",
]
