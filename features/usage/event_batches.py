"""Rows of usage as arrays, a stretch of the engine's stream at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from features.sources.backends import Engine
from features.usage.key_index import KeyIndex

BATCH_ROWS = 1 << 18  # what is worked out of so many rows stays in the processor's cache
ACCOUNT = "account_id"
UNKNOWN_ACCOUNT = -1


@dataclass(frozen=True)
class EventBatch:
    """Usage events of many accounts, as columns of equal length.

    Attributes
    ----------
    account : ndarray of int32, shape (n,)
        The account's number; -1 for accounts that were not asked for.
    day, seen : ndarray of int32, shape (n,)
        The day of the events and the last day that cannot know of them yet, in days since 1970.
    n, quantity : ndarray of float64, shape (n,)
        How many events the row stands for, and their quantity.
    keys : mapping of str to ndarray of uint64, shape (n,)
        By rollup, hashes of users or features; 0 for none.
    measures : mapping of str to (ndarray, ndarray) of float64, shape (n,)
        By measure, the sum of its values and how many there are.
    """

    account: np.ndarray
    day: np.ndarray
    seen: np.ndarray
    n: np.ndarray
    quantity: np.ndarray
    keys: Mapping[str, np.ndarray]
    measures: Mapping[str, tuple[np.ndarray, np.ndarray]]

    def take(self, rows: np.ndarray | slice) -> EventBatch:
        """Those of the rows."""
        return self._each(lambda column: column[rows])

    def _each(self, change: Callable[[np.ndarray], np.ndarray]) -> EventBatch:
        return EventBatch(
            change(self.account),
            change(self.day),
            change(self.seen),
            change(self.n),
            change(self.quantity),
            {name: change(keys) for name, keys in self.keys.items()},
            {name: (change(total), change(n)) for name, (total, n) in self.measures.items()},
        )

    def columns(self) -> list[np.ndarray]:
        """All of the arrays, in the order of the fields."""
        measured = [column for pair in self.measures.values() for column in pair]
        return [self.account, self.day, self.seen, self.n, self.quantity, *self.keys.values(), *measured]


def concatenated(parts: Sequence[EventBatch]) -> EventBatch:
    """All of their rows, in the order of `seen`."""
    columns = zip(*(part.columns() for part in parts), strict=True)
    arrays = iter([np.concatenate(of_parts) for of_parts in columns])
    batch = parts[0]._each(lambda _: next(arrays))
    return batch.take(np.argsort(batch.seen, kind="stable"))


def event_batches(
    engine: Engine, units: ir.Table, accounts: ir.Table, keys: Sequence[str], measures: Sequence[str]
) -> Iterator[EventBatch]:
    """Reads every row of `sql_rollup.units`, BATCH_ROWS at a time.

    Parameters
    ----------
    engine : Engine
        Gives rows in the order of their source, or not, as `Engine.limit_memory` was asked for.
    units : ibis.expr.types.Table
        As `sql_rollup.units` returns them.
    accounts : ibis.expr.types.Table
        account_id and account (its number); rows of other accounts are UNKNOWN_ACCOUNT's.
    keys, measures : sequence of str
        The rollups by user or feature, and the measures, whose columns are read.

    Yields
    ------
    EventBatch
    """
    hashed = {key: _hashed(engine, units[key]) for key in (ACCOUNT, *keys)}
    numbers = ["n", "quantity", *(f"{name}_{part}" for name in measures for part in ("sum", "n"))]
    account_numbers = _AccountNumbers(engine, accounts)
    rows = units.select("day", "seen", *numbers, **hashed)
    for batch in _even(engine.batches(rows, BATCH_ROWS)):
        day, seen = (batch.column(name).view(pa.int32()).to_numpy() for name in ("day", "seen"))
        n, quantity, *measured = (batch.column(name).to_numpy(zero_copy_only=False) for name in numbers)
        hashes = {key: batch.column(key).fill_null(0).to_numpy() for key in keys}
        sums_and_counts = zip(measured[::2], measured[1::2], strict=True)
        account = account_numbers.of(batch.column(ACCOUNT).to_numpy())
        yield EventBatch(account, day, seen, n, quantity, hashes, dict(zip(measures, sums_and_counts, strict=True)))


class _AccountNumbers:
    """The numbers of accounts by a hash of their names.

    A join would be as fast, but on several threads gives rows in any order, in which floats add up to other last bits.
    """

    def __init__(self, engine: Engine, accounts: ir.Table) -> None:
        hashed = accounts.select("account", key=_hashed(engine, accounts[ACCOUNT]))
        table = engine.to_arrow(hashed)
        self.index = KeyIndex()
        number = self.index.number(table.column("key").to_numpy())
        self.account = np.full(len(number) + 1, UNKNOWN_ACCOUNT, "int32")
        self.account[number] = table.column("account").to_numpy()

    def of(self, keys: np.ndarray) -> np.ndarray:
        # A number of -1 names the last, which is nobody's.
        return self.account[self.index.find(keys)]


def _even(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The same rows, BATCH_ROWS at a time: where the engine cuts them depends on its threads, and shows in sums."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        while count + batch.num_rows >= BATCH_ROWS:
            part = batch.slice(0, BATCH_ROWS - count)
            yield pa.concat_batches([*waiting, part]) if waiting else part
            batch, waiting, count = batch.slice(part.num_rows), [], 0
        if batch.num_rows:
            waiting.append(batch)
            count += batch.num_rows
    if waiting:
        yield pa.concat_batches(waiting)


def _hashed(engine: Engine, key: ir.Value) -> ir.Value:
    """Events have hashes already; units of a server's tables, kept in a state, have names."""
    return key if key.type().is_numeric() else engine.hash_key(key)
