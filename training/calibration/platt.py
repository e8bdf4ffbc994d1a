"""Calibrators of the hazard log-odds, fitted on out-of-time predictions of purged rolling origins.

One calibrator moves every interval's log-odds z to z + a + c (z - m) with m the mean of z (Platt 1999, centred), plus,
with enough churns, an intercept and slope of its own for each lifecycle stage, partially pooled by a ridge. Working on
the hazard keeps the horizons coherent: whatever a and c are, survival still falls from one interval to the next.
The likelihood counts each churn once, however many snapshots and intervals saw it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from scipy.special import expit

from configs.errors import DataError, Fault
from training.calibration.level_shift import LevelShift
from training.hazard import log_loss_rows
from training.optim import WeightedRows, penalised_logistic

Method = Literal["none", "shrunken_platt", "stage_platt"]
UNCALIBRATED_BELOW = 50  # churned accounts
STAGES_FROM = 200
RIDGE = 8.0
MIN_SLOPE = 0.05
GATE_Z = 1.0
MIN_SPAN_DAYS = 270  # of the origins: over less of a year a season would be taken for an error of the level
DRAWS = 32
LEFT = ": probabilities left uncalibrated"


@dataclass(frozen=True)
class OutOfTime:
    """Hazard rows predicted by models that were fitted before their snapshots.

    Attributes
    ----------
    log_odds, churned : ndarray of float, shape (m,)
        Uncalibrated, and what happened: 1 or 0.
    stage, account : ndarray of object, shape (m,)
        Of the snapshot.
    origin : ndarray of float, shape (m,)
        When the predicting model was fitted, days since 1970.
    churn_id : ndarray of str, shape (m,)
        Account and moment of the churn, "" without one.
    """

    log_odds: np.ndarray
    churned: np.ndarray
    stage: np.ndarray
    account: np.ndarray
    origin: np.ndarray
    churn_id: np.ndarray  # account and moment of the churn as text, "" without one

    def __len__(self) -> int:
        return len(self.churned)

    def take(self, keep: np.ndarray) -> OutOfTime:
        return OutOfTime(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))

    @property
    def churns(self) -> int:
        return len(np.unique(self.churn_id[self.churned > 0]))

    @property
    def churned_accounts(self) -> int:
        return len(np.unique(self.account[self.churned > 0]))


@dataclass(frozen=True)
class Calibrator:
    """Moves log-odds z to z + a + c (z - center), with (a, c) = (intercept, slope) + the stage's own.

    Attributes
    ----------
    method : {"none", "shrunken_platt", "stage_platt"}
        How it was fitted.
    center : float
        Mean log-odds of the rows that fitted it.
    intercept, slope : float
        a and c of all stages.
    stages : tuple of str
        With a part of their own.
    stage_intercepts, stage_slopes : ndarray of float, shape (stages,)
        Those parts.
    draws : ndarray of float, shape (DRAWS, 2 + 2 stages)
        Of the parameters' sampling error.
    log : dict
        How it was chosen.
    level_shift : float
        What the level has moved by since these outcomes (level_shift.py).

    References
    ----------
    J. C. Platt (1999), "Probabilistic outputs for support vector machines".
    """

    method: Method
    center: float
    intercept: float
    slope: float
    stages: tuple[str, ...]
    stage_intercepts: np.ndarray
    stage_slopes: np.ndarray
    draws: np.ndarray
    log: dict[str, Any]
    level_shift: float = 0.0

    @property
    def version(self) -> str:
        """Twelve hex digits of what moves a probability: a renewed calibration has another one."""
        body = {key: value for key, value in self.to_json().items() if key != "log"}
        return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:12]

    def lines(self, stage: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(intercept, slope) of each row, so that calibrated = intercept + slope * z; slopes are above 0; each (n,).

        A stage not seen in fitting gets the pooled line.
        """
        place = self._places(stage)
        a = self.intercept + np.append(self.stage_intercepts, 0.0)[place]
        c = self.slope + np.append(self.stage_slopes, 0.0)[place]
        slope = np.maximum(1.0 + c, MIN_SLOPE)
        return a - (slope - 1.0) * self.center + self.level_shift, slope

    def pooled_line(self) -> tuple[float, float]:
        """The line without any stage's own part: where the base of an explanation stands."""
        slope = max(1.0 + self.slope, MIN_SLOPE)
        return self.intercept - (slope - 1.0) * self.center + self.level_shift, slope

    def with_level_shift(self, found: LevelShift, seed: int) -> Calibrator:
        """The same, with the level moved by a step, whose own sampling error joins the draws."""
        if not found.shift:
            return replace(self, log={**self.log, "level_shift": found.facts})
        draws = self.draws.copy()
        draws[:, 0] += found.error * np.random.default_rng(seed + 2).standard_normal(DRAWS)
        return replace(self, level_shift=found.shift, draws=draws, log={**self.log, "level_shift": found.facts})

    def apply(self, log_odds: np.ndarray, stage: np.ndarray) -> np.ndarray:
        """Calibrated hazard log-odds; (n, K) or (n,) like `log_odds`. The order within a stage is kept."""
        intercept, slope = self.lines(stage)
        if log_odds.ndim == 1:
            return intercept + slope * log_odds
        return intercept[:, None] + slope[:, None] * log_odds

    def spread(self, log_odds: np.ndarray, stage: np.ndarray) -> np.ndarray:
        """Draws of the sampling error of `apply`; (DRAWS, n, K). Zero where nothing was fitted."""
        if not self.draws.any():
            return np.zeros((DRAWS, *log_odds.shape))
        place = self._places(stage)
        s = len(self.stages)
        own = np.concatenate([self.draws[:, 2 : 2 + s], np.zeros((DRAWS, 1))], axis=1)[:, place]
        tilt = np.concatenate([self.draws[:, 2 + s :], np.zeros((DRAWS, 1))], axis=1)[:, place]
        level, slope = self.draws[:, 0:1] + own, self.draws[:, 1:2] + tilt
        return level[:, :, None] + slope[:, :, None] * (log_odds - self.center)[None, :, :]

    def _places(self, stage: np.ndarray) -> np.ndarray:
        known = {name: number for number, name in enumerate(self.stages)}
        return np.array([known.get(str(name), len(self.stages)) for name in stage], dtype=np.int64)

    def to_json(self) -> dict[str, Any]:
        body = {name: getattr(self, name) for name in ("method", "center", "intercept", "slope", "level_shift", "log")}
        arrays = {name: getattr(self, name).tolist() for name in ("stage_intercepts", "stage_slopes", "draws")}
        return {**body, "stages": list(self.stages), **arrays}

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> Calibrator:
        arrays = {name: np.array(body[name], float) for name in ("stage_intercepts", "stage_slopes", "draws")}
        return cls(**{**body, **arrays, "stages": tuple(body["stages"])})


