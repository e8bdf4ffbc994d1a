"""Runs, versions and model cards in MLflow."""

from training.tracking.model_card import WITHOUT_SIGNAL, model_card
from training.tracking.model_record import ModelRecord
from training.tracking.registry import (
    CANDIDATE,
    CHAMPION,
    LoadedModel,
    cuts_of_version,
    load_champion,
    load_version,
    promote,
    versions,
)
from training.tracking.registry_tables import Version
from training.tracking.reproducibility import verify_version
from training.tracking.run_content import Nested, flat_metrics, trial_runs
from training.tracking.run_files import keep_file, kept_file
from training.tracking.runs import log_backtest, log_training

__all__ = [
    "CANDIDATE",
    "CHAMPION",
    "WITHOUT_SIGNAL",
    "LoadedModel",
    "ModelRecord",
    "Nested",
    "Version",
    "cuts_of_version",
    "flat_metrics",
    "keep_file",
    "kept_file",
    "load_champion",
    "load_version",
    "log_backtest",
    "log_training",
    "model_card",
    "promote",
    "trial_runs",
    "verify_version",
    "versions",
]
