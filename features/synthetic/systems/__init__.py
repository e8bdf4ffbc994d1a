"""The synthetic company as the systems have it from which people export: Stripe, Salesforce, Zendesk and their like."""

from features.synthetic.systems.project import (
    ORIGINAL,
    SystemsProject,
    known_tables,
    make_systems_project,
    planted_lines,
)
from features.synthetic.systems.write import WRITERS

__all__ = [
    "ORIGINAL",
    "WRITERS",
    "SystemsProject",
    "known_tables",
    "make_systems_project",
    "planted_lines",
]
