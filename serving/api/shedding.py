"""Sheds load before it costs anything: over the limit a request is answered 503 from the socket, its body unread.

Under ten times the load that can be answered, even saying no through the whole stack would take all the time there is,
and the probes would wait behind it. The no is given a moment later, so that a client which asks again at once does not
ask a thousand times a second.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar

from uvicorn.protocols.http.auto import AutoHTTPProtocol

from serving.messages import problem

if TYPE_CHECKING:
    from asyncio import Transport

PAUSE_SECONDS = 0.1
PROBES = (b"GET /livez ", b"GET /readyz ", b"HEAD /livez ", b"HEAD /readyz ")
METHODS = (b"GET ", b"POST ", b"PUT ", b"PATCH ", b"DELETE ", b"HEAD ", b"OPTIONS ")
_BODY = problem(503, "more requests than can be answered in time").model_dump_json().encode()
REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/problem+json\r\nretry-after: 1\r\n"
    b"connection: close\r\ncontent-length: %d\r\n\r\n%b" % (len(_BODY), _BODY)
)


class SheddingProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]
    """Uvicorn's own protocol, but for requests that come while `limit` of them are at work."""

    limit: ClassVar[int] = 64
    shed: ClassVar[int] = 0

    transport: Transport
    tasks: set[Any]
    cycle: Any

    def data_received(self, data: bytes) -> None:
        is_new = self.cycle is None or self.cycle.response_complete
        if is_new and len(self.tasks) >= self.limit and data.startswith(METHODS) and not data.startswith(PROBES):
            SheddingProtocol.shed += 1
            self.transport.pause_reading()
            asyncio.get_running_loop().call_later(PAUSE_SECONDS, self._refuse)
            return
        super().data_received(data)

    def _refuse(self) -> None:
        if not self.transport.is_closing():
            self.transport.write(REFUSAL)
            self.transport.close()
