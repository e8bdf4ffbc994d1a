"""What a browser sends beside its request: cookies, forms with the session's token; and a page that is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from serving.api.routing import Answer, ProblemRaised
from serving.keys import Key, Session
from serving.messages import Problem, problem

if TYPE_CHECKING:
    from serving.api.live import Live

SESSION_COOKIE = "fw_session"
FORM, FORM_TOKEN, FORM_TOKEN_HEADER = "application/x-www-form-urlencoded", "form_token", b"x-form-token"
SAME_SITE = (b"same-origin", b"none")


@dataclass(frozen=True)
class Refused:
    """A request for a page that is not answered as asked, for whoever puts that into a page.

    Attributes
    ----------
    live : Live
    problem : Problem
        Why.
    headers : mapping of str to str
        That go with it.
    method, path : str
        What was asked for, with its query.
    sent : mapping of bytes to bytes
        The request's headers.
    key : Key or None
    session : Session or None
        Who asked; None where nobody is signed in.
    """

    live: Live
    problem: Problem
    headers: Mapping[str, str]
    method: str
    path: str
    sent: Mapping[bytes, bytes]
    key: Key | None
    session: Session | None


PageRefusal = Callable[[Refused], Answer]


def cookies(headers: Mapping[bytes, bytes]) -> dict[str, str]:
    """The cookies that a browser sent, by name; none where they cannot be read.

    Parameters
    ----------
    headers : mapping of bytes to bytes
        Of a request, by lower-case names.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> cookies({b"cookie": b"a=1; b=2"}), cookies({})
    ({'a': '1', 'b': '2'}, {})
    """
    try:
        return {name: one.value for name, one in SimpleCookie(headers.get(b"cookie", b"").decode("latin-1")).items()}
    except CookieError:
        return {}


def check_form(session: Session, headers: Mapping[bytes, bytes], body: bytes) -> None:
    """That a form is one of this session's own: its token came with it, and no other site sent it; 403 otherwise."""
    sent = headers.get(FORM_TOKEN_HEADER, b"").decode("latin-1")
    if not sent:
        sent = dict(parse_qsl(body.decode("latin-1"))).get(FORM_TOKEN, "")
    if headers.get(b"sec-fetch-site", b"none") not in SAME_SITE or not session.takes(sent):
        raise ProblemRaised(problem(403, "this form is too old, or another site sent it; open the page again"))
