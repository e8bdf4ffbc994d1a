"""Candidates of a promotion that pass every gate, from which tests take one thing away."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from configs.settings import Settings
from configs.settings_file import DEFAULT_FILE, read_body, settings_from
from evaluation.promotion.gates import evaluate_gates
from evaluation.promotion.verdict import Measured, Verdict
from evaluation.validity.checks import Finding

ACCOUNTS, DAYS = 400, 6


def settings(**evaluation: Any) -> Settings:
    body = read_body(DEFAULT_FILE)
    body["tables"] = {"accounts": {"from": "accounts.csv"}, "contracts": {"from": "contracts.csv"}}
    body["evaluation"] = {**body["evaluation"], "bootstrap_draws": 200, **evaluation}
    return settings_from(body, Path())


def logistic(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-z))


Clean = tuple[pd.DataFrame, pd.DataFrame]

FINE: dict[str, Any] = {
    "served_equals_batch": True,
    "seeds_agree": 0.99,
    "size_mb": 1.0,
    "latency": (1.0, 0.1),
    "suspects": (),
    "checks": (Finding("FW203", "The same accounts in training and test", "note", 0.9, "as it should be"),),
}


def own(rows: int = 2400, seed: int = 5, moved: float = 0.0) -> pd.DataFrame:
    """A candidate's own predictions after its cut, beside what came of them; `moved` in log-odds."""
    random = np.random.default_rng(seed)
    z = -2.2 + 1.4 * random.normal(size=rows)
    made = pd.DataFrame({"account_id": [f"{number % ACCOUNTS:03d}" for number in range(rows)]})
    made["as_of"] = pd.date_range("2024-07-01", periods=rows // ACCOUNTS, freq="MS").as_unit("us").repeat(ACCOUNTS)
    return made.assign(y=(random.random(rows) < logistic(z)).astype(float), p=logistic(z + moved))


def newest(moved: float = 0.0) -> pd.DataFrame:
    made = own(ACCOUNTS, moved=moved)
    return made.assign(as_of=pd.Timestamp("2024-09-01").as_unit("us"))[["account_id", "as_of", "p"]]


FINE |= {"newest": newest(), "own": own()}

CUT = pd.Timestamp("2024-07-01")


def verdict(
    judged: pd.DataFrame,
    baselines: pd.DataFrame,
    served: bool | None = True,
    measured: dict[str, Any] | None = None,
    **more: Any,
) -> Verdict:
    chosen = more.pop("chosen", "blend")
    facts = Measured(**{**FINE, "served_equals_batch": served, **(measured or {})})
    return evaluate_gates(judged, baselines, settings(**more), facts, chosen)


def refused(found: Verdict) -> set[str]:
    return {gate.name for gate in found.refused}


def figure(found: Verdict, name: str) -> float:
    (gate,) = (gate for gate in found.gates if gate.name == name)
    assert gate.figure is not None
    return gate.figure


def champion(judged: pd.DataFrame, p: np.ndarray) -> dict[str, Any]:
    return {"champion": judged[["account_id", "as_of"]].assign(p_churn_90d=p)}
