"""The signals: one file a dimension, joined by the catalogue; beside them what a project's settings add."""

from features.signals.catalogue import (
    DIMENSION_TABLES,
    INTERVENTION_SIGNALS,
    SCORE_INFOS,
    needs_scores,
    schema_of,
    signals_behind,
    signals_of,
    tables_behind,
)
from features.signals.configured import attribute_infos
from features.signals.exposure import days_column, drawn_share
from features.signals.framework_signals import framework_faults, require_framework_signals
from features.signals.own import own_signals
from features.signals.trends_and_peers import MONTHS_BACK, days_back

__all__ = [
    "DIMENSION_TABLES",
    "INTERVENTION_SIGNALS",
    "MONTHS_BACK",
    "SCORE_INFOS",
    "attribute_infos",
    "days_back",
    "days_column",
    "drawn_share",
    "framework_faults",
    "needs_scores",
    "own_signals",
    "require_framework_signals",
    "schema_of",
    "signals_behind",
    "signals_of",
    "tables_behind",
]
