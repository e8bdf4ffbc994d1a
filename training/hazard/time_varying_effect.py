"""How far what is seen today tells of the months ahead: one factor an interval on the log-odds that it makes.

A signal of today says more about the next month than about the sixth. A hazard model whose effects are the same in
every interval takes their mean: it is too timid about the first intervals, which the short horizons are made of, and
too bold about the last (a time-varying effect, Cox 1972, of one parameter that all signals share). With c_k the place
of interval k less the churns' mean place, in shares of all K intervals,

    log-odds_k = level_k + (1 + gamma c_k) deviation,

fitted on training rows; a prior of variance 1 holds gamma near 0 where churns are few.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from training.hazard.discrete_time import log_loss_rows
from training.optim import minimised

L2 = 1.0  # on gamma, and on each interval's shift
LEAST = 0.2  # of a factor: what is seen today never counts for nothing, or for the opposite
STEPS = 25
EXACT = 1e-12


def fit_effect_decay(
    log_odds: np.ndarray,
    deviation: np.ndarray,
    interval: np.ndarray,
    churned: np.ndarray,
    event_weight: float,
    count: int,
) -> tuple[np.ndarray, np.ndarray]:
    """(factor of each interval, shift of its level); each (count,), by Newton's method.

    `log_odds` (m,) of hazard rows, of which `deviation` (m,) is the part whose effect may decay, `interval` (m,) their
    places; `event_weight` is the weight of a row.
    """
    churns = np.bincount(interval, weights=churned, minlength=count)
    at = np.arange(count)
    place = (at - float(churns @ at) / max(float(churns.sum()), 1.0)) / count
    slope = place[interval] * deviation

    def moved(found: np.ndarray) -> np.ndarray:
        return np.asarray(log_odds + found[interval] + found[count] * slope)

    def loss(found: np.ndarray) -> float:
        return event_weight * float(log_loss_rows(moved(found), churned).sum()) + 0.5 * L2 * float((found**2).sum())

    def slopes(found: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p = expit(moved(found))
        residual, weight = event_weight * (p - churned), event_weight * p * (1.0 - p)
        curvature = np.diag(L2 + np.append(np.bincount(interval, weight, count), weight @ slope**2))
        curvature[count, :count] = curvature[:count, count] = np.bincount(interval, weight * slope, count)
        return L2 * found + np.append(np.bincount(interval, residual, count), residual @ slope), curvature

    found, _ = minimised(loss, slopes, np.zeros(count + 1), STEPS, EXACT)  # shifts, then gamma
    return np.maximum(1.0 + found[count] * place, LEAST), found[:count]
