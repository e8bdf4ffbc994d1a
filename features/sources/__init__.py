"""A user's tables, mapped onto the canonical ones, opened and checked once."""

from features.sources.backends import source_files
from features.sources.leaky_names import known_only_later, measured_later, true_only_today
from features.sources.opened_before import content_mark
from features.sources.proposal import (
    ProposedMapping,
    Question,
    Refusal,
    data_files,
    is_large,
    propose_mapping,
    write_samples,
)
from features.sources.sources import Sources, known_at, open_sources
from features.sources.versions import SUPERSEDED

__all__ = [
    "SUPERSEDED",
    "ProposedMapping",
    "Question",
    "Refusal",
    "Sources",
    "content_mark",
    "data_files",
    "is_large",
    "known_at",
    "known_only_later",
    "measured_later",
    "open_sources",
    "propose_mapping",
    "source_files",
    "true_only_today",
    "write_samples",
]
