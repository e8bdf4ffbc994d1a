"""Fitting at a cut: learners, out-of-time calibration, rules and baselines, each from what was known by then."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from configs.errors import DataError, Fault
from configs.settings import Settings
from training.baselines import Parts, assemble, fit_baselines
from training.calibration import OutOfTime, choose_calibrator, clustered_z, identity
from training.hazard import log_loss_rows, make_inputs
from training.health import HealthModel, fit_health
from training.intervals import Intervals
from training.model import Chosen, ChurnModel, Model
from training.rolling import Data, Progress, Raw, Rolling
from training.season import month_levels, month_shifts
from training.splits import churned_accounts, rows_known
from training.trees import MANY_EVENTS

FALLBACK_BELOW = 50  # churned accounts, under which the learner is chosen by purged log loss
FALLBACK_Z = 1.645  # one-sided 5 %: the better of two is chosen after the fact, so one standard error is too little
EXPLAINED_SAMPLE = 500  # snapshots whose mean contributions are an explanation's base


@dataclass(frozen=True)
class Fitted:
    churn: ChurnModel
    health: HealthModel
    baselines: tuple[Model, ...]


def choose_learner(raw: Raw, blocks: dict[str, OutOfTime]) -> tuple[Chosen, str, dict[str, float]]:
    """(learner, why, purged log loss of each) by the number of churns (docs/methods.md)."""
    losses = {name: float(log_loss_rows(one.log_odds, one.churned).mean()) for name, one in blocks.items()}
    if raw.events > MANY_EVENTS:
        if losses and losses["blend"] < losses["trees"]:
            return "blend", f"{raw.events} churns: the blend's purged log loss is below the trees' alone", losses
        return "trees", f"{raw.events} churns: above {MANY_EVENTS} the trees alone", losses
    if raw.accounts >= FALLBACK_BELOW:
        return "blend", f"{raw.events} churns: the mean of trees and logistic", losses
    if not losses or not blocks["blend"].churned.sum():
        return "blend", f"{raw.accounts} churned accounts and no origin to compare learners on: the blend", losses
    # Early origins saw fewer churns than this cut and are pessimistic, most of all about the richest learner: the
    # blend, the best on every small set measured, gives way only where a simpler one is better beyond chance.
    simpler: tuple[Chosen, ...] = ("logistic", "base_rate")
    best: Chosen = min(simpler, key=lambda name: losses[name])
    gain = log_loss_rows(blocks["blend"].log_odds, blocks["blend"].churned)
    gain = gain - log_loss_rows(blocks[best].log_odds, blocks[best].churned)
    z = clustered_z(gain, blocks[best].account)
    if z >= FALLBACK_Z:
        return best, f"{raw.accounts} churned accounts: purged log loss better than the blend's by z {z:.2f}", losses
    return "blend", f"{raw.accounts} churned accounts: the {best} alone is no better beyond chance (z {z:.2f})", losses


def fit_models(
    dataset: Data,
    settings: Settings,
    cut: pd.Timestamp | None = None,
    rolling: Rolling | None = None,
    progress: Progress | None = None,
) -> Fitted:
    """Everything that is judged, fitted on label windows that had ended, and were known, by `cut` (None: data_end).

    `rolling` remembers fits between calls on the same dataset and settings. Raises DataError with fewer than
    settings.training.min_churns churned accounts, or one class only.
    """
    cut = dataset.data_end if cut is None else pd.Timestamp(cut)
    rolling = rolling or Rolling(dataset, settings)
    until = rolling.until(cut)
    accounts = churned_accounts(dataset.labels, until)
    if accounts < settings.training.min_churns:
        raise DataError(
            Fault(
                f"outcomes known at {cut.date()}",
                f"{accounts} churned accounts after a snapshot",
                f"at least {settings.training.min_churns} (training.min_churns)",
                "wait for more outcomes, widen the history, or use the rules alone",
            )
        )
    if progress is not None:
        progress(f"fitting as of {cut.date()}")
    raw = rolling.raw(cut)
    blocks = rolling.out_of_time(cut, progress)
    chosen, why, losses = choose_learner(raw, blocks)
    calibrator = (
        choose_calibrator(blocks[chosen], settings.training.seed) if blocks else identity(why="no usable origin")
    )
    before = (dataset.labels["as_of"] < cut).to_numpy()
    frame, labels = dataset.signals[before], dataset.labels[before]
    log: dict[str, Any] = {
        "cut": str(cut.date()),
        "labels_known_until": str(until.date()),
        "snapshots": len(np.unique(raw.rows.snapshot)),
        "hazard_rows": len(raw.rows),
        "churned_accounts": accounts,
        "churn_events": raw.events,
        "monotone": raw.monotone,
        "chosen": chosen,
        "why": why,
        "purged_log_loss": losses,
        "origins": [str(one.date()) for one in rolling.origins(cut)],
        "calibration": {"method": calibrator.method, **calibrator.log},
        "seed": settings.training.seed,
    }
    parts = Parts(settings, rolling.intervals, base_rate_at(labels, until, settings.main_horizon_days), log)
    churn = assemble("churn", chosen, raw, parts, calibrator, _tree_means(raw, frame, rolling.intervals))
    if settings.training.season_level == "last_year":
        churn = with_season(churn, dataset, cut, until)
    health = fit_health(frame, labels, raw.rows, raw.events, settings, rolling.intervals)
    others = fit_baselines(raw, frame, labels, parts)
    return Fitted(churn, health, others)


def with_season(churn: ChurnModel, dataset: Data, cut: pd.Timestamp, until: pd.Timestamp) -> ChurnModel:
    """The model with its level moved, by month, to that of the same month a year before (training/season.py)."""
    as_of = dataset.labels["as_of"]
    newest = dataset.signals[(as_of == as_of[as_of <= cut].max()).to_numpy()]
    levels = month_levels(dataset.labels, cut, until, churn.main_horizon_days)
    raw = churn.log_odds(make_inputs(newest, churn.encoder, churn.intervals))
    shifts = month_shifts(churn.calibrated(raw, newest), churn.intervals.upto(churn.main_horizon_days), levels)
    return replace(churn, season=shifts, log={**churn.log, "season_levels": levels, "season_accounts": len(newest)})


def base_rate_at(labels: pd.DataFrame, until: pd.Timestamp, horizon_days: int) -> float:
    """Share churned within the horizon among the rows whose window had ended; 0 with no such row."""
    matured = labels[rows_known(labels, until, horizon_days)]
    if matured.empty:
        return 0.0
    return float((matured["churn_at"] < matured["as_of"] + pd.Timedelta(days=horizon_days)).mean())


def _tree_means(raw: Raw, frame: pd.DataFrame, intervals: Intervals) -> np.ndarray:
    """Mean contributions of the trees over evenly spaced training snapshots; (signals, K)."""
    taught = np.unique(raw.rows.snapshot)
    sample = taught[np.linspace(0, len(taught) - 1, min(EXPLAINED_SAMPLE, len(taught))).astype(int)]
    inputs = make_inputs(frame.iloc[sample], raw.encoder, intervals)
    return raw.trees.contributions(inputs, raw.encoder, raw.explained)[1].mean(axis=0)
