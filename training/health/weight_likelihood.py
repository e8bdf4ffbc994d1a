"""The likelihood of outcomes given the health score, open to other weights: `training/fit/weight_steps.py` fits by it.

The log-odds of churn in interval k of a snapshot in stage s are a + c_k + a_s - b H: H is the health score, b >= 0.
"published" has the configured weights and no a_s. "intercepts" adds a_s. "dimensions" multiplies the stage weights by
exp(g_d + h_sd), "signals" also the weights within a dimension by exp(t); the score shares them out as ever, so that
they stay above 0 and add up. Normal priors at 0 draw every factor towards 1: a stage with few churns takes the tilt g
that all stages share, and where nothing is to be learned the published weights stand. A weight of 0 stays 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import expit

from configs.framework import DIMENSIONS, Framework
from features.health import STAGE, rule_scores
from training.hazard import HazardRows, Intervals, log_loss_rows

Step = Literal["published", "intercepts", "dimensions", "signals"]
STEPS: tuple[Step, ...] = ("published", "intercepts", "dimensions", "signals")
# Standard deviations of the priors, for weights on the log scale: .7 means that a factor of 2 is no surprise.
LEVEL_SD, SHARED_SD, OWN_SD, SIGNAL_SD = 1.0, 0.7, 0.35, 0.7
POINTS = 10.0  # b is the fall of the log-odds for so many points of health


def stage_indices(frame: pd.DataFrame, framework: Framework) -> np.ndarray:
    """The index of each row's stage among those configured.

    Parameters
    ----------
    frame : DataFrame, n rows
        With lifecycle_stage.
    framework : Framework
        As configured.

    Returns
    -------
    ndarray of int, shape (n,)
        In order of `framework.stages`.
    """
    index_of = {stage.name: index for index, stage in enumerate(framework.stages)}
    return np.array([index_of[str(name)] for name in frame[STAGE]], dtype=np.int64)


def points_of(health: np.ndarray) -> np.ndarray:
    """Health in the unit of b, 0 without a score.

    Parameters
    ----------
    health : ndarray of float, shape (n,)
        0-100.

    Returns
    -------
    ndarray of float, shape (n,)
        In tens of points from 50.
    """
    return np.nan_to_num((health - 50.0) / POINTS)


def published(framework: Framework) -> tuple[np.ndarray, np.ndarray]:
    """The configured weights.

    Parameters
    ----------
    framework : Framework
        As configured.

    Returns
    -------
    stage_weights : ndarray of float, shape (stages, 4)
        Of the dimensions.
    map_weights : ndarray of float, shape (maps,)
        Of the health maps.
    """
    stages = [list(stage.weights.as_dict().values()) for stage in framework.stages]
    return np.array(stages, float), np.array([health_map.weight for health_map in framework.health_maps], float)


@dataclass(frozen=True)
class Scored:
    """The score's arithmetic on some snapshots, open to other weights.

    `parts` (n, maps) are the mapped signals' scores, 0 where `known` is 0; `stage` (n,) is the index of a row's stage.
    """

    framework: Framework
    parts: np.ndarray
    known: np.ndarray
    stage: np.ndarray

    @classmethod
    def of(cls, frame: pd.DataFrame, framework: Framework) -> Scored:
        parts = rule_scores(frame, framework).parts
        stage = stage_indices(frame, framework)
        return cls(framework, np.nan_to_num(parts), (~np.isnan(parts)).astype(float), stage)

    def health(self, weights: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(health (n,), NaN without data; its slopes by log stage weight (n, 4), by log weight of a map (n, maps)).

        `weights` (stages, 4) and `own` (maps,) need not add up to anything: the score divides by their sums.
        """
        maps = self.framework.health_maps
        member = np.array([[health_map.dimension == name for name in DIMENSIONS] for health_map in maps], float)
        share = self.known * own
        in_it = share @ member
        has = in_it > 0
        dimension = np.divide((share * self.parts) @ member, in_it, out=np.zeros_like(in_it), where=has)
        weight = weights[self.stage] * has
        total = weight.sum(axis=1)
        weight = np.divide(weight, total[:, None], out=np.zeros_like(weight), where=total[:, None] > 0)
        health = (weight * dimension).sum(axis=1)
        of_map = np.divide(weight, in_it, out=np.zeros_like(weight), where=has) @ member.T
        slopes = of_map * share * (self.parts - dimension @ member.T)
        return np.where(total > 0, health, np.nan), weight * (dimension - health[:, None]), slopes


