"""A prediction, with the same columns wherever it stands: backtest file, score file, ledger and API."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from configs.framework import DIMENSIONS
from configs.settings import Settings
from evaluation.predictions.next_actions import Situation, next_actions
from features.signal import Schema
from training.hazard import TIME_SENTENCES
from training.health import HealthModel, risk_levels
from training.model import ChurnModel, Explanation

TOP_REASONS = 8
BASE, REST = "base", "everything_else"  # stand for no one signal


def prediction_columns(settings: Settings) -> list[str]:
    """The columns of a prediction, in order (docs: README, "A prediction")."""
    main = settings.main_horizon_days
    return [
        "account_id",
        "as_of",
        "lifecycle_stage",
        *(f"p_churn_{days}d" for days in settings.horizons_days),
        f"p_low_{main}d",
        f"p_high_{main}d",
        "risk_level",
        "health_score",
        *(f"health_{dimension}" for dimension in DIMENSIONS),
        f"p_health_{main}d",
        "coverage",
        "arr",
        f"expected_arr_loss_{main}d",
        "reasons",
        "triggers",
        "actions",
        "has_signal",
        "model_version",
        "config_version",
    ]


def predictions(
    churn: ChurnModel,
    health: HealthModel,
    frame: pd.DataFrame,
    settings: Settings,
    model_version: str,
    schema: Schema,
) -> pd.DataFrame:
    """One prediction a row, with the same columns wherever it stands: file, ledger or API.

    Parameters
    ----------
    churn, health : ChurnModel, HealthModel
    frame : pd.DataFrame
        Signals of n scorings (see features.dataset.Dataset.signals).
    settings, model_version, schema : Settings, str, Schema
        `model_version` is written beside every row.

    Returns
    -------
    pd.DataFrame, n rows
        Exactly `prediction_columns`. reasons, triggers (names of escalations, then of triggers) and actions are JSON
        text. The reasons are those of the main horizon; they add up to the served probability. Without a usable signal
        has_signal is False in every row: the probability is the base rate of the account's stage.
    """
    main = settings.main_horizon_days
    out = frame[["account_id", "as_of", "lifecycle_stage"]].copy()
    chances = churn.predict(frame)
    for column in chances:
        out[column] = chances[column]
    out[f"p_low_{main}d"], out[f"p_high_{main}d"] = churn.interval(frame)
    p = chances[f"p_churn_{main}d"].to_numpy()
    out["risk_level"] = risk_levels(p, churn.base_rate, settings.framework.levels)
    scores = health.scores(frame)
    for column in scores:
        out[column] = scores[column]
    out[f"p_health_{main}d"] = health.predict(frame)[f"p_churn_{main}d"]
    out["coverage"] = frame.coverage
    out["arr"] = frame.arr
    out[f"expected_arr_loss_{main}d"] = frame.arr * p
    explanation = churn.explain(frame, main)
    escalations = health.escalations(frame, out["risk_level"])
    fired = [[*grave, *names] for grave, names in zip(escalations, health.triggers(frame), strict=True)]
    out["reasons"] = reasons_json(explanation, frame, schema)
    out["triggers"] = [json.dumps(names) for names in fired]
    arr = [None if np.isnan(value) else value for value in frame.arr.to_numpy(dtype=float)]
    situations = list(map(Situation, fired, out["lifecycle_stage"].astype(str), arr, out["risk_level"]))
    out["actions"] = [
        json.dumps([vars(action) for action in actions])
        for actions in next_actions(situations, explanation, settings.framework)
    ]
    out["has_signal"] = churn.has_signal
    out["model_version"] = model_version
    out["config_version"] = settings.version
    return out[prediction_columns(settings)]


@dataclass(frozen=True)
class Reason:
    """What one signal, or the rest of a dimension, adds to the probability; BASE and REST stand for no one signal."""

    signal: str
    dimension: str
    value: Any
    contribution: float
    sentence: str


def reasons_json(explanation: Explanation, frame: pd.DataFrame, schema: Schema) -> list[str]:
    """JSON text a row: [{"signal", "dimension", "value", "contribution", "sentence"}], base first, the rest last.

    The rest is summed up by dimension: of two hundred signals that overlap, the eight strongest say less than a
    dimension.
    """
    dimensions = np.array(explanation.dimensions)
    of = {name: np.nonzero(dimensions == name)[0] for name in dict.fromkeys(explanation.dimensions)}
    order = np.argsort(-np.abs(explanation.contributions), axis=1, kind="stable")[:, :TOP_REASONS]
    values = {name: frame[name].to_numpy() for name in explanation.signals if name in frame}
    texts = []
    for row, top in enumerate(order):
        shares = explanation.contributions[row]
        base = float(explanation.base[row])
        reasons = [Reason(BASE, BASE, None, base, "an average account")]
        for index in top:
            name = explanation.signals[index]
            value = _plain(values[name][row]) if name in values else None
            sentence = schema.info(name).sentence if name in schema.names else TIME_SENTENCES.get(name, name)
            reasons.append(Reason(name, explanation.dimensions[index], value, float(shares[index]), sentence))
        others = shares.copy()
        others[top] = 0.0
        for name, indexes in of.items():
            rest = float(others[indexes].sum())
            reasons.append(Reason(REST, name, None, rest, f"all other signals of {name} together"))
        texts.append(json.dumps([vars(reason) for reason in reasons]))
    return texts


def _plain(value: Any) -> Any:
    """A signal's value as JSON can hold it."""
    if isinstance(value, float | np.floating):
        return None if np.isnan(value) else float(value)
    return value
