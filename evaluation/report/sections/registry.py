"""The sections of the report as one literal tuple, and the chapters that they stand in: the page, its navigation and
report.json follow them.

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
    chapter : str or None
        The key of the chapter that opens on it. None: it is always to be seen.
    link : str or None
        Its label in the page's navigation, where it stands in no chapter; its template's section has the id `key`.
    needs : tuple of str
        Keys of the sections whose figures it reads in `context.figures`.
    """

    key: str
    figures: Callable[[ReportContext], JsonObject] | None
    template: str | None
    chapter: str | None = None
    link: str | None = None
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chapter:
    """Sections that a reader opens together: what stands in it is told before it is opened.

    Attributes
    ----------
    key : str
        Its id on the page.
    title : str
        Its heading, and its label in the page's navigation.
    about : str
        One line under the heading.
    """

    key: str
    title: str
    about: str


CHAPTERS: tuple[Chapter, ...] = (
    Chapter(
        "right", "How right it was", "What was predicted and what happened, beside the rules and the CSMs' own calls."
    ),
    Chapter(
        "money", "Money and time", "ARR expected to be lost and lost, how early it was seen, and what acting is worth."
    ),
    Chapter("missed", "What was missed", "Accounts that left unseen, false alarms, and what the triggers are worth."),
    Chapter("where", "Where it holds", "By stage, segment, quarter and owner; fairness; how steady the levels are."),
    Chapter("still", "Data and monitoring", "What changed and when, what the data cover, alarms and drift."),
    Chapter(
        "all",
        "All figures and methods",
        "Every figure at every horizon, what is not shown and why, how it is computed.",
    ),
)

SECTIONS: tuple[Section, ...] = (
    Section("scope", scope_figures, None),
    Section(
        "headlines", headline_figures, "headlines.html",
        needs=("scope", "comparison", "beside_rules", "calibration", "business_value", "lead_time", "arr", "revenue"),
    ),
    Section(
        "advice", advice_figures, "advice.html", link="What to do",
        needs=(
            *("scope", "headlines", "revenue", "calibration", "comparison", "arr", "surprises", "groups"),
            *("business_value", "data"),
        ),
    ),
    Section("revenue", revenue_figures, "revenue.html", link="Your figures", needs=("arr",)),
    Section("calibration", horizon_figures, "calibration.html", "right"),
    Section("comparison", comparison_figures, "comparison.html", "right"),
    Section("beside_rules", beside_rules_figures, None),
    Section("overrides", override_figures, "overrides.html", "right"),
    Section("arr", arr_figures, "arr.html", "money"),
    Section("lead_time", lead_time_figures, "lead_time.html", "money"),
    Section("business_value", business_value_figures, "business_value.html", "money"),
    Section("arms", arm_figures, "arms.html", "money"),
    Section("surprises", surprise_figures, "surprises.html", "missed"),
    Section("triggers", trigger_figures, "triggers.html", "missed"),
    Section("groups", group_figures, "groups.html", "where"),
    Section("stability", stability_figures, "stability.html", "where"),
    Section("data", data_figures, "data.html", "still"),
    Section("monitoring", monitoring_figures, "monitoring.html", "still"),
    Section("figures", None, "figures.html", "all"),
    Section("refused", None, "refused.html", "all"),
    Section("methods", None, "methods.html", "all"),
)  # fmt: skip
