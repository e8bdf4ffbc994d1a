"""What serves now: one immutable snapshot of a day, swapped whole; the ledger's writer; limits; what was refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from configs.errors import ForewarnError
from configs.settings import Serving, Settings
from evaluation.ledger import Answered, AnswerWriter, Asked, Identity, Pointer
from serving.api.ledger_link import LedgerLink
from serving.api.limits import RateLimiter
from serving.api.logs import log, log_error
from serving.api.metrics import Metrics
from serving.api.shedding import CROWDED, SheddingProtocol
from serving.api.worker_link import WorkerLink
from serving.keys import KeyStore, KeyTable, SessionTable
from serving.messages import DataAge, ProblemFault, Readiness, Refusal, Status, faults_of
from serving.prepared import PreparedDay, current_day

READY_SECONDS = 5.0  # an answer of the ledger to "can you be written to" counts for so long
WORKER_AFTER_SECONDS = 3.0
RESOLVED_A_TURN = 2  # answers that go on in one turn of the event loop, near the limit of what may be at work
SIGN_INS_PER_MINUTE = 30  # of one address: a company behind one is let in, a guess is not worth its time


@dataclass(frozen=True)
class Snapshot:
    """One day, one model, one configuration. A handler takes it once; a swap leaves it to those who hold it.

    Attributes
    ----------
    day : PreparedDay
    levels : mapping of str to dict
        CSMs' overrides that hold, by account.
    stale_after_days : int
    loaded_at : str
    """

    day: PreparedDay
    levels: Mapping[str, dict[str, Any]]
    stale_after_days: int
    loaded_at: str
    _middles: dict[str, bytes] = field(default_factory=dict, repr=False)
    _orders: dict[str, list[str]] = field(default_factory=dict, repr=False)

    @property
    def identity(self) -> Identity:
        return Identity(*self.day.header.common)

    def data_age(self, today: date) -> DataAge:
        """How old the data are on a day."""
        age = (today - date.fromisoformat(self.day.header.data_end)).days
        return DataAge(last_day=self.day.header.data_end, age_days=age, stale=age > self.stale_after_days)

    def level(self, account_id: str, automated: str | None = None) -> dict[str, Any]:
        """The level that counts: the CSM's where one holds, else the model's: `automated`, or the day's."""
        automated = self.day.summaries[account_id].risk_level if automated is None else automated
        held = self.levels.get(account_id)
        model = {"automated": automated, "csm": None, "final": automated, "counts": "model"}
        model |= dict.fromkeys(("made_at", "made_by", "reason", "expires_at"))
        return model if held is None else {**held, "automated": automated}

    def order(self, sort: str) -> list[str]:
        """Accounts by a figure of their summaries; `-figure`: the largest first; those without one last, ties by id."""
        made = self._orders.get(sort)
        if made is None:
            name, sign = sort.lstrip("-"), -1 if sort.startswith("-") else 1
            keys = {
                account: ((value := getattr(one, name)) is None, sign * (value or 0.0), account)
                for account, one in self.day.summaries.items()
            }
            made = self._orders[sort] = sorted(keys, key=keys.__getitem__)
        return made

    def middle(self, account_id: str) -> bytes:
        """The JSON of what stands between an account's prediction and its place in the ledger; made once."""
        made = self._middles.get(account_id)
        if made is None:
            arm = self.day.summaries[account_id].arm
            body = {"level": self.level(account_id), "arm": arm, "may_contact": arm != "holdout"}
            made = self._middles[account_id] = b"," + json.dumps(body, separators=(",", ":")).encode()[1:-1]
        return made


