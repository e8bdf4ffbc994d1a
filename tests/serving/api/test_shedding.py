"""The protocol at the socket, around an application that answers when it is told to."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import uvicorn

from serving.api import shedding
from serving.api.replies import entity_tag
from serving.api.shedding import SheddingProtocol, stays_open

POST = b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
SHED: list[int] = []
LIVEZ = b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"


class Slow:
    """Answers with the body that it was sent, once `open` is set; counts what it has begun."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.began = 0
        self.paths: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.began += 1
        self.paths.append(scope["path"])
        await self.open.wait()
        body = b""
        while True:
            event = await receive()
            body += event.get("body", b"")
            if not event.get("more_body", False):
                break
        headers = [(b"content-length", b"%d" % len(body)), (b"x-app", b"1")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class Peer:
    """A connection to the server, in bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self, sent: bytes) -> tuple[int, dict[str, str], bytes]:
        self.writer.write(sent)
        return await self.answer()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(5):
            head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
            first, *lines = head.strip().split("\r\n")
            headers = httpx.Headers([tuple(line.split(": ", 1)) for line in lines])  # type: ignore[misc]
            body = await self.reader.readexactly(int(headers.get("content-length", "0")))
            return int(first.split()[1]), dict(headers), body

    async def is_closed(self) -> bool:
        async with asyncio.timeout(5):
            return await self.reader.read(1) == b""


@asynccontextmanager
async def served(app: Slow) -> AsyncIterator[Callable[[], Awaitable[Peer]]]:
    config = uvicorn.Config(app, port=0, http=SheddingProtocol, lifespan="off", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    peers = []

    async def connect() -> Peer:
        peers.append(Peer(*await asyncio.open_connection("127.0.0.1", port)))
        return peers[-1]

    try:
        yield connect
    finally:
        app.open.set()
        for peer in peers:
            peer.writer.close()
        await asyncio.sleep(0)
        await server.shutdown()


@pytest.fixture(autouse=True)
def limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SheddingProtocol, "limit", 2)
    monkeypatch.setattr(SheddingProtocol, "begun", 0)
    monkeypatch.setattr(SheddingProtocol, "count_shed", SHED.append)
    SHED.clear()
    monkeypatch.setattr(shedding, "PAUSE_SECONDS", 0.02)


def run(story: Callable[[Slow, Callable[[], Awaitable[Peer]]], Awaitable[None]]) -> None:
    async def told() -> None:
        app = Slow()
        async with served(app) as connect:
            await story(app, connect)

    asyncio.run(told())


async def full(app: Slow, connect: Callable[[], Awaitable[Peer]]) -> list[Peer]:
    """As many connections as may be at work, each at work."""
    busy = [await connect() for _ in range(2)]
    for peer in busy:
        peer.writer.write(POST)
    while app.began < 2:
        await asyncio.sleep(0.001)
    return busy


def test_what_is_over_the_limit_is_refused_and_its_connection_serves_again() -> None:
    async def story(app: Slow, connect: Callable[[], Awaitable[Peer]]) -> None:
        busy, other = await full(app, connect), await connect()
        for _ in range(2):
            status, headers, body = await other.ask(POST)
            assert (status, headers["retry-after"], json.loads(body)["status"]) == (503, "1", 503)
            assert headers["content-type"] == "application/problem+json"
        assert (app.began, sum(SHED)) == (2, 2)
        app.open.set()
        assert [(await peer.answer())[0] for peer in busy] == [200, 200]
        assert (await other.ask(POST))[2] == b"{}"

    run(story)


@pytest.mark.parametrize(
    "sent",
    [
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n{}",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /echo HTTP/1.0\r\n\r\n",
        POST + POST,
    ],
)
def test_a_refused_request_that_may_not_be_over_ends_its_connection(sent: bytes) -> None:
    async def story(app: Slow, connect: Callable[[], Awaitable[Peer]]) -> None:
        await full(app, connect)
        other = await connect()
        status, headers, _ = await other.ask(sent)
        assert (status, headers["connection"]) == (503, "close")
        assert await other.is_closed()

    run(story)


@pytest.mark.parametrize("last", [b"", b"Connection: close\r\n"])
def test_the_probe_is_answered_at_once_and_as_the_front_would(last: bytes) -> None:
    async def story(app: Slow, connect: Callable[[], Awaitable[Peer]]) -> None:
        await full(app, connect)
        peer = await connect()
        status, headers, body = await peer.ask(LIVEZ[:-2] + last + b"\r\n")
        assert (status, json.loads(body)) == (200, {"live": True})
        assert headers["etag"] == entity_tag(body).decode()
        assert len(headers["x-request-id"]) == 16
        assert app.paths == ["/echo", "/echo"]
        if last:
            assert await peer.is_closed()
        else:
            assert (await peer.ask(LIVEZ))[0] == 200

    run(story)


def test_a_probe_with_an_id_of_its_own_goes_through_the_front() -> None:
    async def story(app: Slow, connect: Callable[[], Awaitable[Peer]]) -> None:
        app.open.set()
        peer = await connect()
        assert "x-app" in (await peer.ask(LIVEZ[:-2] + b"X-Request-Id: 1\r\n\r\n"))[1]

    run(story)


def test_what_looks_like_a_probe_within_a_body_is_none() -> None:
    """Else a caller could have an answer sent that belongs to nobody's request."""

    async def story(app: Slow, connect: Callable[[], Awaitable[Peer]]) -> None:
        app.open.set()
        peer = await connect()
        peer.writer.write(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(LIVEZ))
        while app.began < 1:
            await asyncio.sleep(0.001)
        assert (await peer.ask(LIVEZ))[2] == LIVEZ
        peer.writer.write(b"POST /echo HTTP/1.1\r\nX-A:")  # and within a head
        await asyncio.sleep(0.01)
        peer.writer.write(LIVEZ)
        assert (await peer.answer())[0] in (200, 400)
        assert app.paths[0] == "/echo"

    run(story)


def test_what_comes_at_once_is_begun_a_few_a_turn_and_all_of_it_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SheddingProtocol, "limit", 100)
    monkeypatch.setattr(shedding, "CROWDED", 0.0)

    async def story(app: Slow, connect: Callable[[], Awaitable[Peer]]) -> None:
        peers = [await connect() for _ in range(40)]
        for peer in peers:
            peer.writer.write(POST[:-2])
            peer.writer.write(POST[-2:])
        begun = [0]
        while begun[-1] < 40:
            await asyncio.sleep(0)
            begun.append(app.began)
        steps = [after - before for before, after in itertools.pairwise(begun)]
        assert max(steps) <= 2 * shedding.A_TURN
        assert len(steps) > 30
        app.open.set()
        assert [(await peer.answer())[2] for peer in peers] == [b"{}"] * 40

    run(story)


