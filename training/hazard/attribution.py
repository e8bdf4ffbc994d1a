"""Reasons that add up to the served probability: the Aumann-Shapley path integral.

F(z) = 1 - prod_k (1 - sigma(z_k)) is the probability of churn by a horizon, z_k the (calibrated) hazard log-odds, and z
is a base z0 plus a sum of contributions phi_i. Along the straight line from z0 to z,
    c_i = sum_k phi_ik * integral over t in [0, 1] of dF/dz_k (z0 + t (z - z0)),
    dF/dz_k = sigma(z_k) prod_j (1 - sigma(z_j)),
and the c_i add up to F(z) - F(z0). Aumann & Shapley (1974), Values of Non-Atomic Games; Sundararajan et al. (2017).
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import expit

if TYPE_CHECKING:
    import shap

POINTS = 16
FINE_POINTS = 64
RESIDUAL = 1e-12


@dataclass(frozen=True)
class Explanation:
    """Reasons of n predictions that add up to them: `base` + the sum of `contributions` is the probability, to 1e-9.

    Attributes
    ----------
    base : ndarray, shape (n,)
        The probability of a training row of average log-odds, from which contributions are counted.
    contributions : ndarray, shape (n, m)
        Signed, in probability.
    signals, dimensions : tuple of str, length m
        What each column of `contributions` belongs to.
    """

    base: np.ndarray
    contributions: np.ndarray
    signals: tuple[str, ...]
    dimensions: tuple[str, ...]

    def to_shap(self, frame: pd.DataFrame) -> shap.Explanation:
        """The same for shap's own plots, which are imported here, on demand.

        Parameters
        ----------
        frame : DataFrame, n rows
            The signals that were explained. What is no column of it, as the interval's own effect, has no value.

        Returns
        -------
        shap.Explanation
            `values` (n, m) and `base_values` (n,) that add up to the served probability; `data` (n, m), numbers or
            text; `feature_names`.

        References
        ----------
        S. M. Lundberg, S.-I. Lee (2017), "A unified approach to interpreting model predictions", NeurIPS.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # shap's imports use what matplotlib is about to retire
            import shap

        data = np.full(self.contributions.shape, "", dtype=object)
        for index, name in enumerate(self.signals):
            if name in frame and pd.api.types.is_numeric_dtype(frame[name]):
                data[:, index] = frame[name].to_numpy(dtype=float, na_value=np.nan)
            elif name in frame:
                data[:, index] = frame[name].astype(object).where(frame[name].notna(), "").to_numpy()
        return shap.Explanation(
            values=self.contributions, base_values=self.base, data=data, feature_names=list(self.signals)
        )

    def by_dimension(self) -> dict[str, np.ndarray]:
        """Contributions summed within each dimension; each (n,)."""
        out: dict[str, np.ndarray] = {}
        for index, name in enumerate(self.dimensions):
            column = np.ascontiguousarray(self.contributions[:, index])
            out[name] = out[name] + column if name in out else column
        return out


def survival_probability(z: np.ndarray) -> np.ndarray:
    """F of (n, K) log-odds; (n,)."""
    alive = np.ones(len(z))
    for k in range(z.shape[1]):
        alive = alive * expit(-np.ascontiguousarray(z[:, k]))
    return 1.0 - alive


@cache
def quadrature(points: int) -> tuple[tuple[float, float], ...]:
    """Gauss-Legendre (node, weight) pairs on [0, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(points)
    return tuple(zip(((nodes + 1) / 2).tolist(), (weights / 2).tolist(), strict=True))


def mean_gradient(z0: np.ndarray, z: np.ndarray, points: int) -> np.ndarray:
    """Integral of dF/dz_k along the line from z0 (K,) to z (n, K), by Gauss-Legendre quadrature; (n, K)."""
    out = np.zeros_like(z)
    step = z - z0[None, :]
    for node, weight in quadrature(points):
        at = z0[None, :] + node * step
        alive = np.ones(len(z))
        for k in range(z.shape[1]):
            alive = alive * expit(-np.ascontiguousarray(at[:, k]))
        out += weight * expit(at) * alive[:, None]
    return out


def attribute(base: np.ndarray, contributions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Turns contributions to hazard log-odds into contributions to the probability, by the Aumann-Shapley integral.

    Parameters
    ----------
    base : ndarray of float, shape (K,)
        Hazard log-odds from which contributions are counted.
    contributions : ndarray of float, shape (n, m, K)
        To the log-odds, by signal.

    Returns
    -------
    base_p : ndarray of float, shape (n,)
        The probability at the base.
    contributions : ndarray of float, shape (n, m)
        To the probability; with `base_p` they add up to it: to 1e-12 near the base, to 1e-7 where log-odds lie tens
        from it.

    References
    ----------
    R. J. Aumann, L. S. Shapley (1974), "Values of non-atomic games"; M. Sundararajan, A. Taly, Q. Yan (2017),
    "Axiomatic attribution for deep networks".

    Examples
    --------
    >>> base, parts = attribute(np.array([0.0]), np.array([[[1.0], [-1.0]]]))
    >>> base.tolist(), parts.round(3).tolist()
    ([0.5], [[0.25, -0.25]])
    """
    z = base[:, None] + np.zeros((len(base), len(contributions)))  # (K, n): accounts innermost, as they come
    for part in contributions.transpose(1, 2, 0):
        z += part
    z = z.T
    goal = survival_probability(z) - survival_probability(base[None, :])[0]
    gradient = mean_gradient(base, z, POINTS)
    total = np.zeros(len(z))
    for k in range(z.shape[1]):
        total = total + gradient[:, k] * (z[:, k] - base[k])
    rough = np.abs(total - goal) > RESIDUAL  # far from the base, 16 points are too few
    if rough.any():
        gradient[rough] = mean_gradient(base, z[rough], FINE_POINTS)
    out = np.zeros(contributions.shape[1::-1])
    for k in range(z.shape[1]):
        out += contributions[:, :, k].T * gradient[:, k]
    start = survival_probability(base[None, :])[0]
    return np.full(len(z), start), np.ascontiguousarray(out.T)
