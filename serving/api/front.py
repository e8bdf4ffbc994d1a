"""The ASGI layer around the whole service: keys, sessions, roles, limits, dispatch, and how answers and errors look.

BentoML brings pages of its own (/metrics, an index); this layer is around all of them. It answers what the routes name
by itself, lets through to BentoML what a route without a handler names, and nothing else. The API is opened by a key
alone and a page by a session alone, so that no other site can have a browser call the API with what it holds.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from configs.errors import ForewarnError
from evaluation.ledger import LedgerAway
from serving.api.browser import FORM, SESSION_COOKIE, PageRefusal, Refused, check_form, cookies
from serving.api.limits import Allowance
from serving.api.live import Live
from serving.api.logs import log, log_error
from serving.api.replies import ready_to_send
from serving.api.routing import JSON, MOST_BODY_BYTES, Answer, Call, Found, ProblemRaised, Route, Router
from serving.keys import Key, KeysAway, Session
from serving.messages import Problem, problem, problem_of

Scope = MutableMapping[str, Any]
Event = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Event]]
Send = Callable[[Event], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = dict[bytes, bytes]

PROBLEM = "application/problem+json"
ANSWER_SECONDS = 60.0  # of an answer; what waits for something else (the ledger, the worker) gives up earlier
WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
_REQUEST_ID = re.compile(rb"[\x21-\x7e]{1,64}")


class Front:
    """ASGI middleware. Nothing but open routes passes without a key; every error is problem details.

    `/readyz` answers 503 with a message of its own, which is no error.

    Parameters
    ----------
    app : callable
        BentoML's own application.
    router : Router
    live : Live
    page_refusal : callable, optional
        Answers in HTML where a page is refused; without one nothing is taken for a page.
    """

    def __init__(self, app: App, router: Router, live: Live, page_refusal: PageRefusal | None = None) -> None:
        self.app = app
        self.router = router
        self.live = live
        self.page_refusal = page_refusal

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # no websocket is served; one that is asked for is shut
            await send({"type": "websocket.close", "code": 1008})
            return
        began = time.perf_counter()
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode() if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        exchange = _Exchange(self, scope, receive, send, headers, request_id)
        self.live.working += 1
        try:
            await exchange.run()
        finally:
            self.live.working -= 1
            exchange.note(time.perf_counter() - began)


class _Exchange:
    """One request and its answer."""

    def __init__(
        self, front: Front, scope: Scope, receive: Receive, send: Send, headers: Headers, request_id: str
    ) -> None:
        self.front, self.live = front, front.live
        self.scope, self.receive, self.send = scope, receive, send
        self.headers, self.request_id = headers, request_id
        self.route: Route | None = None
        self.key: Key | None = None
        self.session: Session | None = None
        self.is_page = False
        self.allowance: Allowance | None = None
        self.status, self.accounts, self.passed = 0, 0, False
        self.fault: str | None = None

    async def run(self) -> None:
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                answer = await self._answer()
        except TimeoutError:
            answer = self._refusal(problem(503, "there was no answer in time"), {"retry-after": "5"})
        except ProblemRaised as raised:
            answer = self._refusal(raised.body, raised.headers)
        except LedgerAway as error:
            answer = self._refusal(problem_of(error, 503), {"retry-after": "5"})
        except KeysAway as error:
            log("keys_away", error=str(error))
            answer = self._refusal(problem(503, "the keys cannot be read now"), {"retry-after": "5"})
        except ForewarnError as error:
            answer = self._refusal(problem_of(error), {})
        except Exception as error:
            log_error("request_failed", error, request_id=self.request_id, path=self.scope["path"])
            answer = self._refusal(problem(500, "the server could not answer; its log says why"), {})
        if answer is not None:
            await self._reply(answer)

    @property
    def _path(self) -> str:
        raw: bytes | None = self.scope.get("raw_path")
        return quote(self.scope["path"]) if raw is None else raw.decode("latin-1").partition("?")[0]

    def _asks_for_a_page(self, found: Found | None) -> bool:
        """What a page's path names; and what no path names, of a browser's."""
        if self.front.page_refusal is None:
            return False
        if found is not None:
            return all(route.page for route in found.by_method.values())
        return b"authorization" not in self.headers and b"text/html" in self.headers.get(b"accept", b"")

    async def _answer(self) -> Answer | None:
        """The answer; None where BentoML has given it."""
        found = self.front.router.find(self._path)
        route = None if found is None else found.route(self.scope["method"])
        self.is_page = self._asks_for_a_page(found)
        if route is not None and not route.roles:
            return await self._handled(route, found, None, await self._body(MOST_BODY_BYTES) if self.is_page else b"")
        if self.live.working > self.live.serving.max_waiting:
            raise ProblemRaised(problem(503, "more requests than can be answered in time"), {"retry-after": "1"})
        self.key = await (self._signed_in() if self.is_page else self._caller())
        self.allowance = self.live.limiter.take(self.key.key_id)
        if not self.allowance.allowed:
            raise ProblemRaised(problem(429, f"more than {self.allowance.limit} requests a minute with this key"))
        if found is None:
            raise ProblemRaised(problem(404, "no such path; GET /openapi.json lists them"))
        if route is None:
            raise ProblemRaised(problem(405, f"this path takes {found.allowed}"), {"allow": found.allowed})
        self.route = route
        if self.key.role not in route.roles:
            may = ", ".join(route.roles)
            raise ProblemRaised(problem(403, f"the role {self.key.role} may not call this; roles that may: {may}"))
        if route.of_all and self.key.owner is not None:
            raise ProblemRaised(problem(403, "this key shows one owner's accounts; this path shows all of them"))
        if route.handle is None:
            await self._pass()
            return None
        body = await self._body(route.most_bytes(self.live.serving.max_accounts))
        if self.session is not None and self.scope["method"] in WITH_BODY:
            check_form(self.session, self.headers, body)
        return await self._handled(route, found, self.key, body)

    async def _handled(self, route: Route, found: Found | None, key: Key | None, body: bytes) -> Answer:
        self.route = route
        call = Call(
            live=self.live,
            key=key or Key("-", "admin", ""),
            request_id=self.request_id,
            path={} if found is None else found.path,
            headers=self.headers,
            body=body,
            query_string=self.scope.get("query_string", b""),
            routes=self.front.router.routes,
            session=self.session,
            asked_path=self._path,
            client=(self.scope.get("client") or ("",))[0],
            is_secure=b"https" in (self.scope.get("scheme", "").encode(), self.headers.get(b"x-forwarded-proto")),
        )
        assert route.handle is not None  # a route of BentoML's does not come here
        return await route.handle(call)

    async def _caller(self) -> Key:
        scheme, _, token = self.headers.get(b"authorization", b"").decode("latin-1").partition(" ")
        key = await self.live.keys.find(token.strip()) if scheme.lower() == "bearer" else None
        if key is None:
            detail = "no live key; send it as Authorization: Bearer fw_..."
            raise ProblemRaised(problem(401, detail), {"www-authenticate": "Bearer"})
        return key

    async def _signed_in(self) -> Key:
        """The key of the session that the browser holds: looked up anew, so that a revoked one ends it."""
        session_id = cookies(self.headers).get(SESSION_COOKIE, "")
        session = self.live.sessions.find(session_id)
        key = None if session is None else await self.live.keys.of_id(session.key_id)
        if session is None or key is None:
            self.live.sessions.close(session_id)
            raise ProblemRaised(problem(401, "nobody is signed in; sign in with a key first"))
        self.session = session
        return key

    async def _body(self, most: int) -> bytes:
        if self.scope["method"] not in WITH_BODY:
            return b""
        kind = self.headers.get(b"content-type", b"").decode("latin-1").partition(";")[0].strip().lower()
        expected = FORM if self.is_page else JSON
        if kind != expected:
            raise ProblemRaised(problem(415, f"found {kind or 'no content type'}, expected {expected}"))
        body = bytearray()
        while True:
            event = await self.receive()
            body += event.get("body", b"")
            if len(body) > most:
                raise ProblemRaised(problem(413, f"the body is longer than {most} bytes"))
            if event["type"] != "http.request" or not event.get("more_body", False):
                return bytes(body)

    async def _pass(self) -> None:
        """Lets BentoML answer; an error of its own becomes problem details, with nothing of a failure."""
        self.passed = True
        failed = 0

        async def watch(event: Event) -> None:
            nonlocal failed
            if event["type"] == "http.response.start":
                self.status = event["status"]
                if self.status >= 400:
                    failed = self.status
                    return
            elif failed:
                return
            await self.send(event)

        await self.front.app(self.scope, self.receive, watch)
        if failed:
            detail = HTTPStatus(failed).description or HTTPStatus(failed).phrase
            await self._reply(self._refusal(problem(failed, detail), {}))

    def _refusal(self, body: Problem, headers: Mapping[str, str]) -> Answer:
        """Problem details; for a page, what people see of them."""
        self.fault = body.model_dump_json()
        if not self.is_page or self.front.page_refusal is None:
            return Answer(self.fault.encode(), body.status, PROBLEM, headers)
        query = self.scope.get("query_string", b"").decode("latin-1")
        path = f"{self._path}?{query}" if query else self._path
        return self.front.page_refusal(
            Refused(self.live, body, headers, self.scope["method"], path, self.headers, self.key, self.session)
        )

    async def _reply(self, answer: Answer) -> None:
        self.status, self.accounts = answer.status, answer.accounts
        if answer.status >= 400 and answer.media_type == PROBLEM:
            self.fault = answer.body.decode(errors="replace")
        ready = await ready_to_send(answer, self.scope["method"], self.headers)
        self.status = ready.status
        listed = [*ready.headers, (b"x-request-id", self.request_id.encode())]
        if self.allowance is not None:
            listed += self.allowance.headers
        await self.send({"type": "http.response.start", "status": ready.status, "headers": listed})
        await self.send({"type": "http.response.body", "body": ready.body})

    def note(self, seconds: float) -> None:
        """One line in the log, one observation in the metrics; the probes would drown the others."""
        route = self.route
        if route is not None and not route.roles and self.status < 400:
            return
        name = route.path if route is not None else "none"
        self.live.metrics.request(name, self.status, seconds)
        fields: dict[str, Any] = {
            "request_id": self.request_id,
            "method": self.scope["method"],
            "path": self.scope["path"],
            "status": self.status,
            "ms": round(1000 * seconds, 2),
            "key": None if self.key is None else self.key.key_id,
        }
        if self.accounts:
            fields["accounts"] = self.accounts
        snapshot = self.live.snapshot
        if snapshot is not None:
            fields |= {"model": snapshot.day.header.model_version, "as_of": snapshot.day.header.as_of}
        if self.fault is not None:
            fields["problem"] = self.fault[:500]
        log("request", **fields)
