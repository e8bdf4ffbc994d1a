"""The churn model as one light object: learners of the hazard, a calibrator, probabilities per horizon.

Fitted by training/fit/fit.py. Its reasons stand in explanation.py, its interval in interval.py and
residual_heterogeneity.py, its files in model_files.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from training.calibration import Calibrator, shift_of
from training.hazard import (
    NO_EFFECTS,
    STAGE,
    Blend,
    Encoder,
    Explained,
    Explanation,
    Inputs,
    Intervals,
    LinearHazard,
    TimeEffects,
    TreeHazard,
    make_inputs,
    probability_frame,
    stages_of,
)
from training.health import HealthModel
from training.model import explanation, interval, model_files
from training.model.cuts import Cuts
from training.model.fit_log import FitLog
from training.model.protocol import Chosen
from training.model.residual_heterogeneity import bounds
from training.serialization import JsonObject

COVERAGE = 0.9  # nominal, of p_low and p_high


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
class ChurnModel:
    """A hazard model over a frame of signals; also what stands in for it: the same with fewer members.

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

    @property
    def has_signal(self) -> bool:
        """Whether scores differ between accounts of one stage; where not, every score is to be marked so."""
        return self.chosen != "base_rate"

    @property
    def cuts(self) -> Cuts:
        """Up to which day the learners and the calibrator had learnt."""
        return Cuts.of(self.log)

    @property
    def fit_log(self) -> FitLog:
        """What taught it and what it chose, as `log` has it."""
        return FitLog.of(self.log)

    @property
    def columns(self) -> tuple[str, ...]:
        """The signals that a prediction reads, numbers before categories; the renewal and its term it reads besides."""
        maps = () if self.rules is None else self.rules.framework.health_maps
        numbers, texts = [health_map.signal for health_map in maps], [STAGE]
        if self.blend.reads_signals:
            numbers = [*self.encoder.numbers, *numbers]
            texts = [*(category.name for category in self.encoder.categories), STAGE]
        joining = [name for name in self.time.columns if name != "as_of"]
        return tuple(dict.fromkeys([*numbers, *joining, *texts]))

    def inputs(self, frame: pd.DataFrame) -> ModelInputs:
        """The frame ready for the members; DataError naming every signal that it lacks."""
        signals = make_inputs(frame, self.encoder, self.intervals) if self.blend.reads_signals else None
        time = self.time.log_odds(frame, self.intervals) if self.time else None
        return ModelInputs(signals, None if self.rules is None else self.rules.inputs(frame), time)

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Columns p_churn_{h}d in (0, 1); DataError naming every signal that the frame lacks."""
        z = self.calibrated(self.log_odds(self.inputs(frame)), frame)
        return probability_frame(z, self.intervals, self.horizons_days, frame.index)

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

    def explain(self, frame: pd.DataFrame, horizon_days: int) -> Explanation:
        """Contributions per signal to p_churn_{horizon}d, from the base of a training row of average log-odds.

        Raises DataError when the horizon is none of the model's.
        """
        return explanation.explain(self, frame, horizon_days)

    def log_odds_parts(self, frame: pd.DataFrame, count: int) -> tuple[np.ndarray, np.ndarray]:
        """(base (count,), contributions (n, m, count)) that add up to `log_odds` of the first `count` intervals."""
        return explanation.log_odds_parts(self, frame, count)

    def interval(self, frame: pd.DataFrame, coverage: float = COVERAGE) -> tuple[np.ndarray, np.ndarray]:
        """(low, high) of the account's true probability at the main horizon; each (n,), low <= p <= high.

        Covers, at the nominal `coverage` on average over accounts and samples: that other accounts of the same kind, or
        more of them, might have been drawn for training (halves of the accounts give the size, the account-clustered
        sandwich of the linear learner the shape; and the calibrator's own error), and what the signals do not show of
        this account (`frailty_sd`). Student's t on the log-odds with that `excess_kurtosis`, around the center at which
        the mean probability is the served one. Does not cover: a change of the churn rate or of what drives it after
        the cut, a mistake that all signals share, or whether this one account leaves. Without a usable signal nothing
        is known of how accounts of a stage differ: it then covers the stage's mean.
        """
        return bounds(*self.spread(frame), coverage, self.excess_kurtosis)

    def spread(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """(probability at the main horizon, standard deviation of the truth's log-odds around it); each (n,)."""
        return interval.spread(self, frame)

    def main_log_odds(self, frame: pd.DataFrame) -> np.ndarray:
        """Log-odds of the served probability at the main horizon; (n,)."""
        return interval.main_log_odds(self, frame)

    def save(self, folder: Path) -> None:
        """Writes model.json; with trees, trees.txt; with rules, health.json."""
        model_files.save_model(self, folder)

    @classmethod
    def load(cls, folder: Path) -> ChurnModel:
        """What `save` wrote; DataError when the folder holds no model of this format."""
        return model_files.load_model(cls, folder)
