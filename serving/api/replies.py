"""An answer as it goes over the wire: entity tags on reads, compressed for those who take it."""

from __future__ import annotations

import asyncio
import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from serving.api.routing import Answer

LEAST_COMPRESSED = 1_000  # bytes; below, it does not pay
IN_A_THREAD = 100_000  # bytes whose compression would hold up the others
LEVEL = 4


@dataclass(frozen=True)
class Reply:
    """Status, headers and body as they are sent."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes


async def ready_to_send(answer: Answer, method: str, headers: Mapping[bytes, bytes]) -> Reply:
    """The answer to a request with these headers: 304 where the caller has it already, without a body for HEAD."""
    body, status = answer.body, answer.status
    listed = [(name.encode(), value.encode()) for name, value in answer.headers.items()]
    is_read = method in ("GET", "HEAD") and status == 200
    if is_read and "cache-control" not in answer.headers:
        tag = entity_tag(body)
        listed += [(b"etag", tag), (b"cache-control", b"no-cache, private")]
        asked = [one.strip() for one in headers.get(b"if-none-match", b"").split(b",")]
        if tag in asked or b"*" in asked:
            return Reply(304, listed, b"")
    listed.append((b"content-type", answer.media_type.encode()))
    if len(body) >= LEAST_COMPRESSED:
        listed.append((b"vary", b"accept-encoding"))
        if _takes_gzip(headers.get(b"accept-encoding", b"")):
            if len(body) > IN_A_THREAD:
                body = await asyncio.get_running_loop().run_in_executor(None, compressed, body)
            else:
                body = compressed(body)
            listed.append((b"content-encoding", b"gzip"))
    listed.append((b"content-length", str(len(body)).encode()))
    return Reply(status, listed, b"" if method == "HEAD" else body)


def entity_tag(body: bytes) -> bytes:
    """The value of the header ETag for a body."""
    return b'W/"' + hashlib.blake2b(body, digest_size=12).hexdigest().encode() + b'"'


def compressed(body: bytes) -> bytes:
    """The body as gzip."""
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, 31)
    return compressor.compress(body) + compressor.flush()


def _takes_gzip(accepted: bytes) -> bool:
    """Whether an Accept-Encoding names gzip, and not with a weight of 0.

    >>> _takes_gzip(b"br, gzip;q=0.5"), _takes_gzip(b"gzip;q=0"), _takes_gzip(b"")
    (True, False, False)
    """
    for part in accepted.split(b","):
        name, _, weight = part.strip().partition(b";")
        if name.strip().lower() == b"gzip":
            value = weight.strip().lower().replace(b" ", b"")
            return value not in (b"q=0", b"q=0.0", b"q=0.00", b"q=0.000")
    return False
