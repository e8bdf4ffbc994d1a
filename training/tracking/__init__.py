"""Runs, versions and model cards in MLflow."""

from training.tracking.registry import (
    CANDIDATE,
    CHAMPION,
    LoadedModel,
    keep_file,
    kept_file,
    load_champion,
    load_version,
    promote,
    recorded,
    versions,
)
from training.tracking.registry_tables import Version
from training.tracking.run_content import flat_metrics
from training.tracking.runs import Nested, log_backtest, log_training, trial_runs, verify_version

__all__ = [
    "CANDIDATE",
    "CHAMPION",
    "LoadedModel",
    "Nested",
    "Version",
    "flat_metrics",
    "keep_file",
    "kept_file",
    "load_champion",
    "load_version",
    "log_backtest",
    "log_training",
    "promote",
    "recorded",
    "trial_runs",
    "verify_version",
    "versions",
]
