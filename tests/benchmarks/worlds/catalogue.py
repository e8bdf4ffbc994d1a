"""The worlds: how each company is made or read. One more is one entry in WORLDS."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from configs.settings import Settings
from configs.settings_file import load_settings
from features.dataset import load_dataset
from features.synthetic.company import company_config, make_company
from tests.benchmarks.worlds import life, memberships, monthly_terms
from tests.training.conftest import dataset_of, project_settings, simulator
from training.splits import evenly

EXAMPLES = Path(__file__).resolve().parents[3] / "configs" / "examples"
SIMULATED_FROM = 15  # months


@dataclass(frozen=True)
class Made:
    """A company to be backtested; `truth` has account_id, as_of and p_churn_{h}d."""

    settings: Settings
    dataset: Any
    truth: pd.DataFrame | None


@dataclass(frozen=True)
class World:
    """`make(share)` has that share of the accounts; `public`: needs FOREWARN_DATA."""

    name: str
    make: Callable[[float], Made]
    public: bool = False


def _project(folder: Path, body: dict[str, Any]) -> Made:
    (folder / "forewarn.yaml").write_text(yaml.safe_dump(body), encoding="utf-8")
    settings = load_settings(folder / "forewarn.yaml")
    return Made(settings, load_dataset(settings), None)


def _demo(seed: int, accounts: int, share: float) -> Made:
    with tempfile.TemporaryDirectory() as folder:
        company = make_company(Path(folder), round(accounts * share), seed=seed)
        made = _project(Path(folder), company_config())
    return Made(made.settings, made.dataset, company.truth)


def _memberships(share: float) -> Made:
    with tempfile.TemporaryDirectory() as folder:
        memberships.make(Path(folder), accounts=round(memberships.ACCOUNTS * share))
        made = _project(Path(folder), memberships.config())
        truth = pd.read_parquet(Path(folder) / life.TRUTH)
    return Made(made.settings, made.dataset, truth)


def _monthly_terms(share: float) -> Made:
    with tempfile.TemporaryDirectory() as folder:
        monthly_terms.make(Path(folder), accounts=round(monthly_terms.ACCOUNTS * share))
        made = _project(Path(folder), monthly_terms.config())
        truth = pd.read_parquet(Path(folder) / life.TRUTH)
    return Made(made.settings, made.dataset, truth)


def _simulated(share: float) -> Made:
    made = simulator.simulate(accounts=round(3_000 * share), months=26, seed=46, level=-4.6, noise=0.5)
    begins = simulator.START + SIMULATED_FROM * simulator.MONTH
    settings = project_settings(
        Path(tempfile.gettempdir()), backtest={"from": f"{begins:%Y-%m-%d}", "refit": "quarter"}
    )
    signals = made.signals.assign(owner=None, name=made.signals.account_id, coverage=1.0)
    truth = pd.concat([made.signals[["account_id", "as_of"]], made.truth], axis=1)
    dataset = dataset_of(made)
    return Made(settings, type(dataset)(signals, dataset.labels, dataset.schema, dataset.data_end), truth)


def _example(name: str, share: float) -> Made:
    """Every so many of the accounts, in order of their names."""
    settings = load_settings(EXAMPLES / f"{name}.yaml")
    dataset = load_dataset(settings)
    names = np.unique(dataset.labels["account_id"])
    kept = dataset.labels["account_id"].isin(names[evenly(len(names), round(len(names) * share))]).to_numpy()
    signals, labels = (frame[kept].reset_index(drop=True) for frame in (dataset.signals, dataset.labels))
    return Made(settings, replace(dataset, signals=signals, labels=labels), None)


WORLDS = (
    World("memberships", _memberships),
    World("monthly-terms", _monthly_terms),
    World("simulated", _simulated),
    World("demo-7", partial(_demo, 7, 500)),
    World("demo-11", partial(_demo, 11, 500)),
    World("demo-12", partial(_demo, 12, 500)),
    World("demo-5000", partial(_demo, 7, 5_000)),
    World("online_retail", partial(_example, "online_retail"), public=True),
    World("fightchurn_crm5", partial(_example, "fightchurn_crm5"), public=True),
    World("oulad", partial(_example, "oulad"), public=True),
)
