"""What a set of predictions is worth: plain functions of outcomes `y` (0 or 1) and probabilities `p`.

Rows are scorings (account, as_of) whose window has passed. Nothing here knows of resampling (see bootstrap.py) or of
presentation. A figure that the rows cannot support is refused by name, never returned as a guess. Beside these stand
capacity.py (what a limited number of accounts worked on would have reached), business_value.py, stability.py,
fairness.py and concordance.py; registry.py lists the single figures.
"""

from __future__ import annotations

import numpy as np

from evaluation.metrics.validation import Array, checked

TOO_GOOD_AUC = 0.97  # out of time; from it on a signal is more likely to know the outcome than to foretell it


def auc(y: Array, p: Array) -> float:
    """Chance that a row that churned was ranked above a row that stayed; ties count half.

    From .97 up it is an alarm, not a success: look for a leak.

    Parameters
    ----------
    y : array, (n,)
        Outcomes, 0 or 1.
    p : array, (n,)
        Probabilities, or any score that rises with risk.

    Returns
    -------
    float
        0-1, higher is better; .5 is chance.

    Raises
    ------
    MetricRefused
        Without a row of each class.

    References
    ----------
    Mann and Whitney (1947): their statistic over the number of pairs.

    Examples
    --------
    >>> auc([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.8])      # of 4 pairs: 3 right, 1 tied
    0.875
    """
    y, p = checked("auc", y, p, probability=False)
    # Not sklearn's roc_auc_score: it adds up areas, and differs in the last bit in a third of random cases.
    _, group, ties = np.unique(p, return_inverse=True, return_counts=True)
    rank = (np.cumsum(ties) - (ties - 1) / 2)[group]
    churned, stayed = y.sum(), (1 - y).sum()
    return float((rank[y == 1].sum() - churned * (churned + 1) / 2) / (churned * stayed))


def average_precision(y: Array, p: Array) -> float:
    """Precision averaged over the churned rows, each at its own threshold: area under precision and recall.

    Parameters
    ----------
    y : array, (n,)
        Outcomes, 0 or 1.
    p : array, (n,)
        Probabilities, or any score that rises with risk.

    Returns
    -------
    float
        0-1, higher is better; chance gives the churn rate.

    Raises
    ------
    MetricRefused
        Without a row of each class.

    Examples
    --------
    >>> average_precision([1, 0, 1, 0], [0.9, 0.8, 0.7, 0.1])      # (1/1 + 2/3) / 2
    0.8333333333333333
    """
    y, p = checked("average_precision", y, p, probability=False)
    # Not sklearn's average_precision_score: it adds up in another order, and differs in the last bit in most cases.
    _, group = np.unique(-p, return_inverse=True)
    churned, rows = np.bincount(group, y), np.bincount(group)
    return float((churned * np.cumsum(churned) / np.cumsum(rows)).sum() / churned.sum())


def brier(y: Array, p: Array) -> float:
    """Brier score: mean squared distance of the probability from the outcome.

    Parameters
    ----------
    y : array, (n,)
        Outcomes, 0 or 1.
    p : array, (n,)
        Probabilities, 0-1.

    Returns
    -------
    float
        0-1, lower is better; always saying the churn rate r gives r (1 - r).

    Raises
    ------
    MetricRefused
        Without a row of each class.

    References
    ----------
    Brier (1950), Verification of forecasts expressed in terms of probability.

    Examples
    --------
    >>> round(brier([1, 0], [0.8, 0.4]), 12)      # (.04 + .16) / 2
    0.1
    """
    y, p = checked("brier", y, p)
    # Not sklearn's brier_score_loss: it sums both classes and halves, and differs in the last bit in a tenth of cases.
    return float(np.mean((p - y) ** 2))


def log_losses(y: Array, p: Array) -> Array:
    """Each row's -log(probability of what happened).

    Parameters
    ----------
    y : array, (n,)
        Outcomes, 0 or 1.
    p : array, (n,)
        Probabilities, kept 2e-16 off 0 and 1.

    Returns
    -------
    array, (n,)
        In nats, from 0 up.
    """
    p = np.clip(np.asarray(p, dtype=float), np.finfo(float).eps, 1 - np.finfo(float).eps)
    return np.asarray(-np.log(np.where(np.asarray(y) == 1, p, 1 - p)))


def log_loss(y: Array, p: Array) -> float:
    """Mean of -log(probability of what happened); a sure error costs most.

    Parameters
    ----------
    y : array, (n,)
        Outcomes, 0 or 1.
    p : array, (n,)
        Probabilities, 0-1.

    Returns
    -------
    float
        In nats, from 0 up; lower is better.

    Raises
    ------
    MetricRefused
        Without a row of each class.

    Examples
    --------
    >>> round(log_loss([1, 0], [0.5, 0.5]), 4)
    0.6931
    """
    from sklearn import metrics  # here, since its import takes longer than most commands

    y, p = checked("log_loss", y, p)
    return float(metrics.log_loss(y, p))
