"""Next best actions: playbooks named by what fired on an account, then by the dimension that drives its risk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from configs.framework import DIMENSIONS, Framework
from training.hazard import Explanation

MIN_CONTRIBUTION = 0.005  # half a point of probability: below it no dimension "drives" the risk


@dataclass(frozen=True)
class Action:
    """A playbook that an account calls for; why: what fired, or what a dimension adds to the probability."""

    playbook: str
    title: str
    why: str


def next_actions(fired: Sequence[Sequence[str]], explanation: Explanation, framework: Framework) -> list[list[Action]]:
    """The actions of each row, each playbook at most once: those of escalations, of triggers, of what drives the risk.

    `fired` are names of escalations and triggers (HealthModel), row by row as in `explanation`.
    """
    playbooks = {playbook.name: playbook for playbook in framework.playbooks}
    added = explanation.by_dimension()
    known = [name for name in DIMENSIONS if name in added]
    out = []
    for row, names in enumerate(fired):
        reasons: dict[str, list[str]] = {}
        for alert in framework.alerts:
            if alert.name in names:
                reasons.setdefault(alert.playbook, []).append(f"{alert.name}: {alert.description}")
        actions = {name: Action(name, playbooks[name].title, "; ".join(why)) for name, why in reasons.items()}
        if known:
            driver = known[int(np.argmax([added[name][row] for name in known]))]
            points = 100 * float(added[driver][row])
            if points >= 100 * MIN_CONTRIBUTION:
                for playbook in framework.playbooks:
                    if playbook.for_dimension == driver:
                        why = f"{driver} adds {points:.1f} points to the probability of churn, more than any other"
                        actions.setdefault(playbook.name, Action(playbook.name, playbook.title, why))
        out.append(list(actions.values()))
    return out
