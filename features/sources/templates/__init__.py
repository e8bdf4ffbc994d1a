"""Mappings of well-known systems, as connectors land their tables: Stripe, Salesforce, Zendesk and their like."""

from features.sources.templates.landed import Landed, landed_in, told_from
from features.sources.templates.project import SourceMapping, mapping_for, mapping_of_folder
from features.sources.templates.template import SYSTEMS, Template, template

__all__ = [
    "SYSTEMS",
    "Landed",
    "SourceMapping",
    "Template",
    "landed_in",
    "mapping_for",
    "mapping_of_folder",
    "template",
    "told_from",
]
