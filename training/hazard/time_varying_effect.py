"""How far what is seen today tells of the months ahead: one factor an interval on the log-odds that it makes.

A signal of today says more about the next month than about the sixth. A hazard model whose effects are the same in
every interval takes their mean: it is too timid about the first intervals, which the short horizons are made of, and
too bold about the last (a time-varying effect, Cox 1972, of one parameter that all signals share). With c_k the
position of interval k less the churns' mean position, in shares of all K intervals,

    log-odds_k = level_k + (1 + gamma c_k) deviation,

fitted on training rows; a prior of variance 1 holds gamma near 0 where churns are few.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.optim import WeightedRows, penalised_logistic

L2 = 1.0  # on gamma, and on each interval's shift
LEAST = 0.2  # of a factor: what is seen today never counts for nothing, or for the opposite
STEPS = 25
EXACT = 1e-12


@dataclass(frozen=True)
class _Intervals(WeightedRows):
    """Rows whose log-odds are moved by a shift of their interval, and by gamma times `slope` (m,)."""

    constant: np.ndarray
    interval: np.ndarray
    slope: np.ndarray
    count: int

    def log_odds(self, theta: np.ndarray) -> np.ndarray:
        return np.asarray(self.constant + theta[self.interval] + theta[self.count] * self.slope)

    def slopes(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        interval, slope, count = self.interval, self.slope, self.count
        # The weight enters row by row: taken out of the sums, it would change the factors' last bits.
        residual, weight = self.event_weight * (p - self.churned), self.event_weight * p * (1.0 - p)
        curvature = np.diag(np.append(np.bincount(interval, weight, count), weight @ slope**2))
        curvature[count, :count] = curvature[:count, count] = np.bincount(interval, weight * slope, count)
        return np.append(np.bincount(interval, residual, count), residual @ slope), curvature


def fit_effect_decay(
    log_odds: np.ndarray,
    deviation: np.ndarray,
    interval: np.ndarray,
    churned: np.ndarray,
    event_weight: float,
    count: int,
) -> tuple[np.ndarray, np.ndarray]:
    """(factor of each interval, shift of its level); each (count,), by Newton's method.

    `log_odds` (m,) of hazard rows, of which `deviation` (m,) is the part whose effect may decay, `interval` (m,) the
    interval of each; `event_weight` is the weight of a row.
    """
    churns = np.bincount(interval, weights=churned, minlength=count)
    number = np.arange(count)
    position = (number - float(churns @ number) / max(float(churns.sum()), 1.0)) / count
    rows = _Intervals(churned, event_weight, log_odds, interval, position[interval] * deviation, count)
    # Shifts, then gamma.
    theta, _ = penalised_logistic(rows, np.full(count + 1, L2), np.zeros(count + 1), STEPS, EXACT)
    return np.maximum(1.0 + theta[count] * position, LEAST), theta[:count]
