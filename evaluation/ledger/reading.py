"""What is read from the ledger: predictions, judgements, overrides and events, each query in one snapshot."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from sqlalchemy import Connection, Engine, Select, select

from evaluation.ledger import hash_chain, queries
from evaluation.ledger.append import Head
from evaluation.ledger.database import bulk, parts
from evaluation.ledger.entered import Note, TaskEvent, notes, task_events
from evaluation.ledger.erasing import Subject, older_than, rows_about
from evaluation.ledger.export import export
from evaluation.ledger.frames import arrow_table, in_order, stored_columns, to_pandas
from evaluation.ledger.hash_chain import Verification
from evaluation.ledger.replies import Once, Reply, first_reply
from evaluation.ledger.rows import OUTCOME, TEXTS, moment
from evaluation.ledger.tables import answers, batches, entry_of, events, head, predictions


class LedgerReader:
    """The queries of an open ledger. Threads may share one; a forked process opens its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def predictions(
        self,
        since: pd.Timestamp | None = None,
        until: pd.Timestamp | None = None,
        *,
        account_id: str | None = None,
        batch_id: int | None = None,
        kinds: Sequence[str] | None = None,
        columns: Sequence[str] | None = None,
        texts: bool = True,
    ) -> pd.DataFrame:
        """Predictions with since <= as_of < until, in the order written: columns of a prediction, then LEDGER_COLUMNS.

        A horizon that only some rows have is NaN in the others. Both `columns` and texts=False (no reasons, triggers
        and actions) read less, and are faster for it. UsageError for an unknown column, or for rows that are not as
        written.
        """
        stored = [name for name in stored_columns(columns) if texts or name not in TEXTS]
        query = queries.prediction_query(stored)
        for given, condition in (
            (since, lambda: predictions.c.as_of >= _day(since)),
            (until, lambda: predictions.c.as_of < _day(until)),
            (account_id, lambda: predictions.c.account_id == account_id),
            (batch_id, lambda: predictions.c.batch_id == batch_id),
            (kinds, lambda: batches.c.kind.in_(list(kinds or ()))),
        ):
            if given is not None:
                query = query.where(condition())
        frame = self._frame(query, stored)
        if frame.empty:
            return pd.DataFrame(columns=list(columns or in_order(stored)))
        return frame if columns is None else frame.reindex(columns=list(columns))

    def first_predictions(
        self,
        kinds: Sequence[str],
        at: pd.Timestamp,
        *,
        columns: Sequence[str] | None = None,
        texts: bool = True,
    ) -> pd.DataFrame | None:
        """The first prediction of each account, day and model version of these kinds asked for by `at`, in the order
        written, and beside it the newest judgement made by then: the columns of OUTCOME, missing where there is none.

        `columns` and `texts` as for `predictions`. None when nothing had been predicted by then.
        """
        asked = [name for name in stored_columns(columns) if texts or name not in TEXTS]
        stored = list(dict.fromkeys([*asked, "batch_id", "row"]))
        frame = self._frame(queries.first_query(stored, kinds, at, self._engine.dialect.name), [*stored, *OUTCOME])
        key = (frame.batch_id.to_numpy() << 32) + frame.row.to_numpy()  # one key sorts in a third of the time of two
        frame = frame.drop(columns=[name for name in stored if name not in asked])
        return None if frame.empty else frame.take(np.argsort(key)).reset_index(drop=True)

    def days(self, kinds: Sequence[str], at: pd.Timestamp, horizon_days: int, forecast_days: int) -> pd.DataFrame:
        """The columns of `queries.DAY` for each as_of and model version, counted in the database: what the rows
        of `first_predictions` come to. `predicted` is a float, the other figures are int64."""
        with self._reading() as connection:
            rows = [
                tuple(row) for row in connection.execute(queries.days_query(kinds, at, horizon_days, forecast_days))
            ]
        frame = pd.DataFrame(rows, columns=list(queries.DAY))
        counts = [name for name in queries.DAY if name not in {"as_of", "model_version", "predicted"}]
        frame["as_of"] = pd.to_datetime(frame.as_of).astype("datetime64[us]")
        return frame.astype({**dict.fromkeys(counts, "int64"), "predicted": "float64"})

    def unjudged(
        self, kinds: Sequence[str], at: pd.Timestamp, after: tuple[str, pd.Timestamp] | None, at_most: int
    ) -> pd.DataFrame:
        """The first accounts and days `after` one (account_id, as_of) that nobody has judged, in order."""
        last = None if after is None else (after[0], _day(after[1]))
        return self._frame(queries.unjudged_query(kinds, at, last, at_most), ["account_id", "as_of"])

    def judged_runs(self) -> pd.DataFrame:
        """Which outcome accounts were last judged to have, of which days: the columns of `queries.RUN`."""
        return self._frame(queries.runs_query(), list(queries.RUN))

    def judged_within(self, asked: pd.DataFrame) -> pd.DataFrame:
        """The newest judgements (account_id, as_of, OUTCOME) of accounts from first_as_of to last_as_of, both included.

        asked: account_id, first_as_of, last_as_of, an account once.
        """
        days = [asked[name].dt.strftime("%Y-%m-%d").tolist() for name in ("first_as_of", "last_as_of")]
        with self._reading() as connection:
            queries.spans.create(connection, checkfirst=False)
            rows = zip(asked.account_id.tolist(), *days, strict=True)
            bulk(connection, queries.spans.name, queries.spans.columns.keys(), rows)
            return _frame(connection, queries.spans_query(), ["account_id", "as_of", *OUTCOME])

    def newest(
        self, kinds: Sequence[str], at: pd.Timestamp, columns: Sequence[str], account_ids: Sequence[str] | None = None
    ) -> pd.DataFrame:
        """These columns of the newest prediction of each account asked for by `at`, in no order."""
        stored = stored_columns(columns)
        query = queries.newest_query(stored, kinds, at)
        if account_ids is not None:
            query = query.where(predictions.c.account_id.in_(list(account_ids)))
        return self._frame(query, stored).reindex(columns=list(columns))

    def overrides(self, at: pd.Timestamp) -> pd.DataFrame:
        """Every override that CSMs had entered by `at`, in that order: account_id, made_at, level, reason, made_by,
        expires_at (NaT: until the next), entered_at."""
        names = ["account_id", "made_at", "level", "reason", "made_by", "expires_at", "entered_at"]
        return self._frame(queries.overrides_query(names, at), names)

    def answers(self, since: pd.Timestamp | None = None) -> pd.DataFrame:
        """Every answer of the service from a moment on, in order: request_id, asked_by, answered_at, route, pointers
        (see `pointers_in`)."""
        names = ["request_id", "asked_by", "answered_at", "route", "pointers"]
        query = select(*(answers.c[name] for name in names)).order_by(answers.c.batch_id, answers.c.row)
        if since is not None:
            query = query.where(answers.c.answered_at >= moment(since))
        return self._frame(query, names)

    def entries(self, kind: str, account_id: str | None = None) -> pd.DataFrame:
        """Every row of an entry of this kind ("override", "feedback", "task", "note" ...), in the order entered:
        its columns, batch_id, row and entered_at."""
        (table,) = entry_of(kind).tables
        columns = [column for column in table.columns if column.name != "row_hash"]
        query = select(*columns, batches.c.requested_at).join(batches, batches.c.batch_id == table.c.batch_id)
        if account_id is not None:
            query = query.where(table.c.account_id == account_id)
        return self._frame(query.order_by(table.c.batch_id, table.c.row), [*(c.name for c in columns), "entered_at"])

    def task_events(
        self, *, account_id: str | None = None, owner: str | None = None, after_batch: int = 0
    ) -> list[TaskEvent]:
        """What became of tasks, in the order entered: of an account, of the accounts that an owner had when it was
        entered, or of all; `after_batch`: only what was entered after that batch."""
        query = select(task_events).where(task_events.c.batch_id > after_batch)
        for column, value in ((task_events.c.account_id, account_id), (task_events.c.owner, owner)):
            query = query if value is None else query.where(column == value)
        with self._reading() as connection:
            ordered = query.order_by(task_events.c.batch_id, task_events.c.row)
            return [TaskEvent.of(dict(row)) for row in connection.execute(ordered).mappings()]

    def notes(self, account_id: str) -> list[Note]:
        """The notes on an account, in the order written."""
        query = select(notes).where(notes.c.account_id == account_id).order_by(notes.c.batch_id, notes.c.row)
        with self._reading() as connection:
            return [Note.of(dict(row)) for row in connection.execute(query).mappings()]

    def reply(self, asked_by: str, once: Once, at: pd.Timestamp) -> Reply | None:
        """The first answer to a request under this idempotency key; see `evaluation.ledger.replies.first_reply`."""
        with self._reading() as connection:
            return first_reply(connection, asked_by, once, at)

    def count(self, kinds: Sequence[str], at: pd.Timestamp) -> int:
        """How many rows of these kinds were asked for by `at`."""
        with self._reading() as connection:
            return int(connection.execute(queries.count_query(kinds, at)).scalar_one())

    def texts(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Reasons, triggers and actions of a few predictions (columns batch_id and row), with the index of `rows`."""
        key, names = ["batch_id", "row"], ["batch_id", "row", *TEXTS]
        texts = self._frame(queries.texts_query(names, list(rows[key].itertuples(index=False, name=None))), names)
        return rows[key].merge(texts, on=key, how="left").set_axis(rows.index)[list(TEXTS)]

    def judgements(self, *, latest: bool = True, at: pd.Timestamp | None = None) -> pd.DataFrame:
        """Judged outcomes in the order made: account_id, as_of, OUTCOME's columns, batch_id, row, judged_at.

        latest: one row per (account_id, as_of), the newest judgement made by `at`; else every judgement made by then.
        at: None is now.
        """
        names = ["account_id", "as_of", *OUTCOME, "batch_id", "row", "judged_at"]
        frame = self._frame(queries.judgement_query(names, latest, at), names)
        counts = {"matured_days": "int64", "contraction_days": "int64"}
        return frame[names].fillna({"contraction_days": 0}).astype(counts)

    def events(self, kind: str | None = None) -> pd.DataFrame:
        """Events in the order recorded: batch_id, kind, body (a dict), asked_by, at."""
        query = select(events.c.batch_id, events.c.kind, events.c.body, batches.c.asked_by, batches.c.requested_at)
        query = query.join_from(events, batches, events.c.batch_id == batches.c.batch_id).order_by(events.c.batch_id)
        if kind is not None:
            query = query.where(events.c.kind == kind)
        with self._reading() as connection:
            rows = [tuple(row) for row in connection.execute(query)]
        frame = pd.DataFrame(rows, columns=["batch_id", "kind", "body", "asked_by", "at"])
        frame["body"] = [json.loads(body) for body in frame.body]
        frame["at"] = pd.to_datetime(frame["at"], format="ISO8601").astype("datetime64[us]")
        return frame

    def batches(self) -> pd.DataFrame:
        """Every batch, in order, with its hash."""
        with self._reading() as connection:
            rows = connection.execute(select(batches).order_by(batches.c.batch_id)).fetchall()
        frame = pd.DataFrame([tuple(row) for row in rows], columns=[column.name for column in batches.columns])
        frame["requested_at"] = pd.to_datetime(frame.requested_at, format="ISO8601").astype("datetime64[us]")
        return frame

    def head(self) -> Head:
        """The newest batch, as the table `head` names it; number 0 in an empty ledger."""
        with self._reading() as connection:
            found = connection.execute(select(head.c.batch_id, head.c.hash)).one()
        return Head(found.batch_id, found.hash)

    def lost(self, hashes: Sequence[str]) -> tuple[str, ...]:
        """Those of these hashes that are of no batch in the ledger; nothing else of it is verified."""
        with self._reading() as connection:
            held = {
                hash_
                for start in range(0, len(hashes), 500)
                for hash_ in connection.execute(
                    select(batches.c.hash).where(batches.c.hash.in_(hashes[start : start + 500]))
                ).scalars()
            }
        return tuple(hash_ for hash_ in hashes if hash_ not in held)

    def about(self, subject: Subject) -> dict[str, list[dict[str, Any]]]:
        """Every row about an account, or that names a contact, by entry; see `evaluation.ledger.erasing.rows_about`."""
        with self._reading() as connection:
            return rows_about(connection, subject)

    def older_than(self, before: pd.Timestamp) -> dict[str, list[dict[str, Any]]]:
        """The places of every row that says something of an account and was entered before a moment, by entry."""
        with self._reading() as connection:
            return older_than(connection, before)

    def verify(self, noted: Iterable[str] = ()) -> Verification:
        """Whether all history is as it was written; see `evaluation.ledger.hash_chain.verify`. Reads every row once."""
        with self._reading() as connection:
            return hash_chain.verify(connection, noted)

    def export(self, path: str | Path) -> list[Path]:
        """Parquet, in bounded memory: to `F.parquet` the predictions alone; to a folder one file an entry.

        The files appear whole or not at all, and show the ledger at one moment.
        """
        with self._reading() as connection:
            return export(connection, Path(path))

    def _frame(self, query: Select[Any], names: Sequence[str]) -> pd.DataFrame:
        """What a query of the columns `names` finds, with no rows when that is nothing."""
        with self._reading() as connection:
            return _frame(connection, query, names)

    @contextlib.contextmanager
    def _reading(self) -> Iterator[Connection]:
        """One snapshot for all that is read in it."""
        connection = self._engine.connect()
        if connection.dialect.name == "postgresql":
            connection = connection.execution_options(isolation_level="REPEATABLE READ")
        with connection, connection.begin():
            yield connection


def _frame(connection: Connection, query: Select[Any], names: Sequence[str]) -> pd.DataFrame:
    tables = [arrow_table(rows, names) for rows in parts(connection, query)]
    return to_pandas(pa.concat_tables(tables, promote_options="default") if tables else arrow_table([], names))


def _day(day: pd.Timestamp | None) -> str:
    return "" if day is None else day.strftime("%Y-%m-%d")
