"""The routes of accounts, entries, reports and the model, over HTTP, through the client that platforms use."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pandas as pd
import pytest

from serving.api.openapi import document
from serving.api.routes import ROUTES
from serving.client import Refused
from serving.keys import ROLES
from tests.benchmarks.api_contract import check
from tests.serving.called_api import Api
from tests.serving.calling import on

ROOT = Path(__file__).resolve().parents[3]
DOCS = ROOT / "docs" / "api.md"
pytestmark = pytest.mark.slow


def refused(call: Callable[[], Any]) -> int:
    with pytest.raises(Refused) as error:
        call()
    return error.value.status


def test_pages_hold_every_account_once_the_largest_loss_first(api: Api) -> None:
    with api.client() as client:
        pages = list(client.account_pages(limit=40))
    rows = [row for page in pages for row in page["accounts"]]
    losses = [row["expected_arr_loss"] for row in rows]
    known = [loss for loss in losses if loss is not None]
    assert sorted(row["account_id"] for row in rows) == sorted(api.frame.index)
    assert {page["total"] for page in pages} == {len(rows)}
    assert losses == [*sorted(known, reverse=True), *[None] * (len(losses) - len(known))]
    ((pointers,),) = api.ledger("select pointers from answers where route = 'accounts' order by batch_id limit 1")
    assert pointers


@pytest.mark.parametrize("name", ["segment", "owner", "lifecycle_stage", "risk_level"])
def test_filters_keep_what_they_name(api: Api, name: str) -> None:
    with api.client() as client:
        everything = list(client.accounts(limit=1000))
        value = max(everything, key=lambda row: row["p_churn"])[name]  # type: ignore[literal-required]
        query = {"lifecycle_stage": "stage", "risk_level": "level"}.get(name, name)
        found = [row["account_id"] for row in client.accounts(**{query: value})]
    assert found == [row["account_id"] for row in everything if row[name] == value]  # type: ignore[literal-required]
    assert 0 < len(found) < len(everything)


def test_fields_order_and_what_is_wrong_with_a_question(api: Api) -> None:
    with api.client() as client:
        page = next(client.account_pages(fields="p_churn", sort="p_churn", limit=5))
        assert [set(row) for row in page["accounts"]] == [{"account_id", "p_churn"}] * 5
        assert (values := [row["p_churn"] for row in page["accounts"]]) == sorted(values)
        other = {"cursor": page["next_cursor"], "sort": "arr"}
        assert refused(lambda: next(client.account_pages(**other))) == 409
        for wrong in ({"cursor": "abc"}, {"level": "hi"}, {"fields": "x"}, {"limit": 0}, {"sort": "x"}, {"colour": 1}):
            assert refused(lambda wrong=wrong: next(client.account_pages(**wrong))) == 422


def test_one_account_is_what_score_says_and_its_history_begins_with_it(api: Api) -> None:
    account = api.frame.index[3]
    with api.client() as client:
        one, (entry,) = client.account(account), client.score([account])["results"]
        history = client.history(account)
        assert refused(lambda: client.account("nobody")) == 404
        assert refused(lambda: client.history(account, since="2026-13-01")) == 422
    assert {name: one[name] for name in entry if name != "error"} == {k: v for k, v in entry.items() if k != "error"}
    assert (one["name"], one["owner"]) == (api.frame.name[account], api.frame.owner[account])
    newest = history["scores"][0]
    assert newest["p_churn_90d"] == one["prediction"]["p_churn_90d"]
    days = [score["as_of"] for score in history["scores"]]
    assert days == sorted(days, reverse=True)


def test_changes_add_up_to_the_difference(api: Api) -> None:
    """Of every account that was scored half a year earlier as well: the parts, and the signals behind `data`."""
    earlier = api.ledger("select distinct account_id from predictions where as_of < '2026-01-01'")
    both = [account for (account,) in earlier if account in api.frame.index][:3]
    assert both
    with api.client() as client:
        for account in both:
            told = client.changes(account)
            served = client.account(account)["prediction"]["p_churn_90d"]
            parts = {part["part"]: part["contribution"] for part in told["parts"]}
            assert list(parts) == ["configuration", "data", "model", "calibration"]
            assert told["p_churn"] == served
            assert abs(told["before"]["p_churn"] + sum(v for v in parts.values() if v) - served) < 1e-12
            assert (parts["configuration"], told["not_told_apart"], told["notes"]) == (0.0, 0.0, [])
            assert abs(parts["data"]) > 1e-6
            assert len({signal["signal"] for signal in told["signals"]}) == len(told["signals"]) > 0


def test_what_if_gives_both_scores_and_how_far_the_values_lie(api: Api) -> None:
    account = api.frame.index[5]
    with api.client("scientist") as client:
        same = client.what_if(account, {"days_since_use": float(api.frame.days_since_use[account])})
        far = client.what_if(account, {"days_since_use": 5000.0})
        served = client.explain([account])["results"][0]["prediction"]
        before = api.ledger("select count(*) from predictions")
        assert refused(lambda: client.what_if(account, {"days_since_us": 1.0})) == 422
        assert refused(lambda: client.what_if(account, {"days_since_use": "many"})) == 422
        assert refused(lambda: client.what_if("nobody", {"days_since_use": 1.0})) == 404
    assert same["today"] == same["changed"] == {name: served[name] for name in same["today"]}
    assert far["changed"]["p_churn_90d"] - far["today"]["p_churn_90d"] == far["difference"]
    (signal,) = far["signals"]
    assert (signal["seen"]["outside"], signal["seen"]["share_below"]) == (True, 1.0)
    assert far["nearest_seen"] > 3 > same["nearest_seen"]
    assert api.ledger("select count(*) from predictions") == before


def test_signals_stand_beside_the_accounts_own_past_and_its_peers(api: Api) -> None:
    account = api.frame.lifecycle_stage.value_counts().idxmax()
    account = api.frame.index[api.frame.lifecycle_stage == account][0]
    with api.client() as client:
        told = client.signals(account)
    signal = next(signal for signal in told["signals"] if signal["signal"] == "tenure_days")
    history = pd.read_parquet(api.project / ".forewarn" / "signals" / "history.parquet")
    past = history[(history.account_id == account) & (history.as_of >= "2025-01-01") & (history.as_of < "2026-01-01")]
    assert signal["value"] == api.frame.tenure_days[account]
    if len(past) >= 4:
        assert signal["own"] == {
            "count": len(past), "low": np.quantile(past.tenure_days, 0.25),
            "median": np.median(past.tenure_days), "high": np.quantile(past.tenure_days, 0.75),
        }  # fmt: skip
    assert signal["peers"]["count"] >= 10
    assert str(signal["peers"]["count"]) in told["peers"]
    assert len(told["signals"]) > 50


def test_an_override_counts_at_once_and_is_entered_once(api: Api) -> None:
    account = api.frame.index[7]
    until = datetime.now(UTC) + timedelta(days=30)
    said: dict[str, Any] = {"reason": "We talked.", "by": "kim", "expires_at": until, "idempotency_key": "once"}
    with api.client() as client:
        automated = client.account(account)["level"]["automated"]
        level = "low" if automated != "low" else "high"
        first = client.override(account, level=level, **said)
        assert client.override(account, level=level, **said) == first
        assert refused(lambda: client.override(account, level="medium", **said)) == 409
        wrong = [{"level": "hi"}, {"level": "low", "expires_at": datetime(2020, 1, 1, tzinfo=UTC)}]
        assert [refused(lambda one=one: client.override(account, reason="x", **one)) for one in wrong] == [422] * 2
        shown = client.account(account)["level"]
        listed = {row["account_id"]: row for row in client.accounts(fields="risk_level,automated_level", level=level)}
        (past,) = client.history(account)["overrides"]
    assert first["level"] | {"automated": automated, "csm": level, "final": level, "counts": "csm"} == first["level"]
    assert (shown["automated"], shown["final"], shown["reason"]) == (automated, level, "We talked.")
    assert listed[account] == {"account_id": account, "risk_level": level, "automated_level": automated}
    assert (past["level"], past["made_by"], past["batch_id"]) == (level, "kim", first["batch_id"])
    assert api.ledger(f"select count(*) from overrides where account_id = '{account}'") == [(1,)]


def test_feedback_interventions_and_outcomes_stand_in_the_ledger(api: Api, forewarn: Any) -> None:
    account, at = api.frame.index[9], datetime(2026, 1, 2, 9, tzinfo=UTC)
    with api.client("platform") as client, api.client() as csm:
        group = csm.explain([account])["results"][0]["prediction"]["reasons"]["dimensions"][0]
        signal = group["signals"][0]["signal"]
        client.feedback(account, signal=signal, verdict="known", comment="They move.", by="kim")
        client.intervention(account, "call", at, arm="treated")
        for _ in range(2):
            client.outcome(account, "contraction", at, arr_change=-100.0, voluntary=True, idempotency_key="c1")
        assert refused(lambda: client.feedback(account, signal="no_such", verdict="right")) == 422
        assert refused(lambda: client.outcome(account, "churn", datetime(2100, 1, 1, tzinfo=UTC))) == 422
        history = client.history(account)
    ((said,), (done,), (became,)) = (history[name] for name in ("feedback", "interventions", "outcomes"))
    assert (said["signal"], said["verdict"], said["given_by"], said["as_of"]) == (signal, "known", "kim", "2026-01-01")
    assert (done["started_at"], done["arm"]) == ("2026-01-02T09:00:00.000000Z", "treated")
    assert (became["arr_change"], became["voluntary"]) == (-100.0, True)
    assert became["reported_by"] == f"key:{api.keys['platform'][3:11]}"
    checked = forewarn("--config", api.project / "forewarn.yaml", "--json", "ledger", "verify")
    assert json.loads(checked.stdout)["intact"] is True


def test_tasks_and_notes_stand_in_the_ledger_with_what_was_shown_then(api: Api) -> None:
    account = api.frame.index[11]
    with api.client() as client:
        first = client.task_event(account, "renewal", "snoozed", until="2100-01-04", by="kim", idempotency_key="t1")
        again = client.task_event(account, "renewal", "snoozed", until="2100-01-04", by="kim", idempotency_key="t1")
        client.task_event(account, "renewal", "ticked", step="Call the sponsor")
        client.task_event(account, "renewal", "done", comment="They stay.")
        client.note(account, "They move <b>house</b>.", by="kim")
        wrong: list[dict[str, str]] = [
            {"kind": "snoozed"}, {"kind": "snoozed", "until": "2020-01-01"}, {"kind": "snoozed", "until": "2100-02-31"},
            {"kind": "assigned"}, {"kind": "ticked"}, {"kind": "done", "until": "2100-01-01"}, {"kind": "lost"},
        ]  # fmt: skip
        for more in wrong:
            assert refused(lambda more=more: client.task_event(account, "renewal", **more)) == 422
        served = client.account(account)
        history = client.history(account)
    assert first == again
    assert [(task["kind"], task["step"], task["until"]) for task in history["tasks"]] == [
        ("snoozed", None, "2100-01-04"),
        ("ticked", "Call the sponsor", None),
        ("done", None, None),
    ]
    assert {task["p_churn"] for task in history["tasks"]} == {served["prediction"]["p_churn_90d"]}
    assert {(task["owner"], task["as_of"]) for task in history["tasks"]} == {(served["owner"], served["as_of"])}
    assert [task["made_by"] for task in history["tasks"]][:2] == ["kim", f"key:{api.keys['csm'][3:11]}"]
    assert [(note["text"], note["written_by"]) for note in history["notes"]] == [("They move <b>house</b>.", "kim")]


def test_a_key_of_an_owner_shows_that_owners_accounts_alone(api: Api) -> None:
    mine = list(api.frame.index[api.frame.owner == api.owner])
    other = api.frame.index[api.frame.owner != api.owner][0]
    with api.client("bound csm") as client, api.client("bound leader") as leader:
        assert sorted(row["account_id"] for row in client.accounts()) == sorted(mine)
        assert list(client.accounts(owner=str(api.frame.owner[other]))) == []
        codes = [entry["error"] and entry["error"]["code"] for entry in client.score([mine[0], other])["results"]]
        assert codes == [None, "unknown_account"]
        calls: list[Callable[[], Any]] = [
            lambda: client.account(other), lambda: client.history(other), lambda: client.changes(other),
            lambda: client.signals(other), lambda: client.what_if(other, {"days_since_use": 1.0}),
            lambda: client.override(other, level="low", reason="x"),
            lambda: client.feedback(other, signal="days_since_use", verdict="right"),
            lambda: client.intervention(other, "call", datetime(2026, 1, 2, tzinfo=UTC)),
            lambda: client.outcome("never seen", "churn", datetime(2026, 1, 2, tzinfo=UTC)),
            lambda: client.task_event(other, "renewal", "done"), lambda: client.note(other, "x"),
        ]  # fmt: skip
        assert [refused(call) for call in calls] == [404] * len(calls)
        assert [refused(leader.reports), refused(lambda: leader.report("report.html"))] == [403, 403]
        assert client.account(mine[0])["owner"] == api.owner


def test_reports_are_the_files_of_their_folder_and_no_others(api: Api) -> None:
    folder = api.project / ".forewarn" / "reports"
    (folder / "keys").symlink_to(api.project / ".forewarn" / "keys.db")
    with api.client("leader") as client:
        listed = {report["name"]: report["bytes"] for report in client.reports()}
        files = [path for path in folder.iterdir() if path.is_file() and not path.is_symlink()]
        served = {f"ledger/{path.name}": path.stat().st_size for path in (folder / "ledger").iterdir()}
        assert "ledger/report.html" in served
        assert listed == {path.name: path.stat().st_size for path in files} | served
        for name in ("report.html", "ledger/report.html"):
            assert client.report(name) == (folder / name).read_bytes()
        out_of_it = ("../keys.db", "../../forewarn.yaml", "/etc/passwd", "ledger/../../keys.db", "..%2fkeys.db")
        for name in ("keys", *out_of_it, "report.html\x00"):
            assert refused(lambda name=name: client.report(name)) == 404


def test_the_model_shows_its_card_its_gates_and_its_calibration(api: Api) -> None:
    with api.client("leader") as client:
        model, status = client.model(), client.status()
    assert (model["version"], model["digest"]) == (status["model_version"], status["model_digest"])
    assert model["card"].startswith("# ")
    assert model["calibration"]["last_day"] <= "2026-01-01"
    assert model["promotion"]["forced"] == (not all(gate["passed"] for gate in model["promotion"]["gates"]))
    assert len(model["promotion"]["gates"]) > 5


def test_score_by_url_writes_what_the_service_says(api: Api, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "scores.parquet"
    assert on(api.project, "score", "--url", api.url, "--out", out).exit_code == 2
    monkeypatch.setenv("FOREWARN_KEY", api.keys["platform"])
    done = on(api.project, "score", "--url", api.url, "--out", out)
    assert done.exit_code == 0, done.output
    written = pd.read_parquet(out).set_index("account_id")
    batch = pd.read_parquet(api.project / ".forewarn" / "scores" / "2026-01-01.parquet").set_index("account_id")
    pd.testing.assert_series_equal(written.p_churn_90d.sort_index(), batch.p_churn_90d.sort_index())


def test_a_route_is_shut_to_every_role_that_it_does_not_name(api: Api) -> None:
    for route in ROUTES:
        for role in set(ROLES) - set(route.roles) if route.roles else ():
            path = route.path.replace("{account_id}", "a").replace("{name}", "r").replace("{file}", "f")
            headers = {"Authorization": f"Bearer {api.keys[role]}", "Content-Type": "application/json"}
            answer = httpx.request(route.method, api.url + path, headers=headers, content=b"{}", timeout=60)
            assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json"), (
                path,
                role,
            )


def test_what_is_answered_is_what_the_document_names(api: Api) -> None:
    """A few requests of each kind to each path; tests/benchmarks/api_contract.py makes thousands."""
    pytest.importorskip("schemathesis")
    contract = check(api.url, api.keys["admin"], each=2, phases=("fuzzing",))
    assert contract.passed, contract.output[-4000:]
    assert contract.cases > 30


def test_every_route_is_documented_with_a_call() -> None:
    text = DOCS.read_text(encoding="utf-8")
    headings = [line.removeprefix("### ") for line in text.splitlines() if line.startswith("### ")]
    named = [f"`{route.method} {route.path}`" for route in ROUTES]
    assert [name for name in named if name not in headings] == []
    assert [heading for heading in headings if heading.startswith("`") and heading not in named] == []
    sections = text.split("\n### ")[1:]
    assert [part.splitlines()[0] for part in sections if "curl" not in part] == []


def test_the_document_is_valid_and_names_what_each_route_takes() -> None:
    made = document(ROUTES, (30, 90))
    validator = pytest.importorskip("openapi_spec_validator")
    validator.validate(made)
    ids = [method["operationId"] for methods in made["paths"].values() for method in methods.values()]
    assert len(set(ids)) == len(ids) == len(ROUTES)
    post = made["paths"]["/v1/outcomes"]["post"]
    assert "409" in post["responses"]
    assert [parameter["name"] for parameter in post["parameters"]] == ["Idempotency-Key"]
    for route in ROUTES:
        assert route.takes is None or route.takes.model_validate_json(json.dumps(route.example))
