"""How far an account's own probability may lie from the served one: what sampling and the signals leave open.

Two accounts with the same signals do not have the same probability: signals are noisy views of an account's state, and
every view is of part of it. No outcome can show this spread (each is one 0 or 1), but the signals can, in two ways, as
a test's reliability is found (Cronbach 1951): different signals see the same state with different noise, and the same
signals see it again months later, with new noise. With r the reliability and V the variance of the served log-odds,
calibrated (slope 1 of the true log-odds on them), the true log-odds have the variance V / r, so that

    hidden variance = V (1 / r - 1).

Halves: the contributions of a random half of the signals, A, and of the other, B, over many accounts, as two
measurements of one thing (Spearman 1910, Brown 1910): variances V_A, V_B and covariance C give (V_A V_B - C^2) / C.
Again: an account's log-odds at two days so far apart that their windows share little. The covariance falls with the
days between as the state itself moves on; carried back to no days at all, it is r V.

The first takes what a signal alone sees for noise, the second what stays the same about an account for its risk; the
mean of the two variances is taken.

Not everything that is hidden is normal: a champion leaves, and the signals of few accounts say so late. Halves show
this too. The difference of two measurements of equal noise has half of the noise's excess kurtosis, and the state
itself is not in it; so the interval is that of Student's t with twice the difference's.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.special import expit, logit, ndtri, stdtrit

HALVES = 65
MAX_SD = 2.0  # of log-odds; signals that have nothing in common would ask for more
GAP_DAYS = (110, 300)  # by the first, windows of a quarter have passed; after the second, few accounts are left
LAGS, PAIRED_ACCOUNTS = 3, 30  # fewer say nothing of how a covariance falls
MAX_EXCESS_KURTOSIS = 6.0  # Student's t then has 5 degrees of freedom
NEARLY_NORMAL = 0.01  # with less, normal
NODES = 15
STEPS = 12
EDGE = 1e-12


def frailty_sd(contributions: np.ndarray, account: np.ndarray, day: np.ndarray, seed: int) -> float:
    """Spread of the true log-odds among accounts with the same signals, from contributions (n, signals); >= 0.

    `contributions`: to the log-odds, of the signals that are noisy views (not of facts such as a renewal's date), of
    snapshots of `account` (n,) at `day` (n,), numbers. 0 where there are no two signals that vary. MAX_SD where halves
    of the signals have nothing in common. With too short a history the halves alone count.

    Parameters
    ----------
    contributions : ndarray of float, shape (n, signals)
        To the log-odds, of signals that are noisy views of an account.
    account : ndarray of int, shape (n,)
        Of each snapshot.
    day : ndarray of float, shape (n,)
        Of each snapshot.
    seed : int
        Of the halves.

    Returns
    -------
    float
        In [0, MAX_SD]; 0 where no two signals vary.

    References
    ----------
    L. J. Cronbach (1951), "Coefficient alpha and the internal structure of tests"; C. Spearman (1910); W. Brown (1910).
    """
    varying = contributions[:, contributions.std(axis=0) > 0] if len(contributions) > 1 else contributions[:, :0]
    if varying.shape[1] < 2:
        return 0.0
    halves = split_half_variance(varying, seed)
    again = test_retest_variance(varying.sum(axis=1), account, day)
    return min(float(np.sqrt(halves if again is None else (halves + again) / 2)), MAX_SD)


def split_half_variance(contributions: np.ndarray, seed: int) -> float:
    """Hidden variance from how far random halves of the signals agree; infinite where most do not at all."""
    covariance = np.cov(contributions.T)
    variances = []
    for half in _halvings(contributions.shape[1], seed):
        a, b = float(half @ covariance @ half), float((1 - half) @ covariance @ (1 - half))
        c = float(half @ covariance @ (1 - half))
        variances.append((a * b - c * c) / c if c > 0 else np.inf)
    return float(np.median(variances))


def excess_kurtosis(contributions: np.ndarray, seed: int) -> float:
    """Of what the signals do not show, from how random halves of them differ; in [0, MAX_EXCESS_KURTOSIS].

    0, a normal's, where there are no two signals that vary.

    Parameters
    ----------
    contributions : ndarray of float, shape (n, signals)
        As of `frailty_sd`.
    seed : int
        Of the halves.

    Returns
    -------
    float
        In [0, MAX_EXCESS_KURTOSIS]; 0, a normal's, where no two signals vary.
    """
    varying = contributions[:, contributions.std(axis=0) > 0] if len(contributions) > 1 else contributions[:, :0]
    if varying.shape[1] < 2:
        return 0.0
    varying = varying - varying.mean(axis=0)
    kurtoses = []
    for half in _halvings(varying.shape[1], seed):
        first, second = varying @ half, varying @ (1 - half)
        difference = first / first.std() - second / second.std()
        kurtoses.append(float((difference**4).mean() / (difference**2).mean() ** 2) - 3.0)
    return min(max(2.0 * float(np.median(kurtoses)), 0.0), MAX_EXCESS_KURTOSIS)


def _halvings(count: int, seed: int) -> Iterator[np.ndarray]:
    """Random halves of `count` signals, 1 for those that are in; each (count,)."""
    rng = np.random.default_rng(seed)
    for _ in range(HALVES):
        half = np.zeros(count)
        half[rng.permutation(count)[: count // 2]] = 1.0
        yield half


def test_retest_variance(log_odds: np.ndarray, account: np.ndarray, day: np.ndarray) -> float | None:
    """Hidden variance from how far an account's log-odds agree with its own months later; each argument (n,).

    The snapshots' days are taken to be evenly spaced. None where history is too short, or nothing in it lasts.
    """
    table = pd.DataFrame({"account": account, "day": day, "z": log_odds})
    table["z"] -= table.groupby("day")["z"].transform("mean")
    wide = table.pivot(index="account", columns="day", values="z")
    days, z = wide.columns.to_numpy(float), wide.to_numpy()
    gaps, covariance = [], []
    for lag in range(1, len(days)):
        gap = float((days[lag:] - days[:-lag]).mean())
        product = z[:, :-lag] * z[:, lag:]
        known = ~np.isnan(product)
        if GAP_DAYS[0] <= gap <= GAP_DAYS[1] and known.any(axis=1).sum() >= PAIRED_ACCOUNTS:
            gaps.append(gap)
            covariance.append(float(product[known].mean()))
    if len(gaps) < LAGS or min(covariance) <= 0:
        return None
    slope, start = np.polyfit(gaps, np.log(covariance), 1)
    variance = float(np.nanmean(z**2))
    lasting = min(float(np.exp(start)) if slope < 0 else float(np.mean(covariance)), variance)
    return variance * (variance / lasting - 1.0)


def center_of(p: np.ndarray, sd: np.ndarray) -> np.ndarray:
    """Mean m of log-odds with spread sd whose mean probability is p: E expit(m + sd Z) = p, Z standard normal; (n,).

    >>> center_of(np.array([0.5, 0.1]), np.array([1.0, 0.0])).round(4).tolist()
    [0.0, -2.1972]
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    weights = weights / weights.sum()
    m = logit(np.clip(p, EDGE, 1 - EDGE))
    for _ in range(STEPS):  # Newton; E expit is convex where p < 1/2 and concave above, and m starts on the far side
        mean, slope = np.zeros(len(p)), np.zeros(len(p))
        for node, weight in zip(nodes, weights, strict=True):
            value = expit(m + sd * node)
            mean = mean + weight * value
            slope = slope + weight * value * (1.0 - value)
        m = m - (mean - p) / np.maximum(slope, EDGE)
    return m


def bounds(
    p: np.ndarray, sd: np.ndarray, coverage: float, excess_kurtosis: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """(low, high) that hold the share `coverage` of log-odds with spread sd and mean probability p; low <= p <= high.

    Each (n,). Normal, or Student's t of that `excess_kurtosis`; the center is the normal's for both.

    >>> [end.round(3).tolist() for end in bounds(np.array([0.1]), np.array([0.5]), 0.9)]
    [[0.042], [0.187]]
    """
    reach = quantile(0.5 + coverage / 2, excess_kurtosis) * sd
    m = center_of(p, sd)
    return np.minimum(expit(m - reach), p), np.maximum(expit(m + reach), p)


def quantile(share: float, excess_kurtosis: float) -> float:
    """Of a distribution with mean 0, standard deviation 1 and that excess kurtosis: a normal or a Student's t.

    >>> [round(quantile(share, 2.0), 3) for share in (0.9, 0.95, 0.975)], round(quantile(0.975, 0.0), 3)
    ([1.196, 1.601, 1.998], 1.96)
    """
    if excess_kurtosis < NEARLY_NORMAL:
        return float(ndtri(share))
    freedom = 4.0 + 6.0 / excess_kurtosis
    return float(stdtrit(freedom, share) * np.sqrt((freedom - 2.0) / freedom))
