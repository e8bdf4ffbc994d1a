"""Next best actions: playbooks named by what fired on an account, then by what drives its risk; each must suit it.

A healthy account is offered opportunities, and what an escalation calls for; nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from configs.framework import DIMENSIONS, Escalation, Framework
from configs.playbooks import Playbook, Tier
from training.hazard import Explanation

MIN_CONTRIBUTION = 0.005  # half a point of probability: below it no dimension "drives" the risk


@dataclass(frozen=True)
class Action:
    """A playbook that an account calls for; why: what fired, or what a dimension adds to the probability.

    `within_hours`: to begin within so many hours, as the risk level asks; None: no hurry.
    """

    playbook: str
    title: str
    why: str
    within_hours: int | None


@dataclass(frozen=True)
class Situation:
    """What of an account chooses among playbooks: names of escalations and triggers that fired, stage, ARR, level."""

    fired: Sequence[str]
    stage: str
    arr: float | None
    level: str


def next_actions(situations: Sequence[Situation], explanation: Explanation, framework: Framework) -> list[list[Action]]:
    """The actions of each row, each playbook at most once: those of escalations, of triggers, of what drives the risk.

    `situations`, row by row as in `explanation`.
    """
    added = explanation.by_dimension()
    known = [name for name in DIMENSIONS if name in added]
    out = []
    for row, situation in enumerate(situations):
        actions = _called_for(situation, framework)
        if known:
            driver = known[int(np.argmax([added[name][row] for name in known]))]
            points = 100 * float(added[driver][row])
            if points >= 100 * MIN_CONTRIBUTION:
                tier = framework.tier_of(situation.arr)
                hours = _within_hours(situation.level, framework)
                for playbook in _for_driver(framework, driver, situation, tier):
                    why = f"{driver} adds {points:.1f} points to the probability of churn, more than any other"
                    why += _suits(playbook, situation.stage, tier)
                    actions.setdefault(playbook.name, Action(playbook.name, playbook.title, why, hours))
        out.append(list(actions.values()))
    return out


def _called_for(situation: Situation, framework: Framework) -> dict[str, Action]:
    """What fired calls for, by playbook: escalations whatever the level, triggers where the playbook is for it."""
    reasons: dict[str, list[str]] = {}
    grave = set()
    for alert in framework.alerts:
        is_grave = isinstance(alert, Escalation)
        if alert.name in situation.fired and (is_grave or framework.playbook(alert.playbook).is_for(situation.level)):
            reasons.setdefault(alert.playbook, []).append(f"{alert.name}: {alert.description}")
            grave |= {alert.playbook} if is_grave else set()
    own, soonest = _within_hours(situation.level, framework), _soonest_hours(framework)
    return {
        name: Action(name, framework.playbook(name).title, "; ".join(why), soonest if name in grave else own)
        for name, why in reasons.items()
    }


def _within_hours(level: str, framework: Framework) -> int | None:
    return next((known.respond_within_hours for known in framework.levels if known.name == level), None)


def _soonest_hours(framework: Framework) -> int | None:
    """Within how many hours the gravest level asks for an answer, which is what an escalation asks for."""
    hours = [level.respond_within_hours for level in framework.levels if level.respond_within_hours is not None]
    return min(hours, default=None)


def _for_driver(framework: Framework, driver: str, situation: Situation, tier: Tier | None) -> list[Playbook]:
    """The playbooks for a dimension that suit the account best: by stage and tier, by stage, by tier, for all."""
    ranked = [
        ((bool(playbook.stages), bool(playbook.tiers)), playbook)
        for playbook in framework.playbooks
        if playbook.for_dimension == driver
        and playbook.is_for(situation.level)
        and (not playbook.stages or situation.stage in playbook.stages)
        and (not playbook.tiers or (tier is not None and tier.name in playbook.tiers))
    ]
    best = max((rank for rank, _ in ranked), default=None)
    return [playbook for rank, playbook in ranked if rank == best]


def _suits(playbook: Playbook, stage: str, tier: Tier | None) -> str:
    """What of the account the playbook was chosen for, beside the driver."""
    chosen_for = [f"stage {stage}"] if playbook.stages else []
    chosen_for += [f"tier {tier.name}"] if playbook.tiers and tier is not None else []
    return f"; for {' and '.join(chosen_for)}".replace("_", " ") if chosen_for else ""
