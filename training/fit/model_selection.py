"""Which learner serves: from the base rate by stage up, as far as the purged rows carry.

The steps are the base rate by stage, the calibrated rules, the logistic alone, the blend of trees and logistic, and the
blend with the rules as outcomes weigh them. With FEW churned accounts and more a blend is taken on experience
(docs/methods.md), provided that it beats the base rate on purged rows: the one with the rules, unless these rows speak
against it, since what few churns show of that is mostly chance. With fewer, or where it does not, a step is taken only
if its purged log loss is below that of the step it would replace, and beats the base rate by a z that grows with what
the step had to learn. The rules were written down before these data were seen and learn one slope; it must point the
right way, which half of all chance finds do not. Under `training.min_churns` nothing above the rules is considered. A
company whose data carry no step is served the base rate by stage, and its model card names the reason.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.calibration import OutOfTime, clustered_z
from training.fit.learners import FittedLearners
from training.hazard import MANY_EVENTS, log_loss_rows
from training.model import Chosen

FEW = 50  # churned accounts
STEPS: tuple[Chosen, ...] = ("base_rate", "rules", "logistic", "blend", "blend_rules")
# z of the gain over the base rate, clustered by account, that a step needs. Labels without any signal must pass no step
# in nine draws of ten, with several steps tried on the same rows (tests/benchmarks/small_data.py).
FITTED_Z = 1.28
RULES_Z_FEW = 0.0
RULES_Z = 1.645  # where so many churns that a fitted model would have found something did not help it
RULES_DOUBTED_FROM = 100  # churned accounts
AGAINST_Z = 1.0  # by which the blend without the rules must be better to be taken
NO_SIGNAL = "no usable signal: "


@dataclass(frozen=True)
class Choice:
    """`losses`: mean purged log loss of a hazard row; `beats_base_z`: z of the gain over the base rate by stage."""

    chosen: Chosen
    why: str
    losses: dict[str, float]
    beats_base_z: dict[str, float]


def choose_learner(learners: FittedLearners, blocks: dict[str, OutOfTime], min_churns: int) -> Choice:
    """By the number of churns and the purged rows of `Rolling.out_of_time`."""
    # The origins had few churns and taught the rules their weights; the cut has many and did not.
    blocks = {
        name: rows for name, rows in blocks.items() if name != "blend_rules" or learners.learned_rules is not None
    }
    loss = {name: log_loss_rows(rows.log_odds, rows.churned) for name, rows in blocks.items()}
    losses = {name: float(rows.mean()) for name, rows in loss.items()}
    usable = bool(blocks) and blocks["base_rate"].churned.sum() > 0
    z = {}
    account = np.zeros(0)
    if usable:
        account = blocks["base_rate"].account
        z = {name: clustered_z(loss["base_rate"] - rows, account) for name, rows in loss.items() if name != "base_rate"}

    def choice(chosen: Chosen, why: str) -> Choice:
        return Choice(chosen, why, losses, z)

    accounts = f"{learners.accounts} churned accounts"
    top: Chosen = "blend"
    reason = f"{learners.events} churns: the mean of trees and logistic"
    if learners.events > MANY_EVENTS:
        top = "trees" if not losses or losses["trees"] <= losses["blend"] else "blend"
        reason = f"{learners.events} churns: above {MANY_EVENTS} the trees alone"
        if top == "blend":
            reason = f"{learners.events} churns: the blend's purged log loss is below the trees' alone"
    elif usable and "blend_rules" in loss:
        gain = clustered_z(loss["blend"] - loss["blend_rules"], account)
        top = "blend_rules" if gain > -AGAINST_Z else "blend"
        reason = (
            f"{learners.events} churns: the mean of trees, logistic and the rules weighed by outcomes (z {gain:.2f})"
        )
        if top == "blend":
            reason = (
                f"{learners.events} churns: the mean of trees and logistic, better than with the rules (z {-gain:.2f})"
            )
    if not usable:
        if learners.accounts < max(FEW, min_churns):
            return choice(
                "base_rate", f"{NO_SIGNAL}{accounts}, and no origin to show that anything beats the base rate"
            )
        return choice(top, f"{reason}; no origin to compare it on")
    if learners.accounts >= max(FEW, min_churns) and z[top] >= FITTED_Z:
        return choice(top, reason)
    taken: Chosen = "base_rate"
    losses_by_step = [f"base rate {losses['base_rate']:.5f}"]
    for step in (step for step in STEPS[1:] if step in losses):
        refusal = _refusal(step, learners, min_churns, losses[step] < losses[taken], z[step])
        losses_by_step.append(f"{step} {losses[step]:.5f} (z {z[step]:.2f}, {refusal or 'taken'})")
        taken = taken if refusal else step
    reason = f"{accounts}; purged log loss: " + ", ".join(losses_by_step)
    return choice(taken, NO_SIGNAL + reason if taken == "base_rate" else reason)


def _refusal(step: Chosen, learners: FittedLearners, min_churns: int, better: bool, z: float) -> str:
    """Why the step is not taken; empty where it is."""
    if step != "rules" and learners.accounts < min_churns:
        return f"under {min_churns} churned accounts"
    if step == "rules" and learners.rules.log["log_odds_per_health_point"] >= 0:
        return "healthier scores leave more"
    if not better:
        return "no better than the step below"
    needed = FITTED_Z
    if step == "rules":
        needed = RULES_Z_FEW if learners.accounts < RULES_DOUBTED_FROM else RULES_Z
    return "" if z > needed else f"z {needed:g} needed"
