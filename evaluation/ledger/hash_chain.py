"""The ledger's proof: canonical text of rows, the hash chain over batches, and its verification.

A row's hash is two halves of 16 bytes (SHA-256, cut): its own, over its canonical text, and a running one, over the
running half of the row before and its own. So a changed row is named even when its own half was rewritten too. The
last running half stands for all rows of a batch, and a batch's hash (SHA-256) covers it, the batch's own columns and
the hash of the batch before. Whoever can rewrite the whole database can rewrite the whole chain: a hash noted outside
(a report, a log) is what holds against that, see `noted`.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, and_, func, select

from evaluation.ledger.database import parts
from evaluation.ledger.guards import missing_guards
from evaluation.ledger.tables import ENTRIES, FORMAT, Entry, batches, events, head

_HALF = 32  # hex digits of one half
NO_ROWS = "0" * _HALF
# What JSONEncoder.encode makes anew for each call, which takes longer than a row: no marks of what contains itself,
# repr of what JSON does not know, text left as it is, no indent, separators, keys unsorted, none skipped, no NaN.
_ENCODE = json.encoder.c_make_encoder(  # type: ignore[attr-defined]
    None, repr, json.encoder.encode_basestring, None, ":", ",", False, False, False
)
BATCH_COLUMNS = tuple(column.name for column in batches.columns if column.name != "hash")
FAULTS_NAMED = 1000
ERASURE = "erasure"  # the kind of the event that says which rows were erased, with their hashes


def canonical(values: Any) -> str:
    """Writes values as the one JSON text that is hashed.

    Without spaces; floats with as many digits as it takes to read the same float back.

    Parameters
    ----------
    values : any JSON value
        Such as the values of a row.

    Returns
    -------
    str
        The same text for the same values, on any machine.

    Examples
    --------
    >>> canonical([0.1, None, "é", 3])
    '[0.1,null,"é",3]'
    """
    return "".join(_ENCODE(values, 0))


def own_half(values: Sequence[Any]) -> str:
    """The half of a row's hash that covers its own values."""
    return sha256(canonical(values).encode()).hexdigest()[:_HALF]


def running_half(before: str, own: str) -> str:
    """The half of a row's hash that covers the batch's rows up to and including this one."""
    return sha256((before + own).encode("ascii", "replace")).hexdigest()[:_HALF]


def row_hashes(rows: Iterable[Sequence[Any]]) -> list[str]:
    """The hash of each row of one batch, in order; `rows` hold the values of `Entry.hashed`.

    >>> first, second = row_hashes([[0, "a"], [1, "b"]])
    >>> len(first), first == row_hashes([[0, "a"]])[0], second == row_hashes([[0, "z"], [1, "b"]])[1]
    (64, True, False)
    """
    running, hashes = NO_ROWS, []
    for values in rows:
        own = own_half(values)
        running = running_half(running, own)
        hashes.append(own + running)
    return hashes


@dataclass(frozen=True)
class Batch:
    """A row of the table `batches`, but for the hash that follows from it.

    Attributes
    ----------
    batch_id, rows : int
        Its number, and how many rows it holds.
    kind, asked_by : str
        What it holds, and who asked for it.
    format : int
        Of its rows.
    requested_at : str
        When it was asked for, as `moment` writes it.
    idempotency_key, calibrator_version : str or None
    rows_hash, previous_hash : str
        Last running half of its rows' hashes, and the hash of the batch before.
    """

    batch_id: int
    kind: str
    format: int
    asked_by: str
    requested_at: str
    idempotency_key: str | None
    calibrator_version: str | None
    rows: int
    rows_hash: str
    previous_hash: str

    @property
    def hash(self) -> str:
        """Over all columns, among them the hash of its rows and that of the batch before."""
        return sha256(canonical([getattr(self, name) for name in BATCH_COLUMNS]).encode()).hexdigest()


@dataclass(frozen=True)
class Broken:
    """One place where history is not as it was written; `row` is None when it is the batch as a whole."""

    batch_id: int
    row: int | None
    table: str
    what: str

    def __str__(self) -> str:
        row = "" if self.row is None else f", row {self.row}"
        return f"batch {self.batch_id}{row} ({self.table}): {self.what}"


