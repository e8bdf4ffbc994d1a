"""The gate, around an application that answers whatever it is told to; the real service behind it: test_service.py."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from serving.api.auth import CALLER, MAX_BODY_BYTES, OPEN_PATHS, RULES, SHOWN, ApiKeyMiddleware, translated
from serving.api.keys import ROLES, KeyStore

NOW = datetime(2026, 1, 1, tzinfo=UTC)


OTHER_KINDS = [
    "application/vnd.bentoml+pickle",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "text/plain",
    "",
]


class Inside:
    """Echoes who called and what was sent; `answer` replaces that."""

    def __init__(self) -> None:
        self.calls = 0
        self.answer: tuple[int, bytes, bytes] | None = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.calls += 1
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        caller = CALLER.get(None)
        echo = json.dumps({"role": caller and caller.role, "sent": body.decode()}).encode()
        status, kind, content = self.answer or (200, b"application/json", echo)
        await send({"type": "http.response.start", "status": status, "headers": [(b"content-type", kind)]})
        await send({"type": "http.response.body", "body": content[:3], "more_body": True})
        await send({"type": "http.response.body", "body": content[3:]})


class House:
    def __init__(self, folder: Path) -> None:
        self.store = KeyStore(folder / "keys.db")
        self.inside = Inside()
        self.keys = {role: self.store.create(role, NOW) for role in ROLES}
        self.gate = ApiKeyMiddleware(self.inside, find_store=lambda: self.store)

    async def call(self, method: str, path: str, role: str | None = None, **more: Any) -> httpx.Response:
        headers = more.pop("headers", {}) | ({"Authorization": f"Bearer {self.keys[role]}"} if role else {})
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.gate), base_url="http://house") as client:
            return await client.request(method, path, headers=headers, **more)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def run(coroutine: Any) -> httpx.Response:
    import asyncio

    return asyncio.run(coroutine)


@pytest.mark.parametrize(
    "path", ["/", "/metrics", "/docs.json", "/schema.json", "/healthz", "/v1/score", "/livez/", "/livezz"]
)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "DELETE"])
def test_nothing_answers_without_a_key(house: House, method: str, path: str) -> None:
    answer = run(house.call(method, path))
    assert (answer.status_code, house.inside.calls) == (401, 0)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("path", OPEN_PATHS)
def test_the_open_paths_need_none(house: House, path: str) -> None:
    assert run(house.call("GET", path)).json()["role"] is None


@pytest.mark.parametrize("path", [prefix for prefix, _ in RULES])
@pytest.mark.parametrize("role", ROLES)
def test_each_role_passes_where_the_rules_say_and_nowhere_else(house: House, path: str, role: str) -> None:
    allowed = dict(RULES)[path]
    answer = run(house.call("POST", path, role, json={}))
    if role in allowed:
        assert answer.json() == {"role": role, "sent": "{}"}
    else:
        assert (answer.status_code, house.inside.calls) == (403, 0)
        assert role in answer.json()["detail"]


def test_every_rule_is_reached_and_the_last_is_for_every_path() -> None:
    prefixes = [prefix for prefix, _ in RULES]
    assert prefixes[-1] == "/"
    assert all(not one.startswith(earlier) for place, one in enumerate(prefixes) for earlier in prefixes[:place])


@pytest.mark.parametrize("scheme", ["Basic {}", "{}", "Bearer", "bearer x{}", "Token {}"])
def test_another_scheme_is_no_key(house: House, scheme: str) -> None:
    headers = {"Authorization": scheme.format(house.keys["admin"])}
    assert run(house.call("GET", "/metrics", headers=headers)).status_code == 401


def test_a_revoked_key_is_refused_at_once(house: House) -> None:
    assert run(house.call("GET", "/metrics", "admin")).status_code == 200
    house.store.revoke(house.keys["admin"], NOW)
    assert run(house.call("GET", "/metrics", "admin")).status_code == 401


@pytest.mark.parametrize("kind", OTHER_KINDS)
def test_only_json_comes_in(house: House, kind: str) -> None:
    answer = run(house.call("POST", "/v1/score", "csm", headers={"Content-Type": kind}, content=b"{}"))
    assert (answer.status_code, house.inside.calls) == (415, 0)


@pytest.mark.parametrize("size", [MAX_BODY_BYTES, MAX_BODY_BYTES + 1])
def test_a_body_may_be_so_long_and_no_longer(house: House, size: int) -> None:
    headers = {"Content-Type": "application/json; charset=utf-8"}
    answer = run(house.call("POST", "/v1/score", "csm", headers=headers, content=b"x" * size))
    assert answer.status_code == (200 if size <= MAX_BODY_BYTES else 413)


def test_a_websocket_is_shut(house: House) -> None:
    sent: list[Any] = []

    async def ask() -> None:
        async def send(message: Any) -> None:
            sent.append(message)

        await house.gate({"type": "websocket", "path": "/livez", "headers": []}, None, send)  # type: ignore[arg-type]

    import asyncio

    asyncio.run(ask())
    assert [message["type"] for message in sent] == ["websocket.close"]
    assert house.inside.calls == 0


def test_an_error_from_inside_becomes_problem_details(house: House) -> None:
    house.inside.answer = (500, b"application/json", b'{"error": "secret path /srv/x"}')
    answer = run(house.call("POST", "/v1/score", "csm", json={}))
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    assert int(answer.headers["content-length"]) == len(answer.content)
    assert answer.json()["title"] == "Internal Server Error"
    assert "secret" not in answer.text


def test_problem_details_from_inside_stay_as_they_are(house: House) -> None:
    house.inside.answer = (422, b"application/problem+json", b'{"title": "mine"}')
    assert run(house.call("POST", "/v1/score", "csm", json={})).json() == {"title": "mine"}


INVALID_JSON = (
    b'{"error": "1 validation error", "detail": [{"type": "json_invalid", "loc": [], "msg": "Invalid JSON: ..."}]}'
)
MISSING = b'{"error": "x", "detail": [{"type": "missing", "loc": ["account_ids"], "msg": "Field required"}]}'


def test_a_fault_says_what_was_found_at_its_place() -> None:
    asked = b'{"account_ids": [1, "' + b"x" * 200 + b'"], "more": null}'
    places: list[list[str | int]] = [[], ["account_ids", 0], ["account_ids", 1], ["more"], ["as_of"]]
    content = json.dumps({"detail": [{"type": "odd", "loc": place, "msg": "other"} for place in places]}).encode()
    found = [fault.found for fault in translated(400, content, asked).faults]
    assert [found[1], *found[3:]] == ["1", "null", "nothing"]
    assert found[0].startswith('{"account_ids": [1, "xxx')
    assert found[2] == '"' + "x" * (SHOWN - 1) + "..."


@pytest.mark.parametrize(
    ("status", "content", "expected", "faults"),
    [
        (400, INVALID_JSON, 400, []),
        (400, MISSING, 422, ["account_ids"]),
        (404, b"Not Found", 404, []),
        (405, b"", 405, []),
        (400, b'[{"error": "odd"}]', 400, []),
        (503, b'{"detail": [{"type": "missing", "loc": ["a"], "msg": "b"}]}', 503, []),
    ],
)
def test_translated(status: int, content: bytes, expected: int, faults: list[str]) -> None:
    body = translated(status, content)
    assert body.status == expected
    assert [fault.where for fault in body.faults] == faults
    assert body.title
    assert body.detail
