"""Rows of the ledger about somebody: exported, and erased so that their hashes stay and the chain still verifies.

Erasing takes the values and leaves the hashes, in an event of the chain: which rows they were, what their hashes are,
who asked and why. `verify` counts on these hashes where the rows are gone, so that nothing else can have been taken out
or changed beside them, and a row that goes missing without such an event is named as before. A hash covers a whole row,
with its probabilities to the last digit, so that nobody guesses an account by it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd
from sqlalchemy import Connection, Select, Table, and_, delete, or_, select, text, tuple_, update

from evaluation.ledger.append import append_batch, head_of
from evaluation.ledger.hash_chain import ERASURE, canonical, erased_rows, row_hashes
from evaluation.ledger.rows import moment
from evaluation.ledger.tables import ENTRIES, Entry, batches, deliveries, entry_of, messages, replies

Place = tuple[int, int]  # batch and row
# Words that people wrote, or that were made of what they did: where a contact may be named.
TEXTS: Mapping[str, tuple[str, ...]] = {
    "predictions": ("reasons", "triggers", "actions"),
    "overrides": ("reason",),
    "alerts": ("body",),
    "messages": ("body",),
    "feedback": ("comment",),
    "interventions": ("note",),
    "outcomes": ("reason",),
    "task_events": ("comment",),
    "notes": ("text",),
}
# What is old enough to be erased by age; events, and what became of messages, name no account.
BY_AGE: tuple[str, ...] = ("predictions", "answers", "judgements", "alerts", "messages")
BY_AGE = (*BY_AGE, "overrides", "feedback", "interventions", "outcomes", "task_events", "notes")
EMPTY_MESSAGE = {"accounts": "[]", "alert_ids": "[]", "body": "{}"}  # its place in the outbox stays
PLACES_A_QUERY = 200


@dataclass(frozen=True)
class Subject:
    """Whom something is stored about.

    Attributes
    ----------
    kind : {"account", "contact"}
    id : str
        As the source tables have it, mapped.
    """

    kind: Literal["account", "contact"]
    id: str

    def is_named_in(self, words: str | None) -> bool:
        """Whether a text has the id as a word of its own."""
        return bool(words) and re.search(rf"(?<![\w-]){re.escape(self.id)}(?![\w-])", words or "") is not None


@dataclass(frozen=True)
class Erased:
    """What an erasure took out of the ledger.

    Attributes
    ----------
    rows : mapping of str to int
        By entry.
    replies : int
        First answers to requests with an idempotency key, which are no part of the chain.
    given_up : int
        Messages among the rows that were waiting to be delivered.
    batch_id : int or None
        Of the event that says so; None where nothing was found.
    """

    rows: Mapping[str, int]
    replies: int = 0
    given_up: int = 0
    batch_id: int | None = None


def rows_about(connection: Connection, subject: Subject) -> dict[str, list[dict[str, Any]]]:
    """Every row about an account, or that names a contact: its columns, by entry; entries without any are left out.

    Parameters
    ----------
    connection : Connection
        To the ledger's database.
    subject : Subject

    Returns
    -------
    dict of str to list of dict
    """
    found = {entry.name: _rows(connection, entry, subject) for entry in ENTRIES if entry.name != "messages"}
    alert_ids = {row["alert_id"] for row in found.get("alerts", ())}
    carrying = [row for row in _read(connection, entry_of("message")) if _carries(row, subject, alert_ids)]
    found["messages"] = carrying
    found["replies"] = [
        dict(row._mapping)
        for row in connection.execute(_naming(replies, ("body",), subject))
        if subject.is_named_in(row.body)
    ]
    return {name: rows for name, rows in found.items() if rows}


def older_than(connection: Connection, before: pd.Timestamp) -> dict[str, list[dict[str, Any]]]:
    """Every row that says something of an account and was entered before a moment, by entry.

    Parameters
    ----------
    connection : Connection
        To the ledger's database.
    before : Timestamp

    Returns
    -------
    dict of str to list of dict
        Batch and row number of each, by entry; entries without any are left out.
    """
    found = {}
    for entry in ENTRIES:
        if entry.name in BY_AGE:
            main = entry.tables[0]
            query = select(main.c.batch_id, main.c.row).join(batches, batches.c.batch_id == main.c.batch_id)
            rows = connection.execute(query.where(batches.c.requested_at < moment(before)))
            found[entry.name] = [{"batch_id": row.batch_id, "row": row.row} for row in rows]
    return {name: rows for name, rows in found.items() if rows}


def erase(
    connection: Connection,
    found: Mapping[str, Sequence[Mapping[str, Any]]],
    reason: str,
    asked_by: str,
    at: pd.Timestamp,
) -> Erased:
    """Takes rows out, and records their hashes in the chain; within a transaction that may write.

    Parameters
    ----------
    connection : Connection
    found : mapping of str to sequence of mapping
        By entry, rows with their batch_id and row; as `rows_about` and `older_than` give them.
    reason : str
        Kept with the event; it must name nobody.
    asked_by : str
    at : Timestamp
        Now, UTC.

    Returns
    -------
    Erased
    """
    head_of(connection)  # nobody else writes from here on
    known = erased_rows(connection)
    hashes: dict[str, list[tuple[int, int, str]]] = {}
    waiting: list[tuple[str, str]] = []
    for entry in ENTRIES:
        wanted = [(row["batch_id"], row["row"]) for row in found.get(entry.name, ())]
        places = [place for place in wanted if place not in known.get(entry.name, {})]
        if places:
            if entry.name == "messages":
                waiting = _waiting(connection, places)
            hashes[entry.name] = _take(connection, entry, places)
    taken = {name: len(rows) for name, rows in hashes.items() if rows}
    answered = [(row["asked_by"], row["idempotency_key"]) for row in found.get("replies", ())]
    for key in answered:
        connection.execute(delete(replies).where(tuple_(replies.c.asked_by, replies.c.idempotency_key) == key))
    if not taken:
        return Erased({}, len(answered))
    if waiting:
        _give_up(connection, waiting, asked_by, at)
    body = canonical({"reason": reason, "rows": {name: [list(row) for row in rows] for name, rows in hashes.items()}})
    rows = [(0, ERASURE, body)]
    about = {"kind": "event", "asked_by": asked_by, "requested_at": moment(at)}
    moved = append_batch(connection, head_of(connection), entry_of("event"), rows, row_hashes(rows), about)
    return Erased(taken, len(answered), len(waiting), moved.batch_id)


def _rows(connection: Connection, entry: Entry, subject: Subject) -> list[dict[str, Any]]:
    main = entry.tables[0]
    if subject.kind == "account" and "account_id" not in main.c:
        return []
    columns = TEXTS.get(entry.name, ())
    if subject.kind == "contact" and not columns:
        return []
    condition = main.c.account_id == subject.id if subject.kind == "account" else _any_like(entry, columns, subject)
    rows = _read(connection, entry, condition)
    if subject.kind == "account":
        return list(rows)
    return [row for row in rows if any(subject.is_named_in(row[name]) for name in columns)]


def _read(connection: Connection, entry: Entry, condition: Any = None) -> Iterator[dict[str, Any]]:
    """Rows of an entry with the columns of all of its tables."""
    main, *others = entry.tables
    source: Any = main
    columns = [*main.columns]
    for table in others:
        source = source.outerjoin(table, and_(main.c.batch_id == table.c.batch_id, main.c.row == table.c.row))
        columns += [column for column in table.columns if not column.primary_key]
    query = select(*(column for column in columns if column.name != "row_hash")).select_from(source)
    query = query if condition is None else query.where(condition)
    for row in connection.execute(query.order_by(main.c.batch_id, main.c.row)):
        yield dict(row._mapping)


def _any_like(entry: Entry, columns: Sequence[str], subject: Subject) -> Any:
    texts = [next(table.c[name] for table in entry.tables if name in table.c) for name in columns]
    return or_(*(text.contains(subject.id, autoescape=True) for text in texts))


def _naming(table: Table, columns: Sequence[str], subject: Subject) -> Select[Any]:
    return select(table).where(or_(*(table.c[name].contains(subject.id, autoescape=True) for name in columns)))


def _carries(row: Mapping[str, Any], subject: Subject, alert_ids: set[str]) -> bool:
    """Whether a message is about the account, carries one of the alerts, or names the contact."""
    about = subject.kind == "account" and subject.id in json.loads(row["accounts"])
    return about or bool(alert_ids & set(json.loads(row["alert_ids"]))) or subject.is_named_in(row["body"])


def _take(connection: Connection, entry: Entry, places: Sequence[Place]) -> list[tuple[int, int, str]]:
    """Takes the values of these rows out of every table of an entry; gives their hashes."""
    main = entry.tables[0]
    hashes = []
    for start in range(0, len(places), PLACES_A_QUERY):
        part = places[start : start + PLACES_A_QUERY]
        here = tuple_(main.c.batch_id, main.c.row).in_(part)
        rows = connection.execute(select(main.c.batch_id, main.c.row, main.c.row_hash).where(here)).all()
        hashes += [(row.batch_id, row.row, row.row_hash) for row in rows]
    for table in entry.tables:
        with_triggers = _without_triggers(connection, table.name)
        for start in range(0, len(places), PLACES_A_QUERY):
            here = tuple_(table.c.batch_id, table.c.row).in_(places[start : start + PLACES_A_QUERY])
            empty = update(table).where(here).values(**EMPTY_MESSAGE)
            connection.execute(empty if entry.name == "messages" else delete(table).where(here))
        for statement in with_triggers:
            connection.execute(text(statement))
    return sorted(hashes)


def _without_triggers(connection: Connection, table: str) -> list[str]:
    """Takes off what keeps a table from being changed; gives the statements that put it back, in the same
    transaction, so that nobody else ever sees the table without."""
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"alter table {table} disable trigger {table}_append_only"))
        return [f"alter table {table} enable trigger {table}_append_only"]
    query = text("select name, sql from sqlite_master where type = 'trigger' and tbl_name = :table")
    triggers = connection.execute(query, {"table": table}).all()
    connection.exec_driver_sql("pragma secure_delete = on")  # what is deleted is overwritten in the file as well
    for trigger in triggers:
        connection.execute(text(f"drop trigger {trigger.name}"))
    return [trigger.sql.replace(":", r"\:") for trigger in triggers]


def _waiting(connection: Connection, places: Sequence[Place]) -> list[tuple[str, str]]:
    """Receiver and id of those of these messages that nobody has been given yet."""
    here = tuple_(messages.c.batch_id, messages.c.row).in_(list(places))
    sent = {row.message_id: row.receiver for row in connection.execute(select(messages).where(here))}
    tries = select(deliveries.c.message_id, deliveries.c.state).where(deliveries.c.message_id.in_(list(sent)))
    tries = tries.order_by(deliveries.c.batch_id, deliveries.c.row)
    states = {row.message_id: row.state for row in connection.execute(tries)}
    return [(receiver, ident) for ident, receiver in sent.items() if states.get(ident) not in ("delivered", "dead")]


def _give_up(connection: Connection, waiting: Sequence[tuple[str, str]], asked_by: str, at: pd.Timestamp) -> None:
    """Messages that are emptied leave no more."""
    rows = [
        (number, receiver, ident, "dead", 0, None, "erased before it was sent")
        for number, (receiver, ident) in enumerate(waiting)
    ]
    about = {"kind": "delivery", "asked_by": asked_by, "requested_at": moment(at)}
    append_batch(connection, head_of(connection), entry_of("delivery"), rows, row_hashes(rows), about)
