"""What a set of predictions is worth: plain functions of outcomes `y` (0 or 1) and probabilities `p`.

Rows are scorings (account, as_of) whose window has passed. Nothing here knows of resampling (see uncertainty.py) or of
presentation. A figure that the rows cannot support is refused by name, never returned as a guess. Beside these stand
capacity.py (what a limited number of accounts worked on would have reached), money.py, stability.py, fairness.py and
concordance.py; registry.py lists the single figures.
"""

from __future__ import annotations

import numpy as np

from evaluation.metrics.validation import Array, checked


def auc(y: Array, p: Array) -> float:
    """Chance that a row that churned was ranked above a row that stayed; ties count half (Mann-Whitney).

    Range 0-1, higher is better; .5 is chance. Above about .98 it is an alarm, not a success: look for a leak.
    `p` may be any score that rises with risk. Raises MetricRefused without a row of each class.

    >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.8])      # of 4 pairs: 3 right, 1 tied
    0.875
    """
    y, p = checked("auc", y, p, probability=False)
    _, place, ties = np.unique(p, return_inverse=True, return_counts=True)
    rank = (np.cumsum(ties) - (ties - 1) / 2)[place]
    churned, stayed = y.sum(), (1 - y).sum()
    return float((rank[y == 1].sum() - churned * (churned + 1) / 2) / (churned * stayed))


def average_precision(y: Array, p: Array) -> float:
    """Precision averaged over the churned rows, each taken at its own threshold: area under precision and recall.

    Range 0-1, higher is better; chance gives the churn rate. Raises MetricRefused without a row of each class.

    >>> average_precision([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1])      # (1/1 + 2/3) / 2
    0.8333333333333333
    """
    y, p = checked("average_precision", y, p, probability=False)
    _, place = np.unique(-p, return_inverse=True)
    churned, rows = np.bincount(place, y), np.bincount(place)
    return float((churned * np.cumsum(churned) / np.cumsum(rows)).sum() / churned.sum())


def brier(y: Array, p: Array) -> float:
    """Mean squared distance of the probability from what happened. Range 0-1, lower is better.

    Always saying the churn rate r gives r (1 - r). Raises MetricRefused without a row of each class.

    >>> round(brier([1, 0], [0.8, 0.4]), 12)      # (.04 + .16) / 2
    0.1
    """
    y, p = checked("brier", y, p)
    return float(np.mean((p - y) ** 2))


def log_losses(y: Array, p: Array) -> Array:
    """Each row's -log(probability of what happened), in nats, (n,); probabilities kept 2e-16 off 0 and 1."""
    p = np.clip(np.asarray(p, dtype=float), np.finfo(float).eps, 1 - np.finfo(float).eps)
    return np.asarray(-np.log(np.where(np.asarray(y) == 1, p, 1 - p)))


def log_loss(y: Array, p: Array) -> float:
    """Mean of -log(probability of what happened), in nats. From 0 up, lower is better; a sure error costs most.

    Raises MetricRefused without a row of each class.

    >>> round(log_loss([1, 0], [0.5, 0.5]), 4)
    0.6931
    """
    y, p = checked("log_loss", y, p)
    return float(log_losses(y, p).mean())
