"""Rows of usage as arrays, a stretch of the engine's stream at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa

from features import engine

BATCH_ROWS = 1 << 18  # what is worked out of so many rows stays in the processor's cache
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
    """Every row of `daily.units` in DuckDB, in any order; `accounts` has account_id and account, NOBODY of others."""
    rows = units.left_join(accounts, "account_id")
    told = {key: _hashed(connection, rows[key]) for key in keys}
    numbers = ["n", "quantity", *(f"{name}_{part}" for name in measures for part in ("sum", "n"))]
    rows = rows.select("day", "seen", *numbers, account=rows.account.fill_null(NOBODY), **told)
    for batch in engine.batches(connection, rows, BATCH_ROWS):
        if not batch.num_rows:
            continue
        day, seen = (batch.column(name).view(pa.int32()).to_numpy() for name in ("day", "seen"))
        n, quantity, *measured = (batch.column(name).to_numpy(zero_copy_only=False) for name in numbers)
        hashes = {key: batch.column(key).fill_null(0).to_numpy() for key in keys}
        both = zip(measured[::2], measured[1::2], strict=True)
        account = batch.column("account").to_numpy()
        yield Uses(account, day, seen, n, quantity, hashes, dict(zip(measures, both, strict=True)))


def _hashed(connection: Any, key: ir.Value) -> ir.Value:
    """Events have hashes already; units of a server's tables, kept in a state, have names."""
    return key if key.type().is_numeric() else engine.told_apart(connection, key)
