"""Rows of usage as arrays, a stretch of the engine's stream at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from features.sources.backends import engine
from features.usage.key_index import Numbers

BATCH_ROWS = 1 << 18  # what is worked out of so many rows stays in the processor's cache
ACCOUNT = "account_id"
NOBODY = -1


@dataclass(frozen=True)
class Uses:
    """Rows of usage, (n,) arrays: the account's number, `day` and the last day blind to the row (`seen`), both in days
    since 1970; events, their quantity, hashes of people and features (0: none), and each measure's sum and number."""

    account: np.ndarray
    day: np.ndarray
    seen: np.ndarray
    n: np.ndarray
    quantity: np.ndarray
    keys: Mapping[str, np.ndarray]
    measures: Mapping[str, tuple[np.ndarray, np.ndarray]]

    def at(self, rows: np.ndarray | slice) -> Uses:
        """Those of the rows."""
        return self._each(lambda one: one[rows])

    def _each(self, change: Callable[[np.ndarray], np.ndarray]) -> Uses:
        return Uses(
            change(self.account),
            change(self.day),
            change(self.seen),
            change(self.n),
            change(self.quantity),
            {name: change(one) for name, one in self.keys.items()},
            {name: (change(total), change(n)) for name, (total, n) in self.measures.items()},
        )

    def columns(self) -> list[np.ndarray]:
        """All of the arrays, in the order of the fields."""
        measured = [one for both in self.measures.values() for one in both]
        return [self.account, self.day, self.seen, self.n, self.quantity, *self.keys.values(), *measured]


def joined(parts: Sequence[Uses]) -> Uses:
    """All of their rows, in the order of `seen`."""
    whole = iter([np.concatenate(of_all) for of_all in zip(*(one.columns() for one in parts), strict=True)])
    every = parts[0]._each(lambda _: next(whole))
    return every.at(np.argsort(every.seen, kind="stable"))


def uses(
    connection: Any, units: ir.Table, accounts: ir.Table, keys: Sequence[str], measures: Sequence[str]
) -> Iterator[Uses]:
    """Every row of `daily.units` in DuckDB, as `engine.bound` says in order or not, BATCH_ROWS at a time; `accounts`
    has account_id and account, and others' rows are NOBODY's."""
    told = {key: _hashed(connection, units[key]) for key in (ACCOUNT, *keys)}
    numbers = ["n", "quantity", *(f"{name}_{part}" for name in measures for part in ("sum", "n"))]
    places = _Places(connection, accounts)
    rows = units.select("day", "seen", *numbers, **told)
    for batch in _even(engine.batches(connection, rows, BATCH_ROWS)):
        day, seen = (batch.column(name).view(pa.int32()).to_numpy() for name in ("day", "seen"))
        n, quantity, *measured = (batch.column(name).to_numpy(zero_copy_only=False) for name in numbers)
        hashes = {key: batch.column(key).fill_null(0).to_numpy() for key in keys}
        both = zip(measured[::2], measured[1::2], strict=True)
        account = places.of(batch.column(ACCOUNT).to_numpy())
        yield Uses(account, day, seen, n, quantity, hashes, dict(zip(measures, both, strict=True)))


class _Places:
    """The numbers of accounts by a hash of their names. A join would be as fast, but on several threads gives rows in
    any order, in which floats add up to other last bits."""

    def __init__(self, connection: Any, accounts: ir.Table) -> None:
        hashed = accounts.select("account", key=_hashed(connection, accounts[ACCOUNT]))
        table = connection.to_pyarrow(hashed)
        self.numbers = Numbers()
        number = self.numbers.of(table.column("key").to_numpy())
        self.account = np.full(len(number) + 1, NOBODY, "int32")
        self.account[number] = table.column("account").to_numpy()

    def of(self, keys: np.ndarray) -> np.ndarray:
        # A number of -1 names the last, which is nobody's.
        return self.account[self.numbers.known(keys)]


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


def _hashed(connection: Any, key: ir.Value) -> ir.Value:
    """Events have hashes already; units of a server's tables, kept in a state, have names."""
    return key if key.type().is_numeric() else engine.told_apart(connection, key)
