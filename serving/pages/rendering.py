"""What every page has around it, and how a view becomes one: who is signed in, where to go, how old the data are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Protocol

import jinja2

from serving.api import FORM_TOKEN, Answer, Call, Live, cookies
from serving.keys import Key, Session
from serving.pages.navigation import PEOPLE, NavigationEntry, entries_for
from serving.pages.static_files import static_url

TEMPLATES = Path(__file__).parent / "templates"
HTML = "text/html; charset=utf-8"
THEME_COOKIE, THEMES = "fw_theme", ("auto", "light", "dark")
POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
}
ROLE_WORDS = {"csm": "CSM", "leader": "leader", "scientist": "scientist", "admin": "admin", "platform": "platform"}


class View(Protocol):
    """What a page shows: a frozen dataclass of plain values, already in words."""

    @property
    def title(self) -> str:
        """The page's name, for its heading and the browser's tab."""


@dataclass(frozen=True)
class Frame:
    """What stands around a view.

    Attributes
    ----------
    navigation : tuple of NavigationEntry
    current : str
        Path of the page.
    signed_in_as : str or None
    has_search : bool
    data_day, data_age : str or None
        The day that is scored; in words, how old the data are where they are too old.
    form_token_name, form_token : str
    messages : tuple of str
        What was just done, said once.
    theme : str
    """

    navigation: tuple[NavigationEntry, ...]
    current: str
    signed_in_as: str | None
    has_search: bool
    data_day: str | None
    data_age: str | None
    form_token_name: str
    form_token: str
    messages: tuple[str, ...]
    theme: str


def frame_of(live: Live, key: Key | None, session: Session | None, sent: Mapping[bytes, bytes], path: str) -> Frame:
    """What stands around the page of a path, for whoever asked; it takes the session's messages."""
    messages: tuple[str, ...] = ()
    if session is not None:
        messages = tuple(session.messages)
        session.messages.clear()
    theme = cookies(sent).get(THEME_COOKIE, "auto")
    data_day, data_age = _data_words(live) if session is not None else (None, None)
    return Frame(
        navigation=() if key is None else tuple(entries_for(key.role)),
        current=path,
        signed_in_as=None if key is None or session is None else _signed_in_words(key),
        has_search=session is not None and key is not None and key.role in PEOPLE,
        data_day=data_day,
        data_age=data_age,
        form_token_name=FORM_TOKEN,
        form_token="" if session is None else session.form_token,
        messages=messages,
        theme=theme if theme in THEMES else "auto",
    )


def _signed_in_words(key: Key) -> str:
    role = ROLE_WORDS[key.role]
    return f"{key.owner} ({role})" if key.owner is not None else f"{role}, key {key.key_id}"


def _data_words(live: Live) -> tuple[str | None, str | None]:
    snapshot = live.snapshot
    if snapshot is None:
        return None, None
    age = snapshot.data_age(datetime.now(UTC).date())
    return snapshot.day.header.as_of, f"The data are {age.age_days} days old." if age.stale else None


@cache
def environment() -> jinja2.Environment:
    """The templates: everything is escaped, and what a view does not have is an error."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.globals["static_url"] = static_url
    return made


def rendered(template: str, frame: Frame, view: View) -> bytes:
    """The page as bytes."""
    return environment().get_template(template).render(view=view, frame=frame).encode()


async def render(call: Call, template: str, view: View, status: int = 200) -> Answer:
    """The answer that shows a view: made in a thread, never kept by a browser."""
    frame = frame_of(call.live, call.key, call.session, call.headers, call.asked_path)
    body = await asyncio.to_thread(rendered, template, frame, view)
    return Answer(body, status, HTML, HEADERS)


async def render_part(call: Call, template: str, view: object) -> Answer:
    """A part of a page, for a script that puts it in place."""
    frame = frame_of(call.live, call.key, call.session, call.headers, call.asked_path)
    made = await asyncio.to_thread(environment().get_template(template).render, view=view, frame=frame)
    return Answer(made.encode(), media_type=HTML, headers=HEADERS)


def redirect(where: str, message: str | None = None, session: Session | None = None) -> Answer:
    """Sends the browser to a path of ours; a message is said there."""
    if message is not None and session is not None:
        session.messages.append(message)
    return Answer(b"", 303, HTML, {**HEADERS, "location": where})
