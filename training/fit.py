"""Fitting at a cut: learners, out-of-time calibration, rules and baselines, each from what was known by then."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from configs.settings import Settings
from training.baselines import Parts, assemble, fit_baselines
from training.calibration import choose_calibrator, identity
from training.hazard import INTERVAL, RENEWAL, SEASON, STAGE, make_inputs
from training.health import HealthModel
from training.intervals import HazardRows, Intervals, hazard_rows
from training.ladder import choose_learner
from training.model import ChurnModel, Model
from training.rolling import Data, Progress, Raw, Rolling
from training.season import NONE, month_levels, month_shifts
from training.splits import days, rows_known
from training.step import Step, find_step
from training.unseen import hidden_sd

EXPLAINED_SAMPLE = 500  # snapshots whose mean contributions are an explanation's base
STEP_ROWS = 100_000  # about so many snapshots tell whether the level has moved
PANEL = 10_000  # about so many snapshots, all of an account or none, show how far the signals see its state


@dataclass(frozen=True)
class Fitted:
    churn: ChurnModel
    health: HealthModel
    baselines: tuple[Model, ...]


def fit_models(
    dataset: Data,
    settings: Settings,
    cut: pd.Timestamp | None = None,
    rolling: Rolling | None = None,
    progress: Progress | None = None,
) -> Fitted:
    """Everything that is judged, fitted on label windows that had ended, and were known, by `cut` (None: data_end).

    `rolling` remembers fits between calls on the same dataset and settings. With fewer than
    settings.training.min_churns churned accounts, or no usable signal, the base rate by stage is the model, and its log
    says why. Raises DataError with one class only.
    """
    cut = dataset.data_end if cut is None else pd.Timestamp(cut)
    rolling = rolling or Rolling(dataset, settings)
    until = rolling.until(cut)
    rolling.prepare([cut], progress)
    raw = rolling.raw(cut)
    blocks = rolling.out_of_time(cut)
    choice = choose_learner(raw, blocks, settings.training.min_churns)
    calibrator = identity(why="no usable origin")
    if blocks:
        calibrator = choose_calibrator(blocks[choice.chosen], settings.training.seed)
    before = (dataset.labels["as_of"] < cut).to_numpy()
    frame, labels = dataset.signals[before], dataset.labels[before]
    log: dict[str, Any] = {
        "cut": str(cut.date()),
        "labels_known_until": str(until.date()),
        "snapshots": len(np.unique(raw.rows.snapshot)),
        "hazard_rows": len(raw.rows),
        "churned_accounts": raw.accounts,
        "churn_events": raw.events,
        "events_by": {name: events_by(frame[name], labels, raw.rows) for name in (STAGE, "segment") if name in frame},
        "monotone": raw.monotone,
        "chosen": choice.chosen,
        "why": choice.why,
        "purged_log_loss": choice.losses,
        "beats_base_rate_z": choice.beats_base_z,
        "origins": [str(one.date()) for one in rolling.origins(cut)],
        "calibration": {"method": calibrator.method, "version": calibrator.version, **calibrator.log},
        "trees": settings.training.trees.model_dump(),
        "seed": settings.training.seed,
    }
    parts = Parts(settings, rolling.intervals, base_rate_at(labels, until, settings.main_horizon_days), log)
    sample = _sample(raw, frame)
    churn = assemble("churn", choice.chosen, raw, parts, calibrator, _tree_means(raw, sample, rolling.intervals))
    churn = replace(churn, hidden_sd=_hidden_sd(churn, _panel(raw, frame), settings.training.seed))
    churn = leveled(churn, dataset, settings, cut, until)
    others = fit_baselines(raw, frame, labels, parts)
    return Fitted(churn, _leveled_rules(raw.rules, _first_intervals(dataset, rolling.intervals, cut, until)), others)


def events_by(group: pd.Series, labels: pd.DataFrame, rows: HazardRows) -> dict[str, dict[str, int]]:
    """Behind a figure of each group: its accounts, and how many of them churned in a training row; largest first."""
    churned = np.unique(rows.snapshot[rows.churned > 0])
    taught = np.unique(rows.snapshot)
    name = group.astype(object).where(group.notna(), "unknown").astype(str).to_numpy()
    account = labels["account_id"].to_numpy()
    found = {
        one: {
            "accounts": len(set(account[taught[name[taught] == one]])),
            "churned_accounts": len(set(account[churned[name[churned] == one]])),
        }
        for one in sorted(set(name[taught]))
    }
    return dict(sorted(found.items(), key=lambda item: (-item[1]["accounts"], item[0])))


def leveled(churn: ChurnModel, dataset: Data, settings: Settings, cut: pd.Timestamp, until: pd.Timestamp) -> ChurnModel:
    """The model at the level of today: that of a year before where the settings say so, else with a step that is found
    in what is known by `until` (training/step.py)."""
    if settings.training.season_level == "last_year":
        return with_season(churn, dataset, cut, until)
    known = _first_intervals(dataset, churn.intervals, cut, until)
    z = churn.calibrated(churn.log_odds(churn.inputs(known.frame)), known.frame)
    calibrator = churn.calibrator.stepped(known.step(z), settings.training.seed)
    said = {"method": calibrator.method, "version": calibrator.version, **calibrator.log}
    return replace(churn, calibrator=calibrator, log={**churn.log, "calibration": said})


def _leveled_rules(rules: HealthModel, known: FirstIntervals) -> HealthModel:
    """The calibrated rules with a step of their own: they are to be as right about the level as the model is."""
    found = known.step(rules.linear.log_odds(rules.inputs(known.frame)))
    linear = replace(rules.linear, intercept=rules.linear.intercept + found.shift)
    return replace(rules, linear=linear, log={**rules.log, "step": found.facts})


@dataclass(frozen=True)
class FirstIntervals:
    """Snapshots whose first interval has ended: their signals, day (a number) and outcome, each (m,), and `once`, the
    distinct churns by churned rows."""

    frame: pd.DataFrame
    day: np.ndarray
    churned: np.ndarray
    once: float

    def step(self, log_odds: np.ndarray) -> Step:
        """From log-odds (m, K) as they would be served."""
        return find_step(self.day, log_odds[:, 0], self.churned, self.once)


def _first_intervals(dataset: Data, intervals: Intervals, cut: pd.Timestamp, until: pd.Timestamp) -> FirstIntervals:
    """All such snapshots of evenly spaced accounts."""
    before = (dataset.labels["as_of"] < cut).to_numpy()
    frame, labels = dataset.signals[before], dataset.labels[before]
    rows = hazard_rows(labels, intervals, until)
    rows = rows.take(rows.interval == 0)
    account, names = pd.factorize(labels["account_id"].to_numpy()[rows.snapshot])
    rows = rows.take(_evenly(len(names), STEP_ROWS * len(names) // max(len(rows), 1))[account])
    left = labels.iloc[rows.snapshot[rows.churned > 0]][["account_id", "churn_at"]]
    once = len(left.drop_duplicates()) / max(len(left), 1)
    part = frame.iloc[rows.snapshot]
    return FirstIntervals(part, days(part["as_of"]), rows.churned, once)


def with_season(churn: ChurnModel, dataset: Data, cut: pd.Timestamp, until: pd.Timestamp) -> ChurnModel:
    """The model with its level moved, by month, to that of the same month a year before (training/season.py)."""
    as_of = dataset.labels["as_of"]
    newest = dataset.signals[(as_of == as_of[as_of <= cut].max()).to_numpy()]
    levels = month_levels(dataset.labels, cut, until, churn.main_horizon_days)
    raw = churn.log_odds(churn.inputs(newest))
    bare = replace(churn, season=NONE)
    shifts = month_shifts(bare.calibrated(raw, newest), churn.intervals.upto(churn.main_horizon_days), levels)
    return replace(churn, season=shifts, log={**churn.log, "season_levels": levels, "season_accounts": len(newest)})


def base_rate_at(labels: pd.DataFrame, until: pd.Timestamp, horizon_days: int) -> float:
    """Share churned within the horizon among the rows whose window had ended; 0 with no such row."""
    matured = labels[rows_known(labels, until, horizon_days)]
    if matured.empty:
        return 0.0
    return float((matured["churn_at"] < matured["as_of"] + pd.Timedelta(days=horizon_days)).mean())


def _sample(raw: Raw, frame: pd.DataFrame) -> pd.DataFrame:
    """Evenly spaced training snapshots."""
    taught = np.unique(raw.rows.snapshot)
    return frame.iloc[taught[np.linspace(0, len(taught) - 1, min(EXPLAINED_SAMPLE, len(taught))).astype(int)]]


def _panel(raw: Raw, frame: pd.DataFrame) -> pd.DataFrame:
    """All training snapshots of evenly spaced accounts."""
    taught = frame.iloc[np.unique(raw.rows.snapshot)]
    account, names = pd.factorize(taught["account_id"])
    return taught[_evenly(len(names), PANEL * len(names) // len(taught))[account]]


def _evenly(count: int, wanted: int) -> np.ndarray:
    """Which of `count` are chosen, about `wanted` of them and at least one, evenly spaced; (count,) bool."""
    chosen = np.zeros(count, dtype=bool)
    chosen[np.linspace(0, count - 1, max(1, min(count, wanted))).astype(int)] = True
    return chosen


def _tree_means(raw: Raw, sample: pd.DataFrame, intervals: Intervals) -> np.ndarray:
    """Mean contributions of the trees over the sample; (signals, K)."""
    inputs = make_inputs(sample, raw.encoder, intervals)
    return raw.trees.contributions(inputs, raw.encoder, raw.explained)[1].mean(axis=0)


def _hidden_sd(churn: ChurnModel, panel: pd.DataFrame, seed: int) -> float:
    """Of the contributions to the main horizon's log-odds by signals that are views of the account's state."""
    if not churn.has_signal:
        return 0.0
    count = churn.intervals.upto(churn.main_horizon_days)
    _, parts = churn.log_odds_parts(panel, count)
    known = {RENEWAL, SEASON, STAGE, INTERVAL}  # facts, not views; the account's attributes are facts too
    named = zip(churn.explained.signals, churn.explained.dimensions, strict=True)
    views = [place for place, (name, of) in enumerate(named) if of != "account" and name not in known]
    account, _ = pd.factorize(panel["account_id"])
    return hidden_sd(parts[:, views, :].mean(axis=2), account, days(panel["as_of"]), seed)
