"""Weights of the health score learned again from outcomes, in nested steps, each judged on what came later.

The steps are those of `training.health.weight_likelihood`: an intercept a stage, the weights of the dimensions in each
stage, the weights of the signals within a dimension. Each is fitted at the backtest's origins on what was known then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from configs.errors import DataError, Fault
from configs.framework import Framework
from configs.progress import Progress
from configs.settings import Settings
from features.health import STAGE, rule_scores
from features.labels import horizon_labels
from training.fit.learners import Data
from training.hazard import churn_by, hazard_rows, make_intervals
from training.health import STEPS, Layout, Problem, Step, even, of_100, points_of, published, reweigh, stage_indices
from training.known_labels import churn_events, churned_accounts, known_until
from training.splits import assert_no_overlap, first_test, rolling_folds


@dataclass(frozen=True)
class Reweighted:
    """A fitted step.

    The draws are made by one Newton step each (the one-step bootstrap of an estimating equation).

    Attributes
    ----------
    step : str
        Which weights were opened.
    framework : Framework
        With the step's weights, rounded as they would be published.
    layout : Layout
        Of the parameters.
    theta : ndarray of float, shape (parameters,)
        As fitted.
    stage_draws : ndarray of float, shape (draws, stages, 4)
        Weights that other draws of accounts would give.
    signal_draws : ndarray of float, shape (draws, maps)
        Likewise.
    """

    step: Step
    framework: Framework
    layout: Layout
    theta: np.ndarray
    stage_draws: np.ndarray
    signal_draws: np.ndarray

    def predict(self, frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        """(health score (n,), NaN without data; probability of churn by the end of the last interval (n,))."""
        health = rule_scores(frame, self.framework).health
        first, c, intercepts, *_ = self.layout.split(self.theta)
        stage = stage_indices(frame, self.framework)
        row = first[0] + intercepts[stage] + np.where(np.isnan(health), first[1], -first[2] * points_of(health))
        return health, churn_by(row[:, None] + c[None, :], (self.layout.intervals,))[:, 0]


# One BLAS thread, so that the order of sums does not depend on how many cores the machine has.
@threadpool_limits.wrap(limits=1, user_api="blas")
def fit_steps(
    frame: pd.DataFrame, labels: pd.DataFrame, until: pd.Timestamp, settings: Settings, draws: int = 0
) -> dict[Step, Reweighted]:
    """Every step, fitted on what was known by `until`, each begun where the one before ended.

    DataError when the rows known by then are of one class.

    Parameters
    ----------
    frame, labels : DataFrame, n rows
        Snapshots, row by row the same.
    until : Timestamp
        By which outcomes are known.
    settings : Settings
        Of the project.
    draws : int
        How many.

    Returns
    -------
    dict of str to Reweighted
        Each begun where the one before ended.

    Raises
    ------
    DataError
        When the rows known by then are of one class.
    """
    horizons = [horizon for horizon in settings.horizons_days if horizon <= settings.main_horizon_days]
    intervals = make_intervals(horizons, settings.hazard_interval_days)
    rows = hazard_rows(labels, intervals, until)
    churned = int(rows.churned.sum())
    if churned in (0, len(rows)):
        rows_known = f"{churned} churned of {len(rows)} (snapshot, interval) rows known by {until:%Y-%m-%d}"
        raise DataError(Fault("weights", rows_known, "rows of both classes", "give a longer history of outcomes"))
    assert_no_overlap(rows.ends, until)
    at_risk, snapshot = np.unique(rows.snapshot, return_inverse=True)
    signals = frame.iloc[at_risk]
    account = pd.factorize(signals["account_id"])[0]
    problem = Problem.of(signals, settings.framework, intervals, snapshot, rows, churn_events(labels, until))
    layout, theta = problem.layout, problem.start()
    out: dict[Step, Reweighted] = {}
    for step in STEPS:
        theta = problem.fit(theta, step)
        drawn = problem.drawn(theta, step, account, draws, settings.training.seed)
        stage_weights, map_weights = published(settings.framework)
        tilts = [layout.tilts(parameters) for parameters in drawn]
        framework = settings.framework
        if step in ("dimensions", "signals"):
            framework = reweigh(framework, *layout.tilts(theta))
        out[step] = Reweighted(
            step=step,
            framework=framework,
            layout=layout,
            theta=theta,
            stage_draws=np.array([of_100(stage_weights * tilt) for tilt, _ in tilts]),
            signal_draws=np.array([even(map_weights * tilt, settings.framework) for _, tilt in tilts]),
        )
    return out


def out_of_time(
    dataset: Data, settings: Settings, progress: Progress | None = None
) -> tuple[pd.DataFrame, tuple[pd.Timestamp, ...]]:
    """Every step's score and probability at the main horizon, by fits that knew only what was known at their origin.

    One row a snapshot whose window has passed: account_id, as_of, lifecycle_stage, fold, y, and health_{step} and
    p_{step} for each step; and the origins, those of the backtest. DataError, with the numbers, with fewer churned
    accounts than `training.min_churns` and `evaluation.min_churned_accounts` together, with no as_of that the former
    lie before, or with fewer after the first origin than the latter.

    Parameters
    ----------
    dataset, settings : Data, Settings
        What is judged, and how.
    progress : callable, optional
        Called with each origin.

    Returns
    -------
    rows : DataFrame
        A row a snapshot whose window has passed.
    origins : tuple of Timestamp
        Those of the backtest.

    Raises
    ------
    DataError
        With too few churned accounts in all, before every as_of, or after the first origin.
    """
    frame, labels, end = dataset.signals, dataset.labels, dataset.data_end
    main = settings.main_horizon_days
    y = horizon_labels(labels, [main])[f"churned_{main}d"]
    matured = y.notna().to_numpy()
    least, later = settings.training.min_churns, settings.evaluation.min_churned_accounts
    churned = churned_accounts(labels, known_until(labels, end, end))
    if churned < least + later:
        _refuse(f"{churned} churned accounts", least, later)
    given = settings.backtest.from_
    start = pd.Timestamp(given) if given else first_test(labels, end, least, settings.hazard_interval_days)
    as_ofs = tuple(pd.Timestamp(day) for day in sorted(labels.as_of[matured].unique()) if day >= start)
    blocks = []
    for fold in rolling_folds(as_ofs, start, settings.backtest.refit) if as_ofs else ():
        if progress is not None:
            progress(f"weights as of {fold.origin:%Y-%m-%d}")
        before = np.flatnonzero((labels.as_of < fold.origin).to_numpy())
        steps = fit_steps(frame.iloc[before], labels.iloc[before], known_until(labels, end, fold.origin), settings)
        inside = np.flatnonzero(matured & labels.as_of.isin(fold.as_ofs).to_numpy())
        own = frame.iloc[inside]
        block = own[["account_id", "as_of", STAGE]].assign(fold=fold.origin, y=y.iloc[inside])
        for step in STEPS:
            block[f"health_{step}"], block[f"p_{step}"] = steps[step].predict(own)
        blocks.append(block)
    judged = pd.concat(blocks, ignore_index=True) if blocks else pd.DataFrame({"account_id": [], "y": []})
    seen = int(judged.account_id[judged.y == 1].nunique())
    if seen < later:
        _refuse(f"{seen} churned accounts after the first origin, {start:%Y-%m-%d}", least, later)
    return judged, tuple(pd.Timestamp(origin) for origin in judged.fold.unique())


def _refuse(churns: str, least: int, later: int) -> NoReturn:
    expected = f"{least} to learn from (training.min_churns) and {later} later ones (evaluation.min_churned_accounts)"
    raise DataError(Fault("weights", churns, expected, "keep the published weights until more outcomes are known"))
