"""Whether probabilities are right: calibration error, slope, intercept, and the parts of a Brier score."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from evaluation.metrics.proportions import share_interval
from evaluation.metrics.validation import Array, MetricRefused, checked
from training.optim import penalised_logistic

SLOPE_CHURNS = 20

SLOPE_STEPS = 100


def equal_mass_bins(p: Array, bins: int) -> Array:
    """Bin number 0..bins-1 of each row, (n,): equal shares of rows by rank, tied rows kept together.

    >>> equal_mass_bins([0.1, 0.2, 0.2, 0.9], 2).tolist()
    [0, 1, 1, 1]
    """
    _, group, ties = np.unique(np.asarray(p, dtype=float), return_inverse=True, return_counts=True)
    below = np.cumsum(ties) - ties
    return np.asarray(((below + ties / 2) / ties.sum() * bins).astype(int)[group])


def _bin_sums(y: Array, p: Array, bins: int) -> tuple[Array, Array, Array]:
    bin_of = equal_mass_bins(p, bins)
    rows = np.bincount(bin_of, minlength=bins)
    kept = rows > 0
    return rows[kept], np.bincount(bin_of, y, bins)[kept], np.bincount(bin_of, p, bins)[kept]


def ece(y: Array, p: Array, bins: int = 15) -> float:
    """Expected calibration error: mean distance between predicted and observed churn over equal-mass bins.

    The plain figure: noise alone makes it greater than 0, the more so the fewer the rows.

    Parameters
    ----------
    y : array, (n,)
        Outcomes, 0 or 1.
    p : array, (n,)
        Probabilities, 0-1.
    bins : int
        How many bins to make.

    Returns
    -------
    float
        0-1, lower is better.

    Raises
    ------
    MetricRefused
        Without a row of each class.

    Examples
    --------
    >>> round(ece([0, 1, 1, 1], [0.2, 0.2, 0.9, 0.9], bins=2), 3)      # (|.5 - .2| + |1 - .9|) / 2
    0.2
    """
    y, p = checked("ece", y, p)
    _, churned, predicted = _bin_sums(y, p, bins)
    return float(np.abs(churned - predicted).sum() / y.size)


def ece_debiased(y: Array, p: Array, bins: int = 15) -> float:
    """Expected calibration error less what noise adds to it, as far as can be estimated.

    The outcome of a bin is taken as normal about what was observed, and the mean excess of |distance| is subtracted;
    here in closed form (folded normal). It errs towards too little: of pure noise it takes off about two fifths, and
    rows of one account are taken as independent.

    Parameters
    ----------
    y : array, (n,)
        Outcomes, 0 or 1.
    p : array, (n,)
        Probabilities, 0-1.
    bins : int
        How many bins to make.

    Returns
    -------
    float
        0-1, lower is better.

    Raises
    ------
    MetricRefused
        Without a row of each class.

    References
    ----------
    Kumar, Liang and Ma (2019), Verified uncertainty calibration, section 4.

    Examples
    --------
    >>> ece_debiased([0, 1] * 20, [0.45] * 40, bins=1) < ece([0, 1] * 20, [0.45] * 40, bins=1)
    True
    """
    y, p = checked("ece_debiased", y, p)
    rows, churned, predicted = _bin_sums(y, p, bins)
    gap, share = (churned - predicted) / rows, churned / rows
    spread = np.sqrt(share * (1 - share) / np.maximum(rows - 1, 1)) + 1e-12
    erf = np.array([math.erf(z) for z in gap / (spread * math.sqrt(2))])
    noisy = spread * math.sqrt(2 / math.pi) * np.exp(-(gap**2) / (2 * spread**2)) + gap * erf
    return max(0.0, float(((2 * np.abs(gap) - noisy) * rows).sum() / y.size))


def logit(p: Array) -> Array:
    """log(p / (1 - p)), with p kept within [1e-6, 1 - 1e-6] so that one sure error cannot decide a slope alone."""
    p = np.clip(np.asarray(p, dtype=float), 1e-6, 1 - 1e-6)
    return np.asarray(np.log(p / (1 - p)))


def _sigmoid(z: Array) -> Array:
    """As scipy's expit, from which it differs in the last bit, and so would the slope."""
    return np.asarray(1 / (1 + np.exp(-z)))


