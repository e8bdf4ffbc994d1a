"""The sections that are sentences: they follow from the figures of the others, and compute none."""

from __future__ import annotations

from configs.json_object import JsonObject
from evaluation.jsonable import to_jsonable
from evaluation.report.sections.context import ReportContext
from evaluation.report.text import advice_sentences, has_usable_signal, headline_sentences, warning_sentences


def headline_figures(context: ReportContext) -> JsonObject:
    """has_signal: whether there is a usable one. headlines: what a leader repeats. warnings: what not to overlook."""
    summary = context.figures
    return {
        "has_signal": has_usable_signal(summary),
        "warnings": warning_sentences(summary),
        "headlines": headline_sentences(summary),
    }


def advice_figures(context: ReportContext) -> JsonObject:
    """advice: what to do now."""
    return {"advice": advice_sentences({**context.figures, "refused": to_jsonable(context.refused)})}