@dataclass(frozen=True)
class Verification:
    """The answer of `verify`.

    Attributes
    ----------
    ok : bool
        Whether nothing was changed, removed or slipped in.
    batches, rows : int
        How many were looked at.
    faults : tuple of Broken
        The first 1,000 places.
    found : int
        How many places there are.
    hash : str
        The newest batch's.
    lost : tuple of str
        Noted hashes that the chain no longer holds.
    unguarded : tuple of str
        Triggers that would not refuse a change, which says nothing of whether there was one.
    erased : int
        Rows of which the hashes are left.
    """

    ok: bool
    batches: int
    rows: int
    faults: tuple[Broken, ...]
    found: int
    hash: str
    lost: tuple[str, ...] = ()
    unguarded: tuple[str, ...] = ()
    erased: int = 0


@dataclass
class _Findings:
    faults: list[Broken] = field(default_factory=list)
    found: int = 0

    def add(self, batch_id: int, row: int | None, table: str, what: str) -> None:
        self.found += 1
        if len(self.faults) < FAULTS_NAMED:
            self.faults.append(Broken(batch_id, row, table, what))

    def missing_rows(self, batch_id: int, table: str, start: int, stop: int) -> None:
        named = range(start, min(stop, start + FAULTS_NAMED))
        for row in named:
            self.add(batch_id, row, table, "missing")
        self.found += max(stop - start, 0) - len(named)

    def missing_batches(self, start: int, stop: int) -> None:
        named = range(start, min(stop, start + FAULTS_NAMED))
        for batch_id in named:
            self.add(batch_id, None, "batches", "missing")
        self.found += max(stop - start, 0) - len(named)


def _whole(number: object) -> int:
    """A count read from the database, 0 where someone put something else there (its hash tells)."""
    return number if isinstance(number, int) else 0


def verify(connection: Connection, noted: Iterable[str] = ()) -> Verification:
    """Reads everything once and names each batch and row that was changed, lost, added or put elsewhere.

    `noted` are hashes of batches that were written down outside the database; each must still be in the chain.
    """
    findings = _Findings()
    known: dict[int, Batch] = {}
    hashes: set[str] = set()
    previous, expected_id = "", 1
    for stored in connection.execute(select(batches).order_by(batches.c.batch_id)).mappings():
        batch = Batch(**{name: stored[name] for name in BATCH_COLUMNS})
        batch_id = batch.batch_id
        findings.missing_batches(expected_id, batch_id)
        if batch_id == expected_id and batch.previous_hash != previous:
            findings.add(
                batch_id, None, "batches", "does not follow from the batch before: one of the two was rewritten"
            )
        if batch.format not in range(1, FORMAT + 1) or batch.hash != stored["hash"]:
            findings.add(batch_id, None, "batches", "changed: its hash is not that of its columns")
        known[batch_id] = batch
        hashes.add(stored["hash"])
        previous, expected_id = stored["hash"], batch_id + 1
    newest = connection.execute(select(head.c.batch_id, head.c.hash).where(head.c.one == 1)).one_or_none()
    if newest is None:
        findings.add(0, None, "head", "missing")
    else:
        findings.missing_batches(expected_id, _whole(newest.batch_id) + 1)
        if _whole(newest.batch_id) < expected_id and newest.hash != previous:
            findings.add(_whole(newest.batch_id), None, "head", "does not name the newest batch")
    lost = tuple(noted_hash for noted_hash in noted if noted_hash not in hashes)
    for noted_hash in lost:
        findings.add(expected_id - 1, None, "batches", f"the chain no longer holds the batch noted as {noted_hash}")
    erased = erased_rows(connection)
    rows = sum(_verify_rows(connection, entry, known, findings, erased.get(entry.name, {})) for entry in ENTRIES)
    faults, unguarded = tuple(findings.faults), missing_guards(connection)
    taken = sum(map(len, erased.values()))
    return Verification(findings.found == 0, len(known), rows, faults, findings.found, previous, lost, unguarded, taken)


def erased_rows(connection: Connection) -> dict[str, dict[tuple[int, int], str]]:
    """By entry, batch and row, the hashes of rows that events of the chain say were erased."""
    found: dict[str, dict[tuple[int, int], str]] = {}
    bodies = connection.execute(select(events.c.body).where(events.c.kind == ERASURE)).scalars()
    for body in bodies:
        try:
            rows = json.loads(body)["rows"]
            for name, places in rows.items():
                found.setdefault(name, {}).update({(int(b), int(r)): str(row_hash) for b, r, row_hash in places})
        except (ValueError, KeyError, TypeError, AttributeError):
            continue  # somebody changed it, as the hash of its row tells
    return found


