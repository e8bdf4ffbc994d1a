"""Whether predictions still hold before outcomes are known: drift, level, alarms."""

from evaluation.monitoring.alarms import outage_words
from evaluation.monitoring.monitor import CONFIG, CUT, HEALTH, MODEL, monitor
from evaluation.monitoring.result import Monitoring
from evaluation.monitoring.scored_history import KEY, cuts_of, served_rows, taught_until

__all__ = [
    "CONFIG",
    "CUT",
    "HEALTH",
    "KEY",
    "MODEL",
    "Monitoring",
    "cuts_of",
    "monitor",
    "outage_words",
    "served_rows",
    "taught_until",
]
