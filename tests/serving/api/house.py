"""A front around routes that echo and an application that answers whatever it is told to; no model behind it."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import Any

import httpx

from configs.settings import Settings
from serving.api.front import Front
from serving.api.routing import (
    Answer,
    Call,
    ProblemRaised,
    Route,
    Router,
)
from serving.keys import ROLES, KeyStore
from serving.messages import ScoreRequest, problem
from tests.serving.prepared_days import live_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TABLES = {"accounts": {"from": "a.csv"}, "contracts": {"from": "c.csv"}}


async def echo(call: Call) -> Answer:
    sent = {"role": call.key.role, "sent": call.body.decode(), "path": dict(call.path), "query": call.query}
    return Answer(json.dumps(sent).encode())


async def large(call: Call) -> Answer:
    return Answer(b'{"x":"' + b"y" * 5000 + b'"}')


async def fails(call: Call) -> Answer:
    raise RuntimeError("secret path /srv/x")


async def waits(call: Call) -> Answer:
    await asyncio.Event().wait()
    raise AssertionError


async def refuses(call: Call) -> Answer:
    raise ProblemRaised(problem(409, "taken"), {"x-more": "1"})


async def parsed(call: Call) -> Answer:
    return Answer.of(call.message(ScoreRequest))


TRIED = (
    Route("GET", "/open", (), echo, "Open."),
    Route("POST", "/echo", ROLES, echo, "Echo."),
    Route("GET", "/things/{name}/parts/{part}", ("csm",), echo, "A thing."),
    Route("DELETE", "/things/{name}/parts/{part}", ("admin",), echo, "No thing."),
    Route("GET", "/large", ROLES, large, "Large."),
    Route("GET", "/fails", ROLES, fails, "Fails."),
    Route("GET", "/waits", ROLES, waits, "Waits."),
    Route("GET", "/refuses", ROLES, refuses, "Refuses."),
    Route("POST", "/parsed", ROLES, parsed, "Parsed."),
    Route("GET", "/inside", ROLES, None, "BentoML's."),
)


class Inside:
    """Stands for BentoML: answers what it is told to, in two parts."""

    def __init__(self) -> None:
        self.calls = 0
        self.status, self.content = 200, b"figures"

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.calls += 1
        await send({"type": "http.response.start", "status": self.status, "headers": [(b"content-type", b"text/x")]})
        await send({"type": "http.response.body", "body": self.content[:3], "more_body": True})
        await send({"type": "http.response.body", "body": self.content[3:]})


class House:
    def __init__(self, settings: Settings, routes: tuple[Route, ...] = TRIED) -> None:
        self.store = KeyStore(settings.paths.keys)
        self.keys = {role: self.store.create(role, NOW) for role in ROLES}
        self.inside = Inside()
        self.live = live_of(settings)
        self.front = Front(self.inside, Router(routes), self.live)

    def call(self, method: str, path: str, role: str | None = None, **more: Any) -> httpx.Response:
        return self.calls([(method, path, role, more)])[0]

    def calls(self, asked: list[tuple[str, str, str | None, dict[str, Any]]]) -> list[httpx.Response]:
        """Answers to requests that are sent at once, on one event loop."""

        async def all_of_them() -> list[httpx.Response]:
            transport = httpx.ASGITransport(self.front)
            async with httpx.AsyncClient(transport=transport, base_url="http://house") as client:
                return list(await asyncio.gather(*(self._one(client, *one) for one in asked)))

        return asyncio.run(all_of_them())

    async def _one(self, client: Any, method: str, path: str, role: str | None, more: dict[str, Any]) -> httpx.Response:
        key = {"Authorization": f"Bearer {self.keys[role]}"} if role else {}
        answer: httpx.Response = await client.request(
            method, path, **{**more, "headers": {**key, **more.get("headers", {})}}
        )
        return answer


def is_problem(answer: httpx.Response, status: int) -> bool:
    kind = answer.headers["content-type"]
    return answer.status_code == status == answer.json()["status"] and kind == "application/problem+json"