class Live:
    """The state of the service, changed on the event loop alone.

    Parameters
    ----------
    settings : Settings
        As they were when the service began; those of serving follow the file.
    config : Path
        The project's file.
    metrics : Metrics
    """

    def __init__(self, settings: Settings, config: Path, metrics: Metrics) -> None:
        self.settings = settings
        self.metrics = metrics
        self.serving: Serving = settings.serving
        self.limiter = RateLimiter(settings.serving.requests_per_minute)
        self.keys = KeyTable(KeyStore(settings.paths.keys))
        self.sessions = SessionTable()
        self.sign_ins = RateLimiter(SIGN_INS_PER_MINUTE)
        self.snapshot: Snapshot | None = None
        self.refused: dict[str, Refusal] = {}
        SheddingProtocol.limit = settings.serving.max_waiting
        SheddingProtocol.count_shed = metrics.shed
        self.started_at = _now()
        self.working = 0
        self.worker = WorkerLink(config, self.told)
        self._levels: Mapping[str, dict[str, Any]] = {}
        self._ledger_seen: tuple[float, str | None] = (-READY_SECONDS, "not tried yet")
        self._loop: asyncio.AbstractEventLoop | None = None
        self.writer = AnswerWriter(settings.ledger_url, self._written)
        self.ledger = LedgerLink(settings.ledger_url)

    async def start(self) -> None:
        """Serves what was prepared before, if anything was, and has the worker look for what is newer."""
        self._loop = asyncio.get_running_loop()
        self.writer.start()
        folder = current_day(self.settings.paths.served)
        if folder is not None:
            await self._use_day(folder)
        # The worker's own start takes a processor for seconds: it leaves that to the service's, which can serve.
        self._loop.call_later(0 if self.snapshot is None else WORKER_AFTER_SECONDS, self.worker.start)

    async def close(self) -> None:
        await self.worker.close()
        await asyncio.get_running_loop().run_in_executor(None, self.writer.close)
        self.ledger.close()

    async def told(self, event: Mapping[str, Any]) -> None:
        """What the worker tells: a day that is prepared, overrides, or what could not be loaded."""
        kind = event.get("event")
        if kind == "day":
            self.serving = Serving.model_validate(event["serving"])
            SheddingProtocol.limit = self.serving.max_waiting
            if self.serving.requests_per_minute != self.limiter.requests_per_minute:
                self.limiter = RateLimiter(self.serving.requests_per_minute)
            await self._use_day(Path(event["folder"]))
        elif kind == "overrides":
            self._levels = event["levels"]
            self.refused.pop("overrides", None)
            if self.snapshot is not None:
                self._swap(self.snapshot.day, self.snapshot.loaded_at)
        elif kind == "refused":
            faults = [ProblemFault(**fault) for fault in event["faults"]]
            self._refuse(event["what"], event["title"], faults)

    def overridden(self, account_id: str, level: dict[str, Any]) -> None:
        """A CSM's override that was just entered counts at once; the worker's next look finds it too."""
        self._levels = {**self._levels, account_id: level}
        if self.snapshot is not None:
            self._swap(self.snapshot.day, self.snapshot.loaded_at)

    async def _use_day(self, folder: Path) -> None:
        try:
            day = await asyncio.to_thread(PreparedDay.load, folder)  # it reads all of the day's bytes
            for account_id in list(day)[:1]:  # the self-test on this side: a body is JSON, and of its account
                assert json.loads(day.score_body(account_id))["account_id"] == account_id
        except ForewarnError as error:
            self._refuse("day", error.title, list(faults_of(error)))
            return
        except (AssertionError, ValueError, KeyError, OSError) as error:
            log_error("day_refused", error, folder=folder.name)
            fault = ProblemFault(where=folder.name, found=str(error), expected="a prepared day", do="see the log")
            self._refuse("day", "the prepared day cannot be used", [fault])
            return
        self.refused.pop("day", None)
        self.refused.pop("worker", None)
        if self.snapshot is not None and self.snapshot.day.folder == folder:
            day = self.snapshot.day
        self._swap(day, _now())
        header = day.header
        log("day", as_of=header.as_of, model=header.model_version, config=header.config_version, accounts=len(day))
        self.metrics.day(day)

    def _swap(self, day: PreparedDay, loaded_at: str) -> None:
        self.snapshot = Snapshot(day, self._levels, self.serving.stale_after_days, loaded_at)

    def _refuse(self, what: str, title: str, faults: Sequence[ProblemFault]) -> None:
        log("refused", what=what, title=title, faults=[fault.model_dump() for fault in faults])
        self.refused[what] = Refusal(at=_now(), title=title, faults=list(faults))

    async def write(self, asked: Asked | Answered | None) -> list[Pointer]:
        """Writes an answer down, and returns only when it is; LedgerAway when it could not be.

        None only asks whether it could be.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[list[Pointer]] = loop.create_future()
        self.writer.submit(future, asked)
        return await future

    def _written(self, results: list[tuple[Any, list[Pointer] | Exception]]) -> None:
        """From the writer's thread: one wake-up for the whole group."""
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(self._resolve, results)
        except RuntimeError:  # the loop is closed: whoever asked is gone
            return

    def _resolve(self, results: list[tuple[Any, list[Pointer] | Exception]], start: int = 0) -> None:
        """Wakes whoever waits; near the limit a few in a turn of the loop, so that probes have theirs between them."""
        assert self._loop is not None
        is_crowded = self.working >= CROWDED * self.serving.max_waiting
        end = start + RESOLVED_A_TURN if is_crowded else len(results)
        for future, result in results[start:end]:
            if future.done():
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(result)
        if end < len(results):
            self._loop.call_soon(self._resolve, results, end)
        if start == 0:
            worst = next((result for _, result in results if isinstance(result, Exception)), None)
            if worst is not None:
                log("ledger_away", error=str(worst))
            self._ledger_seen = (self._loop.time(), None if worst is None else str(worst))

    async def ready(self) -> Readiness:
        """Whether a score can be given and written down now."""
        if self.snapshot is None:
            why = "no day is prepared yet"
            if "day" in self.refused:
                why = f"{self.refused['day'].title}: {'; '.join(fault.found for fault in self.refused['day'].faults)}"
            return Readiness(ready=False, why=why)
        assert self._loop is not None
        try:
            async with asyncio.timeout(READY_SECONDS):
                await self.write(None)
        except (ForewarnError, TimeoutError) as error:
            return Readiness(ready=False, why=str(error) or "the ledger does not answer")
        return Readiness(ready=True)

    def status(self) -> Status:
        """What serves, since when, and what was refused."""
        trouble = self._ledger_seen[1]
        snapshot = self.snapshot
        refused = list(self.refused.values())
        if self.keys.trouble is not None:
            fault = ProblemFault(where="keys", found=self.keys.trouble, expected="a file of keys", do="bring it back")
            refused.append(Refusal(at=_now(), title="the keys cannot be read", faults=[fault]))
        base = Status(
            ready=snapshot is not None and trouble is None,
            started_at=self.started_at,
            ledger=trouble is None,
            waiting=self.writer.depth,
            refused=refused,
        )
        if snapshot is None:
            return base
        header = snapshot.day.header
        return base.model_copy(
            update={
                "as_of": header.as_of,
                "scored_at": header.scored_at,
                "loaded_at": snapshot.loaded_at,
                "model_version": header.model_version,
                "model_digest": header.model_digest,
                "config_version": header.config_version,
                "accounts": len(snapshot.day),
                "coverage": header.coverage,
                "data": snapshot.data_age(datetime.now(UTC).date()),
            }
        )

    def asked(self, call_id: str, asked_by: str, route: str, accounts: Sequence[str], snapshot: Snapshot) -> Asked:
        """A request for these accounts of a snapshot, as it is written down."""
        day = snapshot.day
        named = [(account, day.signals_hash(account)) for account in accounts]
        return Asked(call_id, asked_by, route, pd.Timestamp.now("UTC"), snapshot.identity, named, day.row_values)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
