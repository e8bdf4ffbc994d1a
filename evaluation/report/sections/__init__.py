"""The figures of each section of the report."""

from evaluation.report.sections.business_value import arr_at_risk, at_capacity, decision, first_flag, lead, profit
from evaluation.report.sections.comparison import beside, comparison, yardsticks
from evaluation.report.sections.context import Desk, Figure
from evaluation.report.sections.groups import fair, groups, levels, quarters, steadiness
from evaluation.report.sections.horizons import NAMES, horizon, order_of_leaving
from evaluation.report.sections.overrides import judge_calls
from evaluation.report.sections.revenue import leaders
from evaluation.report.sections.surprises import ReasonsOf, apart, surprises

__all__ = [
    "NAMES",
    "Desk",
    "Figure",
    "ReasonsOf",
    "apart",
    "arr_at_risk",
    "at_capacity",
    "beside",
    "comparison",
    "decision",
    "fair",
    "first_flag",
    "groups",
    "horizon",
    "judge_calls",
    "lead",
    "leaders",
    "levels",
    "order_of_leaving",
    "profit",
    "quarters",
    "steadiness",
    "surprises",
    "yardsticks",
]
