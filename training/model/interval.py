"""How far the truth may lie from a served probability: sampling error of the learners, and what signals do not show."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import logit

from training.calibration import shift_of
from training.hazard import churn_by, stages_of
from training.model.explanation import CHUNK
from training.model.members import HazardMembers, ModelInputs

EDGE = 1e-12


def spread(churn: HazardMembers, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """(probability at the main horizon, standard deviation of the truth's log-odds around it); each (n,)."""
    p, sd = np.empty(len(frame)), np.empty(len(frame))
    inputs = churn.inputs(frame)
    stage, season = stages_of(frame), shift_of(churn.season, frame)
    for at in range(0, len(frame), CHUNK):
        rows = np.arange(at, min(at + CHUNK, len(frame)))
        p[rows], sd[rows] = _spread(churn, inputs.take(rows), stage[rows], season[rows])
    return p, sd


def main_log_odds(churn: HazardMembers, frame: pd.DataFrame) -> np.ndarray:
    """Log-odds of the served probability at the main horizon; (n,)."""
    z = churn.calibrated(churn.log_odds(churn.inputs(frame)), frame)
    p = churn_by(z, (churn.intervals.upto(churn.main_horizon_days),))[:, 0]
    return logit(np.clip(p, EDGE, 1 - EDGE))


def _spread(
    churn: HazardMembers, inputs: ModelInputs, stage: np.ndarray, season: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    counts = (churn.intervals.upto(churn.main_horizon_days),)
    uncalibrated = churn.log_odds(inputs)
    z = churn.calibrator.apply(uncalibrated, stage) + season[:, None]
    _, slope = churn.calibrator.lines(stage)
    carried = churn.blend.stretch * churn.sampling_scale
    errors = carried * slope[None, :, None] * _sampled(churn, inputs) + churn.calibrator.spread(uncalibrated, stage)
    p = churn_by(z, counts)[:, 0]
    center = logit(np.clip(p, EDGE, 1 - EDGE))
    squares = np.zeros(len(p))
    for error in errors:
        drawn = churn_by(z + error, counts)[:, 0]
        squares = squares + (logit(np.clip(drawn, EDGE, 1 - EDGE)) - center) ** 2
    return p, np.sqrt(squares / len(errors) + (slope * churn.frailty_sd) ** 2)


def _sampled(churn: HazardMembers, inputs: ModelInputs) -> np.ndarray:
    """Draws of the sampling error of the log-odds, the linear learner's standing in for a blend; (DRAWS, n, K)."""
    if inputs.signals is not None:
        return churn.linear.spread(inputs.signals)
    assert churn.rules is not None  # one of the two is there
    assert inputs.rules is not None
    return churn.rules.linear.spread(inputs.rules)
