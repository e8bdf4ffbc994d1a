"""The ASGI middleware around the whole service: API keys and roles, what a request may hold, how errors look.

BentoML brings pages of its own (/metrics, /docs.json, /schema.json, an index); this layer is around all of them and
closes them too. It knows a route by its prefix alone, and a path that RULES does not name needs a key of any role.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any

from configs.errors import ForewarnError
from serving.api.keys import ROLES, Key, KeyStore, Role
from serving.scoring import Problem, ProblemFault

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

OPEN_PATHS: tuple[str, ...] = ("/livez", "/readyz")
# The first prefix that fits says which roles may call a path. A platform sends accounts to be scored, a leader reads.
RULES: tuple[tuple[str, tuple[Role, ...]], ...] = (
    ("/v1/score", ("platform", "csm", "scientist", "admin")),
    ("/v1/explain", ("csm", "leader", "scientist", "admin")),
    ("/metrics", ("platform", "admin")),
    ("/", ROLES),
)
MAX_BODY_BYTES = 1_000_000
SHOWN = 80  # characters of what was found in a body
PROBLEM = b"application/problem+json"

CALLER: ContextVar[Key] = ContextVar("caller")


def problem(status: int, detail: str, faults: tuple[ProblemFault, ...] = ()) -> Problem:
    """Problem details with the status' own phrase as the title.

    >>> problem(403, "no").title
    'Forbidden'
    """
    return Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, faults=list(faults))


def problem_of(error: ForewarnError, status: int = 422) -> Problem:
    """What an error raised on purpose looks like to a caller: its faults, none of its traceback."""
    faults = tuple(ProblemFault(where=f.where, found=f.found, expected=f.expected, do=f.do) for f in error.faults)
    return problem(status, error.title, faults)


def roles_for(path: str) -> tuple[Role, ...]:
    """The roles that may call a path.

    >>> "leader" in roles_for("/v1/score"), "leader" in roles_for("/docs.json")
    (False, True)
    """
    return next(roles for prefix, roles in RULES if path.startswith(prefix))


async def _answer(send: Send, body: Problem, more: tuple[tuple[bytes, bytes], ...] = ()) -> None:
    content = body.model_dump_json().encode()
    headers = [(b"content-type", PROBLEM), (b"content-length", str(len(content)).encode()), *more]
    await send({"type": "http.response.start", "status": body.status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


def found_at(asked: bytes, location: Sequence[str | int]) -> str:
    """What a JSON body holds at a location (keys and indices), cut to SHOWN characters; "nothing" where there is none.

    >>> found_at(b'{"account_ids": [7]}', ["account_ids", 0]), found_at(b"{}", ["account_ids"])
    ('7', 'nothing')
    """
    try:
        value = json.loads(asked)
        for part in location:
            value = value[part]
    except (ValueError, LookupError, TypeError):
        return "nothing"
    text = json.dumps(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."


def translated(status: int, content: bytes, asked: bytes = b"") -> Problem:
    """An error answer of the framework below, as problem details: what was wrong with a request, nothing of a failure.

    A body (`asked`) that is not JSON stays 400; JSON of the wrong shape becomes 422, each fault with its
    location and what was found there.
    """
    if status >= 500:
        return problem(status, "the server could not answer; its log says why")
    try:
        body = json.loads(content)
    except ValueError:
        body = {}
    listed = body.get("detail") if isinstance(body, dict) else None
    errors = [error for error in listed if isinstance(error, dict)] if isinstance(listed, list) else []
    if not errors:
        return problem(status, HTTPStatus(status).description or HTTPStatus(status).phrase)
    if any(error.get("type") == "json_invalid" for error in errors):
        return problem(400, "the body is not JSON")
    faults = tuple(
        ProblemFault(
            where=".".join(str(part) for part in error.get("loc", ())) or "body",
            found=found_at(asked, error.get("loc", ())),
            expected=str(error.get("msg", "")),
            do="see /docs.json for what this path takes",
        )
        for error in errors
    )
    return problem(422, "the body does not fit", faults)


class ApiKeyMiddleware:
    """ASGI middleware. Nothing but OPEN_PATHS passes without a key; every answer of 400 and more is problem details."""

    def __init__(self, app: App, find_store: Callable[[], KeyStore]) -> None:
        self.app = app
        self.find_store = find_store

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # no websocket is served; one that is asked for is shut
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["path"] in OPEN_PATHS:
            await self._pass(scope, receive, send)
            return
        headers = {name.lower(): value for name, value in scope["headers"]}
        scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        key = self.find_store().find(token.strip()) if scheme.lower() == "bearer" else None
        if key is None:
            detail = "no live key; send it as Authorization: Bearer fw_..."
            await _answer(send, problem(401, detail), ((b"www-authenticate", b"Bearer"),))
            return
        roles = roles_for(scope["path"])
        if key.role not in roles:
            await _answer(
                send, problem(403, f"the role {key.role} may not call this; roles that may: {', '.join(roles)}")
            )
            return
        asked = b""
        if scope["method"] in {"POST", "PUT", "PATCH"}:
            kind = headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
            if kind != "application/json":
                await _answer(send, problem(415, f"found {kind or 'no content type'}, expected application/json"))
                return
            body = await _body(receive)
            if body is None:
                await _answer(send, problem(413, f"the body is longer than {MAX_BODY_BYTES} bytes"))
                return
            receive, asked = _again(body, receive), body
        token_of_caller = CALLER.set(key)
        try:
            await self._pass(scope, receive, send, asked)
        finally:
            CALLER.reset(token_of_caller)

    async def _pass(self, scope: Scope, receive: Receive, send: Send, asked: bytes = b"") -> None:
        """Lets the request through, and puts problem details in the place of any other error body."""
        status = 0
        content = bytearray()

        async def watch(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                headers = {name.lower(): value for name, value in message["headers"]}
                if message["status"] >= 400 and not headers.get(b"content-type", b"").startswith(PROBLEM):
                    status = message["status"]
                    return
            elif status:
                content.extend(message.get("body", b""))
                if not message.get("more_body", False):
                    await _answer(send, translated(status, bytes(content), asked))
                return
            await send(message)

        await self.app(scope, receive, watch)


async def _body(receive: Receive) -> bytes | None:
    """The whole body, or None as soon as it is longer than MAX_BODY_BYTES."""
    body = bytearray()
    while True:
        message = await receive()
        body.extend(message.get("body", b""))
        if len(body) > MAX_BODY_BYTES:
            return None
        if message["type"] != "http.request" or not message.get("more_body", False):
            return bytes(body)


def _again(body: bytes, receive: Receive) -> Receive:
    """A receive that hands out a body already read, then what follows it."""
    waiting = [body]

    async def replay() -> Message:
        if waiting:
            return {"type": "http.request", "body": waiting.pop(), "more_body": False}
        return await receive()

    return replay
