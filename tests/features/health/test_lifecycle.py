"""Stages by hand: transitions, skipping, falling back, missing data, renewal first, and the criterion that decided."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from pydantic import ValidationError

import configs
from configs.framework import Framework
from features.health.lifecycle import lifecycle_stages, stage_months, weighted_coverage

BODY = yaml.safe_load((Path(configs.__file__).parent / "default.yaml").read_text(encoding="utf-8"))["framework"]
ADOPTED = {"features_used_30d": 4.0, "milestone_team_trained": 1.0, "milestone_first_business_outcome": 1.0}
VALUED = {
    "usage_benchmark_ratio": 1.25,
    "milestone_agreed_return": 1.0,
    "executive_sponsor_present": 1.0,
    "days_since_sponsor_active": 12.0,
}
EXPANDING = {"seats_used_share": 0.95, "features_new_30d": 1.0, "milestone_budget_confirmed": 1.0}
NEW = dict.fromkeys(ADOPTED, 0.0)
UNVALUED = {**dict.fromkeys(VALUED, 0.0), "days_since_sponsor_active": 99.0}
FULL = {"seats_used_share": 0.95, "features_new_30d": 0.0}


def framework(**criteria: Any) -> Framework:
    return Framework(**{**BODY, "criteria": {**BODY["criteria"], **criteria}})


def stage_of(row: dict[str, float], model: Framework | None = None, tenure_days: float = 30) -> tuple[str, str]:
    frame = pd.DataFrame({"tenure_days": [float(tenure_days)], **{name: [value] for name, value in row.items()}})
    result = lifecycle_stages(frame, model or framework())
    return result.lifecycle_stage.iloc[0], result.stage_criterion.iloc[0]


CASES: dict[str, tuple[dict[str, float], float, str, str]] = {
    "new": (
        NEW,
        30,
        "onboarding",
        "0 of 3 (2 needed): features in use 0 < 3; team trained no; first business outcome no",
    ),
    "one of three is not enough": (
        {**NEW, "features_used_30d": 4.0},
        400,
        "onboarding",
        "1 of 3 (2 needed): features in use 4 >= 3; team trained no; first business outcome no",
    ),
    "two of three": (
        {**ADOPTED, "milestone_first_business_outcome": 0.0, **UNVALUED},
        30,
        "adoption",
        "2 of 3 (2 needed): features in use 4 >= 3; team trained yes; first business outcome no",
    ),
    "value is reached": (
        {**ADOPTED, **VALUED, "milestone_agreed_return": 0.0},
        100,
        "value_realization",
        "3 of 3 (2 needed): use against the peers' median 1.25 >= 0.7; executive sponsors 1 >= 1; "
        "days since the sponsor was active 12 <= 60",
    ),
    "expansion is reached": (
        {**ADOPTED, **VALUED, **EXPANDING},
        400,
        "expansion",
        "3 of 3 (2 needed): seats used of seats bought 0.95 >= 0.9; new features in 30 days 1 >= 1; "
        "budget confirmed yes",
    ),
    "full seats alone are no expansion": (
        {**ADOPTED, **VALUED, **FULL},
        400,
        "value_realization",
        "4 of 4 (3 needed): use against the peers' median 1.25 >= 0.7; agreed return reached yes; "
        "executive sponsors 1 >= 1; days since the sponsor was active 12 <= 60",
    ),
    "adoption is skipped over on full evidence": (
        {**NEW, **VALUED},
        30,
        "value_realization",
        "4 of 4 (3 needed): use against the peers' median 1.25 >= 0.7; agreed return reached yes; "
        "executive sponsors 1 >= 1; days since the sponsor was active 12 <= 60",
    ),
    "and on no less": (
        {**NEW, **VALUED, "milestone_agreed_return": 0.0},
        400,
        "onboarding",
        "0 of 3 (2 needed): features in use 0 < 3; team trained no; first business outcome no",
    ),
    "falls back as far as the evidence goes": (
        {**ADOPTED, **UNVALUED, **FULL},
        900,
        "adoption",
        "3 of 3 (2 needed): features in use 4 >= 3; team trained yes; first business outcome yes",
    ),
    "the year that passed does not outweigh what is known": (
        {**NEW, "seats_used_share": 0.95},
        900,
        "onboarding",
        "0 of 3 (2 needed): features in use 0 < 3; team trained no; first business outcome no",
    ),
    "only what is known is asked": (
        {"features_used_30d": 3.0, "milestone_team_trained": np.nan, **UNVALUED},
        30,
        "adoption",
        "1 of 1: features in use 3 >= 3",
    ),
    "both of two are asked": (
        {"features_used_30d": 2.0, "milestone_team_trained": 1.0},
        100,
        "onboarding",
        "1 of 2: features in use 2 < 3; team trained yes",
    ),
    "by tenure, new": ({}, 89.9, "onboarding", "tenure under 90 days"),
    "by tenure, adoption": ({}, 90, "adoption", "tenure of 90 days and more"),
    "by tenure, value": (
        dict.fromkeys([*ADOPTED, *VALUED], np.nan),
        180,
        "value_realization",
        "tenure of 180 days and more",
    ),
    "there is no tenure of expansion": ({}, 4000, "value_realization", "tenure of 180 days and more"),
    "outcomes first, then tenure": (ADOPTED, 200, "value_realization", "tenure of 180 days and more"),
    "outcomes, and too early for the tenure of the next": (
        ADOPTED,
        100,
        "adoption",
        "3 of 3 (2 needed): features in use 4 >= 3; team trained yes; first business outcome yes",
    ),
    "renewal comes before everything": (
        {**ADOPTED, **VALUED, **EXPANDING, "days_to_renewal": 90.0},
        400,
        "renewal",
        "90-30 days before the contract's end",
    ),
    "renewal of a new account": (
        {**NEW, "days_to_renewal": 30.0},
        20,
        "renewal",
        "90-30 days before the contract's end",
    ),
    "a renewal that is far away": ({"days_to_renewal": 90.1}, 100, "adoption", "tenure of 90 days and more"),
    "a renewal that is due": ({"days_to_renewal": 29.9}, 100, "adoption", "tenure of 90 days and more"),
    "an open-ended contract": ({"days_to_renewal": np.nan}, 100, "adoption", "tenure of 90 days and more"),
}


@pytest.mark.parametrize("name", CASES)
def test_stage_and_criterion(name: str) -> None:
    row, tenure_days, stage, criterion = CASES[name]
    assert stage_of(row, tenure_days=tenure_days) == (stage, criterion)


def test_rows_are_told_apart_in_one_frame() -> None:
    rows = [{**row, "tenure_days": float(tenure)} for row, tenure, _, _ in CASES.values()]
    frame = pd.DataFrame(rows, index=pd.RangeIndex(100, 100 + len(rows)))
    result = lifecycle_stages(frame, framework())
    assert result.index.equals(frame.index)
    assert result.lifecycle_stage.tolist() == [case[2] for case in CASES.values()]
    assert result.stage_criterion.tolist() == [case[3] for case in CASES.values()]


def test_the_share_that_must_be_met_is_configured() -> None:
    two = {**ADOPTED, "milestone_team_trained": 0.0}
    assert stage_of(two)[0] == "adoption"
    assert stage_of(two, framework(share=1)) == (
        "onboarding",
        "2 of 3: features in use 4 >= 3; team trained no; first business outcome yes",
    )
    assert stage_of({**NEW, "features_used_30d": 9.0}, framework(share=0.33))[0] == "adoption"
    assert stage_of(NEW, framework(share=0.01))[0] == "onboarding"  # at least one of them


def test_thresholds_and_criteria_are_configured() -> None:
    entry = {**BODY["criteria"]["entry"], "adoption": [{"signal": "log_ins", "threshold": 5, "label": "log-ins"}]}
    assert stage_of({"log_ins": 5.0}, framework(entry=entry)) == ("adoption", "1 of 1: log-ins 5 >= 5")
    assert stage_of({"log_ins": 4.0}, framework(entry=entry)) == ("onboarding", "0 of 1: log-ins 4 < 5")
    assert stage_of(ADOPTED, framework(entry={}), 100)[1] == "tenure of 90 days and more"


def test_a_value_just_short_of_the_threshold_is_not_rounded_onto_it() -> None:
    short = {**ADOPTED, **VALUED, "usage_benchmark_ratio": 0.69999, "executive_sponsor_present": 0.0}
    assert stage_of({**short, "milestone_agreed_return": 0.0})[0] == "adoption"
    only = framework(entry={"adoption": [{"signal": "share", "threshold": 0.7, "label": "share"}]})
    assert stage_of({"share": 0.69999}, only)[1] == "0 of 1: share 0.69999 < 0.7"
    assert stage_of({"share": 0.71234}, only)[1] == "1 of 1: share 0.712 >= 0.7"


def test_a_missing_agreed_return_says_nothing_and_a_noted_one_helps() -> None:
    weak = {**ADOPTED, "usage_benchmark_ratio": 0.9, "executive_sponsor_present": 0.0}
    assert stage_of({**weak, "milestone_agreed_return": 0.0})[0] == "adoption"  # 1 of 2
    assert stage_of({**weak, "milestone_agreed_return": 1.0})[0] == "value_realization"  # 2 of 3


@pytest.mark.parametrize("stage", ["onboarding", "renewal", "nirvana"])
def test_criteria_name_stages_that_can_be_entered(stage: str) -> None:
    with pytest.raises(ValidationError, match=f"criteria.entry names {stage}; stages that can be entered: adoption"):
        framework(entry={stage: [{"signal": "a", "threshold": 1, "label": "a"}]})


def test_signals_and_milestones_that_criteria_read() -> None:
    criteria = framework().criteria
    assert set(criteria.signals) == {*ADOPTED, *VALUED, *EXPANDING}
    assert criteria.milestones == ("team_trained", "first_business_outcome", "agreed_return", "budget_confirmed")


def test_a_single_stage_holds_always() -> None:
    only = Framework(**{**BODY, "stages": BODY["stages"][:1], "criteria": {"entry": {}}})
    assert stage_of(ADOPTED, only) == ("onboarding", "the first stage")


def test_no_rows_give_no_rows() -> None:
    result = lifecycle_stages(pd.DataFrame({"tenure_days": pd.Series(dtype="float64")}), framework())
    assert result.shape == (0, 2)


def test_months_in_a_stage() -> None:
    rows = [
        ("adoption", "adoption", "adoption", 3.0),
        ("adoption", "adoption", "onboarding", 1.0),
        ("adoption", "adoption", None, 1.0),
        ("adoption", "onboarding", "adoption", 0.0),
        ("adoption", "onboarding", None, 0.0),
        ("adoption", None, None, np.nan),
        ("adoption", None, "adoption", np.nan),
    ]
    columns = zip(*rows, strict=True)
    now, month, three, expected = (list(column) for column in columns)
    for dtype in ("str", object):
        result = stage_months(*(pd.Series(one, dtype=dtype) for one in (now, month, three)))
        assert result.dtype == np.float64
        np.testing.assert_array_equal(result, expected)


def test_coverage_is_weighted_by_the_stage() -> None:
    frame = pd.DataFrame({"lifecycle_stage": ["onboarding", "renewal"]})
    frame = frame.assign(coverage_usage=1.0, coverage_engagement=0.5, coverage_financial=0.0, coverage_relationship=0.0)
    assert weighted_coverage(frame, framework()).tolist() == [0.575, 0.35]


def test_a_quarter_of_a_million_rows_take_a_few_sorts(in_sorts: Callable[..., float]) -> None:
    rng, rows = np.random.default_rng(5), 240_000
    frame = pd.DataFrame({"tenure_days": rng.random(rows) * 900, "days_to_renewal": rng.random(rows) * 400})
    for name in (*ADOPTED, *VALUED, *EXPANDING):
        frame[name] = rng.integers(0, 6, rows).astype("float64")
    frame["usage_benchmark_ratio"] = rng.random(rows) * 2
    assert in_sorts(lambda: lifecycle_stages(frame, framework())) < 60  # loops over rows take many times as much