@dataclass(frozen=True)
class _Line:
    """Groups of rows of one logit `x` each: how many there are, and how many of them churned; each (n,)."""

    x: Array
    rows: Array
    churned: Array

    def log_odds(self, theta: Array) -> Array:
        return np.asarray(theta[0] + theta[1] * self.x)

    def loss(self, log_odds: Array) -> float:
        return float((self.rows * np.logaddexp(0, log_odds) - self.churned * log_odds).sum())

    def slopes(self, p: Array) -> tuple[Array, Array]:
        x, weight, error = self.x, self.rows * p * (1 - p), self.rows * p - self.churned
        curvature = np.array([[weight.sum(), weight @ x], [weight @ x, (weight * x) @ x]])
        return np.array([error.sum(), error @ x]), curvature + 1e-10 * np.eye(2)


def calibration_slope_intercept(y: Array, p: Array, least: int = SLOPE_CHURNS) -> tuple[float, float]:
    """Slope and intercept of a logistic regression of the outcome on logit p, both fitted together.

    Slope 1 and intercept 0 is right; slope below 1: the probabilities are too extreme, above 1: too timid.

    Parameters
    ----------
    y : array, (n,)
        Outcomes, 0 or 1.
    p : array, (n,)
        Probabilities, 0-1.
    least : int
        Rows of each class below which there is no answer.

    Returns
    -------
    slope, intercept : float
        In log odds; any numbers.

    Raises
    ------
    MetricRefused
        With fewer than `least` rows of a class, a single distinct p, or a p that separates the classes (no finite slope
        exists).

    References
    ----------
    Cox (1958), Two further applications of a model for binary regression.

    Examples
    --------
    >>> y, p = [1] * 25 + [0] * 75 + [1] * 75 + [0] * 25, [0.1] * 100 + [0.9] * 100
    >>> slope, intercept = calibration_slope_intercept(y, p)
    >>> round(slope, 3), round(abs(intercept), 3)      # log(3) / log(9): twice as extreme as it should be
    (0.5, 0.0)
    """
    y, p = checked("calibration_slope", y, p, least)
    x, group, rows = np.unique(logit(p), return_inverse=True, return_counts=True)
    if x.size == 1:
        raise MetricRefused("calibration_slope", "distinct probability", 1, 2)
    churned = np.bincount(group, y)
    left, stayed = x[churned > 0], x[churned < rows]
    if left[0] >= stayed[-1] or left[-1] <= stayed[0]:
        raise MetricRefused("calibration_slope", "rows that churned below one that stayed", 0, 1)

    line = _Line(x, rows, churned)
    near, _ = penalised_logistic(line, np.zeros(2), np.array([0.0, 1.0]), SLOPE_STEPS, 1e-15, _sigmoid)
    gradient, curvature = line.slopes(_sigmoid(line.log_odds(near)))  # where the loss is level, its slopes are not yet
    intercept, slope = near - np.linalg.solve(curvature, gradient)
    return float(slope), float(intercept)


def calibration_slope(y: Array, p: Array) -> float:
    """The slope of `calibration_slope_intercept`: any number, 1 is right, above it the probabilities are too timid.

    Refused as that is.

    >>> round(calibration_slope([1] * 25 + [0] * 75 + [1] * 75 + [0] * 25, [0.1] * 100 + [0.9] * 100), 3)
    0.5
    """
    return calibration_slope_intercept(y, p)[0]


def calibration_intercept(y: Array, p: Array) -> float:
    """The intercept of `calibration_slope_intercept`, in log-odds: any number, 0 is right (beside a slope of 1).

    Refused as that is.

    >>> round(abs(calibration_intercept([1] * 25 + [0] * 75 + [1] * 75 + [0] * 25, [0.1] * 100 + [0.9] * 100)), 3)
    0.0
    """
    return calibration_slope_intercept(y, p)[1]


