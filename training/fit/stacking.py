"""How much each member of a blend counts: equal shares, unless purged rows bear out others.

The members' log-odds out of time are stacked: a logistic regression of the outcomes on them, with weights that are not
below 0 and are drawn towards the blend's own by a ridge. Members that say much the same are told apart by little, so
that the ridge decides between them; a blend that is overfitted as a whole is shrunk. Each origin has a level of its
own, and the blend keeps its own: what moves the level is up to the calibrator and level_shift.py. Adopted only if,
fitted on the older origins, it betters the newest by the gate of a calibrator, or if the blend is known to be too bold.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit

from training.calibration import GATE_Z, OutOfTime, clustered_z
from training.hazard import Blend, log_loss_rows
from training.optim import WeightedRows, penalised_logistic
from training.serialization import JsonObject

RIDGE = 8.0  # as a calibrator's, on each weight
FREE = 1e-3  # of what only sets the level
EXACT = 1e-10
LEAST_CHURNED = 200  # accounts, from which a calibrator has a line for each stage: as free as shares are


@dataclass(frozen=True)
class Members:
    """Log-odds out of time (m,), less what the intervals' time adds (`beside`); `rules` None without learned ones."""

    trees: np.ndarray
    linear: np.ndarray
    rules: np.ndarray | None
    beside: np.ndarray

    def take(self, keep: np.ndarray) -> Members:
        rules = None if self.rules is None else self.rules[keep]
        return Members(self.trees[keep], self.linear[keep], rules, self.beside[keep])

    def of(self, blend: Blend) -> np.ndarray:
        """The blend's log-odds, what the time adds included; (m,)."""
        return blend.of(self.trees, self.linear, self.rules) + self.beside


@dataclass(frozen=True)
class Beside(WeightedRows):
    """Rows whose log-odds `beside` are moved by columns x (n, m) times the coefficients."""

    beside: np.ndarray
    x: np.ndarray

    def log_odds(self, theta: np.ndarray) -> np.ndarray:
        return np.asarray(self.beside + self.x @ theta)

    def slopes(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x, weight = self.x, self.event_weight
        return weight * (x.T @ (p - self.churned)), weight * (x.T @ (x * (p * (1 - p))[:, None]))


def stack(blend: Blend, members: Members, rows: OutOfTime, too_bold: bool = False) -> tuple[Blend, JsonObject]:
    """The blend with the weights that the rows bear out, or as it was; and why.

    Parameters
    ----------
    blend : Blend
        Equal shares.
    members : Members
        Of the rows.
    rows : OutOfTime
        Of several origins.
    too_bold : bool
        Whether the blend is known to be: other weights then need not prove themselves.

    Returns
    -------
    blend : Blend
        With other weights where the newest origin bears them out, or `too_bold` asks for them.
    log : JsonObject
        What was found.

    References
    ----------
    D. H. Wolpert (1992), "Stacked generalization"; L. Breiman (1996), "Stacked regressions".
    """
    newest = rows.origin == rows.origin.max()
    older, newer = rows.take(~newest), rows.take(newest)
    churned = older.churned.sum()
    if rows.churned_accounts < LEAST_CHURNED or churned in (0, len(older)) or newer.churned.sum() == 0:
        return blend, {"why": "too few churned accounts or origins to weigh members by"}
    trial = weighed(blend, members.take(~newest), older)
    judged = members.take(newest)
    gain = log_loss_rows(judged.of(blend), newer.churned) - log_loss_rows(judged.of(trial), newer.churned)
    z = clustered_z(gain, newer.account)
    if z < GATE_Z and not too_bold:
        return blend, {"gate_z": z, "why": f"other weights are no better on the newest origin (z {z:.2f})"}
    made = weighed(blend, members, rows)
    return made, {"gate_z": z, "weights": made.to_json(), "why": f"on the newest origin: z {z:.2f}"}


def weighed(blend: Blend, members: Members, rows: OutOfTime) -> Blend:
    """The weights that fit the rows, none below 0, drawn towards the blend's own."""
    every = {"trees": members.trees, "linear": members.linear, "rules": members.rules}
    own = {name: z for name, z in every.items() if z is not None}
    names = [name for name in own if getattr(blend, name) > 0]
    event_weight = rows.churns / max(float(rows.churned.sum()), 1.0)
    _, origin = np.unique(rows.origin, return_inverse=True)
    level = (origin[:, None] == np.arange(origin.max() + 1)[None, :]).astype(float)
    while True:
        x = np.concatenate([level, np.stack([own[name] for name in names], axis=1)], axis=1)
        # The shares of a member that is left out go to the others.
        rest = blend.stretch / sum(getattr(blend, name) for name in names)
        shares = np.array([rest * getattr(blend, name) for name in names])
        start = np.append(np.full(level.shape[1], blend.intercept), shares)
        penalty = np.append(np.full(level.shape[1], FREE), np.full(len(names), RIDGE))
        moved = Beside(rows.churned, event_weight, members.beside + x @ start, x)
        theta, _ = penalised_logistic(moved, penalty, np.zeros(len(start)), 50, 1e-10)
        weights = dict(zip(names, shares + theta[level.shape[1] :], strict=True))
        least = min(weights, key=lambda name: weights[name])
        if weights[least] > 0 or len(names) == 1:
            gone = {name: 0.0 for name in every if name not in weights}
            kept = {name: max(float(weight), 0.0) for name, weight in weights.items()}
            return _at_level_of(blend, replace(blend, **kept, **gone), members)
        names.remove(least)


def _at_level_of(blend: Blend, made: Blend, members: Members) -> Blend:
    """The made blend with the intercept at which it expects as many churns of these rows as the other one does."""
    expected = expit(members.of(blend)).sum()
    bare = members.of(replace(made, intercept=0.0))
    intercept = made.intercept
    for _ in range(50):
        p = expit(bare + intercept)
        step = float((expected - p.sum()) / (p * (1 - p)).sum())
        intercept += float(np.clip(step, -1.0, 1.0))
        if abs(step) < EXACT:
            break
    return replace(made, intercept=intercept)
