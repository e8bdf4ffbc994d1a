"""Which column of one file holds the keys of another: told by the values that they share, not by names alone."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import ibis.expr.types as ir
import pandas as pd

from features.sources.backends import DuckDBEngine
from features.sources.leaky_names import words

SAMPLE_ROWS, SAMPLE_KEYS = 200_000, 2_000  # of the file that refers: rows looked at, and distinct values compared
MOST_KEYS = 200_000  # up to which all keys of a file are held at once
MANY = 20  # distinct values from which a text may be a key, whatever it is called
ENOUGH = 0.5  # share of these that the other file has
DENSE = 20  # times as large as their count whole numbers may be, to be mere numbers 1, 2, 3 that any file has
DEEPEST = 3  # joins between a table and its accounts
_KEY_WORDS = {"id", "uuid", "guid", "key", "number", "no", "code", "ref", "email", "domain"}


@dataclass(frozen=True)
class Step:
    """One join on the way to an account: a column whose values are the keys of another file.

    Attributes
    ----------
    column : str
        Of the file that refers.
    origin, key : str
        The other file, and its column.
    share : float
        Of the values compared, how many it has.
    """

    column: str
    origin: str
    key: str
    share: float


@dataclass
class References:
    """The files of a folder, and what of their values has been compared.

    Attributes
    ----------
    engine : DuckDBEngine
    files : mapping of str to ibis Table
        By what `from:` calls them; of a large file a sample.
    whole : mapping of str to ibis Table
        Large files with all of their rows, which are read only where these may hold the keys of others.
    """

    engine: DuckDBEngine
    files: Mapping[str, ir.Table]
    whole: Mapping[str, ir.Table] = field(default_factory=dict)
    _known: dict[tuple[str, str], frozenset[str] | None] = field(default_factory=dict)
    _samples: dict[tuple[str, str], pd.Series] = field(default_factory=dict)
    _unique: dict[str, tuple[str, ...]] = field(default_factory=dict)
    _shares: dict[tuple[str, str, str, str], float] = field(default_factory=dict)

    def keys(self, origin: str) -> tuple[str, ...]:
        """Columns of a file that are called like a key, and have another value in every row."""
        if origin not in self._unique:
            rows = self.files[origin]
            stems = set(_stems(_base(origin)))
            named = [name for name in rows.columns if _is_key_like(rows, name) or set(_stems(name)) & stems]
            named = [name for name in named if rows[name].type().is_string() or rows[name].type().is_integer()]
            unique = self._without_repeats(rows.limit(SAMPLE_ROWS), named)
            self._unique[origin] = self._without_repeats(self.whole.get(origin, rows), unique)
        return self._unique[origin]

    def _without_repeats(self, rows: ir.Table, names: Sequence[str]) -> tuple[str, ...]:
        """Those of some columns that have another value in every row."""
        if not names:
            return ()
        asked = {f"n_{at}": rows[name].nunique() for at, name in enumerate(names)}
        asked |= {f"given_{at}": rows[name].count() for at, name in enumerate(names)}
        counts = self.engine.to_pandas(rows.aggregate(rows=rows.count(), **asked)).iloc[0]
        return tuple(
            name for at, name in enumerate(names) if counts[f"n_{at}"] == counts[f"given_{at}"] == counts["rows"] > 0
        )

    def share(self, origin: str, column: str, other: str, key: str) -> float:
        """Of the distinct values of a column, at most SAMPLE_KEYS of them, the share that are keys of another file."""
        at = (origin, column, other, key)
        if at not in self._shares:
            values = self._sample(origin, column)
            self._shares[at] = self._found(values, other, key) / len(values) if len(values) else 0.0
        return self._shares[at]

    def _found(self, values: pd.Series, other: str, key: str) -> int:
        """How many of the values another file has as keys."""
        if (other, key) not in self._known:
            distinct = _values(self.whole.get(other, self.files[other]), key).limit(MOST_KEYS + 1)
            found = self.engine.to_pandas(distinct).value
            self._known[other, key] = frozenset(found) if len(found) <= MOST_KEYS else None
        known = self._known[other, key]
        if known is not None:
            return sum(value in known for value in values)
        asked = self.engine.upload("forewarn_asked", values.to_frame("value"))
        return self.engine.count(asked.semi_join(_values(self.whole.get(other, self.files[other]), key), "value"))

    def key_like(self, origin: str) -> list[str]:
        """Columns of a file that may refer to another one: called like a key or a file, or text of many values."""
        rows = self.files[origin]
        texts = [name for name in rows.columns if rows[name].type().is_string() or rows[name].type().is_integer()]
        named = {stem for other in self.files for stem in _stems(_base(other))}
        return [
            name
            for name in texts
            if _is_key_like(rows, name)
            or set(_stems(name)) & named
            or (rows[name].type().is_string() and len(self._sample(origin, name)) >= MANY)
        ]

    def telling(self, origin: str, column: str, other: str, key: str) -> bool:
        """Whether values in common mean something: they are no mere small numbers, or the names fit as well."""
        values = self._sample(origin, column)
        if not values.str.fullmatch(r"[0-9]+").all() or values.astype("float64").max() > DENSE * max(len(values), 5):
            return True
        said = set(_stems(column)) - _KEY_WORDS
        return bool(said & (set(_stems(_base(other))) | (set(_stems(key)) - _KEY_WORDS)))

    def way(self, origin: str, accounts: Mapping[str, str], passed: tuple[str, ...] = ()) -> tuple[Step, ...]:
        """The joins that lead from a file to accounts; empty where there are none.

        Parameters
        ----------
        origin : str
        accounts : mapping of str to str
            By file, the column that holds accounts.
        passed : tuple of str
            Files on the way so far.

        Returns
        -------
        tuple of Step
            The last of them ends at a file in `accounts`.
        """
        steps = sorted(self._steps(origin, passed), key=lambda step: (step.origin not in accounts, -step.share))
        for step in steps:
            if step.origin in accounts:
                return (step,)
            if len(passed) + 1 < DEEPEST and (further := self.way(step.origin, accounts, (*passed, origin))):
                return (step, *further)
        return ()

    def _steps(self, origin: str, passed: tuple[str, ...]) -> Iterator[Step]:
        for other in self.files:
            if other in (origin, *passed):
                continue
            for key in self.keys(other):
                for column in self.key_like(origin):
                    if column in self.keys(origin) and column == key:
                        continue  # two files of the same things
                    share = self.share(origin, column, other, key)
                    if share >= ENOUGH and self.telling(origin, column, other, key):
                        yield Step(column, other, key, share)

    def _sample(self, origin: str, column: str) -> pd.Series:
        if (origin, column) not in self._samples:
            values = _values(self.files[origin].limit(SAMPLE_ROWS), column).limit(SAMPLE_KEYS)
            self._samples[origin, column] = self.engine.to_pandas(values).value
        return self._samples[origin, column]


def _values(rows: ir.Table, column: str) -> ir.Table:
    """The distinct values of a column as text."""
    texts = rows.select(value=rows[column].cast("string").strip().nullif(""))
    return texts.filter(texts.value.notnull()).distinct()


def _base(origin: str) -> str:
    return origin.rpartition("/")[2].split(".")[0]


def _is_key_like(rows: ir.Table, name: str) -> bool:
    kind = rows[name].type()
    if not (kind.is_string() or kind.is_integer() or kind.is_uuid()):
        return False
    said = words(name)
    return bool(set(said) & _KEY_WORDS) or bool(said and re.search(r"(id|key)$", said[-1]))


def _stems(name: str) -> list[str]:
    return [word[:-3] + "y" if word.endswith("ies") else word.removesuffix("s") for word in words(name)]
