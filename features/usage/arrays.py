"""Usage added up in arrays: what is visible at one as_of after another, by day or by person or feature.

Rows known by the first as_of after their day are added as they come. Those recorded later wait, and are added when the
first as_of to see them is reached: from then on the arrays hold what was visible then, and no earlier as_of can be
asked for. Days and as_ofs are whole numbers here: days since 1970.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pyarrow as pa

from features.usage.event_batches import EventBatch
from features.usage.key_index import KeyIndex
from features.usage.window_segments import Calendar, number

SPARSE = 8  # cells a row, beyond which it is faster to add to them one by one than to count a whole span of them
_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # odd: numbers of accounts multiplied by it differ in all their bits
_SATURDAY = 2  # days since 1970, modulo 7


class RollupArrays(ABC):
    """The arrays of one fold, and the rows that its signals aggregate."""

    schema: pa.Schema
    full = False  # whether they gave up for want of room

    def __init__(self, calendar: Calendar) -> None:
        self.as_ofs = number(calendar.as_ofs)
        self._reached = -1
        self._late: EventBatch | None = None

    def add_late(self, late: EventBatch) -> None:
        """The rows that arrived late, all of them at once, in the order of `seen`."""
        self._late = late

    def visible(self, as_of_index: int) -> pa.RecordBatch:
        """What is visible at the as_of at this index; ValueError where a later one was asked for before."""
        if as_of_index < self._reached:
            raise ValueError(f"as_of {as_of_index} after {self._reached}: what was visible then is no longer known")
        while self._reached < as_of_index:
            self._reached += 1
            if self._late is not None:
                begin = np.searchsorted(self._late.seen, self.as_ofs[self._reached - 1]) if self._reached else 0
                end = np.searchsorted(self._late.seen, self.as_ofs[self._reached])
                self.add(self._late.take(slice(begin, end)), late=True)
        return pa.RecordBatch.from_pydict(self._visible(as_of_index), self.schema)

    @abstractmethod
    def add(self, batch: EventBatch, late: bool = False) -> None:
        """Adds rows; late ones are all those that some as_of is the first to see."""

    @abstractmethod
    def _visible(self, as_of_index: int) -> dict[str, np.ndarray]:
        """Columns of the schema."""


class DayArrays(RollupArrays):
    """By day and account, of every day that some as_of looks back on: gives what `sql_rollup.seen_days` does."""

    def __init__(self, calendar: Calendar, accounts: int, measures: Sequence[str]) -> None:
        super().__init__(calendar)
        self.edges = (0, *calendar.edges)
        self.first = int(self.as_ofs[0]) - calendar.lookback_days
        shape = (self._days(calendar), accounts)
        self.n, self.quantity = np.zeros(shape), np.zeros(shape)
        # Sum and number of a day's values; and the same of those of them that became known last.
        self.measures = {name: [np.zeros(shape) for _ in range(4)] for name in measures}
        floats = ["n", "quantity", "weekend", "aged", "days", "last_age"]
        floats += [f"{name}_{part}" for name in measures for part in ("sum", "n", "last", "moment")]
        keys = [(name, pa.int32()) for name in ("account", "as_of_index", "age")]
        self.schema = pa.schema([*keys, *((name, pa.float64()) for name in floats)])

    @staticmethod
    def size(calendar: Calendar, accounts: int, measures: Sequence[str]) -> tuple[int, int]:
        """How many cells, and how many bytes they take."""
        cells = DayArrays._days(calendar) * accounts
        return cells, 8 * cells * (2 + 4 * len(measures))

    @staticmethod
    def _days(calendar: Calendar) -> int:
        return int(np.ptp(number(calendar.as_ofs))) + calendar.lookback_days

    def add(self, batch: EventBatch, late: bool = False) -> None:
        cells = (batch.day - self.first) * np.int64(self.n.shape[1]) + batch.account
        _add(self.n, cells, batch.n)
        _add(self.quantity, cells, batch.quantity)
        for name, (total, n) in batch.measures.items():
            measured = np.flatnonzero(n > 0)
            if not len(measured):
                continue
            at, total, n = cells[measured], total[measured], n[measured]
            sums, counts, last_sums, last_counts = self.measures[name]
            if late:
                last_sums.ravel()[at] = last_counts.ravel()[at] = 0.0
            for values, into in ((total, (sums, last_sums)), (n, (counts, last_counts))):
                for array in into:
                    _add(array, at, values)

    def _visible(self, as_of_index: int) -> dict[str, np.ndarray]:
        today = int(self.as_ofs[as_of_index])
        bands = [self._band(as_of_index, today, younger, age) for younger, age in pairwise(self.edges)]
        return {name: np.concatenate([band[name] for band in bands]) for name in self.schema.names}

    def _band(self, as_of_index: int, today: int, younger: int, age: int) -> dict[str, np.ndarray]:
        """The days of more than `younger` days and up to `age`: one row an account with any use."""
        days = slice(today - age - self.first, today - younger - self.first)
        ages = np.arange(age, younger, -1)
        n = self.n[days]
        used = n > 0
        count = used.sum(axis=0, dtype="int16")
        account = np.flatnonzero(count)
        weights = np.stack([np.ones(len(ages)), (today - ages - _SATURDAY) % 7 < 2, ages])
        # The @ of matrices would set every core to work, and most of them to wait.
        quantity, weekend, aged = np.einsum("wd,da->wa", weights, self.quantity[days])
        columns = {
            "account": account.astype("int32"),
            "as_of_index": np.full(len(account), as_of_index, dtype="int32"),
            "age": np.full(len(account), age, dtype="int32"),
            "n": n.sum(axis=0)[account],
            "quantity": quantity[account],
            "weekend": weekend[account],
            "aged": aged[account],
            "days": count[account].astype("float64"),
            "last_age": age - _last(used)[account].astype("float64"),
        }
        for name, arrays in self.measures.items():
            sums, counts, last_sums, last_counts = (array[days] for array in arrays)
            last = _last(counts > 0)[account]
            n_last = last_counts[last, account]
            columns[f"{name}_sum"] = sums.sum(axis=0)[account]
            columns[f"{name}_n"] = counts.sum(axis=0)[account]
            with np.errstate(invalid="ignore"):
                columns[f"{name}_last"] = last_sums[last, account] / n_last
            columns[f"{name}_moment"] = np.where(n_last > 0, today - age + last, -1.0)
        return columns


class KeyArrays(RollupArrays):
    """By segment and person or feature of an account: gives what `sql_rollup.seen_keys` does.

    There are at most so many cells, of so many bytes together; `full` once there would be more.
    """

    schema = pa.schema(
        [
            ("account", pa.int32()),
            ("as_of_index", pa.int32()),
            ("last_age", pa.int32()),
            ("first_within", pa.int32()),
            ("quantity_before_30d", pa.float64()),
            ("quantity_90d", pa.float64()),
        ]
    )

    def __init__(self, calendar: Calendar, fold: str, cells: int, most_bytes: int) -> None:
        super().__init__(calendar)
        self.calendar, self.fold = calendar, fold
        days = calendar.days()
        self.first, self.last = int(days.number.min()), int(days.number.max())
        # Of every day from the one before the first to the one after the last: -1 where no as_of looks back on it.
        self.segments = np.full(self.last - self.first + 3, -1)
        self.segments[days.number - self.first + 1] = days.segment
        self.most = min(cells, most_bytes // 10) // (int(days.segment.max()) + 1)  # users or features
        self.full, self.index = False, KeyIndex()
        self.account = np.zeros(0, "int32")
        # What was never written takes no memory: when more room is needed, it is left alone.
        self.touched = np.zeros(int(days.segment.max()) + 1, bool)
        # The day of the last use is kept as one of those since the first, plus 1: in 0 there is none.
        self.quantity, self.days = self._cells(0, "float64"), self._cells(0, "uint16")

    def add(self, batch: EventBatch, late: bool = False) -> None:
        if self.full:
            return
        day = batch.day - (self.first - 1)
        segment, key = self.segments.take(day, mode="clip"), batch.keys[self.fold]
        placed = (segment >= 0) & (key != 0)
        account, quantity = batch.account, batch.quantity
        if not placed.all():
            day, segment, key, account, quantity = (column[placed] for column in (day, segment, key, account, quantity))
        pair = self._numbered(key, account)
        if pair is None:
            return
        self.touched[segment] = True
        cells = segment * np.int64(self.quantity.shape[1]) + pair
        _add(self.quantity, cells, quantity)
        np.maximum.at(self.days.ravel(), cells, day.astype("uint16"))

    def add_late(self, late: EventBatch) -> None:
        super().add_late(late)
        # Whether there is room for all of them has to be known before the first as_of is asked for.
        if not self.full:
            self._numbered(late.keys[self.fold], late.account)

    def _numbered(self, key: np.ndarray, account: np.ndarray) -> np.ndarray | None:
        """(n,) the number of each account's person or feature; None where there is no room for them.

        Mixed with its account a hash is still 64 bits long: among a million no two are alike.
        """
        known = self.index.count
        pair = self.index.number(key ^ account.astype("uint64") * _SPREAD)
        if self.index.count > known:
            if not self._hold(self.index.count):
                return None
            self.account[pair] = account
        return pair

    def _cells(self, room: int, kind: str) -> np.ndarray:
        return np.zeros((len(self.touched), room), kind)

    def _hold(self, count: int) -> bool:
        """Makes room for so many, and half as many again; gives all up where there is none."""
        held = len(self.account)
        if count <= held:
            return True
        if count > self.most:
            self.full = True
            del self.quantity, self.days, self.account, self.index
            return False
        room = min(self.most, count + count // 2)
        for name in ("quantity", "days"):
            wider = self._cells(room, getattr(self, name).dtype)
            wider[self.touched, :held] = getattr(self, name)[self.touched]
            setattr(self, name, wider)
        self.account = np.append(self.account, np.zeros(room - held, "int32"))
        return True

    def _visible(self, as_of_index: int) -> dict[str, np.ndarray]:
        count, today = self.index.count, int(self.as_ofs[as_of_index])
        last, within = np.zeros(count, "uint16"), np.zeros(count, "int32")
        before, total = np.zeros(count), np.zeros(count)
        for begin, end, age in self.calendar.bands(as_of_index):
            of_band = self.days[begin:end, :count].max(axis=0, initial=0)
            quantity = self.quantity[begin:end, :count].sum(axis=0)
            np.maximum(last, of_band, out=last)
            within[of_band > 0] = age
            total += quantity
            if 30 < age <= 60:
                before += quantity
        used = np.flatnonzero(last)
        return {
            "account": self.account[used],
            "as_of_index": np.full(len(used), as_of_index, dtype="int32"),
            "last_age": today - (last[used].astype("int32") + (self.first - 1)),
            "first_within": within[used],
            "quantity_before_30d": before[used],
            "quantity_90d": total[used],
        }


def _last(used: np.ndarray) -> np.ndarray:
    """(accounts,) the last of the (days, accounts) of use; 0 where there is none."""
    return (used * np.arange(len(used), dtype="uint16")[:, None]).max(axis=0)


def _add(cells: np.ndarray, at: np.ndarray, values: np.ndarray) -> None:
    """Adds values to flat cells, some of them more than once."""
    if not len(at):
        return
    low = int(at.min())
    span = int(at.max()) - low + 1
    if span > SPARSE * len(at):
        np.add.at(cells.ravel(), at, values)
    else:
        cells.ravel()[low : low + span] += np.bincount(at - low, values, span)
