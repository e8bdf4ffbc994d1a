"""How far an account's own probability may lie from the served one: what sampling and the signals leave open.

Two accounts with the same signals do not have the same probability: signals are noisy views of an account's state, and
every view is of part of it. No outcome can show this spread (each is one 0 or 1), but the signals can, since different
ones see the same state with different noise. Take the contributions of a random half of the signals, A, and of the
other, B, over many accounts, as two measurements of one thing (Spearman 1910, Brown 1910; domain sampling, Cronbach
1951). With variances V_A, V_B and covariance C, and the sum of both a calibrated predictor (slope 1 of the true
log-odds on it), the true log-odds have the variance (V_A + C) (V_B + C) / C, of which V_A + V_B + 2 C is explained:

    hidden variance = (V_A V_B - C^2) / C.

The halves share what an account is like apart from its risk, and the served log-odds are a little shrunk; both make
this too small. `SHARED_NOISE` is by how much the root has to be stretched, measured on two generators that are built
differently (tests/training/test_unseen.py, tests/benchmarks/interval.py). It is a compromise: with thousands of churns
one of them asks for 1.0 and the other for 1.3, and the interval is then too wide rather than too narrow.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit, logit, ndtri

SHARED_NOISE = 1.5
HALVES = 65
MAX_SD = 2.0  # of log-odds; signals that have nothing in common would ask for more
NODES = 15
STEPS = 12
EDGE = 1e-12


def hidden_sd(contributions: np.ndarray, seed: int) -> float:
    """Spread of the true log-odds among accounts with the same signals, from contributions (n, signals); >= 0.

    `contributions`: to the log-odds, of the signals that are noisy views (not of facts such as a renewal's date).
    0 where there are no two signals that vary. MAX_SD where halves of the signals have nothing in common.
    """
    varying = contributions[:, contributions.std(axis=0) > 0] if len(contributions) > 1 else contributions[:, :0]
    count = varying.shape[1]
    if count < 2:
        return 0.0
    covariance = np.cov(varying.T)
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(HALVES):
        half = np.zeros(count)
        half[rng.permutation(count)[: count // 2]] = 1.0
        a, b = float(half @ covariance @ half), float((1 - half) @ covariance @ (1 - half))
        c = float(half @ covariance @ (1 - half))
        found.append((a * b - c * c) / c if c > 0 else np.inf)
    return min(SHARED_NOISE * float(np.sqrt(np.median(found))), MAX_SD)


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


def bounds(p: np.ndarray, sd: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """(low, high) that hold the share `level` of normal log-odds with mean probability p; low <= p <= high; each (n,).

    >>> [end.round(3).tolist() for end in bounds(np.array([0.1]), np.array([0.5]), 0.9)]
    [[0.042], [0.187]]
    """
    reach = ndtri(0.5 + level / 2) * sd
    m = center_of(p, sd)
    return np.minimum(expit(m - reach), p), np.maximum(expit(m + reach), p)
