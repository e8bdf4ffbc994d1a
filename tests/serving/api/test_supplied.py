"""Scores from supplied signals, over HTTP: the batch's to the last bit, errors of one account, the ledger, owners."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from evaluation.ledger import Ledger
from evaluation.outcomes import FORECASTS
from serving.client import Refused
from tests.serving.called_api import Api

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.slow


def test_the_same_signals_give_the_same_prediction(api: Api) -> None:
    accounts = [str(account) for account in api.frame.index[:12]]
    sent = [{"account_id": account, "signals": api.signals(account)} for account in accounts]
    with api.client("admin") as client:
        for explain in (False, True):
            told = client.score_supplied(sent, explain=explain)
            served = (client.explain if explain else client.score)(accounts)
            for ours, theirs in zip(told["results"], served["results"], strict=True):
                assert ours["error"] is None
                assert ours["prediction"] == theirs["prediction"]
                assert (ours["level"], ours["arm"]) == (theirs["level"], theirs["arm"])
                assert ours["ledger"] != theirs["ledger"]


def test_what_is_wrong_is_an_error_of_that_account(api: Api) -> None:
    right = {"lifecycle_stage": str(api.frame.lifecycle_stage.iloc[0]), "days_since_use": 9}
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"signals": {**right, "days_since_us": 1}}, "days_since_use"),
        ({"signals": {**right, "days_since_use": "many"}}, "a number"),
        ({"signals": {**right, "days_since_use": True}}, "a number"),
        ({"signals": {**right, "days_since_use": [1]}}, "a number"),
        ({"signals": {**right, "days_since_use": float("nan")}}, "a number"),
        ({"signals": {**right, "days_since_use": float("inf")}}, "a number"),
        ({"signals": {**right, "days_since_use": 10**400}}, "a number"),
        ({"signals": {**right, "plan": 3}}, "text"),
        ({"signals": {**right, "strategic": "yes"}}, "true"),
        ({"signals": {**right, "lifecycle_stage": right["lifecycle_stage"] + "x"}}, right["lifecycle_stage"]),
        ({"signals": {"days_since_use": 9}}, "lifecycle_stage"),
        ({"signals": right, "as_of": "2026-02-30"}, "YYYY-MM-DD"),
        ({"signals": right, "as_of": "2999-01-01"}, "a day up to"),
        ({"signals": right, "as_of": "2001-01-01"}, "not seen beyond"),
    ]
    accounts = [{"account_id": f"w-{number}", **one} for number, (one, _) in enumerate(wrong)]
    body = json.dumps({"accounts": [{"account_id": "new", "signals": right}, *accounts]})
    headers = {"Authorization": f"Bearer {api.keys['admin']}", "Content-Type": "application/json"}
    answer = httpx.post(f"{api.url}/v1/score", headers=headers, content=body, timeout=60)
    assert answer.status_code == 200, answer.text
    first, *others = answer.json()["results"]
    assert first["error"] is None
    assert (first["prediction"]["as_of"], first["prediction"]["coverage"]) == ("2026-01-01", None)
    assert [other["account_id"] for other in others] == [account["account_id"] for account in accounts]
    for one, (sent, says) in zip(others, wrong, strict=True):
        assert one["prediction"] is None, sent
        assert one["error"]["code"] == "supplied_signals"
        assert says in json.dumps(one["error"]["faults"]), (sent, one["error"])


def test_a_body_has_ids_or_signals(api: Api) -> None:
    headers = {"Authorization": f"Bearer {api.keys['admin']}"}
    account = {"account_id": "a", "signals": {}}
    many = {"accounts": [account] * 1001}
    for body in ({}, {"account_ids": ["a"], "accounts": [account]}, {"accounts": []}, {"accounts": None}, many):
        answer = httpx.post(f"{api.url}/v1/score", headers=headers, json=body, timeout=60)
        assert answer.status_code == 422, body
    answer = httpx.post(f"{api.url}/v1/score", headers=headers, json={}, timeout=60)
    assert "either account_ids or accounts" in answer.text


def test_it_stands_in_the_ledger_once_and_is_no_forecast(api: Api) -> None:
    stage = str(api.frame.lifecycle_stage.iloc[0])
    sent = [{"account_id": "once", "signals": {"lifecycle_stage": stage, "days_since_use": days}} for days in (3, 4)]
    with api.client("admin") as client:
        first, second = (client.score_supplied([*sent, sent[0]])["results"] for _ in range(2))
    places = [row["ledger"] for row in first]
    assert places == [one["ledger"] for one in second]
    assert places[0] == places[2] != places[1]
    kinds = "select distinct kind, substr(signals_hash, 1, 9) from predictions join batches using (batch_id)"
    assert api.ledger(f"{kinds} where account_id = 'once'") == [("supplied", "supplied:")]
    assert api.ledger("select count(*) from predictions where account_id = 'once'") == [(2,)]
    with Ledger.open(f"sqlite:///{api.project / '.forewarn' / 'ledger.db'}") as ledger:
        assert ledger.predictions(account_id="once", kinds=FORECASTS).empty
        assert len(ledger.predictions(account_id="once", kinds=["supplied"])) == 2


def test_a_key_of_an_owner_sends_signals_of_its_own_accounts_alone(api: Api) -> None:
    mine = str(api.frame.index[api.frame.owner == api.owner][0])
    other = str(api.frame.index[api.frame.owner != api.owner][0])
    with api.client("bound platform") as client, api.client("bound csm") as csm:
        told = client.score_supplied([{"account_id": mine, "signals": api.signals(mine)}])
        assert told["results"][0]["error"] is None
        for account in (other, "never seen"):
            with pytest.raises(Refused) as error:
                csm.score_supplied([{"account_id": account, "signals": api.signals(other)}], explain=True)
            assert error.value.status == 403
            assert account in error.value.detail
