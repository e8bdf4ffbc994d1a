"""The rolling-origin backtest: refit as a quarterly retrain would, predict what was still to come, keep every row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from configs.progress import Progress
from configs.settings import Settings
from evaluation.backtest.contributions import Contributions, contributions
from evaluation.predictions import predictions
from features.dataset import Dataset
from features.labels import horizon_labels
from training.fit import Rolling, fit_models
from training.model import Model
from training.splits import first_test, rolling_folds


@dataclass(frozen=True)
class Backtest:
    """Predictions of past days by models that had learnt only from what came before them.

    No label window of a row that taught a fold's models reaches past the fold's origin.

    Attributes
    ----------
    predictions : pd.DataFrame
        The churn model's (see evaluation.predictions) with fold, churned_{h}d (NaN where the window has not matured),
        churn_at, segment and owner.
    baselines : pd.DataFrame
        The others on the same rows, with columns model and score.
    folds : tuple of pd.Timestamp
        Origin of each fold: the day of its refit.
    explained : Contributions
        What moved the predictions of the last fold.
    """

    predictions: pd.DataFrame
    baselines: pd.DataFrame
    folds: tuple[pd.Timestamp, ...]
    explained: Contributions


def backtest(
    dataset: Dataset, settings: Settings, progress: Progress | None = None, rolling: Rolling | None = None
) -> Backtest:
    """Refits as a quarterly retrain would and predicts what was still to come, fold by fold.

    Parameters
    ----------
    dataset, settings : Dataset, Settings
    progress : Progress, optional
    rolling : Rolling, optional
        Brings the fits that training on the same data has made already.

    Returns
    -------
    Backtest

    Raises
    ------
    DataError
        When history is too short for a single origin with `training.min_churns` churned accounts.
    """
    rolling = rolling or Rolling(dataset, settings)
    main = settings.main_horizon_days
    actual = horizon_labels(dataset.labels, settings.horizons_days)
    matured = actual[f"churned_{min(settings.horizons_days)}d"].notna().to_numpy()
    least, step = settings.training.min_churns, settings.hazard_interval_days
    given = settings.backtest.from_
    start = pd.Timestamp(given) if given else first_test(dataset.labels, dataset.data_end, least, step)
    as_ofs = tuple(pd.Timestamp(day) for day in sorted(dataset.labels.as_of[matured].unique()))
    folds = rolling_folds(as_ofs, start, settings.backtest.refit)
    rolling.prepare([fold.origin for fold in folds], progress)
    predicted, others = [], []
    for fold in folds:
        fitted = fit_models(dataset, settings, fold.origin, rolling, progress, half_samples=False)
        rows = np.flatnonzero(matured & dataset.labels.as_of.isin(fold.as_ofs).to_numpy())
        frame = dataset.signals.iloc[rows]
        name = f"{fold.origin:%Y-%m-%d}"
        scored = predictions(fitted.churn, fitted.health, frame, settings, f"backtest {name}", dataset.schema)
        scored["fold"] = name
        scored = scored.join(actual.iloc[rows])
        scored["churn_at"] = dataset.labels.churn_at.iloc[rows]
        scored["segment"], scored["owner"] = frame.segment, frame.owner
        predicted.append(scored)
        plain = {"rules": 100 - fitted.health.scores(frame).health_score}
        for model in (fitted.health, *fitted.baselines):
            others.append(_baseline(model, frame, name, plain.get(model.name), main))
        if frame.days_to_renewal.notna().any():
            near = frame[["account_id", "as_of"]].assign(fold=name, model="renewal_nearness")
            others.append(near.assign(score=-frame.days_to_renewal.fillna(np.inf)))
    return Backtest(
        predictions=pd.concat(predicted, ignore_index=True),
        baselines=pd.concat(others, ignore_index=True),
        folds=tuple(fold.origin for fold in folds),
        explained=contributions(fitted.churn, frame, main),
    )


def _baseline(model: Model, frame: pd.DataFrame, fold: str, score: pd.Series | None, main: int) -> pd.DataFrame:
    """A baseline's probabilities; `score` ranks accounts as the plain model does (rules: 100 less the health score)."""
    out = frame[["account_id", "as_of"]].assign(fold=fold, model=model.name)
    out = out.join(model.predict(frame))
    out["score"] = out[f"p_churn_{main}d"] if score is None else score.fillna(score.mean())
    return out
