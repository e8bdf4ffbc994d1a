"""Models to be beaten, made of the same parts: the logistic alone, days to renewal alone, the base rate by stage."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from configs.settings import Settings
from features.signal import Schema
from training.calibration import NONE, Calibrator, identity
from training.fit.learners import FittedLearners
from training.hazard import (
    ALONE,
    RENEWAL,
    SEASON,
    Encoder,
    Explained,
    Intervals,
    TrainingRows,
    explained_by,
    fit_linear,
    joined,
    make_inputs,
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
    member = {"rules": learners.rules, "blend_rules": learners.learned_rules}.get(chosen)
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
    )


def fit_baselines(
    learners: FittedLearners, frame: pd.DataFrame, labels: pd.DataFrame, parts: Parts
) -> tuple[Model, ...]:
    """("logistic", "days_to_renewal", "base_rate"), uncalibrated; `frame` and `labels` are the rows before the cut."""
    encoder = Encoder((RENEWAL,), ())
    training = parts.settings.training
    account, _ = pd.factorize(labels["account_id"])
    inputs = make_inputs(frame, encoder, parts.intervals)
    known = TrainingRows(inputs, learners.rows, encoder, learners.events, training.seed)
    linear = fit_linear(known, account, training.ridge_l2)
    explained = explained_by(encoder, Schema(()))
    renewal = ChurnModel(
        name="days_to_renewal",
        horizons_days=parts.settings.horizons_days,
        main_horizon_days=parts.settings.main_horizon_days,
        intervals=parts.intervals,
        encoder=encoder,
        explained=explained,
        linear=linear,
        trees=None,
        blend=ALONE["logistic"],
        tree_means=np.zeros((len(explained.signals), parts.intervals.count)),
        calibrator=identity(),
        chosen="logistic",
        base_rate=parts.base_rate,
        season=NONE,
        log=parts.log,
    )
    return (
        assemble("logistic", "logistic", learners, parts, identity()),
        renewal,
        assemble("base_rate", "base_rate", learners, parts, identity()),
    )
