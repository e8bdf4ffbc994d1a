"""The signals: one file a dimension, joined by the catalogue."""

from features.signals.catalogue import APART, DIMENSION_FEEDS, EVERY, attribute_infos, schema_of, signals_of
from features.signals.trends_and_peers import ACROSS, MONTHS_BACK, days_back

__all__ = [
    "ACROSS",
    "APART",
    "DIMENSION_FEEDS",
    "EVERY",
    "MONTHS_BACK",
    "attribute_infos",
    "days_back",
    "schema_of",
    "signals_of",
]
