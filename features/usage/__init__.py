"""Usage events added up by day and window, from all rows or from a kept state."""

from features.usage.incremental import UsageState
from features.usage.sql_rollup import EVENTS
from features.usage.strategy import EDGES, Units, Ways
from features.usage.stream_rollup import Told
from features.usage.window_segments import Calendar

__all__ = ["EDGES", "EVENTS", "Calendar", "Told", "Units", "UsageState", "Ways"]
