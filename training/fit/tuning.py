"""Tuning the trees on purged origins, with a resumable study, and the proof that it takes to adopt the best of it.

Tuning wins the origins that it was tuned on and has lost later ones (docs/methods.md), so the newest origin takes no
part in it: trials are compared on the older ones, and the best is adopted only if it betters the default on the newest
by more than one standard error, clustered by account.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from configs.errors import DataError, Fault
from configs.progress import Progress
from configs.settings import Settings, Trees
from training.calibration import clustered_z
from training.fit.learners import Data, FittedLearners
from training.fit.rolling_origin import Rolling
from training.fit.tuning_result import Proof, Study, Trial, Tuned
from training.hazard import (
    HazardRows,
    Inputs,
    TrainingRows,
    fit_trees,
    hazard_rows,
    log_loss_rows,
    make_inputs,
    tree_size,
)
from training.known_labels import churn_events

STARTUP_TRIALS = 5  # not pruned: the median of fewer means little


@dataclass(frozen=True)
class Block:
    """What an origin is judged on: its learners, the inputs and hazard rows of the snapshots after it.

    `beside`: what the intervals' time adds to the log-odds of the rows that teach, and of those judged.
    """

    learners: FittedLearners
    train: tuple[Inputs, HazardRows]
    test: tuple[Inputs, HazardRows]
    linear: np.ndarray
    rules: np.ndarray | None
    account: np.ndarray
    beside: tuple[np.ndarray, np.ndarray]


Judge = Callable[[Rolling, Block, Trees], np.ndarray]


def tune(
    dataset: Data,
    settings: Settings,
    trials: int,
    progress: Progress | None = None,
    rolling: Rolling | None = None,
    judge: Judge | None = None,
) -> Tuned:
    """Searches the trees' settings on purged origins; the study is kept in the state folder and goes on there.

    A study belongs to its data, cut and settings: with other ones a new study begins.

    Parameters
    ----------
    dataset, settings : Data, Settings
        What is trained on, and how.
    trials : int
        How many more to make.
    progress : callable, optional
        Called with a line for each trial.
    rolling : Rolling, optional
        Fits that are remembered from elsewhere.
    judge : callable, optional
        Losses of an origin's rows with trees of some settings; by default `log_losses`.

    Returns
    -------
    Tuned
        The best settings where they better the default on the newest origin by more than ADOPT_Z standard errors.

    Raises
    ------
    DataError
        With fewer than two usable origins.

    References
    ----------
    T. Akiba et al. (2019), "Optuna: a next-generation hyperparameter optimization framework", KDD.
    """
    rolling, judge, cut = rolling or Rolling(dataset, settings), judge or log_losses, dataset.data_end
    origins = _origins(rolling, cut)
    if progress is not None:
        progress(f"fitting {len(origins)} origins to tune on")
    blocks = _blocks(rolling, origins, cut)
    default = tree_size(settings.training.trees, churn_events(dataset.labels, rolling.until(cut)))
    default_losses = [judge(rolling, block, default) for block in blocks]
    study = _study(dataset, settings, cut)
    finished = sum(trial.state.is_finished() for trial in study.trials)
    if not finished:
        study.enqueue_trial(default.model_dump())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna's notes on its own experimental parts are not the user's to fix
        announce = _announcer(progress, trials, finished)
        study.optimize(_objective(rolling, blocks[:-1], judge), n_trials=trials, callbacks=[announce])
    best = Trees(**{name: float(f"{value:.6g}") for name, value in study.best_params.items()})
    gain = default_losses[-1] - judge(rolling, blocks[-1], best)
    proof = Proof(best, default, float(gain.mean()), clustered_z(gain, blocks[-1].account))
    result = _result(study, proof, float(np.concatenate(default_losses[:-1]).mean()), origins)
    trees = best if proof.adopted else settings.training.trees
    return Tuned(trees, proof.adopted, result, tuple(map(_trial, study.trials)))


def _origins(rolling: Rolling, cut: pd.Timestamp) -> tuple[pd.Timestamp, ...]:
    """Those to search on, and the newest, to prove it; DataError with fewer than two."""
    origins = rolling.origins(cut)
    if len(origins) < 2:
        raise DataError(
            Fault(
                "tuning",
                f"{len(origins)} origins with enough churns before them",
                "two or more: one to search on, a later one to prove it",
                "train with the default, or give a longer history",
            )
        )
    return origins


def _blocks(rolling: Rolling, origins: tuple[pd.Timestamp, ...], cut: pd.Timestamp) -> list[Block]:
    rolling.prepare_fits(origins)
    return [origin_block(rolling, origin, end, cut) for origin, end in zip(origins, (*origins[1:], cut), strict=True)]


def _objective(rolling: Rolling, blocks: list[Block], judge: Judge) -> Callable[[Any], float]:
    """Mean loss of a trial's trees over the origins' rows; a trial that falls behind is pruned on the way."""

    def objective(trial: Any) -> float:
        import optuna

        size = _suggest(trial)
        losses: list[np.ndarray] = []
        for number, block in enumerate(blocks):
            losses.append(judge(rolling, block, size))
            trial.report(float(np.concatenate(losses).mean()), number)
            if trial.should_prune() and number < len(blocks) - 1:
                raise optuna.TrialPruned
        return float(np.concatenate(losses).mean())

    return objective


def _announcer(progress: Progress | None, trials: int, finished: int) -> Callable[[Any, Any], None]:
    """A callback of Optuna that reports each of `trials` more trials, `finished` having been made before."""

    def announce(study: Any, trial: Any) -> None:
        if progress is not None:
            outcome = trial.state.name.lower() if trial.value is None else f"log loss {trial.value:.5f}"
            number = len(study.trials) - finished
            progress(f"trial {number} of {trials}: {outcome}, best {study.best_value:.5f}")

    return announce


def _result(study: Any, proof: Proof, default_loss: float, origins: tuple[pd.Timestamp, ...]) -> Study:
    return Study(
        study=study.study_name,
        trials=len(study.trials),
        pruned=sum(trial.state.name == "PRUNED" for trial in study.trials),
        default=proof.default,
        default_log_loss=default_loss,
        best=proof.best,
        best_log_loss=float(study.best_value),
        proof_gain=proof.gain,
        proof_z=proof.z,
        adopted=proof.adopted,
        why=proof.why(len(study.trials)),
        origins=tuple(str(origin.date()) for origin in origins),
    )


def _study(dataset: Data, settings: Settings, cut: pd.Timestamp) -> Any:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.ERROR)
    settings.paths.folder.mkdir(parents=True, exist_ok=True)
    data = getattr(dataset, "fingerprint", "data")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        name = f"{settings.name} {data} {settings.version} {cut.date()}"
        storage = f"sqlite:///{settings.paths.tuning}"
        # Each sitting draws from its own stream, or a resumed study would ask for the same points again.
        made = {summary.study_name: summary.n_trials for summary in optuna.get_all_study_summaries(storage)}
        return optuna.create_study(
            study_name=name,
            storage=storage,
            sampler=optuna.samplers.TPESampler(seed=settings.training.seed + made.get(name, 0)),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS),
            load_if_exists=True,
        )


def _suggest(trial: Any) -> Trees:
    return Trees(
        num_leaves=trial.suggest_int("num_leaves", 2, 31, log=True),
        n_estimators=trial.suggest_int("n_estimators", 50, 600, log=True),
        learning_rate=trial.suggest_float("learning_rate", 0.01, 0.15, log=True),
        min_child_samples=trial.suggest_int("min_child_samples", 20, 400, log=True),
        l2=trial.suggest_float("l2", 1.0, 200.0, log=True),
        feature_fraction=trial.suggest_float("feature_fraction", 0.1, 1.0),
        bagging_fraction=trial.suggest_float("bagging_fraction", 0.5, 1.0),
    )


def _trial(trial: Any) -> Trial:
    return Trial(trial.number, trial.state.name, trial.value, dict(trial.params))


def origin_block(rolling: Rolling, origin: pd.Timestamp, end: pd.Timestamp, cut: pd.Timestamp) -> Block:
    """The snapshots in [origin, end), judged by what is known at the cut, with the learners of the origin."""
    learners = rolling.learners(origin)
    dataset = rolling.dataset
    before = (dataset.labels["as_of"] < origin).to_numpy()
    inside = ((dataset.labels["as_of"] >= origin) & (dataset.labels["as_of"] < end)).to_numpy()
    frame, labels = dataset.signals[inside], dataset.labels[inside]
    test = make_inputs(frame, learners.encoder, rolling.intervals)
    rows = hazard_rows(labels, rolling.intervals, rolling.until(cut))
    learned, taught = learners.learned_rules, dataset.signals[before]
    taught_time, time = (learners.time.log_odds(part, rolling.intervals) for part in (taught, frame))
    return Block(
        learners=learners,
        train=(make_inputs(taught, learners.encoder, rolling.intervals), learners.rows),
        test=(test, rows),
        linear=learners.linear.log_odds(test)[rows.snapshot, rows.interval],
        rules=None if learned is None else learned.linear.log_odds(learned.inputs(frame))[rows.snapshot, rows.interval],
        account=labels["account_id"].astype(str).to_numpy()[rows.snapshot],
        beside=(
            taught_time[learners.rows.snapshot, learners.rows.interval],
            time[rows.snapshot, rows.interval],
        ),
    )


def log_losses(rolling: Rolling, block: Block, size: Trees) -> np.ndarray:
    """Log loss of each out-of-time hazard row of the blend with trees of that size; (m,)."""
    learners, (inputs, rows), (test, judged) = block.learners, block.train, block.test
    seed, (taught, beside) = rolling.settings.training.seed, block.beside
    offset = taught if learners.time else None
    known = TrainingRows(inputs, rows, learners.encoder, learners.events, seed, offset)
    trees = fit_trees(known, rolling.dataset.schema, rolling.intervals, size, learners.monotone)
    blend = learners.blends["blend" if block.rules is None else "blend_rules"]
    z = blend.of(trees.log_odds_of(test, learners.encoder, judged), block.linear, block.rules) + beside
    return log_loss_rows(z, judged.churned)