@dataclass(frozen=True)
class Layout:
    """Where each kind of parameter lies in the one vector that all steps share.

    Attributes
    ----------
    intervals, stages, maps : int
        How many there are of each.
    """

    intervals: int
    stages: int
    maps: int

    @property
    def sizes(self) -> tuple[int, ...]:
        """(a, missing, b), c, a_s, g, h, t."""
        return 3, self.intervals, self.stages, len(DIMENSIONS), self.stages * len(DIMENSIONS), self.maps

    def split(self, theta: np.ndarray) -> list[np.ndarray]:
        return np.split(theta, np.cumsum(self.sizes)[:-1])

    def spread(self, *values: float) -> np.ndarray:
        """One vector that holds each value for all parameters of its kind."""
        return np.repeat(np.array(values, float), self.sizes)

    def opened(self, step: Step) -> np.ndarray:
        """Flags of the parameters that a step fits; the others stay at 0."""
        return self.spread(0, 0, 1, 2, 2, 3) <= STEPS.index(step)

    def tilts(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Factors of the stage weights (stages, 4) and of the maps' weights (maps,)."""
        *_, shared, own, signal = self.split(theta)
        return np.exp(shared + own.reshape(self.stages, -1)), np.exp(signal)


@dataclass(frozen=True)
class Problem:
    """The penalised likelihood of hazard rows given the health score.

    Attributes
    ----------
    scored : Scored
        The score's arithmetic on the snapshots.
    snapshot, interval : ndarray of int, shape (m,)
        Of each hazard row: its snapshot and its interval.
    churned : ndarray of float, shape (m,)
        1 or 0.
    event_weight : float
        Of a row, so that every churn counts once.
    layout : Layout
        Of the parameters.
    """

    scored: Scored
    snapshot: np.ndarray
    interval: np.ndarray
    churned: np.ndarray
    event_weight: float
    layout: Layout

    @classmethod
    def of(
        cls,
        frame: pd.DataFrame,
        framework: Framework,
        intervals: Intervals,
        snapshot: np.ndarray,
        rows: HazardRows,
        events: int,
    ) -> Problem:
        """Of the snapshots of `frame`: `snapshot` (m,) is the row of each hazard row, `events` the distinct churns."""
        layout = Layout(intervals.count, len(framework.stages), len(framework.health_maps))
        event_weight = events / rows.churned.sum()
        return cls(Scored.of(frame, framework), snapshot, rows.interval, rows.churned, event_weight, layout)

    def start(self) -> np.ndarray:
        """The mean rate, and published weights."""
        theta = self.layout.spread(0, 0, 0, 0, 0, 0)
        rate = self.churned.mean()
        theta[0], theta[2] = np.log(rate / (1 - rate)), 0.3
        return theta

    @property
    def penalty(self) -> np.ndarray:
        out = self.layout.spread(1e-6, LEVEL_SD**-2, LEVEL_SD**-2, SHARED_SD**-2, OWN_SD**-2, SIGNAL_SD**-2)
        out[1] = LEVEL_SD**-2
        return out

    def by_snapshot(self, values: np.ndarray) -> np.ndarray:
        """Sums of a value of each row by snapshot and interval; (n, K)."""
        shape = len(self.scored.stage), self.layout.intervals
        return np.bincount(self.snapshot * shape[1] + self.interval, values, shape[0] * shape[1]).reshape(shape)

    def log_odds(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(log-odds (m,), their slopes (n, parameters) but by c, which are 1 in the row's interval)."""
        tilt, own = self.layout.tilts(theta)
        stage_weights, map_weights = published(self.scored.framework)
        health, by_stage, by_map = self.scored.health(stage_weights * tilt, map_weights * own)
        first, c, intercepts, *_ = self.layout.split(theta)
        x, none = points_of(health), np.isnan(health).astype(float)
        row = first[0] + first[1] * none - first[2] * x + intercepts[self.scored.stage]
        of_stage = np.eye(self.layout.stages)[self.scored.stage]
        moved = -first[2] / POINTS * by_stage
        own_moved = (of_stage[:, :, None] * moved[:, None, :]).reshape(len(x), -1)
        columns = (
            np.stack([np.ones(len(x)), none, -x], axis=1),
            np.zeros((len(x), len(c))),
            of_stage,
            moved,
            own_moved,
        )
        slopes = np.concatenate([*columns, -first[2] / POINTS * by_map], axis=1)
        return row[self.snapshot] + c[self.interval], slopes

    def gradient(self, residual: np.ndarray, slopes: np.ndarray) -> np.ndarray:
        out = residual.sum(axis=1) @ slopes
        self.layout.split(out)[1][:] = residual.sum(axis=0)
        return out

    def fit(self, start: np.ndarray, step: Step) -> np.ndarray:
        """The step's parameters, L-BFGS-B with b >= 0."""
        from scipy.optimize import minimize  # half a second to import, which predicting can do without

        free = self.layout.opened(step)
        penalty = self.penalty

        def objective(opened: np.ndarray) -> tuple[float, np.ndarray]:
            theta = start.copy()
            theta[free] = opened
            z, slopes = self.log_odds(theta)
            loss = self.event_weight * log_loss_rows(z, self.churned).sum() + 0.5 * (penalty * theta**2).sum()
            gradient = self.gradient(self.by_snapshot(self.event_weight * (expit(z) - self.churned)), slopes)
            return float(loss), (gradient + penalty * theta)[free]

        bounds = [(0.0 if number == 2 else None, None) for number in np.flatnonzero(free)]
        options = {"maxiter": 500, "ftol": 1e-10, "gtol": 1e-4}
        solution = minimize(objective, start[free], jac=True, method="L-BFGS-B", bounds=bounds, options=options)
        theta = start.copy()
        theta[free] = solution.x
        return theta

    def drawn(self, theta: np.ndarray, step: Step, account: np.ndarray, draws: int, seed: int) -> np.ndarray:
        """(draws, parameters): where one Newton step leads when accounts are drawn anew."""
        z, slopes = self.log_odds(theta)
        p = expit(z)
        weight = self.by_snapshot(self.event_weight * p * (1 - p))
        free = self.layout.opened(step)
        hessian = np.diag(self.penalty) + slopes.T @ (slopes * weight.sum(axis=1)[:, None])
        of_c = slice(3, 3 + self.layout.intervals)
        hessian[of_c, :] += weight.T @ slopes
        hessian[:, of_c] += slopes.T @ weight
        hessian[of_c, of_c] += np.diag(weight.sum(axis=0))
        residual = self.by_snapshot(self.event_weight * (p - self.churned))
        own = slopes * residual.sum(axis=1)[:, None]
        own[:, of_c] = residual
        from scipy import sparse  # a third of a second to import, which predicting can do without

        counted = sparse.csr_matrix((np.ones(len(account)), (account, np.arange(len(account)))))
        scores = counted @ own
        rng = np.random.default_rng(seed)
        out = np.tile(theta, (draws, 1))
        for number in range(draws):
            times = np.bincount(rng.integers(len(scores), size=len(scores)), minlength=len(scores))
            moved = (times - 1.0) @ scores
            out[number, free] -= np.linalg.solve(hessian[np.ix_(free, free)], moved[free])
        return out
