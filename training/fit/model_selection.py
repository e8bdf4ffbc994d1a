"""Which learner serves: from the base rate by stage up, as far as the purged rows carry.

The steps are the base rate by stage, the calibrated rules, the logistic alone, the blend of trees and logistic, and the
blend with the rules as outcomes weigh them. With FEW churned accounts and more a blend is taken on experience
(docs/methods.md), provided that it beats the base rate on purged rows: the one with the rules, unless these rows speak
against it, since what few churns show of that is mostly chance, and unless one learner alone is better by SIMPLE_Z.
With fewer, or where it does not, a step is taken only if its purged log loss is below that of the step it would
replace, and beats the base rate by the z that the step needs; where none is, with FEW and more, a blend that tells who
leaves too boldly is shrunk and taken. The rules were written down before these data were seen and learn one slope; it
must point the right way, which half of all chance finds do not. Under `training.min_churns` nothing above the rules is
considered. A company whose data carry no step is served the base rate by stage, and its model card names the reason.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from training.calibration import OutOfTime, clustered_z
from training.fit.learners import FittedLearners
from training.fit.stacking import Beside
from training.hazard import MANY_EVENTS, log_loss_rows
from training.model import Chosen
from training.optim import penalised_logistic

FEW = 50  # churned accounts
STEPS: tuple[Chosen, ...] = ("base_rate", "rules", "logistic", "blend", "blend_rules")
# z of the gain over the base rate, clustered by account, that a step needs. Labels without any signal must pass no step
# in nine draws of ten, with several steps tried on the same rows (tests/benchmarks/small_data.py).
FITTED_Z = 1.28
RULES_Z_FEW = 0.0
RULES_Z = 1.645  # where so many churns that a fitted model would have found something did not help it
RULES_DOUBTED_FROM = 100  # churned accounts
# Of a blend that does not pass as it is: that it tells who leaves, and that it gains once it is shrunk. Permuted
# predictions reach both in 1 of 100 draws.
TELLS_Z, SHRUNK_Z = 1.645, 0.8
SIMPLE_Z = 1.645  # by which one member alone must be better than the blend to serve
AGAINST_Z = 1.0  # by which the blend without the rules must be better to be taken
WITH_LINEAR_Z = 1.0  # above MANY_EVENTS: by which the blend must be better than the trees alone to be taken
NO_SIGNAL = "no usable signal: "


@dataclass(frozen=True)
class Choice:
    """`losses`: mean purged log loss of a hazard row; `beats_base_z`: z of the gain over the base rate by
    stage; `too_bold`: the blend tells who leaves, but its log loss does not show it before it is shrunk."""

    chosen: Chosen
    why: str
    losses: dict[str, float]
    beats_base_z: dict[str, float]
    too_bold: bool = False


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
    top, reason = _top(learners, loss if usable else {}, losses, account)
    if not usable:
        if learners.accounts < max(FEW, min_churns):
            return choice(
                "base_rate", f"{NO_SIGNAL}{accounts}, and no origin to show that anything beats the base rate"
            )
        return choice(top, f"{reason}; no origin to compare it on")
    enough = learners.accounts >= max(FEW, min_churns)
    if enough and z[top] >= FITTED_Z:
        simple: tuple[Chosen, ...] = ("trees", "logistic", "rules", "base_rate")
        best = min((name for name in simple if name in losses), key=lambda name: losses[name])
        against = clustered_z(loss[top] - loss[best], account)
        if against >= SIMPLE_Z:
            return choice(best, f"{reason}; {best} alone is better on purged rows (z {against:.2f})")
        return choice(top, reason)
    taken: Chosen = "base_rate"
    losses_by_step = [f"base rate {losses['base_rate']:.5f}"]
    for step in (step for step in STEPS[1:] if step in losses):
        refusal = _refusal(step, learners, min_churns, losses[step] < losses[taken], z[step])
        losses_by_step.append(f"{step} {losses[step]:.5f} (z {z[step]:.2f}, {refusal or 'taken'})")
        taken = taken if refusal else step
    tells, shrunk = bold_z(blocks["base_rate"], blocks[top].log_odds) if enough and taken == "base_rate" else (0.0, 0.0)
    if tells >= TELLS_Z and shrunk >= SHRUNK_Z:
        why = f"{reason}; it tells who leaves (z {tells:.2f}) too boldly (gain over the base rate: z {z[top]:.2f},"
        return Choice(top, f"{why} shrunk {shrunk:.2f}), and is shrunk", losses, z, too_bold=True)
    reason = f"{accounts}; purged log loss: " + ", ".join(losses_by_step)
    if taken != "base_rate":
        return choice(taken, reason)
    bold = f"; the {top} tells who leaves with a z of {tells:.2f}, shrunk it gains with one of {shrunk:.2f}"
    return choice(taken, NO_SIGNAL + reason + (bold if enough else ""))


def _top(
    learners: FittedLearners, loss: dict[str, np.ndarray], losses: dict[str, float], account: np.ndarray
) -> tuple[Chosen, str]:
    """The blend, or the trees alone, that so many churns can carry, and why; `loss`: of usable purged rows."""
    churns = f"{learners.events} churns: "
    if learners.events > MANY_EVENTS:
        gain = clustered_z(loss["trees"] - loss["blend"], account) if loss else 0.0
        if gain <= WITH_LINEAR_Z:
            return "trees", f"{churns}above {MANY_EVENTS} the trees alone, unless the blend is better (z {gain:.2f})"
        return "blend", f"{churns}the blend is better on purged rows than the trees alone (z {gain:.2f})"
    if "blend_rules" not in loss:
        return "blend", f"{churns}the mean of trees and logistic"
    gain = clustered_z(loss["blend"] - loss["blend_rules"], account)
    if gain > -AGAINST_Z:
        return "blend_rules", f"{churns}the mean of trees, logistic and the rules weighed by outcomes (z {gain:.2f})"
    return "blend", f"{churns}the mean of trees and logistic, better than with the rules (z {-gain:.2f})"


def bold_z(base: OutOfTime, log_odds: np.ndarray) -> tuple[float, float]:
    """(z that the log-odds tell of outcomes what the base rate's do not, z of their gain once they are shrunk).

    An overfitted model may tell much and still lose to the base rate in log loss, since it is too sure. The first is a
    score test at the rows' own level; the second the gain of z_base + a + b (z - z_base) over z_base + a, with a and b
    of each from the other origins than the row's. Both are clustered by account.

    References
    ----------
    C. R. Rao (1948), "Large sample tests of statistical hypotheses concerning several parameters".
    """
    p = expit(base.log_odds)
    p = p * base.churned.sum() / p.sum()
    deviation = log_odds - base.log_odds
    deviation = deviation - np.average(deviation, weights=p * (1 - p))
    _, account = np.unique(base.account, return_inverse=True)
    by = np.bincount(account, (base.churned - p) * deviation)
    spread = float(np.sqrt((by**2).sum()))
    tells = float(by.sum()) / spread if spread > 0 else 0.0
    gain = np.zeros(len(base))
    x = np.column_stack([np.ones(len(base)), deviation])
    for origin in np.unique(base.origin):
        out, others = base.origin == origin, base.origin != origin
        if not 0 < base.churned[others].sum() < others.sum():
            return tells, 0.0
        level, line = (_moved(base, x[:, :width], others) for width in (1, 2))
        losses = (log_loss_rows(z[out], base.churned[out]) for z in (level, line))
        gain[out] = np.subtract(*losses)
    return tells, clustered_z(gain, base.account)


def _moved(base: OutOfTime, x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """The base rate's log-odds moved by columns x, whose coefficients come from `rows` (bool); no slope is below 0."""
    own = base.take(rows)
    likelihood = Beside(own.churned, own.churns / max(float(own.churned.sum()), 1.0), own.log_odds, x[rows])
    theta, _ = penalised_logistic(likelihood, np.full(x.shape[1], 1e-3), np.zeros(x.shape[1]), 30, 1e-9)
    theta[1:] = np.maximum(theta[1:], 0.0)
    return np.asarray(base.log_odds + x @ theta)


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
