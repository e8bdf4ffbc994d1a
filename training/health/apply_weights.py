"""The rules with other weights: as factors of the configured ones, rounded as a person would write them down."""

from __future__ import annotations

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from configs.framework import DIMENSIONS, Framework, Weights
from training.hazard import HazardRows, Intervals
from training.health.weight_likelihood import Problem, published


# One BLAS thread, so that the order of sums does not depend on how many cores the machine has.
@threadpool_limits.wrap(limits=1, user_api="blas")
def learned_framework(
    frame: pd.DataFrame, rows: HazardRows, events: int, framework: Framework, intervals: Intervals
) -> Framework:
    """The framework with the weights that these hazard rows ask for: of stages, dimensions and signals.

    Parameters
    ----------
    frame : DataFrame
        Signals before the cut.
    rows : HazardRows
        Known by then; `snapshot` is a row of `frame`.
    events : int
        Distinct churns among them.
    framework : Framework
        As configured.
    intervals : Intervals
        K of them.

    Returns
    -------
    Framework
        With other weights, else the same.
    """
    at_risk, snapshot = np.unique(rows.snapshot, return_inverse=True)
    problem = Problem.of(frame.iloc[at_risk], framework, intervals, snapshot, rows, events)
    return reweigh(framework, *problem.layout.tilts(problem.fit(problem.start(), "signals")))


def of_100(weights: np.ndarray) -> np.ndarray:
    """Scaled to add up to 100 along the last axis.

    Parameters
    ----------
    weights : ndarray of float, shape (..., k)
        Not negative.

    Returns
    -------
    ndarray of float, shape (..., k)
        Points out of 100.
    """
    return 100.0 * weights / weights.sum(axis=-1, keepdims=True)


def even(weights: np.ndarray, framework: Framework) -> np.ndarray:
    """The maps' weights, scaled so that those of a dimension add up to what they did: only their ratios count.

    Parameters
    ----------
    weights : ndarray of float, shape (maps,)
        Of the health maps.
    framework : Framework
        With the maps' configured weights.

    Returns
    -------
    ndarray of float, shape (maps,)
        Scaled.
    """
    before = published(framework)[1]
    out = weights.copy()
    for name in DIMENSIONS:
        members = np.array([health_map.dimension == name for health_map in framework.health_maps])
        if members.any():
            out[members] *= before[members].sum() / weights[members].sum()
    return out


def reweigh(framework: Framework, tilt: np.ndarray, own: np.ndarray) -> Framework:
    """The framework with its weights times these factors: to a tenth of a point, and maps' to three digits.

    Parameters
    ----------
    framework : Framework
        As configured.
    tilt : ndarray of float, shape (stages, 4)
        Factors of the stage weights.
    own : ndarray of float, shape (maps,)
        Factors of the maps' weights.

    Returns
    -------
    Framework
        With rounded weights.
    """
    stage_weights, map_weights = published(framework)
    stages = [
        stage.model_copy(update={"weights": Weights(**dict(zip(DIMENSIONS, tenths(row), strict=True)))})
        for stage, row in zip(framework.stages, of_100(stage_weights * tilt), strict=True)
    ]
    maps = framework.health_maps
    if (own != 1).any():
        scaled = even(map_weights * own, framework)
        maps = tuple(
            health_map.model_copy(update={"weight": float(f"{weight:.3g}")})
            for health_map, weight in zip(maps, scaled, strict=True)
        )
    return framework.model_copy(update={"stages": tuple(stages), "health_maps": maps})


def tenths(weights: np.ndarray) -> list[float]:
    """Rounded to tenths that still add up to 100: the largest remainders are rounded up.

    >>> tenths(np.array([33.34, 33.34, 33.32, 0.0]))
    [33.4, 33.3, 33.3, 0.0]
    """
    scaled = np.round(weights * 10, 6)
    whole = np.floor(scaled)
    missing = round(1000 - whole.sum())
    whole[np.argsort(-(scaled - whole), kind="stable")[:missing]] += 1
    return [float(weight) / 10 for weight in whole]
