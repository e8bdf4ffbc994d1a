"""Predictions of a known truth, put together as evidence: no check fails or warns."""

from __future__ import annotations

import pandas as pd

from evaluation.validity.checks import run_checks
from evaluation.validity.evidence import Evidence
from tests.evaluation.simulated import company, settings


def test_simulated_predictions_of_known_truth_neither_fail_nor_warn() -> None:
    judged, baselines = company(months=12)
    base = baselines[baselines["model"] == "rules"].assign(model="base_rate", p_churn_90d=judged["churned_90d"].mean())
    until = judged["as_of"].max() + pd.Timedelta(days=75)
    labels = judged[["account_id", "as_of", "churn_at"]].assign(observed_until=until)
    evidence = Evidence(
        settings=settings(),
        signals=judged[["account_id", "as_of", "lifecycle_stage", "health_score"]],
        labels=labels,
        signal_names=("health_score",),
        data_end=labels["observed_until"].max(),
        predictions=judged,
        baselines=pd.concat([baselines, base], ignore_index=True),
        taught=(),
    )
    assert {finding.code for finding in run_checks(evidence)} <= {"FW203"}
