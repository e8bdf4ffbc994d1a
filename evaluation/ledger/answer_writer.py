"""Writes answers to the ledger in groups, from a thread of its own: one commit for all that is waiting.

An answer leaves only after the commit of its group. A group with predictions that are new is on the disk by then; one
of answers alone is with the operating system, which a kill of this process cannot undo, and on the disk within
SYNC_SECONDS, whose wait is what a power cut could take of them.
"""

from __future__ import annotations

import contextlib
import os
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from configs.errors import Fault, ForewarnError
from evaluation.ledger.answers import Answered, Pointer, known_pointers, write_answers
from evaluation.ledger.database import connect, prepare
from evaluation.ledger.rows import moment

SYNC_SECONDS = 1.0
BUSY_SECONDS = 5.0  # another writer may hold the ledger for so long, until askers are told to come back
GROUP = 256  # answers in one transaction at most
DAYS_KNOWN = 3  # days, models or settings whose pointers are kept
CHECKPOINT_PAGES = 4000
CACHE_KIB = 8192  # of pages kept: it only writes, at the end; 64 MiB are for those who read


class LedgerAway(ForewarnError):
    """The ledger cannot be written to now; what was to be written is not, and its answer must not leave."""

    title = "the ledger cannot be written to"


@dataclass(frozen=True)
class Identity:
    """What predictions of one day have in common: with an account and its signals' hash it names one prediction.

    Attributes
    ----------
    as_of : str
        ISO day.
    model_version, config_version : str
    """

    as_of: str
    model_version: str
    config_version: str


@dataclass(frozen=True)
class Asked:
    """One request to be written down before it is answered.

    Attributes
    ----------
    request_id, asked_by, route : str
        Which request, whose, what for.
    at : pd.Timestamp
        When.
    identity : Identity
        Of the predictions.
    accounts : sequence of (account_id, signals_hash)
        Whose predictions are given.
    values : callable
        The values of an account's row, without its number; called only while none is known to be in the ledger.
    """

    request_id: str
    asked_by: str
    route: str
    at: pd.Timestamp
    identity: Identity
    accounts: Sequence[tuple[str, str]]
    values: Callable[[str], tuple[Any, ...]]


Done = Callable[[list[tuple[Any, "list[Pointer] | Exception"]]], None]