class Murphy(NamedTuple):
    """Parts of a Brier score: reliability - resolution + uncertainty + within_bins is the score itself."""

    reliability: float
    resolution: float
    uncertainty: float
    within_bins: float


def brier_parts(y: Array, p: Array, bins: int = 15) -> Murphy:
    """Takes a Brier score apart over equal-mass bins: how right, how telling, and what no model changes.

    Noise raises reliability and resolution alike.

    Parameters
    ----------
    y : array, (n,)
        Outcomes, 0 or 1.
    p : array, (n,)
        Probabilities, 0-1.
    bins : int
        How many bins to make.

    Returns
    -------
    Murphy
        reliability: mean squared distance of prediction and outcome between bins, 0-1, lower is better. resolution:
        mean squared distance of the bins' outcomes from the churn rate r, 0-.25, higher is better. uncertainty: r (1 -
        r). within_bins: what predictions that differ within a bin add (their variance less twice their covariance with
        the outcome), so that the parts add up exactly; it may be negative.

    Raises
    ------
    MetricRefused
        Without a row of each class.

    References
    ----------
    Murphy (1973), A new vector partition of the probability score.
    Stephenson, Coelho and Jolliffe (2008), Two extra components in the Brier score decomposition: within_bins.

    Examples
    --------
    >>> parts = brier_parts([0, 1, 1, 1], [0.2, 0.2, 0.9, 0.9], bins=2)
    >>> [round(part, 6) for part in parts]      # (.3**2 + .1**2) / 2, .25**2, .75 * .25, and no spread within bins
    [0.05, 0.0625, 0.1875, 0.0]
    """
    y, p = checked("brier_parts", y, p)
    rows, churned, predicted = _bin_sums(y, p, bins)
    share, happened, mean_p, rate = rows / y.size, churned / rows, predicted / rows, float(y.mean())
    reliability = float(share @ (mean_p - happened) ** 2)
    resolution = float(share @ (happened - rate) ** 2)
    bin_of = equal_mass_bins(p, bins)
    bin_index = np.searchsorted(np.unique(bin_of), bin_of)
    spread, lean = p - mean_p[bin_index], y - happened[bin_index]
    within = float(np.mean(spread**2) - 2 * np.mean(spread * lean))
    return Murphy(reliability, resolution, rate * (1 - rate), within)


class Bin(NamedTuple):
    """A group of similar predictions: rows, how many churned, mean prediction, share churned, its 95 % interval."""

    rows: int
    churned: int
    mean_p: float
    happened: float
    low: float
    high: float


def reliability_bins(y: Array, p: Array, bins: int = 15, accounts: Array | None = None) -> list[Bin]:
    """Predicted against observed churn in equal-mass bins: the rows of a reliability diagram.

    Parameters
    ----------
    y : array, (n,)
        Outcomes, 0 or 1.
    p : array, (n,)
        Probabilities, 0-1.
    bins : int
        How many bins to make; ties stay together, so there may be fewer.
    accounts : array, (n,), optional
        Each row's account; with them the intervals allow for several rows an account (`share_interval`).

    Returns
    -------
    list of Bin
        Lowest predictions first.

    Raises
    ------
    MetricRefused
        Without a row of each class.

    Examples
    --------
    >>> [(row.rows, row.churned, row.happened) for row in reliability_bins([0, 1, 1, 1], [0.2, 0.2, 0.9, 0.9], 2)]
    [(2, 1, 0.5), (2, 2, 1.0)]
    """
    y, p = checked("reliability_bins", y, p)
    who = np.arange(y.size) if accounts is None else np.asarray(accounts)
    bin_of = equal_mass_bins(p, bins)
    table = []
    for number in np.unique(bin_of):
        rows = bin_of == number
        low, high = share_interval(y[rows], who[rows])
        table.append(Bin(int(rows.sum()), int(y[rows].sum()), float(p[rows].mean()), float(y[rows].mean()), low, high))
    return table
