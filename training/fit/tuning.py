"""Tuning the trees on purged origins, with a resumable study, and the proof that it takes to adopt what was found.

Tuning wins the origins that it was tuned on and has lost later ones (docs/methods.md), so the newest origin takes no
part in it: trials are compared on the older ones, and the best is adopted only if it betters the default on the newest
by more than one standard error, clustered by account.
"""

from __future__ import annotations

import logging
import warnings
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
from training.hazard import HazardRows, fit_trees, hazard_rows, log_loss_rows, make_inputs, tree_size
from training.splits import churn_events

ADOPT_Z = 1.0
STARTUP_TRIALS = 5  # not pruned: the median of fewer says little


@dataclass(frozen=True)
class Tuned:
    """`trees`: the settings to train with. `facts`: trials made, the best one, its gain and z, and why it was (not)
    adopted. `trials`: number, state, value (mean purged log loss) and params of each."""

    trees: Trees
    adopted: bool
    facts: dict[str, Any]
    trials: tuple[dict[str, Any], ...]

    @property
    def line(self) -> str:
        """The setting to keep in the project's file, so that later trainings and backtests use the same trees."""
        body = ", ".join(f"{name}: {value:.6g}" for name, value in self.trees.model_dump().items())
        return f"training: {{trees: {{{body}}}}}"


@dataclass(frozen=True)
class Block:
    """What an origin is judged on: its learners, the inputs and hazard rows of the snapshots after it."""

    learners: FittedLearners
    train: tuple[Any, HazardRows]
    test: tuple[Any, HazardRows]
    linear: np.ndarray
    rules: np.ndarray | None
    account: np.ndarray


def tune(
    dataset: Data, settings: Settings, trials: int, progress: Progress | None = None, rolling: Rolling | None = None
) -> Tuned:
    """Searches the size of the trees for `trials` more trials; the study is kept in the state folder and goes on there.

    A study belongs to its data, cut and settings: with other ones a new study begins. The judgement is the log loss of
    the blend. DataError with fewer than two usable origins.
    """
    rolling = rolling or Rolling(dataset, settings)
    cut = dataset.data_end
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
    if progress is not None:
        progress(f"fitting {len(origins)} origins to tune on")
    rolling.prepare_fits(origins)
    blocks = [_block(rolling, origin, end, cut) for origin, end in zip(origins, (*origins[1:], cut), strict=True)]
    default = tree_size(settings.training.trees, churn_events(dataset.labels, rolling.until(cut)))
    own = [_losses(rolling, block, default) for block in blocks]
    study = _study(dataset, settings, cut)
    done = [one for one in study.trials if one.state.is_finished()]
    if not done:
        study.enqueue_trial(_params(default))
    older = blocks[:-1]

    def objective(trial: Any) -> float:
        import optuna

        size = _suggest(trial)
        found: list[np.ndarray] = []
        for number, block in enumerate(older):
            found.append(_losses(rolling, block, size))
            trial.report(float(np.concatenate(found).mean()), number)
            if trial.should_prune() and number < len(older) - 1:
                raise optuna.TrialPruned
        return float(np.concatenate(found).mean())

    def tell(study: Any, trial: Any) -> None:
        if progress is not None:
            finished = len(study.trials) - len(done)
            progress(f"trial {finished} of {trials}: {_said(trial)}, best {study.best_value:.5f}")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Optuna's notes on its own experimental parts are not the user's to mend
        study.optimize(objective, n_trials=trials, callbacks=[tell])
    best = Trees(**{name: float(f"{value:.6g}") for name, value in study.best_params.items()})
    gain = own[-1] - _losses(rolling, blocks[-1], best)
    z = clustered_z(gain, blocks[-1].account)
    adopted = z > ADOPT_Z and best != default
    found = f"best of {len(study.trials)} trials: newest origin's log loss better by {gain.mean():+.5f} (z {z:.2f})"
    facts = {
        "study": study.study_name,
        "trials": len(study.trials),
        "pruned": sum(one.state.name == "PRUNED" for one in study.trials),
        "default": default.model_dump(),
        "default_log_loss": float(np.concatenate(own[:-1]).mean()),
        "best": best.model_dump(),
        "best_log_loss": float(study.best_value),
        "proof_gain": float(gain.mean()),
        "proof_z": z,
        "adopted": adopted,
        "why": f"{found}: {'adopted' if adopted else f'more than {ADOPT_Z:g} needed, the default stays'}",
        "origins": [str(one.date()) for one in origins],
    }
    return Tuned(best if adopted else settings.training.trees, adopted, facts, tuple(map(_trial, study.trials)))


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
        made = {one.study_name: one.n_trials for one in optuna.get_all_study_summaries(storage)}
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


def _params(size: Trees) -> dict[str, Any]:
    return size.model_dump()


def _said(trial: Any) -> str:
    return trial.state.name.lower() if trial.value is None else f"log loss {trial.value:.5f}"


def _trial(trial: Any) -> dict[str, Any]:
    return {"number": trial.number, "state": trial.state.name, "value": trial.value, "params": dict(trial.params)}


def _block(rolling: Rolling, origin: pd.Timestamp, end: pd.Timestamp, cut: pd.Timestamp) -> Block:
    learners = rolling.learners(origin)
    dataset = rolling.dataset
    before = (dataset.labels["as_of"] < origin).to_numpy()
    inside = ((dataset.labels["as_of"] >= origin) & (dataset.labels["as_of"] < end)).to_numpy()
    frame, labels = dataset.signals[inside], dataset.labels[inside]
    test = make_inputs(frame, learners.encoder, rolling.intervals)
    rows = hazard_rows(labels, rolling.intervals, rolling.until(cut))
    learned = learners.learned_rules
    return Block(
        learners=learners,
        train=(make_inputs(dataset.signals[before], learners.encoder, rolling.intervals), learners.rows),
        test=(test, rows),
        linear=learners.linear.log_odds(test)[rows.snapshot, rows.interval],
        rules=None if learned is None else learned.linear.log_odds(learned.inputs(frame))[rows.snapshot, rows.interval],
        account=labels["account_id"].astype(str).to_numpy()[rows.snapshot],
    )


def _losses(rolling: Rolling, block: Block, size: Trees) -> np.ndarray:
    """Log loss of each out-of-time hazard row of the blend with trees of that size; (m,)."""
    learners, (inputs, rows), (test, judged) = block.learners, block.train, block.test
    trees = fit_trees(
        inputs,
        rows,
        learners.encoder,
        rolling.dataset.schema,
        rolling.intervals,
        size,
        learners.monotone,
        learners.events,
        rolling.settings.training.seed,
    )
    blend = learners.blends["blend" if block.rules is None else "blend_rules"]
    z = blend.of(trees.log_odds_of(test, learners.encoder, judged), block.linear, block.rules)
    return log_loss_rows(z, judged.churned)
