"""The churn model as one light object: learners of the hazard, a calibrator, probabilities per horizon.

Fitted by training/fit/fit.py. Its members stand in members.py, its reasons in explanation.py, its interval in
interval.py and residual_heterogeneity.py, its files in model_files.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from training.hazard import STAGE, Explanation, probability_frame
from training.model import explanation, interval, model_files
from training.model.cuts import Cuts
from training.model.fit_log import FitLog
from training.model.members import HazardMembers
from training.model.residual_heterogeneity import bounds

COVERAGE = 0.9  # nominal, of p_low and p_high


@dataclass(frozen=True)
class ChurnModel(HazardMembers):
    """A hazard model over a frame of signals; also what stands in for it: the same with fewer members.

    Attributes
    ----------
    has_signal : bool
    cuts : Cuts
    fit_log : FitLog
    columns : tuple of str
        These four follow from what `HazardMembers` holds, whose attributes it has as well.
    """

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

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Columns p_churn_{h}d in (0, 1); DataError naming every signal that the frame lacks."""
        z = self.calibrated(self.log_odds(self.inputs(frame)), frame)
        return probability_frame(z, self.intervals, self.horizons_days, frame.index)

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
