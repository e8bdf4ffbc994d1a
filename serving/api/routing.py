"""What a route is: one entry of a literal tuple, from which the roles, the dispatch and the OpenAPI document follow."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import parse_qsl, unquote

from pydantic import BaseModel, ValidationError

from serving.keys import Key, Role, Session
from serving.messages import Problem, ProblemFault, problem

if TYPE_CHECKING:
    from serving.api.live import Live

SHOWN = 80  # characters of what was found in a body
MOST_FAULTS = 100  # that are listed of one body
MOST_BODY_BYTES = 1_000_000  # of a route that says nothing else
IN_A_THREAD = 100_000  # bytes whose reading would hold up the others
JSON = "application/json"
_NAME = re.compile(r"{(\w+)}")
Message = TypeVar("Message", bound=BaseModel)


class ProblemRaised(Exception):
    """A request that is answered with problem details; `headers` go with them."""

    def __init__(self, body: Problem, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(body.detail)
        self.body = body
        self.headers = dict(headers or {})


@dataclass(frozen=True)
class Answer:
    """What a handler gives back: the body's bytes, as they leave.

    Attributes
    ----------
    body : bytes
    status : int
    media_type : str
    headers : mapping of str to str
    accounts : int
        How many accounts it gives a score of, for the log.
    """

    body: bytes
    status: int = 200
    media_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)
    accounts: int = 0

    @classmethod
    def of(cls, message: BaseModel, status: int = 200) -> Answer:
        """The JSON of a message."""
        return cls(message.model_dump_json().encode(), status)


@dataclass(frozen=True)
class Call:
    """One request, as a handler sees it: past the key, the role and the limits.

    Attributes
    ----------
    live : Live
        What serves now; take `live.snapshot` once, so that one answer has one model and one day.
    key : Key
        The caller's.
    request_id : str
        Also in the ledger, in the log and in the answer's header X-Request-Id.
    path : mapping of str to str
        What stands in the places that the route's path names.
    headers : mapping of bytes to bytes
        Lower-case names.
    body : bytes
    query_string : bytes
    routes : sequence of Route
        All that there are.
    session : Session or None
        Of who signed in, on a page; None for a caller of the API, and before signing in.
    asked_path : str
        The path as it was sent, without its query.
    client : str
        The address that the request came from.
    is_secure : bool
        It came over https, as far as the service can tell.
    """

    live: Live
    key: Key
    request_id: str
    path: Mapping[str, str]
    headers: Mapping[bytes, bytes]
    body: bytes
    query_string: bytes
    routes: Sequence[Route]
    session: Session | None = None
    asked_path: str = "/"
    client: str = ""
    is_secure: bool = False

    @property
    def asked_by(self) -> str:
        """The caller as the ledger names it."""
        return f"key:{self.key.key_id}"

    @property
    def query(self) -> dict[str, str]:
        """The query's parameters, the last of each name."""
        return dict(parse_qsl(self.query_string.decode("latin-1"), keep_blank_values=True))

    def sees(self, owner: str | None) -> bool:
        """Whether the key may see the accounts of an owner."""
        return self.key.owner is None or self.key.owner == owner

    async def read(self, model: type[Message]) -> Message:
        """The same as `message`, in a thread where the body is long."""
        if len(self.body) <= IN_A_THREAD:
            return self.message(model)
        return await asyncio.to_thread(self.message, model)

    def message(self, model: type[Message]) -> Message:
        """The body as a message; ProblemRaised with every fault of it: 400 where it is no JSON, 422 where it does not
        fit."""
        try:
            return model.model_validate_json(self.body)
        except ValidationError as error:
            raise ProblemRaised(body_problem(error.errors(include_url=False), self.body)) from None

    def parameters(self, model: type[Message]) -> Message:
        """The query as a message, with the same refusals."""
        query = self.query
        try:
            return model.model_validate_strings(query)
        except ValidationError as error:
            asked = json.dumps(query).encode()
            raise ProblemRaised(
                body_problem(error.errors(include_url=False), asked, "the query does not fit")
            ) from None


Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True)
class Route:
    """One route; a path that no route names answers 404 to every role, a method that none has 405.

    Attributes
    ----------
    method, path : str
        As in OpenAPI: `{name}` stands for a part of the path.
    roles : tuple of Role
        Who may call it; empty: it is open to all, without a key.
    handle : callable or None
        None: BentoML answers it.
    summary : str
        A sentence for the document.
    takes, gives, query : type or None
        Messages of the body, of the answer, and of the query's parameters.
    statuses : tuple of int
        Those beside the ones that every route has (see openapi.py).
    example : mapping or None
        A body that it takes.
    tag : str
        The theme under which the document lists it.
    gives_type : str
        Media type of what it gives.
    of_all : bool
        It shows figures of all accounts together, and so is shut to a key that is bound to an owner's.
    once : bool
        It takes an Idempotency-Key: the same request again is answered as the first time.
    page : bool
        For people: opened by a session instead of a key, takes forms instead of JSON, and is refused in HTML.
    bytes_an_account : int
        A body may have so many for each of `serving.max_accounts`, where that is more than MOST_BODY_BYTES.
    """

    method: str
    path: str
    roles: tuple[Role, ...]
    handle: Handler | None
    summary: str
    takes: type[BaseModel] | None = None
    gives: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    statuses: tuple[int, ...] = ()
    example: Mapping[str, Any] | None = None
    tag: str = "service"
    gives_type: str = JSON
    of_all: bool = False
    once: bool = False
    page: bool = False
    bytes_an_account: int = 0

    def most_bytes(self, max_accounts: int) -> int:
        """How long a body may be."""
        return max(MOST_BODY_BYTES, self.bytes_an_account * max_accounts)

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        parts = _NAME.split(self.path)
        text = "".join(re.escape(part) if index % 2 == 0 else f"(?P<{part}>[^/]+)" for index, part in enumerate(parts))
        return re.compile(text)

    @property
    def names(self) -> list[str]:
        """The names in its path."""
        return _NAME.findall(self.path)


