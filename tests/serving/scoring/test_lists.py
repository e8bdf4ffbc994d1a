"""What lists tell of an account: what happened since, by when to begin, what calls for it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from configs.settings import Settings
from serving.alerts import pairs_of
from serving.messages import AccountReasons, SignalReason
from serving.scoring.lists import ListedAccount, ListFacts, list_fields, pairs_by_account

TABLES = {"accounts": {"from": "a.csv"}, "contracts": {"from": "c.csv"}}
DAY = pd.Timestamp("2026-01-01")


@pytest.fixture
def settings(make_settings: Callable[..., Settings]) -> Settings:
    return make_settings(tables=TABLES)


def reason(signal: str, value: float, contribution: float) -> dict[str, Any]:
    return {"signal": signal, "dimension": "usage", "value": value, "contribution": contribution, "sentence": signal}


def row(**more: Any) -> dict[str, Any]:
    of: dict[str, Any] = {
        **{"account_id": "a", "as_of": DAY, "risk_level": "medium", "triggers": [], "reasons": [], "actions": []},
        **{"p_churn_90d": 0.2, "arr": 100.0, "expected_arr_loss_90d": 20.0, "model_version": "1"},
        "config_version": "c",
    }
    made = {**of, **more}
    return {name: json.dumps(value) if isinstance(value, list) else value for name, value in made.items()}


def fields(settings: Settings, before: dict[str, Any] | None, after: dict[str, Any]) -> dict[str, Any]:
    pair = None
    if before is not None:
        (pair,) = pairs_of(pd.DataFrame([before]), pd.DataFrame([after]), settings)
    read = {**after, **{name: json.loads(after[name]) for name in ("triggers", "actions")}}
    reasons = AccountReasons(0.1, [SignalReason(**reason("logins", 3.0, 0.05)), SignalReason(**reason("x", 3.0, 0.01))])
    return list_fields(ListedAccount(read, {"days_to_renewal": 41.9}, reasons, pair), ListFacts(), settings)


def action(playbook: str, hours: int | None = 24) -> list[dict[str, Any]]:
    return [{"playbook": playbook, "title": "T", "why": "w", "within_hours": hours}]


def test_a_task_is_told_with_what_calls_for_it(settings: Settings) -> None:
    made = fields(settings, None, row(actions=action("renewal", 120), triggers=["gone_quiet", "renewal_approaching"]))
    assert (made["why"], made["why_words"]) == ("renewal_approaching", "The contract ends within 90 days")
    assert (made["days_to_renewal"], made["saves"], made["due_on"]) == (41, pytest.approx(6.0), "2026-01-06")
    driven = fields(settings, None, row(actions=action("risk_mitigation", None), triggers=["gone_quiet"]))
    assert (driven["why"], driven["why_words"], driven["due_on"]) == ("driver_usage", "Usage drives the risk", None)
    assert fields(settings, None, row())["action"] is None


@pytest.mark.parametrize(
    ("days", "was", "due"),
    [(7, "renewal", "2025-12-26"), (7, "adoption_plan", "2026-01-02"), (60, "renewal", "2026-01-02")],
)
def test_a_deadline_is_not_put_off_by_scoring_again(settings: Settings, days: int, was: str, due: str) -> None:
    before = row(as_of=DAY - pd.Timedelta(days=days), actions=action(was))
    assert fields(settings, before, row(actions=action("renewal")))["due_on"] == due


BEFORE = row(as_of=DAY - pd.Timedelta(days=7), reasons=[reason("logins", 9.0, 0.0), reason("tickets", 1.0, 0.0)])


@pytest.mark.parametrize(
    ("after", "said"),
    [
        ({"risk_level": "high", "p_churn_90d": 0.4}, "Risk rose from medium to high: 20 % to 40 % likely to leave"),
        ({"triggers": ["gone_quiet"]}, "Nobody has used the product for 14 days, or ever."),
        ({"triggers": ["gone_quiet"], "actions": action("re_engagement")}, "This is new. Nothing else moved the risk."),
        ({"p_churn_90d": 0.201}, "Nothing that moved the risk."),
        (
            {"p_churn_90d": 0.3, "reasons": [reason("logins", 2.0, 0.08), reason("tickets", 5.0, 0.02)]},
            "Risk rose from 20 % to 30 %, most by: logins went from 9 to 2.",
        ),
        ({"p_churn_90d": 0.1, "model_version": "2"}, "Risk fell from 20 % to 10 %; the model or the configuration"),
    ],
)
def test_what_happened_is_one_sentence(settings: Settings, after: dict[str, Any], said: str) -> None:
    made = fields(settings, BEFORE, row(**after))
    assert made["happened"].startswith(said)
    assert made["p_before"] == 0.2


def test_without_a_score_before_nothing_is_said(settings: Settings) -> None:
    made = fields(settings, None, row())
    assert (made["happened"], made["p_before"], made["level_before"]) == (None, None, None)


@pytest.mark.parametrize("change", [{"expected_arr_loss_90d": None}, {"p_churn_90d": None}, None])
def test_a_score_of_another_main_horizon_is_compared_with_nothing(settings: Settings, change: Any) -> None:
    """Its loss, or its probability, is of other days: in that day's frame, or in that row."""
    before = pd.DataFrame([BEFORE if change is None else {**BEFORE, **change}])
    if change is None:
        before = before.drop(columns="expected_arr_loss_90d")
    facts = ListFacts(before=before)
    assert pairs_by_account(facts, pd.DataFrame([row()]), settings) == {}
    assert list(pairs_by_account(ListFacts(before=pd.DataFrame([BEFORE])), pd.DataFrame([row()]), settings)) == ["a"]
