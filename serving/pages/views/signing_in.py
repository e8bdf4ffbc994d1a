"""Signing in with a key, signing out, and light or dark.

Before anybody is signed in there is no session that a form could be bound to: the page that asks for the key sets a
cookie of its own, and its form carries what only this service can make of that.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qsl

from serving.api import FORM_TOKEN, SAME_SITE, SESSION_COOKIE, Answer, Call, ProblemRaised, Route, cookies, log
from serving.keys import ABSOLUTE_SECONDS
from serving.messages import problem
from serving.pages.navigation import PEOPLE
from serving.pages.rendering import THEME_COOKIE, THEMES, redirect, render

START = "/"
ANONYMOUS = "before."
UNKNOWN = "This key is not known here, or it was revoked. Check that you copied all of it."
NOT_FOR_PEOPLE = "This key is a platform's, for programs; ask for one with a role of yours."


@dataclass(frozen=True)
class SignInView:
    """The page that asks for a key."""

    title: str
    next_path: str
    token: str
    fault: str | None


def form_of(call: Call) -> dict[str, str]:
    """The fields of a form, the last of each name."""
    return dict(parse_qsl(call.body.decode("utf-8", errors="replace"), keep_blank_values=True))


def local_path(text: str) -> str:
    """A path of this service, or the start page for anything else.

    >>> local_path("/accounts/a%2F1?x=1"), local_path("//elsewhere.example"), local_path("https://elsewhere.example")
    ('/accounts/a%2F1?x=1', '/', '/')
    >>> local_path("/\\\\elsewhere.example"), local_path("/signin"), local_path("/a" + chr(10) + "b")
    ('/', '/', '/')
    """
    is_path = text.startswith("/") and not text.startswith(("//", "/signin", "/signout")) and "\\" not in text
    return text if is_path and text.isascii() and text.isprintable() and " " not in text else START


@cache
def _secret() -> bytes:
    return secrets.token_bytes(32)


def _token_of(cookie: str) -> str:
    return hmac.new(_secret(), cookie.encode(), hashlib.sha256).hexdigest()


def _cookie(value: str, call: Call, seconds: float) -> str:
    secure = "; Secure" if call.is_secure else ""
    return f"{SESSION_COOKIE}={value}; Path=/; Max-Age={int(seconds)}; HttpOnly; SameSite=Strict{secure}"


def _with_headers(answer: Answer, headers: Mapping[str, str]) -> Answer:
    return Answer(answer.body, answer.status, answer.media_type, {**answer.headers, **headers})


async def sign_in_page(call: Call) -> Answer:
    """Asks for a key; whoever is signed in goes on."""
    where = local_path(call.query.get("next", START))
    session = call.live.sessions.find(cookies(call.headers).get(SESSION_COOKIE, ""))
    if session is not None and await call.live.keys.of_id(session.key_id) is not None:
        return redirect(where)
    return await _asking(call, where)


async def _asking(call: Call, where: str, fault: str | None = None, status: int = 200) -> Answer:
    cookie = ANONYMOUS + secrets.token_urlsafe(24)
    view = SignInView("Sign in", where, _token_of(cookie), fault)
    page = await render(call, "signin.html", view, status)
    return _with_headers(page, {"set-cookie": _cookie(cookie, call, 3600)})


async def sign_in(call: Call) -> Answer:
    """Opens a session with a key."""
    form = form_of(call)
    where = local_path(form.get("next", START))
    cookie = cookies(call.headers).get(SESSION_COOKIE, "")
    if not call.live.sign_ins.take(call.client).allowed:
        raise ProblemRaised(problem(429, "too many tries from this address; wait a minute"), {"retry-after": "60"})
    is_ours = cookie.startswith(ANONYMOUS) and hmac.compare_digest(form.get(FORM_TOKEN, ""), _token_of(cookie))
    if not is_ours or call.headers.get(b"sec-fetch-site", b"none") not in SAME_SITE:
        return await _asking(call, where, "This page was open for too long. Please try again.", 403)
    key = await call.live.keys.find(form.get("key", "").strip())
    if key is None:
        log("sign_in_refused", client=call.client, request_id=call.request_id)
        return await _asking(call, where, UNKNOWN, 401)
    if key.role not in PEOPLE:
        return await _asking(call, where, NOT_FOR_PEOPLE, 403)
    log("signed_in", key=key.key_id, request_id=call.request_id)
    session_id = call.live.sessions.open(key.key_id)
    return _with_headers(redirect(where), {"set-cookie": _cookie(session_id, call, ABSOLUTE_SECONDS)})


async def sign_out(call: Call) -> Answer:
    """Ends the session."""
    call.live.sessions.close(cookies(call.headers).get(SESSION_COOKIE, ""))
    return _with_headers(redirect("/signin"), {"set-cookie": _cookie("", call, 0)})


async def theme(call: Call) -> Answer:
    """Light, dark, or as the system has it, from now on."""
    form = form_of(call)
    chosen = form.get("theme", "")
    if chosen not in THEMES:
        raise ProblemRaised(problem(422, f"found {chosen!r}, expected one of {', '.join(THEMES)}"))
    cookie = f"{THEME_COOKIE}={chosen}; Path=/; Max-Age=31536000; SameSite=Strict"
    return _with_headers(redirect(local_path(form.get("next", START))), {"set-cookie": cookie})


ROUTES: tuple[Route, ...] = (
    Route("GET", "/signin", (), sign_in_page, "Where one signs in.", page=True),
    Route("POST", "/signin", (), sign_in, "Signs in.", page=True),
    Route("POST", "/signout", PEOPLE, sign_out, "Signs out.", page=True),
    Route("POST", "/theme", PEOPLE, theme, "Light or dark.", page=True),
)
