"""Whether predictions still hold before outcomes are known: drift, level, alarms."""

from evaluation.monitoring.alarms import describe_outage
from evaluation.monitoring.figures import FeedDrift, QuarterRatio
from evaluation.monitoring.monitor import CONFIG, CUT, HEALTH, MODEL, monitor
from evaluation.monitoring.result import Monitoring, MonitoringSummary, WatchedSource
from evaluation.monitoring.scored_history import KEY, cuts_of, served_rows, taught_until

__all__ = [
    "CONFIG",
    "CUT",
    "HEALTH",
    "KEY",
    "MODEL",
    "FeedDrift",
    "Monitoring",
    "MonitoringSummary",
    "QuarterRatio",
    "WatchedSource",
    "cuts_of",
    "describe_outage",
    "monitor",
    "served_rows",
    "taught_until",
]
