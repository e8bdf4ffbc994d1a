"""What performance to expect before the labels arrive, from the probabilities alone; graded once they have arrived.

If every probability is right, the outcomes are coin tosses with those chances, and every figure follows from them. That
is the whole assumption: an estimate says nothing of a model whose probabilities have gone wrong, which is why each one
is kept and graded, and why the level is watched beside it (evaluation/metrics/observed_expected.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from configs.errors import DataError, Fault
from evaluation.metrics import scores
from evaluation.metrics.bootstrap import Interval
from evaluation.metrics.validation import Array

DRAWS = 500
BLOCK = 20_000_000  # outcomes drawn at a time


@dataclass(frozen=True)
class Expected:
    """Performance to expect of rows without outcomes; 95 of 100 later truths lie in the intervals if every p is right.

    Attributes
    ----------
    rows : int
        How many were estimated.
    churns : float
        Expected number of churned rows: the sum of p.
    auc, brier, log_loss : Interval
        Expected figures; log loss in nats.
    """

    rows: int
    churns: float
    auc: Interval
    brier: Interval
    log_loss: Interval


@dataclass(frozen=True)
class Graded:
    """An estimate of the AUC beside the truth that came later.

    Attributes
    ----------
    estimated, low, high : float
        The AUC that was expected and its 95 % interval, 0-1.
    true : float
        The AUC of the outcomes, 0-1.
    error : float
        Estimated less true AUC.
    within : bool
        Whether the truth fell inside the interval.
    """

    estimated: float
    low: float
    high: float
    true: float
    error: float
    within: bool


def expected_auc(p: Array) -> float:
    """Chance that, with outcomes as p says, one that churns is ranked above one that stays; ties count half.

    The ratio of the expected number of such pairs to that of all pairs of one that churns and one that stays, each row
    against every other: a row is no pair with itself. p: (n,). DataError when no such pair can be expected.

    >>> round(expected_auc(np.array([0.9, 0.1])), 3)      # .81 of .82 pairs are in order
    0.988
    """
    p = _checked(p)
    _, group = np.unique(p, return_inverse=True)
    stay_at, churn_at = np.bincount(group, 1 - p), np.bincount(group, p)
    below = np.cumsum(stay_at) - stay_at
    itself = float(p @ (1 - p))
    won = float(churn_at @ (below + stay_at / 2)) - itself / 2
    return won / (float(p.sum() * (1 - p).sum()) - itself)


def expect(p: Array, accounts: Array, draws: int = DRAWS, seed: int = 7) -> Expected:
    """Performance to expect of rows before their outcomes are known, from the probabilities alone.

    Outcomes are drawn by account: the rows of one that churns churn together, which is what makes few accounts with
    many rows uncertain.

    Parameters
    ----------
    p : array, (n,)
        Probabilities, 0-1.
    accounts : array, (n,)
        Each row's account.
    draws, seed : int
        How many sets of outcomes are drawn, and the seed of the draws.

    Returns
    -------
    Expected
        Figures with 95 % intervals.

    Raises
    ------
    DataError
        When no churn or no stay can be expected, or these are no probabilities of two rows and more.
    """
    p = _checked(p)
    order = np.argsort(p, kind="stable")
    p = p[order]
    _, code = np.unique(np.asarray(accounts)[order], return_inverse=True)
    _, group, ties = np.unique(p, return_inverse=True, return_counts=True)
    rank = (np.cumsum(ties) - (ties - 1) / 2)[group]
    clipped = np.clip(p, np.finfo(float).eps, 1 - np.finfo(float).eps)
    stayed_loss, churn_loss = -np.log1p(-clipped), -np.log(clipped) + np.log1p(-clipped)
    random = np.random.default_rng(seed)
    figures: list[Array] = []
    step = max(1, BLOCK // p.size)
    for start in range(0, draws, step):
        luck = random.random((min(step, draws - start), int(code.max()) + 1))
        y = (luck[:, code] < p).astype(float)
        churned = y.sum(axis=1)
        pairs = churned * (p.size - churned)
        won = y @ rank - churned * (churned + 1) / 2
        auc = np.divide(won, pairs, out=np.full(churned.size, np.nan), where=pairs > 0)
        brier = (float(p @ p) + y @ (1 - 2 * p)) / p.size
        figures.append(np.array([auc, brier, (stayed_loss.sum() + y @ churn_loss) / p.size]))
    auc, brier, log_loss = np.concatenate(figures, axis=1)
    entropy = float((stayed_loss + p * churn_loss).mean())
    return Expected(
        rows=p.size,
        churns=float(p.sum()),
        auc=_around(expected_auc(p), auc[~np.isnan(auc)]),
        brier=_around(float((p * (1 - p)).mean()), brier),
        log_loss=_around(entropy, log_loss),
    )


def _around(value: float, drawn: Array) -> Interval:
    low, high = np.quantile(drawn, (0.025, 0.975))
    return Interval(value, float(low), float(high))


def grade(expected: Expected, y: Array, p: Array) -> Graded:
    """The estimate of a period beside what its outcomes show.

    Parameters
    ----------
    expected : Expected
        Estimate of these rows (`expect`).
    y : array, (n,)
        Outcomes, 0 or 1.
    p : array, (n,)
        Probabilities, 0-1.

    Returns
    -------
    Graded
        Of the AUC.

    Raises
    ------
    MetricRefused
        Without a row of each class.
    """
    true, auc = scores.auc(y, p), expected.auc
    return Graded(auc.value, auc.low, auc.high, true, auc.value - true, auc.low <= true <= auc.high)


def _checked(p: Any) -> Array:
    p = np.asarray(p, dtype=float)
    if p.ndim == 1 and p.size > 1 and np.isfinite(p).all() and p.min() >= 0 and p.max() <= 1 and 0 < p.sum() < p.size:
        return p
    values = f"{p.size} values" + (f" from {np.min(p):g} to {np.max(p):g}" if p.size else "")
    raise DataError(Fault("expected performance", values, "probabilities of two rows and more", "drop or fix them"))