def _with_erased(
    rows: Iterator[tuple[Any, ...]], erased: dict[tuple[int, int], str]
) -> Iterator[tuple[tuple[Any, ...], str | None]]:
    """Stored rows and those that are gone, in order, each of the erased ones with the hash that it had."""
    waiting = deque(sorted(erased))
    for stored in rows:
        place = (stored[0], stored[2])
        if not (isinstance(place[0], int) and isinstance(place[1], int)):
            yield stored, None
            continue
        while waiting and waiting[0] < place:
            gone = waiting.popleft()
            yield (gone[0], erased[gone], gone[1]), erased[gone]
        if waiting and waiting[0] == place:
            yield stored, erased[waiting.popleft()]
        else:
            yield stored, None
    yield from (((gone[0], erased[gone], gone[1]), erased[gone]) for gone in waiting)


def _stored(connection: Connection, entry: Entry) -> Iterator[tuple[Any, ...]]:
    """(batch_id, row_hash, *hashed values) of every row, in order."""
    main, *others = entry.tables
    source: Any = main
    for table in others:
        source = source.outerjoin(table, and_(main.c.batch_id == table.c.batch_id, main.c.row == table.c.row))
    columns = [next(table.c[name] for table in entry.tables if name in table.c) for name in entry.hashed]
    query = select(main.c.batch_id, main.c.row_hash, *columns).select_from(source).order_by(main.c.batch_id, main.c.row)
    for part in parts(connection, query):
        yield from part


def _format_of(batch: Batch | None) -> int:
    return FORMAT if batch is None else batch.format


def _verify_rows(
    connection: Connection,
    entry: Entry,
    known: dict[int, Batch],
    findings: _Findings,
    erased: dict[tuple[int, int], str],
) -> int:
    name = entry.tables[0].name
    unseen = {batch_id for batch_id, batch in known.items() if batch.kind in entry.kinds}
    current, expected_row, running, sound, count, written = -1, 0, NO_ROWS, True, 0, FORMAT
    newest = max(entry.since)

    def close() -> None:
        batch = known.get(current)
        if batch is None or batch.kind not in entry.kinds:
            return
        rows = _whole(batch.rows)
        findings.missing_rows(current, name, expected_row, rows)
        if expected_row > rows:
            findings.add(current, expected_row - 1, name, f"the batch was written with {rows} rows")
        elif expected_row == rows and running != batch.rows_hash:
            findings.add(
                current, expected_row - 1 if expected_row else None, name, "is not what the batch was closed with"
            )

    for (batch_id, row_hash, row, *values), erased_hash in _with_erased(_stored(connection, entry), erased):
        count += bool(values)
        if not isinstance(batch_id, int) or not isinstance(row, int):
            findings.add(_whole(batch_id), None, name, f"a row numbered {row!r} of batch {batch_id!r}")
            continue
        if batch_id != current:
            close()
            current, expected_row, running, sound, written = batch_id, 0, NO_ROWS, True, _format_of(known.get(batch_id))
            unseen.discard(batch_id)
            if batch_id not in known or known[batch_id].kind not in entry.kinds:
                findings.add(batch_id, None, name, f"rows of a batch that holds no {entry.name}")
        findings.missing_rows(batch_id, name, expected_row, row)
        follows = row == expected_row and sound
        own, stored_running = str(row_hash)[:_HALF], str(row_hash)[_HALF:]
        if newest > written and values:
            # A column younger than the batch was no part of its rows' hashes, and must still be empty.
            values = [
                value
                for value, since in zip(values, entry.since[1:], strict=True)
                if since <= written or value is not None
            ]
        sound = row_hash == erased_hash if erased_hash is not None else own_half([row, *values]) == own
        if not sound:
            findings.add(batch_id, row, name, "changed or put elsewhere: its hash is not that of its values")
        elif follows and running_half(running, own) != stored_running:
            findings.add(batch_id, row, name, "does not follow from the row before: one of the two was rewritten")
        running, expected_row = stored_running, max(expected_row, row + 1)
    close()
    for batch_id in sorted(unseen):
        findings.missing_rows(batch_id, name, 0, _whole(known[batch_id].rows))
    for table in entry.tables[1:]:
        extra = connection.execute(select(func.count()).select_from(table)).scalar_one() - count
        if extra > 0:
            findings.add(0, None, table.name, f"{extra} more rows than {name}")
    return count
