"""The figures of each section of the report, and the tuple that says which sections there are."""

from configs.json_object import JsonObject
from evaluation.report.sections.context import ReasonsOf, ReportContext, ReportInputs
from evaluation.report.sections.frames import check_judged
from evaluation.report.sections.registry import SECTIONS, Section

__all__ = ["SECTIONS", "JsonObject", "ReasonsOf", "ReportContext", "ReportInputs", "Section", "check_judged"]
