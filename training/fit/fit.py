"""Fitting at a cut: learners, out-of-time calibration, rules and baselines, each from what was known by then."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from configs.progress import Progress
from configs.settings import Settings
from training.calibration import Calibrator, OutOfTime, choose_calibrator, identity
from training.fit.baselines import BaselineData, Parts, assemble, fit_baselines
from training.fit.current_level import FirstIntervals, recalibrate_in_the_large, recalibrate_rules_in_the_large
from training.fit.interval_width import with_interval_width
from training.fit.learners import Data, FittedLearners
from training.fit.model_selection import Choice, choose_learner
from training.fit.rolling_origin import Rolling
from training.fit.stacking import stack
from training.hazard import STAGE, HazardRows, Intervals, make_inputs
from training.health import HealthModel
from training.known_labels import rows_known
from training.model import ChurnModel, Model
from training.serialization import JsonObject

EXPLAINED_SAMPLE = 500  # snapshots whose mean contributions are an explanation's base


@dataclass(frozen=True)
class Fitted:
    """Everything that is fitted at one cut, and judged.

    Attributes
    ----------
    churn : ChurnModel
        The one that serves.
    health : HealthModel
        The calibrated rules.
    baselines : tuple of Model
        To be beaten.
    """

    churn: ChurnModel
    health: HealthModel
    baselines: tuple[Model, ...]


def fit_models(
    dataset: Data,
    settings: Settings,
    cut: pd.Timestamp | None = None,
    rolling: Rolling | None = None,
    progress: Progress | None = None,
    half_samples: bool = True,
) -> Fitted:
    """Fits everything that is judged, on label windows that had ended, and were known, by the cut.

    Parameters
    ----------
    dataset, settings : Data, Settings
        What is trained on, and how.
    cut : Timestamp, optional
        By which label windows must have ended; by default the data's end.
    rolling : Rolling, optional
        Remembers fits between calls on the same dataset and settings.
    progress : callable, optional
        Called with what is fitted.
    half_samples : bool
        Without, two fits are saved and the interval is rougher (interval_width.py).

    Returns
    -------
    Fitted
        Without a usable signal the base rate by stage is the model, and its log says why.

    Raises
    ------
    DataError
        With one class only.

    References
    ----------
    J. D. Singer, J. B. Willett (1993), "It's about time: using discrete-time survival analysis".
    """
    cut = dataset.data_end if cut is None else pd.Timestamp(cut)
    rolling = rolling or Rolling(dataset, settings)
    until = rolling.until(cut)
    rolling.prepare([cut], progress)
    learners = rolling.learners(cut)
    blocks = rolling.out_of_time(cut)
    choice = choose_learner(learners, blocks, settings.training.min_churns)
    calibrator = identity(why="no usable origin")
    weighing: JsonObject = {}
    if blocks:
        learners, out_of_time, weighing = _stacked(learners, choice, rolling, blocks[choice.chosen])
        calibrator = choose_calibrator(out_of_time, settings.training.seed)
    before = (dataset.labels["as_of"] < cut).to_numpy()
    frame, labels = dataset.signals[before], dataset.labels[before]
    log = _log(settings, rolling, learners, choice, calibrator) | {"stacking": weighing}
    main = settings.main_horizon_days
    base_rate = base_rate_at(labels, until, main) or base_rate_by_hazard(learners.rows, rolling.intervals, main)
    parts = Parts(settings, rolling.intervals, base_rate, log)
    sample = _sample(learners, frame)
    churn = assemble(
        "churn", choice.chosen, learners, parts, calibrator, _tree_means(learners, sample, rolling.intervals)
    )
    churn = with_interval_width(churn, learners, rolling, parts, frame, half_samples)
    known = FirstIntervals.of(dataset, rolling.intervals, cut, until)
    churn = recalibrate_in_the_large(churn, dataset, settings, cut, known)
    others = fit_baselines(BaselineData(learners, frame, labels, dataset.schema, parts))
    return Fitted(churn, recalibrate_rules_in_the_large(learners.rules, known), others)


def _stacked(
    learners: FittedLearners, choice: Choice, rolling: Rolling, rows: OutOfTime
) -> tuple[FittedLearners, OutOfTime, JsonObject]:
    """The learners with the members of the chosen blend weighed by purged rows; these as it then says; and why."""
    chosen = choice.chosen
    if chosen not in ("blend", "blend_rules"):
        return learners, rows, {}
    members = rolling.members(learners.cut, rules=chosen == "blend_rules")
    blend, log = stack(learners.blends[chosen], members, rows, choice.too_bold)
    if blend == learners.blends[chosen]:
        return learners, rows, log
    weighed = replace(learners, blends={**learners.blends, chosen: blend})
    return weighed, replace(rows, log_odds=members.of(blend)), log


def _log(
    settings: Settings, rolling: Rolling, learners: FittedLearners, choice: Choice, calibrator: Calibrator
) -> JsonObject:
    """What a model was fitted on, and why it is what it is."""
    cut = learners.cut
    until = rolling.until(cut)
    before = (rolling.dataset.labels["as_of"] < cut).to_numpy()
    frame, labels = rolling.dataset.signals[before], rolling.dataset.labels[before]
    return {
        "cut": str(cut.date()),
        "calibrator_cut": str(cut.date()),
        "labels_known_until": str(until.date()),
        "snapshots": len(np.unique(learners.rows.snapshot)),
        "hazard_rows": len(learners.rows),
        "churned_accounts": learners.accounts,
        "churn_events": learners.events,
        "events_by": {
            name: events_by(frame[name], labels, learners.rows) for name in (STAGE, "segment") if name in frame
        },
        "monotone": learners.monotone,
        "time_effects": {"columns": list(learners.time.columns), "evidence": learners.time_evidence},
        "chosen": choice.chosen,
        "why": choice.why,
        "purged_log_loss": choice.losses,
        "beats_base_rate_z": choice.beats_base_z,
        "origins": [str(origin.date()) for origin in rolling.origins(cut)],
        "calibration": {"method": calibrator.method, "version": calibrator.version, **calibrator.log},
        "trees": settings.training.trees.model_dump(),
        "seed": settings.training.seed,
    }


def events_by(group: pd.Series, labels: pd.DataFrame, rows: HazardRows) -> dict[str, dict[str, int]]:
    """Behind a figure of each group: its accounts, and how many of them churned in a training row; largest first."""
    churned = np.unique(rows.snapshot[rows.churned > 0])
    at_risk = np.unique(rows.snapshot)
    name = group.astype(object).where(group.notna(), "unknown").astype(str).to_numpy()
    account = labels["account_id"].to_numpy()
    counts = {
        member: {
            "accounts": len(set(account[at_risk[name[at_risk] == member]])),
            "churned_accounts": len(set(account[churned[name[churned] == member]])),
        }
        for member in sorted(set(name[at_risk]))
    }
    return dict(sorted(counts.items(), key=lambda item: (-item[1]["accounts"], item[0])))


def base_rate_at(labels: pd.DataFrame, until: pd.Timestamp, horizon_days: int) -> float:
    """Share churned within the horizon among the rows whose window had ended; 0 with no such row."""
    matured = labels[rows_known(labels, until, horizon_days)]
    if matured.empty:
        return 0.0
    return float((matured["churn_at"] < matured["as_of"] + pd.Timedelta(days=horizon_days)).mean())


def base_rate_by_hazard(rows: HazardRows, intervals: Intervals, horizon_days: int) -> float:
    """Share expected to churn within the horizon at the pace of the intervals that have ended: what stands in where no
    window of the horizon has.

    >>> month = HazardRows(np.arange(10), np.zeros(10, int), np.array([1.0] + [0.0] * 9), np.zeros(10))
    >>> round(base_rate_by_hazard(month, Intervals((0, 30, 90)), 90), 4)
    0.2592
    """
    days_at_risk = np.diff(intervals.edges)[rows.interval].sum()
    return float(-np.expm1(-rows.churned.sum() / days_at_risk * horizon_days))


def _sample(learners: FittedLearners, frame: pd.DataFrame) -> pd.DataFrame:
    """Evenly spaced training snapshots."""
    at_risk = np.unique(learners.rows.snapshot)
    return frame.iloc[at_risk[np.linspace(0, len(at_risk) - 1, min(EXPLAINED_SAMPLE, len(at_risk))).astype(int)]]


def _tree_means(learners: FittedLearners, sample: pd.DataFrame, intervals: Intervals) -> np.ndarray:
    """Mean contributions of the trees over the sample; (signals, K)."""
    inputs = make_inputs(sample, learners.encoder, intervals)
    return learners.trees.contributions(inputs, learners.encoder, learners.explained)[1].mean(axis=0)
