"""What a run holds of a training: parameters, figures, an example of its input. Nothing here knows MLflow."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from configs.settings import Settings
from training.fit import Data, Fitted, Tuned
from training.model import ChurnModel

# What the loss of a trial is called: one that was given up has seen fewer origins, and compares with none.
LOSS_OF_TRIAL = {"COMPLETE": "purged_log_loss", "PRUNED": "purged_log_loss_until_pruned"}
FRAME_COLUMNS = ("lifecycle_stage", "days_to_renewal", "term_days")


@dataclass(frozen=True)
class Nested:
    """A child run: a fold of the backtest, a trial of tuning.

    Attributes
    ----------
    name : str
        Of the child run.
    params : mapping
        Its parameters.
    metrics : mapping of str to float
        Its figures.
    tags : mapping of str to str
        Its tags.
    """

    name: str
    params: Mapping[str, object]
    metrics: Mapping[str, float]
    tags: Mapping[str, str] = field(default_factory=dict)


def trial_runs(tuned: Tuned) -> list[Nested]:
    """The trials of a tuning as child runs.

    Parameters
    ----------
    tuned : Tuned
        What a tuning found.

    Returns
    -------
    list of Nested
        One a trial.
    """
    return [
        Nested(
            f"trial {trial.number}",
            trial.params,
            {} if trial.value is None else {LOSS_OF_TRIAL[trial.state]: trial.value},
            {"state": trial.state},
        )
        for trial in tuned.trials
    ]


def flat_metrics(body: Mapping[str, object], prefix: str = "") -> dict[str, float]:
    """Finite numbers of nested mappings under names that MLflow takes; everything else is left out.

    Parameters
    ----------
    body : mapping
        Nested.
    prefix : str
        Of every name.

    Returns
    -------
    dict of str to float
        By path.

    Examples
    --------
    >>> flat_metrics({"auc": {"value": 0.8, "note": "x"}, "by segment": {"a&b": {"auc": 0.7}}})
    {'auc/value': 0.8, 'by segment/a_b/auc': 0.7}
    """
    out: dict[str, float] = {}
    for key, value in body.items():
        name = prefix + re.sub(r"[^\w\-. ]", "_", str(key))
        if isinstance(value, Mapping):
            out |= flat_metrics(value, f"{name}/")
        elif isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            out[name] = float(value)
    return out


def run_params(settings: Settings, fitted: Fitted) -> Mapping[str, object]:
    """Parameters of a training's run: its settings, and what it chose."""
    log = fitted.churn.fit_log
    trees = {f"trees_{key}": value for key, value in settings.training.trees.model_dump().items()}
    own = settings.training.model_dump(exclude={"trees"})
    return {
        **own,
        **trees,
        "horizons_days": settings.horizons_days,
        "cut": log.cut,
        "calibrator_cut": log.calibrator_cut,
        "chosen": fitted.churn.chosen,
        "calibration": fitted.churn.calibrator.method,
    }


def run_facts(fitted: Fitted) -> dict[str, float]:
    """Figures of a training's run: its training rows, and the purged losses."""
    log = fitted.churn.fit_log
    return {
        "training_snapshots": log.snapshots,
        "training_hazard_rows": log.hazard_rows,
        "training_churned_accounts": log.churned_accounts,
        "training_base_rate": fitted.churn.base_rate,
        "frailty_sd": fitted.churn.frailty_sd,
        "excess_kurtosis": fitted.churn.excess_kurtosis,
        "sampling_scale": fitted.churn.sampling_scale,
        **flat_metrics({"purged_log_loss": log.purged_log_loss, "beats_base_rate_z": log.beats_base_rate_z}),
    }


def model_example(dataset: Data, churn: ChurnModel) -> pd.DataFrame:
    """The dataset's last three rows as MLflow is given them: the columns that a prediction reads, numbers as floats."""
    names = dict.fromkeys([*(name for name in churn.columns if name in dataset.signals), *FRAME_COLUMNS])
    frame = dataset.signals[list(names)].tail(3).reset_index(drop=True)
    texts = [category.name for category in churn.encoder.categories]
    out = frame.astype({name: object if name in texts else float for name in names})
    if any(churn.season) or churn.time or churn.encoder.entry_day is not None:
        out["as_of"] = dataset.signals["as_of"].tail(3).to_numpy()
    return out