class AnswerWriter:
    """A thread that holds the ledger open and writes what is submitted, a group at a time.

    Parameters
    ----------
    url : str
        Of the ledger.
    done : callable
        Called from the thread, once a group, with (token, pointers or the exception) of each request in it.
    """

    def __init__(self, url: str, done: Done) -> None:
        self.url = url
        self._done = done
        self._waiting: queue.SimpleQueue[tuple[Any, Asked | Answered | None] | None] = queue.SimpleQueue()
        self._engine = connect(url, BUSY_SECONDS)
        self._connection: Connection | None = None
        self._inode: tuple[int, int] | None = None
        self._known: dict[Identity, dict[Any, Pointer]] = {}
        self._dirty = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ledger writer", daemon=True)
        self._sync = threading.Thread(target=self._sync_now_and_then, name="ledger sync", daemon=True)

    def start(self) -> None:
        self._thread.start()
        if self._file is not None:
            self._sync.start()

    def submit(self, token: Any, asked: Asked | Answered | None) -> None:
        """Queues a request, or an answer as it is; None only asks whether the ledger could be written to now."""
        self._waiting.put((token, asked))

    @property
    def depth(self) -> int:
        """Requests that wait to be written."""
        return self._waiting.qsize()

    def close(self) -> None:
        """Writes what waits, then stops."""
        self._waiting.put(None)
        self._closing.set()
        self._dirty.set()
        if self._thread.is_alive():
            self._thread.join(BUSY_SECONDS + 5)
        self._disconnect()
        self._engine.dispose()

    @property
    def _file(self) -> Path | None:
        is_sqlite = self._engine.dialect.name == "sqlite"
        return Path(str(self._engine.url.database)) if is_sqlite else None

    def _run(self) -> None:
        while True:
            first = self._waiting.get()
            group = [first]
            with contextlib.suppress(queue.Empty):
                while len(group) < GROUP:
                    group.append(self._waiting.get_nowait())
            asked = [one for one in group if one is not None]
            if asked:
                self._done(self._write(asked))
            if len(asked) < len(group):
                return

    def _write(self, group: list[tuple[Any, Asked | Answered | None]]) -> list[tuple[Any, list[Pointer] | Exception]]:
        requests = [asked for _, asked in group if asked is not None]
        try:
            pointers = iter(self._commit(requests))
            return [(token, [] if asked is None else next(pointers)) for token, asked in group]
        except (DBAPIError, sqlite3.Error, OSError, ForewarnError) as error:
            self._disconnect()
            reason = " ".join(str(getattr(error, "orig", error)).split())
            fault = Fault("ledger", reason, "a ledger that can be written to", "see that it is there and not locked")
            return [(token, LedgerAway(fault)) for token, _ in group]
        except Exception as error:  # whoever asked is told, and the thread lives on
            self._disconnect()
            return [(token, error) for token, _ in group]

    def _commit(self, requests: list[Asked | Answered]) -> list[list[Pointer]]:
        connection = self._connected()
        answers = [one if isinstance(one, Answered) else self._answered(connection, one) for one in requests]
        has_new = any(len(given) > 2 for answer in answers for given in answer.given)
        if self._file is not None:
            _pragma(connection, f"synchronous = {'full' if has_new else 'normal'}")
        with connection.begin():
            if self._file is None and not has_new:
                connection.execute(text("set local synchronous_commit to off"))
            written = write_answers(connection, answers) if answers else []
        for asked, pointers in zip(requests, written, strict=True):
            if isinstance(asked, Asked):
                self._known[asked.identity].update(zip(asked.accounts, pointers, strict=True))
        self._dirty.set()
        return written

    def _answered(self, connection: Connection, asked: Asked) -> Answered:
        known = self._known.get(asked.identity)
        if known is None:
            identity = asked.identity
            with connection.begin():
                known = known_pointers(connection, identity.as_of, identity.model_version, identity.config_version)
            while len(self._known) >= DAYS_KNOWN:
                del self._known[next(iter(self._known))]
            self._known[identity] = known
        given = [known.get(account) or asked.values(account[0]) for account in asked.accounts]
        return Answered(asked.request_id, asked.asked_by, asked.route, moment(asked.at), given)

    def _connected(self) -> Connection:
        """The open connection; opened anew where the file was replaced, refused where it is gone."""
        file = self._file
        if self._connection is not None and file is not None and _inode(file) != self._inode:
            self._disconnect()
        if self._connection is None:
            if file is not None and self._inode is not None and not file.exists():
                raise FileNotFoundError(f"{file.name} was there when this began, and is gone")
            prepare(self._engine)
            self._connection = self._engine.connect().execution_options(writes=True)
            self._known.clear()
            if file is not None:
                _pragma(self._connection, f"wal_autocheckpoint = {CHECKPOINT_PAGES}")
                _pragma(self._connection, f"cache_size = -{CACHE_KIB}")
                self._inode = _inode(file)
        return self._connection

    def _disconnect(self) -> None:
        self._known.clear()
        if self._connection is not None:
            with contextlib.suppress(Exception):
                self._connection.close()
            self._connection = None

    def _sync_now_and_then(self) -> None:
        """Has what was written since put on the disk, at most once in SYNC_SECONDS."""
        log = Path(f"{self._file}-wal")
        while not self._closing.is_set():
            self._dirty.wait()
            self._dirty.clear()
            with contextlib.suppress(OSError):
                handle = os.open(log, os.O_RDONLY)
                try:
                    os.fsync(handle)
                finally:
                    os.close(handle)
            self._closing.wait(SYNC_SECONDS)


def _pragma(connection: Connection, setting: str) -> None:
    """Straight to the driver: SQLAlchemy would open a transaction first, in which SQLite takes no setting."""
    raw: Any = connection.connection.driver_connection
    raw.execute(f"pragma {setting}").close()


def _inode(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino
