"""Served predictions joined to what happened since, by day, arm and CSMs' overrides."""

from evaluation.outcomes.arms import drawn_effect, mark_draw, outcomes_by_arm, with_drawn
from evaluation.outcomes.company_facts import Facts, facts_of, interventions_of
from evaluation.outcomes.holdout import HOLDOUT, NO_DRAW, arms, assign, by_arm
from evaluation.outcomes.outcomes import FORECASTS, judge, judged_so_far, with_returns
from evaluation.outcomes.overrides import enter_calls, standing, with_calls

__all__ = [
    "FORECASTS",
    "HOLDOUT",
    "NO_DRAW",
    "Facts",
    "arms",
    "assign",
    "by_arm",
    "drawn_effect",
    "enter_calls",
    "facts_of",
    "interventions_of",
    "judge",
    "judged_so_far",
    "mark_draw",
    "outcomes_by_arm",
    "standing",
    "with_calls",
    "with_drawn",
    "with_returns",
]
