"""Calibrators fitted by penalised maximum likelihood on out-of-time predictions of purged rolling origins.

A shrunken Platt line moves all stages alike (Platt 1999); with more churns each lifecycle stage gets an intercept and
slope of its own besides, partially pooled by a ridge. The likelihood counts each churn once, however many snapshots and
intervals saw it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from configs.errors import DataError, Fault
from training.calibration.calibrator import DRAWS, Calibrator
from training.optim import WeightedRows, penalised_logistic

RIDGE = 8.0
NOT_SHRUNK = 1e-6
STEPS, EXACT = 50, 1e-10


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
        When the predicting model was fitted; of a served model's own time (`recalibrate`), the first as_of of each
        quarter. Days since 1970.
    churn_id : ndarray of str, shape (m,)
        Account and moment of the churn, "" without one.
    """

    log_odds: np.ndarray
    churned: np.ndarray
    stage: np.ndarray
    account: np.ndarray
    origin: np.ndarray
    churn_id: np.ndarray

    def __len__(self) -> int:
        return len(self.churned)

    def take(self, keep: np.ndarray) -> OutOfTime:
        return OutOfTime(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))

    @property
    def churns(self) -> int:
        """Distinct churns, however many rows saw each."""
        return len(np.unique(self.churn_id[self.churned > 0]))

    @property
    def churned_accounts(self) -> int:
        """Accounts with a churn in one of the rows."""
        return len(np.unique(self.account[self.churned > 0]))


def fit_shrunken_platt(rows: OutOfTime, seed: int) -> Calibrator:
    """One line for all stages, drawn towards the identity by a ridge; DataError when the rows have one class only."""
    return _fit("shrunken_platt", rows, seed, ())


def fit_stage_platt(rows: OutOfTime, seed: int) -> Calibrator:
    """A line for all stages, from which a ridge lets each stage differ; DataError when the rows have one class only."""
    return _fit("stage_platt", rows, seed, tuple(sorted({str(stage) for stage in rows.stage})))


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


def _fit(method: str, rows: OutOfTime, seed: int, stages: tuple[str, ...]) -> Calibrator:
    """Penalised maximum likelihood by Newton's method; the draws are an account-clustered sandwich's."""
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
    event_weight = rows.churns / total
    center = float(rows.log_odds.mean())
    deviation = rows.log_odds - center
    columns = [np.ones(len(rows)), deviation]
    columns += [(rows.stage == name).astype(float) for name in stages]
    columns += [(rows.stage == name) * deviation for name in stages]
    x = np.stack(columns, axis=1)
    penalty = np.full(x.shape[1], RIDGE)
    if stages:
        penalty[:2] = NOT_SHRUNK
    likelihood = _Lines(rows.churned, event_weight, rows.log_odds, x)
    theta, hessian = penalised_logistic(likelihood, penalty, np.zeros(x.shape[1]), STEPS, EXACT)
    codes, of_account = np.unique(rows.account, return_inverse=True)
    scores = np.zeros((len(codes), len(theta)))
    np.add.at(scores, of_account, x * (event_weight * (expit(rows.log_odds + x @ theta) - rows.churned))[:, None])
    multipliers = np.random.default_rng(seed + 1).standard_normal((DRAWS, len(codes)))
    draws = np.linalg.solve(hessian, (multipliers @ scores).T).T
    s = len(stages)
    return Calibrator(
        method, center, float(theta[0]), float(theta[1]), stages, theta[2 : 2 + s], theta[2 + s :], draws, {}
    )