def identity(**log: Any) -> Calibrator:
    """The calibrator that changes nothing.

    Returns
    -------
    Calibrator
        Of method "none"; the keywords become its log.
    """
    none = np.zeros(0)
    return Calibrator("none", 0.0, 0.0, 0.0, (), none, none, np.zeros((DRAWS, 2)), log)


def method_for(churned_accounts: int) -> Method:
    """By the number of churned accounts among the out-of-time rows, as measured in docs/methods.md.

    >>> [method_for(n) for n in (49, 50, 200)]
    ['none', 'shrunken_platt', 'stage_platt']
    """
    if churned_accounts < UNCALIBRATED_BELOW:
        return "none"
    return "shrunken_platt" if churned_accounts < STAGES_FROM else "stage_platt"


@dataclass(frozen=True)
class _Lines(WeightedRows):
    """Rows whose log-odds are moved by columns x (n, m) times the coefficients."""

    uncalibrated: np.ndarray
    x: np.ndarray

    def log_odds(self, theta: np.ndarray) -> np.ndarray:
        return np.asarray(self.uncalibrated + self.x @ theta)

    def slopes(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x, weight = self.x, self.event_weight
        return weight * (x.T @ (p - self.churned)), weight * (x.T @ (x * (p * (1 - p))[:, None]))


def fit_calibrator(rows: OutOfTime, method: Method, seed: int) -> Calibrator:
    """Penalised maximum likelihood by Newton's method; DataError when the rows have one class only."""
    if method == "none":
        return identity()
    total = float(rows.churned.sum())
    if total in (0.0, float(len(rows))):
        raise DataError(
            Fault(
                "calibration",
                f"{total:g} churned of {len(rows)} rows",
                "rows of both classes",
                "calibrate on more rows",
            )
        )
    stages = tuple(sorted({str(one) for one in rows.stage})) if method == "stage_platt" else ()
    event_weight = rows.churns / total
    center = float(rows.log_odds.mean())
    deviation = rows.log_odds - center
    columns = [np.ones(len(rows)), deviation]
    columns += [(rows.stage == name).astype(float) for name in stages]
    columns += [(rows.stage == name) * deviation for name in stages]
    x = np.stack(columns, axis=1)
    penalty = np.full(x.shape[1], RIDGE)
    if stages:
        penalty[:2] = 1e-6

    likelihood = _Lines(rows.churned, event_weight, rows.log_odds, x)
    theta, hessian = penalised_logistic(likelihood, penalty, np.zeros(x.shape[1]), 50, 1e-10)
    codes, of_account = np.unique(rows.account, return_inverse=True)
    scores = np.zeros((len(codes), len(theta)))
    np.add.at(scores, of_account, x * (event_weight * (expit(rows.log_odds + x @ theta) - rows.churned))[:, None])
    multipliers = np.random.default_rng(seed + 1).standard_normal((DRAWS, len(codes)))
    draws = np.linalg.solve(hessian, (multipliers @ scores).T).T
    s = len(stages)
    return Calibrator(
        method, center, float(theta[0]), float(theta[1]), stages, theta[2 : 2 + s], theta[2 + s :], draws, {}
    )


def clustered_z(gain: np.ndarray, account: np.ndarray) -> float:
    """Mean gain over its account-clustered standard error; 0 when nothing varies.

    Parameters
    ----------
    gain : ndarray of float, shape (m,)
        Of each row.
    account : ndarray, shape (m,)
        By which rows hang together.

    Returns
    -------
    float
        Above 0 for a gain.

    References
    ----------
    K.-Y. Liang, S. L. Zeger (1986), "Longitudinal data analysis using generalized linear models".

    Examples
    --------
    >>> round(clustered_z(np.array([1.0, 1.0, 3.0]), np.array(["a", "a", "b"])), 3)
    2.652
    """
    _, of_account = np.unique(account, return_inverse=True)
    sums = np.bincount(of_account, weights=gain)
    sizes = np.bincount(of_account).astype(float)
    residual = sums - gain.mean() * sizes
    error = float(np.sqrt((residual**2).sum()))
    return float(gain.sum()) / error if error > 0 else 0.0


def choose_calibrator(rows: OutOfTime, seed: int) -> Calibrator:
    """The gate: adopted only if, fitted on the older origins, it betters the newest origin's log loss by z >= GATE_Z.

    Adopted or not, `log` says what was found. An adopted one is refitted on all the rows.

    Parameters
    ----------
    rows : OutOfTime
        Of several origins.
    seed : int
        Of the draws.

    Returns
    -------
    Calibrator
        Refitted on all rows where it passed the gate, else the identity; its log says why.
    """
    accounts = rows.churned_accounts
    facts: dict[str, Any] = {"rows": len(rows), "churned_accounts": accounts, "candidate": method_for(accounts)}
    facts["origins"] = len(np.unique(rows.origin))
    method = method_for(accounts)
    if method == "none":
        return identity(
            **facts,
            why=f"fewer than {UNCALIBRATED_BELOW} churned accounts out of time: probabilities left uncalibrated",
        )
    span_days = float(rows.origin.max() - rows.origin.min())
    facts["span_days"] = span_days
    if span_days < MIN_SPAN_DAYS:
        return identity(**facts, why=f"origins span {span_days:.0f} days, under {MIN_SPAN_DAYS}{LEFT}")
    newest = rows.origin == rows.origin.max()
    older, newer = rows.take(~newest), rows.take(newest)
    if len(older) == 0 or older.churned.sum() in (0, len(older)) or newer.churned.sum() == 0:
        return identity(**facts, why=f"too few out-of-time origins to test a calibrator{LEFT}")
    trial = fit_calibrator(older, method, seed)
    after = log_loss_rows(trial.apply(newer.log_odds, newer.stage), newer.churned)
    gain = log_loss_rows(newer.log_odds, newer.churned) - after
    z = clustered_z(gain, newer.account)
    facts |= {"gate_z": z, "gate_gain": float(gain.mean())}
    if z < GATE_Z:
        return identity(**facts, why=f"no better on the newest origin (z {z:.2f}){LEFT}")
    fitted = fit_calibrator(rows, method, seed)
    return Calibrator(**{**vars(fitted), "log": {**facts, "why": f"better on the newest origin (z {z:.2f})"}})
