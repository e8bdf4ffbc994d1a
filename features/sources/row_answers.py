"""What aggregate queries over a table's rows answered: how many rows, from when to when, and what is odd in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pandas as pd

from configs.json_object import JsonObject


@dataclass(frozen=True)
class RowAnswers:
    """What aggregate queries over a table's rows answered.

    Attributes
    ----------
    rows : int
        How many there are.
    oldest, newest : Timestamp or None
        The first and the last time of its facts, naive UTC; None without any.
    counts : mapping of str to int
        How many rows or values something is true of, by `column|question`.
    examples : mapping of str to str
        One of these values, under the same key.
    """

    rows: int = 0
    oldest: pd.Timestamp | None = None
    newest: pd.Timestamp | None = None
    counts: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, row: pd.Series) -> RowAnswers:
        """From the one row of such a query: rows, oldest, newest, counts, and examples as `...|example`."""
        present = {str(name): value for name, value in row.items() if not pd.isna(value)}
        moments = {name: pd.Timestamp(present.pop(name)) for name in ("oldest", "newest") if name in present}
        examples = {
            name.removesuffix("|example"): str(present.pop(name)) for name in list(present) if name.endswith("|example")
        }
        counts = {name: int(value) for name, value in present.items()}
        return cls(counts.pop("rows", 0), moments.get("oldest"), moments.get("newest"), counts, examples)

    def to_json(self) -> JsonObject:
        """As `from_json` reads it; times with their unit, in which sums of them are exact."""
        times = {"oldest": self.oldest, "newest": self.newest}
        moments = {name: None if at is None else [at.isoformat(), at.unit] for name, at in times.items()}
        return {"rows": self.rows, **moments, "counts": dict(self.counts), "examples": dict(self.examples)}

    @classmethod
    def from_json(cls, body: JsonObject) -> RowAnswers:
        """What `to_json` wrote."""
        given = {name: body[name] for name in ("oldest", "newest")}
        times = {name: None if at is None else pd.Timestamp(at[0]).as_unit(at[1]) for name, at in given.items()}
        return cls(body["rows"], times["oldest"], times["newest"], body["counts"], body["examples"])

    def also(self, row: pd.Series) -> RowAnswers:
        """These, and what a further query answered of the same rows."""
        further = RowAnswers.of(row)
        return replace(self, counts={**self.counts, **further.counts}, examples={**self.examples, **further.examples})

    def count(self, key: str) -> int:
        """Of how many rows or values it is true; 0 where nobody asked."""
        return self.counts.get(key, 0)

    @property
    def is_odd(self) -> bool:
        """Whether any answer is that some value is odd."""
        return any(count for key, count in self.counts.items() if "|odd" in key)
