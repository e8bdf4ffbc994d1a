"""The figures of each section of the report, and the tuple that says which sections there are."""

from evaluation.report.sections.context import Figure, ReasonsOf, ReportContext, ReportInputs
from evaluation.report.sections.frames import check_judged
from evaluation.report.sections.registry import SECTIONS, Section

__all__ = ["SECTIONS", "Figure", "ReasonsOf", "ReportContext", "ReportInputs", "Section", "check_judged"]
