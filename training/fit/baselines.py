"""Models to be beaten, made of the same parts: the logistic alone, days to renewal, the contracts, the base rate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from configs.settings import Settings
from features.signal import Schema
from training.calibration import NONE, Calibrator, identity
from training.fit.learners import BLENDED_ROWS, MAX_MISSING, FittedLearners
from training.hazard import (
    ALONE,
    NO_EFFECTS,
    RENEWAL,
    SEASON,
    Blend,
    Encoder,
    Explained,
    Intervals,
    LinearHazard,
    TrainingRows,
    TreeHazard,
    blends,
    explained_by,
    fit_encoder,
    fit_linear,
    fit_trees,
    joined,
    make_inputs,
    tree_size,
)
from training.model import Chosen, ChurnModel, Model
from training.serialization import JsonObject


@dataclass(frozen=True)
class Parts:
    """What every model of one cut shares."""

    settings: Settings
    intervals: Intervals
    base_rate: float
    log: JsonObject


def assemble(
    name: str,
    chosen: Chosen,
    learners: FittedLearners,
    parts: Parts,
    calibrator: Calibrator,
    tree_means: np.ndarray | None = None,
    season: tuple[float, ...] = NONE,
) -> ChurnModel:
    """A ChurnModel of the chosen learners of one cut; `tree_means` (signals, K) is needed with trees."""
    blend = learners.blends[chosen]
    member = {"rules": learners.rules, "blend_rules": learners.learned_rules}.get(chosen) if blend.rules else None
    encoder, linear = (
        (learners.base_rate_encoder, learners.base_rate)
        if chosen == "base_rate"
        else (learners.encoder, learners.linear)
    )
    explained = explained_by(encoder, Schema(())) if chosen == "base_rate" else learners.explained
    if chosen == "rules":
        explained = joined(learners.rules.explained, Explained((SEASON,), ("account",)))
    elif member is not None:
        explained = joined(explained, member.explained)
    means = np.zeros((len(explained.signals), parts.intervals.count))
    if blend.trees and tree_means is not None:
        means[: len(tree_means)] = tree_means
    return ChurnModel(
        name=name,
        horizons_days=parts.settings.horizons_days,
        main_horizon_days=parts.settings.main_horizon_days,
        intervals=parts.intervals,
        encoder=encoder,
        explained=explained,
        linear=linear,
        trees=learners.trees if blend.trees else None,
        blend=blend,
        tree_means=means,
        calibrator=calibrator,
        chosen=chosen,
        base_rate=parts.base_rate,
        season=season,
        log=parts.log,
        rules=member,
        time=NO_EFFECTS if chosen == "rules" else learners.time,
    )


@dataclass(frozen=True)
class BaselineData:
    """What the models to be beaten are fitted on: the learners of the cut, and the rows before it."""

    learners: FittedLearners
    frame: pd.DataFrame
    labels: pd.DataFrame
    schema: Schema
    parts: Parts

    @property
    def account(self) -> np.ndarray:
        """The account of each row as a number, (n,)."""
        codes: np.ndarray = pd.factorize(self.labels["account_id"])[0]
        return codes

    def rows_of(self, encoder: Encoder) -> TrainingRows:
        """The rows that taught the learners, as the encoder shows them."""
        learners, parts = self.learners, self.parts
        inputs = make_inputs(self.frame, encoder, parts.intervals)
        return TrainingRows(inputs, learners.rows, encoder, learners.events, parts.settings.training.seed)

    def churn_model(
        self,
        name: str,
        encoder: Encoder,
        linear: LinearHazard,
        trees: TreeHazard | None = None,
        blend: Blend | None = None,
    ) -> ChurnModel:
        """A ChurnModel, uncalibrated; without a blend, of the linear hazard alone."""
        settings, intervals = self.parts.settings, self.parts.intervals
        explained = explained_by(encoder, self.schema)
        return ChurnModel(
            name=name,
            horizons_days=settings.horizons_days,
            main_horizon_days=settings.main_horizon_days,
            intervals=intervals,
            encoder=encoder,
            explained=explained,
            linear=linear,
            trees=trees,
            blend=ALONE["logistic"] if blend is None else blend,
            tree_means=np.zeros((len(explained.signals), intervals.count)),
            calibrator=identity(),
            chosen="logistic" if blend is None else "blend",
            base_rate=self.parts.base_rate,
            season=NONE,
            log=self.parts.log,
        )


def _logistic(data: BaselineData) -> Model:
    return assemble("logistic", "logistic", data.learners, data.parts, identity())


def _days_to_renewal(data: BaselineData) -> Model:
    encoder = Encoder((RENEWAL,), ())
    linear = fit_linear(data.rows_of(encoder), data.account, data.parts.settings.training.ridge_l2)
    return data.churn_model("days_to_renewal", encoder, linear)


def _base_rate(data: BaselineData) -> Model:
    return assemble("base_rate", "base_rate", data.learners, data.parts, identity())


def _contracts(data: BaselineData) -> Model | None:
    """The model's own learner, the blend of trees and logistic, on what the contracts alone say."""
    training = data.parts.settings.training
    numbers, categories = contract_signals(data.schema, training.exclude_signals)
    at_risk = data.frame.iloc[np.unique(data.learners.rows.snapshot)]
    numbers = [name for name in numbers if at_risk[name].isna().mean() <= MAX_MISSING]
    if not numbers:
        return None
    encoder = fit_encoder(data.frame, numbers, categories, data.learners.rows.snapshot, data.learners.rows.churned)
    rows, intervals, account = data.rows_of(encoder), data.parts.intervals, data.account
    linear = fit_linear(rows, account, training.ridge_l2)
    trees = fit_trees(
        rows, data.schema, intervals, tree_size(training.trees, data.learners.events), data.learners.monotone
    )
    some = rows.rows.take(np.linspace(0, len(rows.rows) - 1, min(BLENDED_ROWS, len(rows.rows))).astype(int))
    at = np.arange(len(some)), some.interval
    blend = blends(
        trees.log_odds_of(rows.inputs, encoder, some), linear.log_odds(rows.inputs.take(some.snapshot))[at], None
    )["blend"]
    return data.churn_model("contracts", encoder, linear, trees, blend)


def contract_signals(schema: Schema, excluded: Sequence[str]) -> tuple[list[str], list[str]]:
    """(numbers, categories) that are made of contracts and nothing else, less the excluded ones."""
    of = [signal for signal in schema.signals if signal.tables == ("contracts",) and signal.name not in excluded]
    return [one.name for one in of if one.kind == "number"], [one.name for one in of if one.kind == "category"]


# One more: a function here, and its title in evaluation/report/sections/frames.py.
BASELINES: tuple[Callable[[BaselineData], Model | None], ...] = (_logistic, _days_to_renewal, _contracts, _base_rate)


def fit_baselines(data: BaselineData) -> tuple[Model, ...]:
    """Models to be beaten, uncalibrated, of BASELINES those that the data can feed."""
    models = [fit(data) for fit in BASELINES]
    return tuple(model for model in models if model is not None)