@dataclass(frozen=True)
class Found:
    """What a path names: the routes by method, and what stands in the path's places."""

    by_method: Mapping[str, Route]
    path: Mapping[str, str]

    @property
    def allowed(self) -> str:
        """The value of the header Allow."""
        return ", ".join(sorted({*self.by_method, *({"HEAD"} if "GET" in self.by_method else ())}))

    def route(self, method: str) -> Route | None:
        return self.by_method.get("GET" if method == "HEAD" else method)


class Router:
    """Finds routes: those without a name in their path at once, the others by pattern."""

    def __init__(self, routes: Sequence[Route]) -> None:
        self.routes = tuple(routes)
        by_path: dict[str, dict[str, Route]] = {}
        for route in routes:
            by_path.setdefault(route.path, {})[route.method] = route
        self._fixed = {path: Found(methods, {}) for path, methods in by_path.items() if "{" not in path}
        named = [methods for path, methods in by_path.items() if "{" in path]
        self._named: Sequence[tuple[re.Pattern[str], dict[str, Route]]] = [
            (next(iter(methods.values())).pattern, methods) for methods in named
        ]

    def find(self, path: str) -> Found | None:
        """The routes of a path as it was sent, percent-encoded, so that an id may hold a slash; None where there are
        none."""
        found = self._fixed.get(path) or self._fixed.get(unquote(path))
        if found is None:
            for pattern, methods in self._named:
                if match := pattern.fullmatch(path):
                    return Found(methods, {name: unquote(part) for name, part in match.groupdict().items()})
        return found


def found_at(asked: Any, location: Sequence[str | int]) -> str:
    """What a body holds at a location (keys and indices), cut to SHOWN characters; "nothing" where there is none.

    >>> found_at({"account_ids": [7]}, ["account_ids", 0]), found_at({}, ["account_ids"])
    ('7', 'nothing')
    """
    try:
        value = asked
        for part in location:
            value = value[part]
    except (LookupError, TypeError):
        return "nothing"
    text = json.dumps(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "..."


def body_problem(errors: Iterable[Mapping[str, Any]], asked: bytes, title: str = "the body does not fit") -> Problem:
    """Pydantic's errors as problem details: a body that is no JSON is 400, one of the wrong shape 422, each fault with
    its location and what was found there; of very many, the first."""
    errors = list(errors)
    if asked.strip() and any(error.get("type") == "json_invalid" for error in errors):
        return problem(400, "the body is not JSON")
    try:
        body = json.loads(asked)
    except ValueError:
        body = None
    faults = tuple(
        ProblemFault(
            where=".".join(str(part) for part in error.get("loc", ())) or "body",
            found=found_at(body, error.get("loc", ())),
            expected=str(error.get("msg", "")),
            do="see /openapi.json for what this path takes",
        )
        for error in errors[:MOST_FAULTS]
    )
    if len(errors) > MOST_FAULTS:
        title = f"{title}: {len(errors):,} faults, of which these are the first"
    return problem(422, title, faults)
