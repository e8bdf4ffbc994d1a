"""The figures of each section of the report, and the tuples that say which sections and chapters there are."""

from configs.json_object import JsonObject
from evaluation.report.sections.context import ReasonsOf, ReportContext, ReportInputs
from evaluation.report.sections.frames import check_judged
from evaluation.report.sections.registry import CHAPTERS, SECTIONS, Chapter, Section

__all__ = [
    "CHAPTERS",
    "SECTIONS",
    "Chapter",
    "JsonObject",
    "ReasonsOf",
    "ReportContext",
    "ReportInputs",
    "Section",
    "check_judged",
]
