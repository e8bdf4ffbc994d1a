"""Fixtures of the training tests: settings, a simulated company, models fitted once."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from configs.settings import Settings
from configs.settings_file import DEFAULT_FILE, merge, read_body, settings_from
from features.signal import Schema
from training.fit.fit import Fitted, fit_models
from training.fit.rolling_origin import Rolling


def load_simulator() -> ModuleType:
    """tests/ is no package, so the helper is loaded from its file."""
    name = "training_simulator"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("simulator.py"))
        assert spec is not None
        assert spec.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


simulator = load_simulator()

HEALTH_MAPS = [
    {"signal": "logins_28d", "dimension": "usage", "points": [[0, 0], [5, 50], [15, 100]]},
    {"signal": "feature_breadth", "dimension": "usage", "points": [[0, 0], [1, 100]], "weight": 3},
    {"signal": "tickets_90d", "dimension": "engagement", "points": [[0, 100], [5, 0]]},
    {"signal": "days_late", "dimension": "financial", "points": [[0, 100], [30, 0]]},
    {"signal": "nps", "dimension": "relationship", "points": [[0, 0], [10, 100]]},
]


@dataclass(frozen=True)
class SimulatedDataset:
    signals: pd.DataFrame
    labels: pd.DataFrame
    schema: Schema
    data_end: pd.Timestamp
    fingerprint: str = "0123456789abcdef"


def project_settings(folder: Path, **over: Any) -> Settings:
    body = read_body(DEFAULT_FILE)
    body["tables"] = {"accounts": {"from": "accounts.csv"}, "contracts": {"from": "contracts.csv"}}
    body["framework"] |= {
        "health_maps": HEALTH_MAPS,
        "playbooks": [
            {"name": "winback", "title": "Win back", "for_dimension": "usage", "steps": ["call"]},
            {"name": "support", "title": "Mend support", "for_dimension": "engagement", "steps": ["call"]},
            {"name": "executive", "title": "Bring in an executive", "steps": ["call"]},
        ],
        "escalations": [
            {
                "name": "renewal at risk",
                "conditions": [
                    {"signal": "days_to_renewal", "when": "at_most", "threshold": 90},
                    {"signal": "arr", "when": "above", "threshold": 100_000},
                ],
                "levels": ["high"],
                "description": "much is up for renewal",
                "playbook": "executive",
            },
            {
                "name": "strategic",
                "conditions": [{"signal": "strategic", "when": "at_least", "threshold": 1}],
                "description": "whatever its score",
                "playbook": "executive",
            },
        ],
        "triggers": [
            {
                "name": "gone quiet",
                "signal": "days_since_login",
                "when": "at_least",
                "threshold": 14,
                "description": "no log-in for 14 days",
                "playbook": "winback",
            },
            {
                "name": "unhappy",
                "signal": "satisfaction",
                "when": "at_most",
                "threshold": 2,
                "description": "satisfaction of 2 or less",
                "playbook": "support",
            },
        ],
    }
    return settings_from(merge(body, over), folder)


def dataset_of(simulated: Any) -> SimulatedDataset:
    return SimulatedDataset(simulated.signals, simulated.labels, simulated.schema, simulated.data_end)


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return project_settings(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="session")
def simulated() -> Any:
    return simulator.simulate(accounts=700, months=26, seed=3, level=-4.6)


@pytest.fixture(scope="session")
def simulate() -> Callable[..., tuple[Any, SimulatedDataset]]:
    """A company of other sizes: what the simulator made (with its truth), and the dataset that training sees."""

    def make(**of: Any) -> tuple[Any, SimulatedDataset]:
        made = simulator.simulate(**of)
        return made, dataset_of(made)

    return make


@pytest.fixture(scope="session")
def dataset(simulated: Any) -> SimulatedDataset:
    return dataset_of(simulated)


@pytest.fixture(scope="session")
def cut(simulated: Any) -> pd.Timestamp:
    return simulator.START + 18 * simulator.MONTH


@pytest.fixture(scope="session")
def rolling(dataset: SimulatedDataset, settings: Settings) -> Rolling:
    return Rolling(dataset, settings)


@pytest.fixture(scope="session")
def fitted(dataset: SimulatedDataset, settings: Settings, cut: pd.Timestamp, rolling: Rolling) -> Fitted:
    return fit_models(dataset, settings, cut, rolling)


@pytest.fixture(scope="session")
def later(dataset: SimulatedDataset, cut: pd.Timestamp) -> pd.DataFrame:
    """Snapshots at and after the cut."""
    return dataset.signals[dataset.signals["as_of"] >= cut]
