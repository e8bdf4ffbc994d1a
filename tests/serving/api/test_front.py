"""The front: who may call what, how requests are refused, and what an answer carries."""

from __future__ import annotations

import asyncio
import gzip
import json
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from configs.settings import Settings
from serving.api import front
from serving.api.routes import ROUTES
from serving.api.routing import (
    Route,
    Router,
)
from serving.keys import ROLES, key_table
from tests.serving.api.house import NOW, TABLES, House, echo, is_problem


@pytest.mark.parametrize("path", ["/", "/metrics", "/openapi.json", "/echo", "/inside", "/open/", "/openn", "/nowhere"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "DELETE"])
def test_nothing_answers_without_a_key(house: House, method: str, path: str) -> None:
    answer = house.call(method, path)
    assert (answer.status_code, house.inside.calls) == (401, 0)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"


def test_an_open_route_needs_none(house: House) -> None:
    assert house.call("GET", "/open").status_code == 200


@pytest.mark.parametrize("role", ROLES)
def test_what_no_route_names_is_closed_to_every_role(house: House, role: str) -> None:
    for path in ("/", "/schema.json", "/healthz", "/things", "/things/x/parts", "/echo/"):
        assert is_problem(house.call("GET", path, role), 404)
    assert house.inside.calls == 0


@pytest.mark.parametrize("role", ROLES)
def test_each_role_passes_where_its_route_says_and_nowhere_else(house: House, role: str) -> None:
    """The routes that are served, each called by each role, with handlers that echo."""
    made = tuple(Route(route.method, route.path, route.roles, route.handle and echo, route.summary) for route in ROUTES)
    house.front.router = Router(made)
    for route in (one for one in made if one.roles):
        path = route.path.replace("{", "").replace("}", "")
        more = {"json": {}} if route.method in ("POST", "PUT", "PATCH") else {}
        answer = house.call(route.method, path, role, **more)
        assert answer.status_code == (200 if role in route.roles else 403), (route.path, role)
        if role not in route.roles:
            assert role in answer.json()["detail"]


def test_a_path_with_names_and_a_query(house: House) -> None:
    answer = house.call("GET", "/things/a%20b/parts/7?x=1&y=", "csm")
    assert answer.json()["path"] == {"name": "a b", "part": "7"}
    assert answer.json()["query"] == {"x": "1", "y": ""}
    assert house.call("GET", "/things/a%2Fb/parts/7", "csm").json()["path"] == {"name": "a/b", "part": "7"}


def test_another_method_is_told_which_are_allowed(house: House) -> None:
    answer = house.call("PUT", "/things/a/parts/7", "csm", json={})
    assert is_problem(answer, 405)
    assert answer.headers["allow"] == "DELETE, GET, HEAD"


@pytest.mark.parametrize("scheme", ["Basic {}", "{}", "Bearer", "bearer x{}", "Token {}"])
def test_another_scheme_is_no_key(house: House, scheme: str) -> None:
    headers = {"Authorization": scheme.format(house.keys["admin"])}
    assert house.call("GET", "/large", headers=headers).status_code == 401


def test_a_revoked_key_is_refused_at_once_and_a_new_one_opens(house: House) -> None:
    assert house.call("GET", "/large", "admin").status_code == 200
    house.store.revoke(house.keys["admin"], NOW)
    assert house.call("GET", "/large", "admin").status_code == 401
    house.keys["admin"] = house.store.create("admin", NOW)
    assert house.call("GET", "/large", "admin").status_code == 200


