"""Next best actions: playbooks named by what fired on an account, then by what drives its risk, its stage and tier."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from configs.framework import DIMENSIONS, Framework, Playbook
from training.hazard import Explanation

MIN_CONTRIBUTION = 0.005  # half a point of probability: below it no dimension "drives" the risk


@dataclass(frozen=True)
class Action:
    """A playbook that an account calls for; why: what fired, or what a dimension adds to the probability."""

    playbook: str
    title: str
    why: str


@dataclass(frozen=True)
class Situation:
    """What of an account chooses among playbooks: names of escalations and triggers that fired, stage, and ARR."""

    fired: Sequence[str]
    stage: str
    arr: float | None


def next_actions(situations: Sequence[Situation], explanation: Explanation, framework: Framework) -> list[list[Action]]:
    """The actions of each row, each playbook at most once: those of escalations, of triggers, of what drives the risk.

    `situations`, row by row as in `explanation`.
    """
    playbooks = {playbook.name: playbook for playbook in framework.playbooks}
    added = explanation.by_dimension()
    known = [name for name in DIMENSIONS if name in added]
    out = []
    for row, situation in enumerate(situations):
        reasons: dict[str, list[str]] = {}
        for alert in framework.alerts:
            if alert.name in situation.fired:
                reasons.setdefault(alert.playbook, []).append(f"{alert.name}: {alert.description}")
        actions = {name: Action(name, playbooks[name].title, "; ".join(why)) for name, why in reasons.items()}
        if known:
            driver = known[int(np.argmax([added[name][row] for name in known]))]
            points = 100 * float(added[driver][row])
            if points >= 100 * MIN_CONTRIBUTION:
                tier = framework.tier_of(situation.arr)
                for playbook in _for_driver(framework, driver, situation.stage, tier):
                    why = f"{driver} adds {points:.1f} points to the probability of churn, more than any other"
                    why += _suits(playbook, situation.stage, tier)
                    actions.setdefault(playbook.name, Action(playbook.name, playbook.title, why))
        out.append(list(actions.values()))
    return out


def _for_driver(framework: Framework, driver: str, stage: str, tier: str | None) -> list[Playbook]:
    """The playbooks for a dimension that suit the account best: by stage and tier, by stage, by tier, for all."""
    ranked = [
        ((bool(playbook.stages), bool(playbook.tiers)), playbook)
        for playbook in framework.playbooks
        if playbook.for_dimension == driver
        and (not playbook.stages or stage in playbook.stages)
        and (not playbook.tiers or tier in playbook.tiers)
    ]
    best = max((rank for rank, _ in ranked), default=None)
    return [playbook for rank, playbook in ranked if rank == best]


def _suits(playbook: Playbook, stage: str, tier: str | None) -> str:
    """What of the account the playbook was chosen for, beside the driver."""
    chosen_for = [f"stage {stage}"] if playbook.stages else []
    chosen_for += [f"tier {tier}"] if playbook.tiers else []
    return f"; for {' and '.join(chosen_for)}".replace("_", " ") if chosen_for else ""
