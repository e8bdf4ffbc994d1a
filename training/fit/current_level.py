"""Recalibration in the large: the served churn level is moved by a shift that has happened, or set to last year's."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from configs.settings import Settings
from training.calibration import NONE, LevelShift, find_level_shift, month_levels, month_shifts
from training.fit.learners import Data
from training.hazard import Intervals, hazard_rows
from training.health import HealthModel
from training.known_labels import days
from training.model import ChurnModel
from training.splits import evenly

MOST_ROWS = 100_000  # about so many snapshots show whether the level has moved


@dataclass(frozen=True)
class FirstIntervals:
    """Snapshots whose first interval had ended by `until`: their signals, day (a number) and outcome, each (m,), and
    `event_weight`, the distinct churns by churned rows."""

    until: pd.Timestamp
    frame: pd.DataFrame
    day: np.ndarray
    churned: np.ndarray
    event_weight: float

    @classmethod
    def of(cls, dataset: Data, intervals: Intervals, cut: pd.Timestamp, until: pd.Timestamp) -> FirstIntervals:
        """All such snapshots before the cut of evenly spaced accounts."""
        before = (dataset.labels["as_of"] < cut).to_numpy()
        frame, labels = dataset.signals[before], dataset.labels[before]
        rows = hazard_rows(labels, intervals, until)
        rows = rows.take(rows.interval == 0)
        account, names = pd.factorize(labels["account_id"].to_numpy()[rows.snapshot])
        rows = rows.take(evenly(len(names), MOST_ROWS * len(names) // max(len(rows), 1))[account])
        churns = labels.iloc[rows.snapshot[rows.churned > 0]][["account_id", "churn_at"]]
        event_weight = len(churns.drop_duplicates()) / max(len(churns), 1)
        part = frame.iloc[rows.snapshot]
        return cls(until, part, days(part["as_of"]), rows.churned, event_weight)

    def level_shift(self, log_odds: np.ndarray) -> LevelShift:
        """From log-odds (m, K) as they would be served."""
        return find_level_shift(self.day, log_odds[:, 0], self.churned, self.event_weight)


def recalibrate_in_the_large(
    churn: ChurnModel, dataset: Data, settings: Settings, cut: pd.Timestamp, known: FirstIntervals
) -> ChurnModel:
    """The model at the level of today: that of a year before where the settings say so and no season was learnt, else
    moved by a level shift that is found in what is known (training/calibration/level_shift.py)."""
    if settings.training.season_level == "last_year" and not any(churn.time.season):
        return _with_season(churn, dataset, cut, known.until)
    z = churn.calibrated(churn.log_odds(churn.inputs(known.frame)), known.frame)
    calibrator = churn.calibrator.with_level_shift(known.level_shift(z), settings.training.seed)
    calibration = {"method": calibrator.method, "version": calibrator.version, **calibrator.log}
    return replace(churn, calibrator=calibrator, log={**churn.log, "calibration": calibration})


def recalibrate_rules_in_the_large(rules: HealthModel, known: FirstIntervals) -> HealthModel:
    """The calibrated rules with a level shift of their own: they are to be as right about the level as the model is."""
    level_shift = known.level_shift(rules.linear.log_odds(rules.inputs(known.frame)))
    linear = replace(rules.linear, intercept=rules.linear.intercept + level_shift.shift)
    return replace(rules, linear=linear, log={**rules.log, "level_shift": level_shift.to_json()})


def _with_season(churn: ChurnModel, dataset: Data, cut: pd.Timestamp, until: pd.Timestamp) -> ChurnModel:
    """The model with its level moved, by month, to that of the same month a year before (seasonal_level.py)."""
    as_of = dataset.labels["as_of"]
    newest = dataset.signals[(as_of == as_of[as_of <= cut].max()).to_numpy()]
    levels = month_levels(dataset.labels, cut, until, churn.main_horizon_days)
    bare = replace(churn, season=NONE)
    z = bare.calibrated(bare.log_odds(bare.inputs(newest)), newest)
    shifts = month_shifts(z, churn.intervals.upto(churn.main_horizon_days), levels)
    return replace(churn, season=shifts, log={**churn.log, "season_levels": levels, "season_accounts": len(newest)})
