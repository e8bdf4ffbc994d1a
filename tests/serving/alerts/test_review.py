"""What alerts were worth, counted by hand."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd

from serving.alerts import review
from serving.alerts.review import BUDGET, CHANGE, STATE

DAYS = pd.to_datetime(["2024-01-01", "2024-02-05", "2024-03-04"]).as_unit("us")
GONE = pd.Timestamp("2024-03-15")


def rows(*accounts: tuple[str, str, list[str], list[list[str]], float | None, float]) -> pd.DataFrame:
    """(account, owner, levels, triggers, churned, arr) an account, of each of DAYS."""
    out: list[dict[str, Any]] = []
    for account, owner, levels, triggers, churned, arr in accounts:
        for day, level, fired in zip(DAYS, levels, triggers, strict=True):
            out.append(
                {
                    **{"account_id": account, "as_of": day, "risk_level": level, "triggers": json.dumps(fired)},
                    **{"p_churn_90d": 0.5, "arr": arr, "expected_arr_loss_90d": arr / 2, "owner": owner},
                    **{"model_version": "1", "config_version": "c", "reasons": "[]", "actions": "[]"},
                    **{"churned_90d": churned, "churn_at": GONE if churned else pd.NaT},
                }
            )
    frame = pd.DataFrame(out).dropna(subset=["risk_level"])  # None: not there yet
    return frame.astype({"as_of": "datetime64[us]", "churn_at": "datetime64[us]"})


NONE: list[list[str]] = [[], [], []]
QUIET = [["gone_quiet"]] * 3
COMPANY = (
    # leaves, and is seen on the second day; on the third nothing is new
    ("a", "anna", ["low", "high", "high"], NONE, 1.0, 900.0),
    # stays, and fires on the third day
    ("b", "anna", ["low", "low", "high"], NONE, 0.0, 100.0),
    # leaves unseen: a trigger that always held is no change
    ("c", "anna", ["high", "high", "high"], QUIET, 1.0, 300.0),
    # stays, and fires on the second day, with less at stake than a
    ("d", "anna", ["low", "medium", "medium"], NONE, 0.0, 50.0),
)


def reviewed(make_settings, **rules: Any):
    tables = {"accounts": {"from": "accounts.csv"}, "contracts": {"from": "contracts.csv"}}
    settings = make_settings(tables=tables, alerts=rules, evaluation={"min_churned_accounts": 2})
    return review(rows(*COMPANY), settings, "backtest")


def test_of_the_budget(make_settings):
    found = reviewed(make_settings, per_owner_a_week=1)
    assert (found.rows, found.scorings, found.base_rate) == (8, 2, 0.5)  # the first day has none before it
    policies = {policy.policy: policy for policy in found.policies}
    assert [policies[name].alerts for name in (STATE, CHANGE, BUDGET)] == [2, 3, 2]
    assert [policies[name].most_a_week for name in (STATE, CHANGE, BUDGET)] == [1, 2, 1]
    change, budget = policies[CHANGE], policies[BUDGET]
    assert (change.churned, change.seen, change.arr_seen) == (2, 1, 0.75)
    assert (budget.seen, budget.arr_seen, budget.lead_days) == (1, 0.75, 39.0)  # d waits for the digest, a does not
    assert budget.share_of_accounts == 0.25
    assert abs(budget.seen_by_chance - 2 * (1 - 0.75**2)) < 1e-12


def test_of_each_subject(make_settings):
    found = reviewed(make_settings)
    assert [(trigger.kind, trigger.subject, trigger.alerts) for trigger in found.triggers] == [
        ("level_change", "high", 2),
        ("level_change", "medium", 1),
    ]
    assert found.triggers[0].refused == "1 churned accounts among them, 2 needed"
    assert found.triggers[0].precision is None


def test_precision_and_lead(make_settings):
    tables = {"accounts": {"from": "accounts.csv"}, "contracts": {"from": "contracts.csv"}}
    settings = make_settings(tables=tables, evaluation={"min_churned_accounts": 2})
    late = ("e", "ben", ["low", "low", "high"], NONE, 1.0, 10.0)
    found = review(rows(*COMPANY, late), settings, "ledger")
    high = found.triggers[0]
    assert (high.alerts, high.precision, high.lift) == (3, 2 / 3, (2 / 3) / 0.6)
    assert high.lead_days == (39 + 11) / 2
    assert high.low < high.precision < high.high


def test_what_is_new_is_no_change_and_an_opportunity_no_sign_of_risk(make_settings):
    tables = {"accounts": {"from": "accounts.csv"}, "contracts": {"from": "contracts.csv"}}
    settings = make_settings(tables=tables, evaluation={"min_churned_accounts": 2})
    new = ("g", "ben", [None, "high", "high"], NONE, 0.0, 10.0)
    curious = ("h", "ben", ["healthy", "healthy", "healthy"], [[], ["engagement_spike"], []], 0.0, 10.0)
    found = review(rows(*COMPANY, new, curious), settings, "ledger")
    assert found.rows == 8 + 1 + 2
    policies = {policy.policy: policy.alerts for policy in found.policies}
    assert policies == {STATE: 3, CHANGE: 3, BUDGET: 3}


def test_two_scorings_of_a_week_share_its_places(make_settings, monkeypatch):
    monkeypatch.setattr("tests.serving.alerts.test_review.DAYS", DAYS - pd.to_timedelta([0, 0, 25], unit="D"))
    found = reviewed(make_settings, per_owner_a_week=1, quiet_days=0)  # the second on Monday, the third on Thursday
    policies = {policy.policy: policy for policy in found.policies}
    assert (policies[CHANGE].alerts, policies[BUDGET].alerts, policies[BUDGET].most_a_week) == (3, 1, 1)


def test_what_has_not_matured_is_not_judged(make_settings):
    tables = {"accounts": {"from": "accounts.csv"}, "contracts": {"from": "contracts.csv"}}
    settings = make_settings(tables=tables, evaluation={"min_churned_accounts": 2})
    waiting = ("f", "ben", ["low", "high", "high"], NONE, None, 10.0)
    assert review(rows(*COMPANY, waiting), settings, "ledger").rows == 8
