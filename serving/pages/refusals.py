"""What people see where a page cannot be shown: where to sign in, who may see it, what is wrong and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from serving.api import Answer, Refused
from serving.pages.rendering import HEADERS, HTML, environment, frame_of, redirect, rendered

SIGN_IN = "/signin"
TITLES = {
    401: "You are not signed in",
    403: "You may not do this",
    404: "There is no such page",
    429: "That was too much at once",
    503: "Not now",
}


@dataclass(frozen=True)
class RefusalView:
    """Why a page is not shown, and what to do."""

    title: str
    sentences: tuple[str, ...]
    faults: tuple[str, ...]
    is_signed_in: bool


@dataclass(frozen=True)
class ReturnView:
    """A page that opens the page that was asked for."""

    title: str
    path: str


def refused(asked: Refused) -> Answer:
    """The answer to a request for a page that is not answered as asked.

    Parameters
    ----------
    asked : Refused

    Returns
    -------
    Answer
        A redirect to where one signs in, or a page that says why, with the refusal's own status.
    """
    if asked.problem.status == 401:
        return _not_signed_in(asked)
    return _page(asked, asked.problem.status, asked.problem.detail)


def _not_signed_in(asked: Refused) -> Answer:
    where = f"{SIGN_IN}?next={quote(asked.path, safe='')}"
    if asked.method not in ("GET", "HEAD"):
        return _page(asked, 403, "You are not signed in any more. Sign in, and then do it again: nothing was entered.")
    if b"hx-request" in asked.sent:  # a part of a page is asked for: the whole of it goes where one signs in
        return Answer(b"", 401, HTML, {**HEADERS, "hx-redirect": SIGN_IN})
    if asked.sent.get(b"sec-fetch-site") == b"cross-site":
        # Whoever comes from a link in a message is signed in, and the strict cookie was held back all the same. The
        # same page asked for by a page of our own brings it.
        view = ReturnView("One moment", asked.path)
        body = environment().get_template("return.html").render(view=view).encode()
        return Answer(body, 200, HTML, HEADERS)
    return redirect(where)


def _page(asked: Refused, status: int, sentence: str) -> Answer:
    frame = frame_of(asked.live, asked.key, asked.session, asked.sent, asked.path)
    faults = tuple(f"{one.found}: expected {one.expected}. {one.do}" for one in asked.problem.faults)
    view = RefusalView(
        TITLES.get(status, "This did not work"), (_as_sentence(sentence),), faults, asked.session is not None
    )
    headers = {**HEADERS, **asked.headers}
    return Answer(rendered("refusal.html", frame, view), status, HTML, headers)


def _as_sentence(text: str) -> str:
    """
    >>> _as_sentence("no such path")
    'No such path.'
    """
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."
