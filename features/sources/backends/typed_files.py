"""Delimited files and workbooks that a query names, read as `from:` does: a type only where all of a column agrees.

DuckDB's own guess looks at the first rows: it makes 123 of the id 00123, and fails where a value far down is another.
"""

from __future__ import annotations

from collections.abc import Iterator

import ibis.expr.types as ir
import pandas as pd
import sqlglot
from sqlglot import exp

from features.sources.backends.excel import EXCEL
from features.sources.backends.files import CSV
from features.sources.casting import as_moment, clean, looks_like, present

SAMPLE = 1000  # rows by whose values it is decided what to ask of a whole column


def files_named(query: str, dialect: str) -> Iterator[str]:
    """The delimited files and workbooks that a query names in the place of tables.

    >>> list(files_named("select * from 'raw/a.csv' join b using (id)", "duckdb"))
    ['raw/a.csv']
    """
    for node in sqlglot.parse_one(query, dialect=dialect).find_all(exp.Table):
        if isinstance(node.this, exp.Identifier) and node.name.lower().endswith(CSV + EXCEL):
            yield node.name


def typed(rows: ir.Table) -> ir.Table:
    """A table of text alone with whole numbers, numbers, dates, times and flags where a whole column is of them.

    Parameters
    ----------
    rows : ibis Table

    Returns
    -------
    ibis Table
    """
    sample = rows.limit(SAMPLE).to_pandas()
    possible = {name: _possible(sample[name]) for name in rows.columns}
    asked = {
        f"{question}_{number}": count
        for number, name in enumerate(rows.columns)
        for question, count in _counts(rows[name], possible[name]).items()
    }
    counts = rows.aggregate(**asked).to_pandas().iloc[0] if asked else {}
    columns = {}
    for number, name in enumerate(rows.columns):
        of_kind = (kind for kind in possible[name] if counts[f"{kind}_{number}"] == counts[f"given_{number}"] > 0)
        columns[name] = _as(rows[name], next(of_kind, "text"))
    return rows.select(**columns)


def _possible(sample: pd.Series) -> tuple[str, ...]:
    """The kinds that a column may be of by its first values, the narrowest first: only these are asked of all of it."""
    given = sample.dropna().str.strip()
    given = given[given != ""]
    if not len(given):
        return tuple(_LIKE)
    return tuple(kind for kind, pattern in _LIKE.items() if given.str.fullmatch(pattern).all())


_LIKE = {
    "integer": "-?(?:0|[1-9][0-9]{0,17})",
    "number": "-?(?:0|[1-9][0-9]{0,14})(?:[.][0-9]+)?",
    "date": "[0-9]{4}-[0-9]{2}-[0-9]{2}",
    "naive": "[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.]+)?",
    "zoned": "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+ ?(?:Z|UTC|[+-][0-9:]+)",
    "flag": "(?i:true|false)",
}


def _counts(value: ir.Value, kinds: tuple[str, ...]) -> dict[str, ir.Value]:
    """How many values there are, and how many of each of the kinds."""
    text = present(value)
    is_time = looks_like(value, "time") if {"date", "naive", "zoned"} & set(kinds) else None
    asked = {
        "given": lambda: text.count(),
        "integer": lambda: text.re_search(f"^{_LIKE['integer']}$").sum(),
        "number": lambda: looks_like(value, "number").sum(),
        "date": lambda: (text.re_search(f"^{_LIKE['date']}$") & is_time).sum(),
        "naive": lambda: (is_time & ~_zoned(text)).sum(),
        "zoned": lambda: (is_time & _zoned(text)).sum(),
        "flag": lambda: looks_like(value, "flag").sum(),
    }
    return {question: asked[question]() for question in ("given", *kinds)} if kinds else {}


def _zoned(text: ir.Value) -> ir.Value:
    return text.re_search("(Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)$") & ~text.re_search(f"^{_LIKE['date']}$")


def _as(value: ir.Value, kind: str) -> ir.Value:
    text = present(value)
    if kind == "integer":
        return text.cast("int64")
    if kind == "number":
        return text.cast("float64")
    if kind == "date":
        return text.cast("date")
    if kind in ("naive", "zoned"):
        at = clean(value, "time", "UTC")
        return at if kind == "naive" else as_moment(at)
    return text.lower().cast("boolean") if kind == "flag" else value
