"""What a churn model consists of: the learners of the hazard, their shares, the calibrator, and the log-odds of all."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.calibration import Calibrator, shift_of
from training.hazard import (
    NO_EFFECTS,
    Blend,
    Encoder,
    Explained,
    Inputs,
    Intervals,
    LinearHazard,
    TimeEffects,
    TreeHazard,
    make_inputs,
    stages_of,
)
from training.health import HealthModel
from training.model.protocol import Chosen
from training.serialization import JsonObject


@dataclass(frozen=True)
class ModelInputs:
    """A frame ready for the members that have a share: `signals` for trees and linear learner, `rules` for rules.

    `time`: what the intervals' time adds to the log-odds, (n, K); None where the model has no such effect.
    """

    signals: Inputs | None
    rules: Inputs | None
    time: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> ModelInputs:
        return ModelInputs(
            None if self.signals is None else self.signals.take(rows),
            None if self.rules is None else self.rules.take(rows),
            None if self.time is None else self.time[rows],
        )


@dataclass(frozen=True)
class HazardMembers:
    """The learners of a hazard model, what blends and calibrates them, and what they say of a frame of signals.

    Attributes
    ----------
    name, chosen : str
        Which model it is, and which learner serves.
    horizons_days : tuple of int
        Of its probabilities.
    main_horizon_days : int
        One of them: that of interval and base rate.
    intervals, encoder, explained : Intervals, Encoder, Explained
        Of the learners and of the reasons.
    linear, trees, rules : LinearHazard, TreeHazard or None, HealthModel or None
        The members. `rules` are the calibrated ones where they are the model, those weighed by outcomes where a
        member.
    blend : Blend
        The share that each member has of the log-odds.
    tree_means : ndarray of float, shape (signals, K)
        The trees' mean contributions in training, from which contributions are counted.
    calibrator : Calibrator
        Fitted out of time.
    base_rate : float
        Share churned within the main horizon among the training rows whose window had ended; where that tells of no
        churn, what the pace of the intervals that have ended comes to.
    season : tuple of float, length 12
        Shifts of the log-odds by the as_of's month (seasonal_level.py), all 0 unless asked for.
    log : JsonObject
        What it was fitted on, and why it is what it is.
    frailty_sd, excess_kurtosis : float
        Of the true log-odds among accounts with the same signals (residual_heterogeneity.py).
    sampling_scale : float
        By how much the linear learner's sampling error is stretched (training/fit/interval_width.py).
    time : TimeEffects
        Of the calendar, the year since joining and tenure, beside all members.
    """

    name: str
    horizons_days: tuple[int, ...]
    main_horizon_days: int
    intervals: Intervals
    encoder: Encoder
    explained: Explained
    linear: LinearHazard
    trees: TreeHazard | None
    blend: Blend
    tree_means: np.ndarray
    calibrator: Calibrator
    chosen: Chosen
    base_rate: float
    season: tuple[float, ...]
    log: JsonObject
    frailty_sd: float = 0.0
    excess_kurtosis: float = 0.0
    sampling_scale: float = 1.0
    rules: HealthModel | None = None
    time: TimeEffects = NO_EFFECTS

    def inputs(self, frame: pd.DataFrame) -> ModelInputs:
        """The frame ready for the members; DataError naming every signal that it lacks."""
        signals = make_inputs(frame, self.encoder, self.intervals) if self.blend.reads_signals else None
        time = self.time.log_odds(frame, self.intervals) if self.time else None
        return ModelInputs(signals, None if self.rules is None else self.rules.inputs(frame), time)

    def calibrated(self, log_odds: np.ndarray, frame: pd.DataFrame) -> np.ndarray:
        """Hazard log-odds (n, K) after the calibrator and the shift of the as_of's month."""
        return self.calibrator.apply(log_odds, stages_of(frame)) + shift_of(self.season, frame)[:, None]

    def log_odds(self, inputs: ModelInputs) -> np.ndarray:
        """Uncalibrated hazard log-odds; (n, K)."""
        signals, rules = inputs.signals, inputs.rules
        z = self.blend.of(
            self.trees.log_odds(signals, self.encoder) if signals is not None and self.trees is not None else None,
            self.linear.log_odds(signals) if signals is not None and self.blend.linear else None,
            self.rules.linear.log_odds(rules) if rules is not None and self.rules is not None else None,
        )
        return z if inputs.time is None else z + inputs.time
