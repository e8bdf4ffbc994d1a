"""The rules' arithmetic: dimension scores and the health score (0-100, higher is healthier) of each snapshot.

A dimension's score is the weighted mean of its signals' scores, each a piecewise linear map of a signal (one for all,
or a segment's or stage's own), over the signals that are there; a dimension without any is NaN. Health is the
stage-weighted mean of the dimensions, the weight of missing ones shared among the others. The scores are signals too:
what is known of health, in five numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from configs.errors import DataError, Fault
from configs.framework import DIMENSIONS, Condition, Framework, HealthMap, Points
from features.signal import SignalInfo

STAGE = "lifecycle_stage"
SEGMENT = "segment"
HEALTH = "health_score"
SCORES: tuple[SignalInfo, ...] = (
    SignalInfo(
        name=HEALTH,
        dimension="account",
        unit="0 to 100",
        healthier=1,
        kind="number",
        sentence="health score of the rules",
    ),
    *(
        SignalInfo(
            name=f"health_{dimension}",
            dimension=dimension,
            unit="0 to 100",
            healthier=1,
            kind="number",
            sentence=f"the rules' score for {dimension}",
        )
        for dimension in DIMENSIONS
    ),
)


@dataclass(frozen=True)
class RuleScores:
    """The rules' scores of n snapshots, 0-100, higher is healthier; NaN without data.

    Attributes
    ----------
    health : ndarray, (n,)
        The health score: the sum of weights * parts.
    dimensions : ndarray, (n, 4)
        The scores of the dimensions, in the order of DIMENSIONS.
    parts : ndarray, (n, maps)
        The scores of the mapped signals.
    weights : ndarray, (n, maps)
        The share of the health score that each mapped signal has; they add up to 1, to 0 in a row without any data.
    """

    health: np.ndarray
    dimensions: np.ndarray
    parts: np.ndarray
    weights: np.ndarray


def rule_scores(frame: pd.DataFrame, framework: Framework) -> RuleScores:
    """The published arithmetic of the health score.

    Parameters
    ----------
    frame : DataFrame
        lifecycle_stage and the mapped signals, (n,) rows; one that is not there counts as missing.
    framework : Framework
        Maps of signals to scores, and weights by stage.

    Returns
    -------
    RuleScores

    Raises
    ------
    DataError
        When the frame has a stage that the framework does not know.
    """
    maps = framework.health_maps
    n = len(frame)
    parts = np.full((n, len(maps)), np.nan, order="F")  # worked on column by column
    for column, health_map in enumerate(maps):
        if health_map.signal in frame.columns:
            parts[:, column] = _mapped(frame, health_map)
    known = ~np.isnan(parts)
    share = np.where(known.T, np.array([health_map.weight for health_map in maps], float)[:, None], 0.0).T
    dimensions = np.full((n, len(DIMENSIONS)), np.nan)
    stage_weights = _stage_weights(frame[STAGE].astype(object).to_numpy(), framework)
    total = np.zeros(n)
    for number, name in enumerate(DIMENSIONS):
        members = [column for column, health_map in enumerate(maps) if health_map.dimension == name]
        in_it = np.zeros(n)
        for column in members:
            in_it = in_it + share[:, column]
        has = in_it > 0
        score = np.zeros(n)
        for column in members:
            share[:, column] = np.divide(share[:, column], in_it, out=np.zeros(n), where=has)
            score = score + share[:, column] * np.where(known[:, column], parts[:, column], 0.0)
        dimensions[:, number] = np.where(has, score, np.nan)
        weight = np.where(has, stage_weights[:, number], 0.0)
        total = total + weight
        for column in members:
            share[:, column] = share[:, column] * weight
    health = np.zeros(n)
    for column in range(len(maps)):
        share[:, column] = np.divide(share[:, column], total, out=np.zeros(n), where=total > 0)
        health = health + share[:, column] * np.where(known[:, column], parts[:, column], 0.0)
    health = np.where(total > 0, np.clip(health, 0.0, 100.0), np.nan)
    return RuleScores(health, dimensions, parts, share)


def _mapped(frame: pd.DataFrame, health_map: HealthMap) -> np.ndarray:
    """(n,) scores of a map, each row by the points of its segment and stage; NaN where the signal is missing."""
    values = frame[health_map.signal].to_numpy(dtype=float, na_value=np.nan)
    out = _interpolated(values, health_map.points)
    # The most specific last, so that it overwrites: a stage's, a segment's, a segment's in a stage.
    for own in sorted(health_map.benchmarks, key=lambda own: (own.segment is not None, own.stage is not None)):
        rows = np.ones(len(frame), dtype=bool)
        for column, name in ((SEGMENT, own.segment), (STAGE, own.stage)):
            if name is not None:
                rows &= column in frame.columns and (frame[column].astype(object) == name).to_numpy(dtype=bool)
        out[rows] = _interpolated(values[rows], own.points)
    return out


def _interpolated(values: np.ndarray, points: Points) -> np.ndarray:
    x, y = zip(*points, strict=True)
    return np.where(np.isnan(values), np.nan, np.interp(values, x, y))


def holds(frame: pd.DataFrame, condition: Condition) -> np.ndarray:
    """Where a condition of the framework holds.

    Parameters
    ----------
    frame : DataFrame
        Signals, (n,) rows.
    condition : Condition
        A signal, a comparison and a threshold.

    Returns
    -------
    ndarray of bool, (n,)
        False where the signal, or the whole column, is missing.
    """
    if condition.signal not in frame.columns:
        return np.zeros(len(frame), dtype=bool)
    values = frame[condition.signal].to_numpy(dtype=float, na_value=np.nan)
    compare = {"at_least": np.greater_equal, "at_most": np.less_equal, "above": np.greater}[condition.when]
    return np.asarray(compare(values, condition.threshold))


def _stage_weights(stages: np.ndarray, framework: Framework) -> np.ndarray:
    """(n, 4) weights; DataError naming the stages that the configuration does not know."""
    table = {stage.name: list(stage.weights.as_dict().values()) for stage in framework.stages}
    row, names = pd.factorize(stages.astype(str))
    unknown = sorted(set(names) - table.keys())
    if unknown:
        fault = Fault(STAGE, ", ".join(unknown), "one of " + ", ".join(table), "name the stage under framework.stages")
        raise DataError(fault)
    return np.array([table[stage] for stage in names], float).reshape(len(names), len(DIMENSIONS))[row]


def score_columns(frame: pd.DataFrame, framework: Framework) -> pd.DataFrame:
    """The health score and the dimensions' scores as columns.

    Parameters
    ----------
    frame, framework
        As in `rule_scores`.

    Returns
    -------
    DataFrame, (n,) rows
        health_score and one health_<dimension> each, 0-100, NaN without data; the frame's index.
    """
    scores = rule_scores(frame, framework)
    body = {HEALTH: scores.health}
    body |= {f"health_{name}": scores.dimensions[:, number] for number, name in enumerate(DIMENSIONS)}
    return pd.DataFrame(body, index=frame.index)
