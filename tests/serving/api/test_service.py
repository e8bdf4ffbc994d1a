"""A real server, started by `forewarn serve`, called over HTTP: rightly, wrongly, and against the batch."""

from __future__ import annotations

import json
import math
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from evaluation.ledger import pointers_in
from serving.keys import ROLES, KeyStore
from tests.serving.running import running_service

ROOT = Path(__file__).resolve().parents[3]
MOST = 250  # accounts in one request, as the served project is configured
LONGEST = 12_000 * MOST  # bytes of a body, by what README says of accounts with their signals
pytestmark = pytest.mark.slow


ROLE_CALLS = [
    ("/v1/score", "leader", 403),
    ("/v1/score", "platform", 200),
    ("/v1/explain", "platform", 403),
    ("/v1/explain", "leader", 200),
]


@dataclass
class Served:
    """A running service, a key of each role, and what the batch said of the same accounts."""

    url: str
    keys: dict[str, str]
    project: Path
    batch: pd.DataFrame

    def call(self, method: str, path: str, role: str | None = None, **more: Any) -> httpx.Response:
        headers = more.pop("headers", {}) | ({"Authorization": f"Bearer {self.keys[role]}"} if role else {})
        return httpx.request(method, self.url + path, headers=headers, timeout=60, **more)

    def post(self, path: str, accounts: list[str], role: str = "csm") -> httpx.Response:
        return self.call("POST", path, role, json={"account_ids": accounts})

    def ledger(self, query: str) -> list[Any]:
        with sqlite3.connect(self.project / ".forewarn" / "ledger.db") as connection:
            return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def served(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    project = tmp_path_factory.mktemp("served") / "project"
    shutil.copytree(demo, project)
    with (project / "forewarn.yaml").open("a") as file:
        file.write(f"serving: {{max_accounts: {MOST}}}\n")
    store = KeyStore(project / ".forewarn" / "keys.db")
    keys = {role: store.create(role, datetime.now(UTC)) for role in ROLES}
    with running_service(project, ROOT) as url:
        batch = pd.read_parquet(next((demo / ".forewarn" / "scores").glob("2026-01-01.parquet")))
        yield Served(url, keys, project, batch)


def predictions_of(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    return [entry["prediction"] for entry in answer.json()["results"]]


def contributions(prediction: dict[str, Any]) -> list[float]:
    return [signal["contribution"] for group in prediction["reasons"]["dimensions"] for signal in group["signals"]]


def is_problem(answer: httpx.Response, status: int) -> bool:
    body = answer.json()
    return (
        answer.status_code == status == body["status"]
        and answer.headers["content-type"] == "application/problem+json"
        and bool(body["title"] and body["detail"] and body["type"])
    )


def test_served_equals_batch_to_the_last_bit(served: Served) -> None:
    """All accounts, backwards and by hundreds, and some alone: always the numbers of the batch file."""
    accounts = list(served.batch.account_id)
    rows = {row["account_id"]: row for row in served.batch.to_dict("records")}
    parts = [accounts[::-1][start : start + MOST] for start in range(0, len(accounts), MOST)]
    answers = [one for part in parts for one in predictions_of(served.post("/v1/score", part))]
    answers += [predictions_of(served.post("/v1/score", [account]))[0] for account in accounts[:3]]
    assert [answer["account_id"] for answer in answers] == accounts[::-1] + accounts[:3]
    numbers = [name for name in served.batch if served.batch[name].dtype == "float64"]
    assert {"p_churn_30d", "p_churn_90d", "p_low_90d", "p_high_90d", "health_score", "p_health_90d"} <= set(numbers)
    for answer in answers:
        row = rows[answer["account_id"]]
        for name in numbers:
            assert answer[name] == (None if math.isnan(row[name]) else row[name]), (answer["account_id"], name)
        for name in ("lifecycle_stage", "risk_level", "config_version"):
            assert answer[name] == row[name]
        assert answer["triggers"] == json.loads(row["triggers"])
        assert answer["actions"] == json.loads(row["actions"])
    assert len({answer["p_churn_90d"] for answer in answers}) > len(accounts) / 2


def test_every_column_of_a_prediction_is_served(served: Served) -> None:
    one = predictions_of(served.post("/v1/score", [served.batch.account_id[0]]))[0]
    assert set(served.batch.columns) <= set(one)
    assert set(one) - set(served.batch.columns) == {"weights"}


def test_the_weights_are_those_of_the_stage(served: Served) -> None:
    import yaml

    framework = yaml.safe_load((ROOT / "configs" / "default.yaml").read_text())["framework"]
    weights = {stage["name"]: stage["weights"] for stage in framework["stages"]}
    answers = predictions_of(served.post("/v1/score", list(served.batch.account_id[:60])))
    assert len({answer["lifecycle_stage"] for answer in answers}) > 1
    assert all(answer["weights"] == weights[answer["lifecycle_stage"]] for answer in answers)


@pytest.mark.parametrize("path", ["/v1/score", "/v1/explain"])
def test_reasons_add_up_to_the_served_probability(served: Served, path: str) -> None:
    for one in predictions_of(served.post(path, list(served.batch.account_id[:40]))):
        reasons = one["reasons"]
        assert reasons["horizon_days"] == 90
        assert abs(reasons["base"] + math.fsum(contributions(one)) - one["p_churn_90d"]) < 1e-9
        for group in reasons["dimensions"]:
            assert abs(group["contribution"] - math.fsum(part["contribution"] for part in group["signals"])) < 1e-12
        assert any(part > 0.001 for part in contributions(one)) or any(part < -0.001 for part in contributions(one))


def test_explain_gives_every_signal_and_score_the_strongest(served: Served) -> None:
    account = served.batch.account_id[0]
    full = predictions_of(served.post("/v1/explain", [account]))[0]
    short = predictions_of(served.post("/v1/score", [account]))[0]
    flat = {signal["signal"]: signal for group in full["reasons"]["dimensions"] for signal in group["signals"]}
    shown = [signal for group in short["reasons"]["dimensions"] for signal in group["signals"]]
    strongest = sorted((one["contribution"] for one in flat.values()), key=abs, reverse=True)[:8]
    assert len(flat) > 50
    assert {group["dimension"] for group in full["reasons"]["dimensions"]} >= {
        "usage", "engagement", "financial", "relationship",
    }  # fmt: skip
    named = [one for one in shown if one["signal"] in flat]
    assert sorted((one["contribution"] for one in named), key=abs, reverse=True) == strongest
    assert all(one == flat[one["signal"]] | {"sentence": one["sentence"]} for one in named)
    assert full["p_churn_90d"] == short["p_churn_90d"]


def test_reasons_differ_between_accounts(served: Served) -> None:
    answers = predictions_of(served.post("/v1/explain", list(served.batch.account_id[:20])))
    assert len({tuple(contributions(answer)) for answer in answers}) == 20


def test_an_unknown_account_fails_alone(served: Served) -> None:
    known = served.batch.account_id[5]
    answer = served.post("/v1/score", ["nobody", known, "", "nobody"])
    assert is_problem(answer, 422)  # an empty id is no id
    answer = served.post("/v1/score", ["nobody", known, "nobody"])
    entries = answer.json()["results"]
    assert [entry["account_id"] for entry in entries] == ["nobody", known, "nobody"]
    assert [entry["error"] and entry["error"]["code"] for entry in entries] == [
        "unknown_account",
        None,
        "unknown_account",
    ]
    assert [entry["prediction"] is None for entry in entries] == [True, False, True]


def test_an_account_asked_for_twice_is_answered_twice_and_written_once(served: Served) -> None:
    account = served.batch.account_id[7]
    one, two = predictions_of(served.post("/v1/score", [account, account]))
    assert one == two
    ((pointers,),) = served.ledger("select pointers from answers order by batch_id desc, row desc limit 1")
    assert len(pointers_in(pointers)) == 1


def test_what_is_answered_stands_in_the_ledger(served: Served) -> None:
    """The prediction of the batch is not written again: the answer points to it, with who asked, and under which id."""
    before = served.ledger("select count(*) from predictions")
    account = served.batch.account_id[3]
    answer = served.post("/v1/explain", [account], "leader")
    (entry,) = answer.json()["results"]
    ((request, asked_by, route, pointers),) = served.ledger(
        "select request_id, asked_by, route, pointers from answers order by batch_id desc, row desc limit 1"
    )
    assert (request, asked_by, route) == (
        answer.headers["x-request-id"],
        f"key:{served.keys['leader'][3:11]}",
        "explain",
    )
    ((batch_id, row),) = pointers_in(pointers)
    assert entry["ledger"] == {"batch_id": batch_id, "row": row}
    one = entry["prediction"]
    assert served.ledger(
        f"select account_id, as_of, p_churn, model_version from predictions where batch_id = {batch_id} and row = {row}"
    ) == [(account, "2026-01-01", one["p_churn_90d"], one["model_version"])]
    assert served.ledger("select count(*) from predictions") == before


def test_the_ledger_is_intact_after_all_this(served: Served, forewarn: Any) -> None:
    done = forewarn("--config", served.project / "forewarn.yaml", "--json", "ledger", "verify")
    assert json.loads(done.stdout)["intact"] is True
    assert json.loads(done.stdout)["batches"] > 5


@pytest.mark.parametrize("path", ["/v1/score", "/v1/explain", "/metrics", "/docs.json", "/schema.json", "/healthz"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_nothing_without_a_key(served: Served, method: str, path: str) -> None:
    answer = served.call(method, path, json={"account_ids": ["acc-0001"]} if method == "POST" else None)
    assert is_problem(answer, 401)
    bad = served.call(method, path, headers={"Authorization": f"Bearer fw_00000000_{'A' * 43}"})
    assert is_problem(bad, 401)


@pytest.mark.parametrize("path", ["/livez", "/readyz"])
def test_the_probes_are_open(served: Served, path: str) -> None:
    assert served.call("GET", path).status_code == 200


@pytest.mark.parametrize(("path", "role", "status"), ROLE_CALLS)
def test_roles(served: Served, path: str, role: str, status: int) -> None:
    answer = served.post(path, [served.batch.account_id[0]], role)
    assert answer.status_code == status
    assert status == 200 or is_problem(answer, 403)


@pytest.mark.parametrize(("role", "status"), [("platform", 200), ("admin", 200), ("csm", 403), ("leader", 403)])
def test_metrics_are_for_platform_and_admin(served: Served, role: str, status: int) -> None:
    answer = served.call("GET", "/metrics", role)
    assert answer.status_code == status
    assert ("forewarn_requests_total" in answer.text) == (status == 200)


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        pytest.param(b'{"account_ids": ["a"', "application/json", 400, id="malformed"),
        pytest.param(b"\xff\xfe", "application/json", 400, id="not text"),
        pytest.param(b"", "application/json", 422, id="empty"),
        pytest.param(b"[]", "application/json", 422, id="a list"),
        pytest.param(b'{"account_ids": []}', "application/json", 422, id="no account"),
        pytest.param(b'{"account_ids": "a"}', "application/json", 422, id="text"),
        pytest.param(b'{"account_ids": [1]}', "application/json", 422, id="number"),
        pytest.param(b'{"account_ids": [null]}', "application/json", 422, id="null"),
        pytest.param(b'{"acount_ids": ["a"]}', "application/json", 422, id="misspelt"),
        pytest.param(b'{"account_ids": ["a"], "more": 1}', "application/json", 422, id="unknown field"),
        pytest.param(json.dumps({"account_ids": ["a"] * (MOST + 1)}).encode(), "application/json", 422, id="too many"),
        pytest.param(b'{"account_ids": ["' + b"a" * LONGEST + b'"]}', "application/json", 413, id="too long"),
        pytest.param(b"\x80\x05N.", "application/vnd.bentoml+pickle", 415, id="pickle"),
        pytest.param(b"account_ids=a", "application/x-www-form-urlencoded", 415, id="form"),
        pytest.param(b'{"account_ids": ["a"]}', "text/plain", 415, id="plain text"),
    ],
)
def test_bad_requests(served: Served, content: bytes, kind: str, status: int) -> None:
    before = served.ledger("select count(*) from batches")
    for path in ("/v1/score", "/v1/explain"):
        answer = served.call("POST", path, "csm", content=content, headers={"Content-Type": kind})
        assert is_problem(answer, status), answer.text
        assert "Traceback" not in answer.text
    assert served.ledger("select count(*) from batches") == before


def test_too_many_says_how_many_are_allowed(served: Served) -> None:
    (fault,) = served.post("/v1/score", ["a"] * (MOST + 1)).json()["faults"]
    assert (fault["found"], fault["expected"]) == (f"{MOST + 1} accounts", f"at most {MOST}")


def test_an_unknown_path_and_method(served: Served) -> None:
    assert is_problem(served.call("GET", "/v2/score", "admin"), 404)
    for path in ("/schema.json", "/healthz", "/v1", "/v1/score/"):
        assert is_problem(served.call("GET", path, "admin"), 404)
    answer = served.call("GET", "/v1/score", "admin")
    assert is_problem(answer, 405)
    assert answer.headers["allow"] == "POST"


def test_openapi_describes_both_routes(served: Served) -> None:
    body = served.call("GET", "/docs.json", "csm").json()
    assert {"/v1/score", "/v1/explain"} <= set(body["paths"])
    assert "account_ids" in json.dumps(body["components"]["schemas"])


def test_a_revoked_key_is_refused_by_the_running_service(served: Served) -> None:
    store = KeyStore(served.project / ".forewarn" / "keys.db")
    made = store.create("csm", datetime.now(UTC))
    ask = {"headers": {"Authorization": f"Bearer {made}"}, "json": {"account_ids": ["nobody"]}}
    assert served.call("POST", "/v1/score", **ask).status_code == 200
    store.revoke(made, datetime.now(UTC))
    assert served.call("POST", "/v1/score", **ask).status_code == 401
