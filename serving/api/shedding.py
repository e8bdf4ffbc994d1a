"""Sheds load before it costs anything, and lets the probe past it, from the socket.

Under ten times the load that can be answered, even saying no through the whole stack would take all the time there is,
and the probes would wait behind it. So what is over the limit is answered 503 before it is parsed: a moment later and
at a measured pace, so that a client which asks again at once does not ask a thousand times a second, and on the
connection that it came on, since opening another costs more than the answer. `/livez` is answered where it is read.
Near the limit what is let in is begun one a turn of the event loop, so that a turn stays short: a probe needs four of
them (its connection is accepted, made, watched, read).
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from serving.api.replies import entity_tag
from serving.messages import problem

if TYPE_CHECKING:
    from asyncio import Transport

PAUSE_SECONDS = 0.25  # from a request to its refusal, at least
ROUND_SECONDS = 0.01  # between rounds of refusals: a few of them each, more where else one would wait for over a second
A_ROUND = 4
CROWDED = 0.5  # of the limit at work: up to there a request is begun where it is read, in groups that cost less
A_TURN = 1  # beyond, requests that are begun in one turn of the event loop
MOST_DIGITS = 12  # of a length that is read as a number here; int() refuses thousands of them
PROBES = (b"GET /livez ", b"GET /readyz ", b"HEAD /livez ", b"HEAD /readyz ")
METHODS = (b"GET ", b"POST ", b"PUT ", b"PATCH ", b"DELETE ", b"HEAD ", b"OPTIONS ")
LIVE = b'{"live":true}'
_LIVE_HEAD = (
    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\netag: %b\r\n"
    b"cache-control: no-cache, private\r\nx-request-id: "
) % (len(LIVE), entity_tag(LIVE))
_FRAMING = re.compile(rb"\r\n(content-length|transfer-encoding|connection|expect|upgrade)[ \t]*:[ \t]*([^\r\n]*)", re.I)
_OWN_HEADERS = re.compile(rb"\r\n(x-request-id|if-none-match)[ \t]*:", re.I)


def _written(status: int, phrase: bytes, title: str, more: bytes = b"") -> bytes:
    body = problem(status, title).model_dump_json().encode()
    head = b"HTTP/1.1 %d %b\r\ncontent-type: application/problem+json\r\ncontent-length: %d\r\n"
    return head % (status, phrase, len(body)) + more + b"\r\n" + body


_TITLE = "more requests than can be answered in time"
REFUSAL = _written(503, b"Service Unavailable", _TITLE, b"retry-after: 1\r\n")
LAST_REFUSAL = _written(503, b"Service Unavailable", _TITLE, b"retry-after: 1\r\nconnection: close\r\n")
NO_HTTP = _written(400, b"Bad Request", "this is no HTTP request", b"connection: close\r\n")


def stays_open(data: bytes) -> bool | None:
    """Whether the connection may carry another request after these bytes; None where they are not exactly one request.

    >>> stays_open(b"POST / HTTP/1.1\\r\\nHost: a\\r\\nContent-Length: 2\\r\\n\\r\\n{}")
    True
    >>> stays_open(b"GET / HTTP/1.1\\r\\nConnection: close\\r\\n\\r\\n"), stays_open(b"GET / HTTP/1.1\\r\\nHost: a")
    (False, None)
    """
    head, separator, body = data.partition(b"\r\n\r\n")
    if not separator or not head.partition(b"\r\n")[0].endswith(b" HTTP/1.1"):
        return None
    length: bytes | None = None
    stays = True
    for name, value in _FRAMING.findall(head):
        kind, value = name.lower(), value.strip().lower()
        if kind == b"content-length" and length is None and value.isdigit() and len(value) <= MOST_DIGITS:
            length = value
        elif kind == b"connection" and value in (b"close", b"keep-alive"):
            stays = stays and value != b"close"
        else:
            return None
    return stays if len(body) == int(length or b"0") else None


class SheddingProtocol(H11Protocol):
    """Uvicorn's own protocol, but for the probe and for requests that come while `limit` of them are at work."""

    limit: ClassVar[int] = 64
    count_shed: ClassVar[Callable[[int], None]] = staticmethod(lambda count: None)
    waiting: ClassVar[deque[SheddingProtocol]] = deque()
    begun: ClassVar[int] = 0
    refused: ClassVar[deque[tuple[float, SheddingProtocol, bool]]] = deque()  # from when on, who, whether it stays

    transport: Transport
    tasks: set[Any]
    conn: Any
    held: bytes = b""  # of a request that is let in, and begun in a later turn

    def data_received(self, data: bytes) -> None:
        if self.held:
            self.held += data
        elif not self._is_between_requests():
            super().data_received(data)
        elif data.startswith(b"GET /livez ") and not _OWN_HEADERS.search(data):
            self._live(data)
        elif data.startswith(PROBES) or not data.startswith(METHODS):
            super().data_received(data)
        elif len(self.tasks) + len(self.waiting) >= self.limit:
            self._shed(data)
        elif (len(self.tasks) < CROWDED * self.limit and not self.waiting) or self._may_begin():
            super().data_received(data)
        else:
            self.held = data
            self.waiting.append(self)

    def send_400_response(self, msg: str) -> None:
        self.transport.write(NO_HTTP)
        self.transport.close()

    def _is_between_requests(self) -> bool:
        """Whether the next byte begins a request: what looks like one within a body is none."""
        idle = self.conn.our_state is h11.IDLE and self.conn.their_state is h11.IDLE
        return idle and not self.conn.trailing_data[0]

    def _live(self, data: bytes) -> None:
        stays = stays_open(data)
        if stays is None:
            super().data_received(data)
            return
        last = b"" if stays else b"connection: close\r\n"
        self._answer(b"%b%b\r\n%b\r\n%b" % (_LIVE_HEAD, secrets.token_hex(8).encode(), last, LIVE))
        if not stays:
            self.transport.close()

    def _answer(self, answer: bytes) -> None:
        self._unset_keepalive_if_required()
        self.transport.write(answer)
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _shed(self, data: bytes) -> None:
        self._unset_keepalive_if_required()
        self.transport.pause_reading()
        if not self.refused:
            self.loop.call_later(PAUSE_SECONDS, _next_round)
        self.refused.append((self.loop.time() + PAUSE_SECONDS, self, stays_open(data) or False))

    def _refuse(self, stays: bool) -> None:
        if self.transport.is_closing():
            return
        if stays:
            self._answer(REFUSAL)
            self.transport.resume_reading()
        else:
            self.transport.write(LAST_REFUSAL)
            self.transport.close()

    def _may_begin(self) -> bool:
        """Whether this turn of the loop has room for another request."""
        if self.begun == 0:
            self.loop.call_soon(_next_turn)
        SheddingProtocol.begun += 1
        return self.begun <= A_TURN

    def _begin(self) -> None:
        data, self.held = self.held, b""
        if not self.transport.is_closing():
            super().data_received(data)


def _next_turn() -> None:
    """Begins what waits, a few requests, and comes back for the rest."""
    SheddingProtocol.begun = 0
    waiting = SheddingProtocol.waiting
    for _ in range(min(A_TURN, len(waiting))):
        waiting.popleft()._begin()
    if waiting:
        SheddingProtocol.begun = A_TURN
        asyncio.get_running_loop().call_soon(_next_turn)


def _next_round() -> None:
    """Refuses those whose pause is over, a few of them, and comes back for the rest."""
    loop, refused = asyncio.get_running_loop(), SheddingProtocol.refused
    before = len(refused)
    for _ in range(max(A_ROUND, int(len(refused) * ROUND_SECONDS))):
        if not refused or refused[0][0] > loop.time():
            break
        _, one, stays = refused.popleft()
        one._refuse(stays)
    SheddingProtocol.count_shed(before - len(refused))
    if refused:
        loop.call_later(max(ROUND_SECONDS, refused[0][0] - loop.time()), _next_round)
