"""Served predictions joined to what happened since, by day, arm and CSMs' overrides."""

from evaluation.outcomes.arms import OutcomesByArm, drawn_effect, mark_draw, outcomes_by_arm, with_drawn
from evaluation.outcomes.company_facts import Facts, facts_of
from evaluation.outcomes.hindsight import is_in_hindsight
from evaluation.outcomes.holdout import (
    HOLDOUT,
    NO_DRAW,
    TREATED,
    ArmOutcome,
    Effect,
    approached_later,
    arms,
    assign,
    by_arm,
)
from evaluation.outcomes.outcomes import FORECASTS, judge, judged_so_far, with_returns
from evaluation.outcomes.overrides import LevelInForce, enter_overrides, levels_in_force, with_overrides
from evaluation.outcomes.playbook_use import PlaybookUse, playbook_use
from evaluation.outcomes.renewal_calls import Judged, RenewalCalls, renewal_calls
from evaluation.outcomes.reported import ReportedEntries, compare_reported, interventions_known, with_reported_will
from evaluation.outcomes.trigger_value import TriggerValue, trigger_values

__all__ = [
    "FORECASTS",
    "HOLDOUT",
    "NO_DRAW",
    "TREATED",
    "ArmOutcome",
    "Effect",
    "Facts",
    "Judged",
    "LevelInForce",
    "OutcomesByArm",
    "PlaybookUse",
    "RenewalCalls",
    "ReportedEntries",
    "TriggerValue",
    "approached_later",
    "arms",
    "assign",
    "by_arm",
    "compare_reported",
    "drawn_effect",
    "enter_overrides",
    "facts_of",
    "interventions_known",
    "is_in_hindsight",
    "judge",
    "judged_so_far",
    "levels_in_force",
    "mark_draw",
    "outcomes_by_arm",
    "playbook_use",
    "renewal_calls",
    "trigger_values",
    "with_drawn",
    "with_overrides",
    "with_reported_will",
    "with_returns",
]
