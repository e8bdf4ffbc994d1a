"""Usage events added up by day and window, from all rows or from a kept state."""

from features.usage.incremental import UsageState
from features.usage.sql_rollup import EVENTS
from features.usage.strategy import EDGES, RollupStrategies, Units
from features.usage.stream_rollup import UsageStatistics
from features.usage.window_segments import Calendar

__all__ = ["EDGES", "EVENTS", "Calendar", "RollupStrategies", "Units", "UsageState", "UsageStatistics"]
