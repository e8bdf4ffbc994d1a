"""Receivers that really listen: an HTTP server that answers as it is told to, and an SMTP server that keeps mail."""

from __future__ import annotations

import http.server
import json
import socketserver
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Call:
    headers: dict[str, str]
    body: bytes

    @property
    def message_id(self) -> str:
        return self.headers["webhook-id"]

    @property
    def alerts(self) -> list[dict[str, Any]]:
        return json.loads(self.body)["data"]["alerts"]


@dataclass
class HttpReceiver:
    """`answers`: statuses (with headers) of the next calls, else 200; "stall" sleeps and hangs up."""

    url: str
    calls: list[Call] = field(default_factory=list)
    answers: list[Any] = field(default_factory=list)
    taken: list[Call] = field(default_factory=list)

    def ids(self) -> list[str]:
        """Ids of the records that were taken, in order."""
        return [alert["alert_id"] for call in self.taken for alert in call.alerts]


@contextmanager
def http_receiver(port: int = 0) -> Iterator[HttpReceiver]:
    state = HttpReceiver("")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            call = Call({name.lower(): value for name, value in self.headers.items()}, body)
            state.calls.append(call)
            answer = state.answers.pop(0) if state.answers else 200
            if answer == "stall":
                time.sleep(1.0)
                return
            status, headers = answer if isinstance(answer, tuple) else (answer, {})
            if 200 <= status < 300:
                state.taken.append(call)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@dataclass
class SmtpSink:
    """`answers`: code of the next mails after DATA, 250 when there are none left."""

    port: int = 0
    mails: list[str] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)


@contextmanager
def smtp_sink() -> Iterator[SmtpSink]:
    state = SmtpSink()

    class Handler(socketserver.StreamRequestHandler):
        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

        def handle(self) -> None:
            self.say("220 sink")
            while line := self.rfile.readline().decode().strip():
                verb = line.split(" ", 1)[0].split(":")[0].upper()
                if verb == "QUIT":
                    self.say("221 bye")
                    return
                if verb == "RCPT":
                    to = line.partition("<")[2].partition(">")[0]
                    self.say("550 nobody of that name" if to in state.refused else "250 ok")
                elif verb == "DATA":
                    self.say("354 go on")
                    mail = ""
                    while (text := self.rfile.readline().decode()) != ".\r\n":
                        mail += text
                    code = state.answers.pop(0) if state.answers else 250
                    if code == 250:
                        state.mails.append(mail)
                    self.say(f"{code} done")
                else:
                    self.say("250 ok")

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
