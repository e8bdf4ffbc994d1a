"""The ledger: every prediction that leaves the building is written here first, and nothing written is ever changed.

    with Ledger.open(settings) as ledger:
        written = ledger.write(predictions, kind="batch", asked_by="score", at=now, signals_hash=hashes)
        ledger.predictions(since=quarter)      # a frame, with the columns of a prediction and who asked for it when
        ledger.verify()                        # names every batch and row that is not as it was written

SQLite (write-ahead log) by default, PostgreSQL by URL. Writers queue on the database's own lock, so threads, processes
and servers make one unbroken chain; readers are never blocked. Triggers refuse UPDATE and DELETE.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import pandas as pd
from sqlalchemy import Connection, select
from sqlalchemy.exc import DBAPIError

from configs.errors import Fault, UsageError, nearest
from configs.settings import Settings
from evaluation.ledger import hash_chain
from evaluation.ledger.answers import Answered, Pointer, write_answers
from evaluation.ledger.append import append_batch, head_of, rows_hash_of
from evaluation.ledger.database import BUSY_SECONDS, connect, prepare
from evaluation.ledger.erasing import Erased, erase
from evaluation.ledger.hash_chain import canonical
from evaluation.ledger.reading import LedgerReader
from evaluation.ledger.replies import NewEntry, Once, Reply, enter
from evaluation.ledger.rows import moment, prediction_rows
from evaluation.ledger.tables import PREDICTION_KINDS, batches, entry_of

PredictionKind = Literal["batch", "api", "supplied", "backtest"]


@dataclass(frozen=True)
class Written:
    """What a write to the ledger left behind.

    Attributes
    ----------
    batch_id : int
        The batch that was written.
    rows : int
        How many rows it holds, numbered from 0 in the order given.
    hash : str
        Of the batch, worth noting elsewhere.
    repeated : bool
        The idempotency key was known, nothing was written, and this is the first batch.
    differs : bool
        What was asked to be written the second time is not what stands there.
    """

    batch_id: int
    rows: int
    hash: str
    repeated: bool
    differs: bool = False


class Ledger(LedgerReader):
    """An open ledger. Threads may share one; a forked process opens its own. Close it, or use `with`."""

    @classmethod
    def open(cls, where: Settings | str, busy_seconds: float = BUSY_SECONDS) -> Self:
        """Opens the ledger of a project, or of an SQLAlchemy URL, creating or upgrading its tables first; SQLite
        waits `busy_seconds` for other writers.

        UsageError when the URL is none of SQLite's and PostgreSQL's, or when the database cannot be reached.
        """
        url = where.ledger_url if isinstance(where, Settings) else where
        engine = connect(url, busy_seconds)
        try:
            prepare(engine)
        except (DBAPIError, sqlite3.Error) as error:
            engine.dispose()
            reason = " ".join(str(getattr(error, "orig", error)).split())
            shown = engine.url.render_as_string(hide_password=True)
            raise UsageError(Fault(shown, reason, "a database that answers", "check serving.ledger")) from None
        except BaseException:
            engine.dispose()
            raise
        return cls(engine)

    def close(self) -> None:
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(
        self,
        predictions: pd.DataFrame,
        *,
        kind: PredictionKind,
        asked_by: str,
        at: pd.Timestamp,
        signals_hash: Sequence[str],
        idempotency_key: str | None = None,
        calibrator_version: str | None = None,
    ) -> Written:
        """Writes predictions (columns of `prediction_columns`, in any order) as one batch, all or nothing.

        The frame may have segment and owner of the accounts beside these columns.

        at: when they were asked for (UTC). signals_hash: one a row, of the signals that the prediction came from.
        A known `idempotency_key` writes nothing and returns the first batch. UsageError names every fault of the frame.
        """
        if kind not in PREDICTION_KINDS:
            raise UsageError(Fault("kind", repr(kind), "a kind of prediction", nearest(str(kind), PREDICTION_KINDS)))
        rows = prediction_rows(predictions, signals_hash)
        return self.append(
            kind, rows, asked_by=asked_by, at=at, key=idempotency_key, calibrator_version=calibrator_version
        )

    def record_event(self, kind: str, body: Mapping[str, Any], at: pd.Timestamp, asked_by: str = "forewarn") -> Written:
        """Records an event in the same chain: a promotion, a promotion forced past a gate, new weights published."""
        return self.append("event", [(0, kind, canonical(dict(body)))], asked_by=asked_by, at=at)

    def append(
        self,
        kind: str,
        rows: Sequence[tuple[Any, ...]],
        *,
        asked_by: str,
        at: pd.Timestamp,
        key: str | None = None,
        calibrator_version: str | None = None,
    ) -> Written:
        """One more batch of any kind; `rows` hold the values of its `Entry.hashed`. Not for rows from outside."""
        entry = entry_of(kind)
        # Before the lock, so that a large batch does not hold up a small one for long.
        hashes = hash_chain.row_hashes(rows)
        about: dict[str, str | None] = {"kind": kind, "asked_by": asked_by, "requested_at": moment(at)}
        about |= {"idempotency_key": key, "calibrator_version": calibrator_version}
        with self._writing() as connection:
            newest = head_of(connection)
            if key is not None:
                first = connection.execute(select(batches).where(batches.c.idempotency_key == key)).one_or_none()
                if first is not None:
                    differs = first.rows_hash != rows_hash_of(hashes)
                    return Written(first.batch_id, first.rows, first.hash, True, differs)
            moved = append_batch(connection, newest, entry, rows, hashes, about)
        return Written(moved.batch_id, len(rows), moved.hash, False)

    def answer(self, answers: Sequence[Answered]) -> list[list[Pointer]]:
        """Writes answers in one transaction, and the predictions among them that are new; see `write_answers`."""
        with self._writing() as connection:
            return write_answers(connection, answers)

    def enter(self, entry: NewEntry, once: Once | None, answer: Callable[[int], str]) -> Reply:
        """Enters a batch, once however often it is sent; see `evaluation.ledger.replies.enter`."""
        with self._writing() as connection:
            return enter(connection, entry, once, answer)

    def erase(
        self, rows: Mapping[str, Sequence[Mapping[str, Any]]], *, reason: str, asked_by: str, at: pd.Timestamp
    ) -> Erased:
        """Takes rows out, as `about` and `older_than` found them; their hashes stay in the chain, which still verifies.

        The reason is kept, and must name nobody.
        """
        with self._writing() as connection:
            erased = erase(connection, rows, reason, asked_by, at)
        if self._engine.dialect.name == "sqlite":
            with self._engine.connect() as connection:  # what was written before is in the log until it is folded in
                connection.exec_driver_sql("commit")
                connection.exec_driver_sql("pragma wal_checkpoint(truncate)")
        return erased

    @contextlib.contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._engine.connect().execution_options(writes=True) as connection, connection.begin():
            yield connection
