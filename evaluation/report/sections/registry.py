"""The sections of the report as one literal tuple: the page, its navigation and report.json follow it.

One more section: a file here with a function of the context, a template of its own, and an entry in SECTIONS.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from configs.json_object import JsonObject
from evaluation.report.sections.arr_at_risk import arr_figures
from evaluation.report.sections.business_value import business_value_figures
from evaluation.report.sections.comparison import beside_rules_figures, comparison_figures
from evaluation.report.sections.context import ReportContext
from evaluation.report.sections.groups import group_figures, stability_figures
from evaluation.report.sections.horizons import horizon_figures
from evaluation.report.sections.lead_time import lead_time_figures
from evaluation.report.sections.overrides import override_figures
from evaluation.report.sections.revenue import revenue_figures
from evaluation.report.sections.scope import data_figures, monitoring_figures, scope_figures
from evaluation.report.sections.sentences import advice_figures, headline_figures
from evaluation.report.sections.surprises import arm_figures, surprise_figures
from evaluation.report.sections.triggers import trigger_figures


@dataclass(frozen=True)
class Section:
    """One section of the report.

    Attributes
    ----------
    key : str
        Its name, by which other sections need it.
    figures : Callable[[ReportContext], JsonObject] or None
        Its figures by their keys in report.json, each with its interval or its refusal; None: it only shows others'.
    template : str or None
        Its file in templates/; one that renders to nothing is left out of the page. None: it has no place on the page.
    link : str or None
        Its label in the page's navigation; the template's section then has the id `key`.
    needs : tuple of str
        Keys of the sections whose figures it reads in `context.figures`.
    """

    key: str
    figures: Callable[[ReportContext], JsonObject] | None
    template: str | None
    link: str | None = None
    needs: tuple[str, ...] = ()


SECTIONS: tuple[Section, ...] = (
    Section("scope", scope_figures, None),
    Section(
        "headlines", headline_figures, "headlines.html",
        needs=("scope", "comparison", "beside_rules", "calibration", "business_value", "lead_time", "arr"),
    ),
    Section("revenue", revenue_figures, "revenue.html", "Your figures", needs=("arr",)),
    Section("calibration", horizon_figures, "calibration.html", "Are they right?"),
    Section("comparison", comparison_figures, "comparison.html", "Against the rules"),
    Section("beside_rules", beside_rules_figures, None),
    Section("overrides", override_figures, "overrides.html"),
    Section("arr", arr_figures, "arr.html", "ARR"),
    Section("lead_time", lead_time_figures, "lead_time.html", "How early"),
    Section("surprises", surprise_figures, "surprises.html", "Missed"),
    Section("triggers", trigger_figures, "triggers.html"),
    Section("groups", group_figures, "groups.html", "Where"),
    Section("stability", stability_figures, "stability.html"),
    Section("business_value", business_value_figures, "business_value.html", "Worth"),
    Section("arms", arm_figures, "arms.html"),
    Section("data", data_figures, "data.html", "Data"),
    Section("monitoring", monitoring_figures, "monitoring.html", "Still right?"),
    Section(
        "advice", advice_figures, "advice.html", "What to do",
        needs=(
            *("scope", "headlines", "revenue", "calibration", "comparison", "arr", "surprises", "groups"),
            *("business_value", "data"),
        ),
    ),
    Section("figures", None, "figures.html", "All figures"),
    Section("refused", None, "refused.html"),
    Section("methods", None, "methods.html"),
)  # fmt: skip
