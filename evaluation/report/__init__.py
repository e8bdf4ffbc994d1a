"""The prediction-versus-outcome report: one HTML file, and the same figures as JSON."""

from evaluation.report.document import HorizonFigures, Summary
from evaluation.report.pdf import GET_CHROMIUM, chromium, print_pdf, require_chromium
from evaluation.report.report import ReportFiles, write_report
from evaluation.report.run_artifacts import FoldFigures, by_fold, drawings, figures
from evaluation.report.sections import ReportInputs
from evaluation.report.summary import summarise

__all__ = [
    "GET_CHROMIUM",
    "FoldFigures",
    "HorizonFigures",
    "ReportFiles",
    "ReportInputs",
    "Summary",
    "by_fold",
    "chromium",
    "drawings",
    "figures",
    "print_pdf",
    "require_chromium",
    "summarise",
    "write_report",
]
