"""Renewing a calibration without retraining: the learners stay, what came true since moves the probabilities."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from configs.errors import DataError, Fault
from configs.settings import Settings
from training.calibration import choose_calibrator
from training.fit.current_level import FirstIntervals, recalibrate_in_the_large, recalibrate_rules_in_the_large
from training.fit.learners import Data
from training.fit.rolling_origin import Rolling
from training.hazard import hazard_rows
from training.health import HealthModel, fit_health
from training.known_labels import churn_events, days
from training.model import ChurnModel


def recalibrate(
    model: ChurnModel,
    dataset: Data,
    settings: Settings,
    rolling: Rolling | None = None,
    now: pd.Timestamp | None = None,
) -> ChurnModel:
    """The model with a calibrator chosen anew from all that is known at `now`; its learners are untouched.

    The rows are out of time: the model's own predictions since its cut and, before that, those of the origins that
    calibrated it. The gate is that of training: adopted only if it betters the newest block, the newest quarter since
    the cut, when fitted on the older ones. `log["recalibration"]` has the day, the churned accounts and
    both versions of the calibrator. Its learners keep their cut, its calibrator's is `now`: what lies between taught
    it, and the model is no longer to be judged on it (`ChurnModel.cuts`).
    DataError when no churn has been seen since the cut.

    Parameters
    ----------
    model : ChurnModel
        As it was trained.
    dataset, settings : Data, Settings
        As they are today.
    rolling : Rolling, optional
        Remembered fits.
    now : Timestamp, optional
        As if today were an earlier day; the data's end where None.

    Returns
    -------
    ChurnModel
        With another calibrator and the cut of that; its log has the day, the accounts and both versions.

    Raises
    ------
    DataError
        When no churn has been seen since the cut.
    """
    cut, now = model.cuts.learners, dataset.data_end if now is None else now
    rolling = rolling or Rolling(dataset, settings)
    rows = rolling.since(cut, now, model.chosen, lambda frame: model.log_odds(model.inputs(frame)))
    churned = rows.take(rows.origin >= days(pd.Series([cut]))[0]).churned_accounts
    if churned == 0:
        raise DataError(
            Fault(
                f"outcomes known at {now.date()}",
                f"no churn among the snapshots since {cut.date()}, when the model was trained",
                "at least one, in an interval that has ended",
                "wait for more outcomes, or train anew",
            )
        )
    calibrator = choose_calibrator(rows, settings.training.seed)
    known = FirstIntervals.of(dataset, model.intervals, now, rolling.until(now))
    renewed = recalibrate_in_the_large(replace(model, calibrator=calibrator), dataset, settings, now, known)
    log = {
        "as_of": str(now.date()),
        "churned_accounts_since": churned,
        "from_version": model.calibrator.version,
        "to_version": renewed.calibrator.version,
        "method": calibrator.method,
        **renewed.calibrator.log,
    }
    return replace(renewed, log={**renewed.log, "calibrator_cut": str(now.date()), "recalibration": log})


def recalibrate_rules(rules: HealthModel, dataset: Data, settings: Settings) -> HealthModel:
    """The same rules, their probabilities fitted anew on all that is known at the data's end: else a renewed model
    would be judged beside rules that know an older level. Scores stay as they are; DataError with one class only.

    Parameters
    ----------
    rules : HealthModel
        As they were trained.
    dataset, settings : Data, Settings
        As they are today.

    Returns
    -------
    HealthModel
        With the same scores.

    Raises
    ------
    DataError
        With one class only.
    """
    rolling, now = Rolling(dataset, settings), dataset.data_end
    until = rolling.until(now)
    before = (dataset.labels["as_of"] < now).to_numpy()
    frame, labels = dataset.signals[before], dataset.labels[before]
    rows, events = hazard_rows(labels, rolling.intervals, until), churn_events(labels, until)
    fitted = fit_health(frame, rows, events, settings, rolling.intervals, rules.framework)
    return recalibrate_rules_in_the_large(fitted, FirstIntervals.of(dataset, rolling.intervals, now, until))