def test_a_locked_file_of_keys_stops_nobody_and_answers_problem_details(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys read before count for a while; afterwards 503, at once and in words. Other requests are not held up."""
    assert house.call("GET", "/large", "admin").status_code == 200
    other = sqlite3.connect(house.store.path, isolation_level=None)
    other.execute("begin exclusive")
    other.execute("update keys set created_at = created_at")
    house.store.path.touch()
    began = datetime.now(UTC)
    live, probe = house.calls([("GET", "/large", "admin", {}), ("GET", "/open", None, {})])
    assert (live.status_code, probe.status_code) == (200, 200)
    monkeypatch.setattr(key_table, "GRACE_SECONDS", 0.0)
    answer = house.call("GET", "/large", "admin")
    assert is_problem(answer, 503)
    assert answer.headers["retry-after"]
    assert (datetime.now(UTC) - began).total_seconds() < 5
    assert house.live.status().refused[-1].title == "the keys cannot be read"
    other.rollback()
    other.close()
    house.live.keys._tried_at -= 10
    assert house.call("GET", "/large", "admin").status_code == 200


def test_a_broken_file_of_keys_answers_problem_details(house: House) -> None:
    house.store.path.write_bytes(b"not a database at all" * 100)
    assert is_problem(house.call("GET", "/large", "admin"), 503)


def test_a_websocket_is_shut(house: House) -> None:
    sent: list[Any] = []

    async def ask() -> None:
        async def send(message: Any) -> None:
            sent.append(message)

        await house.front({"type": "websocket", "path": "/open", "headers": []}, None, send)  # type: ignore[arg-type]

    asyncio.run(ask())
    assert [message["type"] for message in sent] == ["websocket.close"]


def test_a_failure_shows_nothing_of_itself_and_is_logged_with_its_traceback(house: House, capsys: Any) -> None:
    answer = house.call("GET", "/fails", "csm")
    assert is_problem(answer, 500)
    assert "secret" not in answer.text
    failed, request = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert "secret path" in failed["traceback"]
    assert failed["request_id"] == request["request_id"] == answer.headers["x-request-id"]


def test_what_takes_too_long_is_ended_and_told_to_come_back(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(front, "ANSWER_SECONDS", 0.01)
    answer = house.call("GET", "/waits", "csm")
    assert is_problem(answer, 503)
    assert answer.headers["retry-after"] == "5"


def test_a_refusal_is_one_line_in_the_log(house: House, capsys: Any) -> None:
    answer = house.call("POST", "/parsed", "csm", json={"account_ids": [1]}, headers={"X-Request-Id": "mine-1"})
    assert is_problem(answer, 422)
    (line,) = capsys.readouterr().err.splitlines()
    body = json.loads(line)
    assert (body["status"], body["request_id"], body["key"]) == (422, "mine-1", house.keys["csm"][3:11])
    assert "Traceback" not in line
    assert answer.headers["x-request-id"] == "mine-1"


def test_a_handler_may_refuse_with_headers(house: House) -> None:
    answer = house.call("GET", "/refuses", "csm")
    assert is_problem(answer, 409)
    assert answer.headers["x-more"] == "1"


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "ü"])
def test_a_request_id_that_does_not_fit_is_replaced(house: House, given: str) -> None:
    headers = {"X-Request-Id": given.encode()}
    assert len(house.call("GET", "/open", headers=headers).headers["x-request-id"]) == 16


def test_bentoml_answers_its_own_and_its_errors_become_problem_details(house: House) -> None:
    assert house.call("GET", "/inside", "csm").content == b"figures"
    house.inside.status, house.inside.content = 500, b'{"error": "secret path /srv/x"}'
    answer = house.call("GET", "/inside", "csm")
    assert is_problem(answer, 500)
    assert "secret" not in answer.text


def test_a_read_has_a_tag_and_is_not_sent_again(house: House) -> None:
    first = house.call("GET", "/large", "csm")
    again = house.call("GET", "/large", "csm", headers={"If-None-Match": f'"x", {first.headers["etag"]}'})
    assert (again.status_code, again.content) == (304, b"")
    other = house.call("GET", "/large", "csm", headers={"If-None-Match": 'W/"other"'})
    assert other.status_code == 200
    head = house.call("HEAD", "/large", "csm")
    assert (head.status_code, head.content, head.headers["etag"]) == (200, b"", first.headers["etag"])


def test_a_long_answer_is_compressed_for_those_who_take_it(house: House) -> None:
    async def raw(accept: str) -> tuple[dict[bytes, bytes], bytes]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        key = f"Bearer {house.keys['csm']}".encode()
        headers = [(b"authorization", key), (b"accept-encoding", accept.encode())]
        scope = {"type": "http", "method": "GET", "path": "/large", "headers": headers, "query_string": b""}
        await house.front(scope, None, send)  # type: ignore[arg-type]
        return dict(sent[0]["headers"]), sent[1]["body"]

    plain_headers, plain = asyncio.run(raw("identity"))
    headers, body = asyncio.run(raw("br, gzip"))
    assert gzip.decompress(body) == plain
    assert (headers[b"content-encoding"], int(headers[b"content-length"])) == (b"gzip", len(body))
    assert b"content-encoding" not in plain_headers
    assert headers[b"vary"] == plain_headers[b"vary"] == b"accept-encoding"


def test_a_key_may_ask_so_often_and_no_more(make_settings: Callable[..., Settings]) -> None:
    house = House(make_settings(tables=TABLES, serving={"requests_per_minute": 3}))
    answers = [house.call("GET", "/large", "csm") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    assert [answer.headers["ratelimit-remaining"] for answer in answers] == ["2", "1", "0", "0"]
    assert {answer.headers["ratelimit-limit"] for answer in answers} == {"3"}
    assert is_problem(answers[3], 429)
    assert 1 <= int(answers[3].headers["retry-after"]) <= 20
    assert house.call("GET", "/large", "admin").status_code == 200  # another key's


def test_what_is_over_the_limit_is_shed_and_the_probes_are_not(make_settings: Callable[..., Settings]) -> None:
    house = House(make_settings(tables=TABLES, serving={"max_waiting": 2}))
    house.live.working = 2
    answer = house.call("GET", "/large", "csm")
    assert is_problem(answer, 503)
    assert answer.headers["retry-after"] == "1"
    assert house.call("GET", "/open").status_code == 200
    assert house.live.working == 2
