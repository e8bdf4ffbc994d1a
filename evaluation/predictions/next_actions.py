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
    """`why` says it in words: whatever fired and calls for it, or what the dimension adds to the probability."""

    playbook: str
    title: str
    why: str

    def to_json(self) -> dict[str, str]:
        return {"playbook": self.playbook, "title": self.title, "why": self.why}


def next_actions(
    fired: Sequence[Sequence[str]], explanation: Explanation, framework: Framework
) -> list[list[dict[str, str]]]:
    """One list a row of {"playbook", "title", "why"}, each playbook at most once: escalations', triggers', driver's.

    `fired` are names of escalations and triggers (HealthModel), row by row as in `explanation`.
    """
    playbooks = {one.name: one for one in framework.playbooks}
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
        out.append([one.to_json() for one in actions.values()])
    return out
