"""Reasons of a churn model: contributions of signals that add up to the served probability, calibration included."""

from __future__ import annotations

import numpy as np
import pandas as pd

from configs.errors import DataError, Fault
from training.calibration import shift_of
from training.hazard import SEASON, STAGE, Explanation, attribute, stages_of
from training.model.members import HazardMembers

CHUNK = 8_192  # rows explained at a time


def explain(churn: HazardMembers, frame: pd.DataFrame, horizon_days: int) -> Explanation:
    """Contributions per signal to p_churn_{horizon}d, from the base of a training row of average log-odds.

    Raises DataError when the horizon is none of the model's.
    """
    if horizon_days not in churn.horizons_days:
        fault = Fault("horizon", f"{horizon_days} days", f"one of {list(churn.horizons_days)}", "choose one of these")
        raise DataError(fault)
    count = churn.intervals.upto(horizon_days)
    starts = range(0, max(len(frame), 1), CHUNK)
    base, contributions = zip(*(_explained(churn, frame.iloc[at : at + CHUNK], count) for at in starts), strict=True)
    own = churn.explained
    return Explanation(np.concatenate(base), np.concatenate(contributions), own.signals, own.dimensions)


def _explained(churn: HazardMembers, frame: pd.DataFrame, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(base (n,), contributions (n, m)) of rows few enough for (n, m, count) numbers in memory."""
    base, parts = log_odds_parts(churn, frame, count)
    pooled_level, pooled_slope = churn.calibrator.pooled_line()
    level, slope = churn.calibrator.lines(stages_of(frame))
    parts = parts * slope[:, None, None]
    own = (level - pooled_level)[:, None] + (slope - pooled_slope)[:, None] * base[None, :]
    parts[:, churn.explained.index(STAGE), :] += own  # what the stage's own calibration adds is the stage's doing
    parts[:, churn.explained.index(SEASON), :] += shift_of(churn.season, frame)[:, None]
    return attribute(pooled_level + pooled_slope * base, parts)


def log_odds_parts(churn: HazardMembers, frame: pd.DataFrame, count: int) -> tuple[np.ndarray, np.ndarray]:
    """(base (count,), contributions (n, m, count)) that add up to `log_odds` of the first `count` intervals."""
    signals = churn.inputs(frame).signals
    start = np.full(count, churn.blend.intercept)
    parts = np.zeros((len(churn.explained.signals), count, len(frame))).transpose(2, 0, 1)
    if signals is not None and churn.trees is not None:
        expected, contributions = churn.trees.contributions(signals, churn.encoder, churn.explained, count)
        means = churn.tree_means[:, :count]
        start += churn.blend.trees * (expected + means.sum(axis=0))
        parts += churn.blend.trees * (contributions - means[None, :, :])
    if signals is not None and churn.blend.linear:
        base, contributions = churn.linear.contributions(signals, churn.encoder, churn.explained)
        start += churn.blend.linear * base[:count]
        parts += churn.blend.linear * contributions[:, :, :count]
    if churn.rules is not None:
        base, contributions = churn.rules.log_odds_parts(frame)
        start += churn.blend.rules * base[:count]
        for index, name in enumerate(churn.rules.explained.signals):
            parts[:, churn.explained.index(name), :] += churn.blend.rules * contributions[:, index, :count]
    if churn.time:
        base, effects = churn.time.contributions(frame, churn.intervals)
        start += base[:count]
        for name, effect in effects.items():
            parts[:, churn.explained.index(name), :] += effect[:, :count]
    return start, parts
