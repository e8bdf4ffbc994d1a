"""The service's end of the worker: starts it, hears what it tells, asks it, starts it again."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from serving.api.logs import log, log_error

MODULE = "serving.scoring.worker"
RESTART_SECONDS = (1.0, 5.0, 30.0)  # after the first end, the second, and every further one
LINE_BYTES = 64 * 1024 * 1024


ASK_SECONDS = 20.0


class WorkerAway(Exception):
    """The worker is not there, or has something longer to do, so that a question has no answer now."""


class WorkerLink:
    """Keeps one worker running.

    Parameters
    ----------
    config : Path
        The project's file.
    told : callable
        Awaited with each event, one after the other.
    """

    def __init__(self, config: Path, told: Callable[[Mapping[str, Any]], Awaitable[None]]) -> None:
        self.config = config
        self._told = told
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._asked: dict[int, asyncio.Future[Mapping[str, Any]]] = {}
        self._ids = itertools.count(1)

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._keep())

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            await self._process.wait()

    async def ask(self, request: Mapping[str, Any], seconds: float = ASK_SECONDS) -> Mapping[str, Any]:
        """What the worker answers to a request: `result` or `problem`; WorkerAway when it does not within the time."""
        process = self._process
        if process is None or process.stdin is None or process.returncode is not None:
            raise WorkerAway("the worker is being started")
        number = next(self._ids)
        self._asked[number] = asyncio.get_running_loop().create_future()
        try:
            process.stdin.write(json.dumps({**request, "id": number}).encode() + b"\n")
            await process.stdin.drain()
            return await asyncio.wait_for(self._asked[number], seconds)
        except (TimeoutError, ConnectionError):
            raise WorkerAway("the worker has something longer to do") from None
        finally:
            self._asked.pop(number, None)

    async def _keep(self) -> None:
        for end in itertools.count():
            try:
                await self._run_once()
            except OSError as error:
                log_error("worker_not_started", error)
            log("worker_ended", code=None if self._process is None else self._process.returncode)
            fault = {
                "where": "worker",
                "found": f"it ended with {None if self._process is None else self._process.returncode}",
                "expected": "that it runs",
                "do": "see the service's log; it is started again",
            }
            await self._told({"event": "refused", "what": "worker", "title": "the worker ended", "faults": [fault]})
            await asyncio.sleep(RESTART_SECONDS[min(end, len(RESTART_SECONDS) - 1)])

    async def _run_once(self) -> None:
        command = (sys.executable, "-m", MODULE, str(self.config))
        process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE, limit=LINE_BYTES)
        self._process = process
        assert process.stdout is not None  # it was asked for
        while line := await process.stdout.readline():
            try:
                event = json.loads(line)
                if event.get("event") == "done":
                    if (waiting := self._asked.get(event["id"])) is not None and not waiting.done():
                        waiting.set_result(event)
                else:
                    await self._told(event)
            except Exception as error:  # one event that cannot be used is no reason to hear no more
                log_error("worker_event_failed", error)
        await process.wait()