def test_what_is_no_request_is_told_so_in_problem_details() -> None:
    async def story(app: Slow, connect: Callable[[], Awaitable[Peer]]) -> None:
        status, headers, body = await (await connect()).ask(b"\x16\x03\x01 no http\r\n\r\n")
        assert (status, headers["content-type"]) == (400, "application/problem+json")
        assert json.loads(body)["status"] == 400

    run(story)


@pytest.mark.parametrize(
    ("data", "stays"),
    [
        (POST, True),
        (LIVEZ, True),
        (POST[:-1], None),
        (POST + b" ", None),
        (b"GET / HTTP/1.1\r\nConnection: Keep-Alive\r\n\r\n", True),
        (b"GET / HTTP/1.1\r\nconnection: CLOSE\r\n\r\n", False),
        (b"GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 0\r\n\r\n", None),
        (b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n", None),
        (b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n", None),
        (b"GET / HTTP/1.0\r\n\r\n", None),
        (b"GET /livez HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", None),
    ],
)
def test_whether_a_connection_stays_open(data: bytes, stays: bool | None) -> None:
    assert stays_open(data) is stays


def test_far_from_the_limit_all_of_it_is_begun_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SheddingProtocol, "limit", 100)

    async def story(app: Slow, connect: Callable[[], Awaitable[Peer]]) -> None:
        peers = [await connect() for _ in range(10)]
        for peer in peers:
            peer.writer.write(POST)
        while app.began < 10:
            await asyncio.sleep(0)
            assert not SheddingProtocol.waiting
        app.open.set()
        assert [(await peer.answer())[0] for peer in peers] == [200] * 10

    run(story)
