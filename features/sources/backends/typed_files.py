"""Delimited files and workbooks that a query names, read as `from:` does: a type only where all of a column agrees.

DuckDB's own guess looks at the first rows: it makes 123 of the id 00123, and fails where a value far down is another.
"""

from __future__ import annotations

from collections.abc import Iterator

import ibis.expr.types as ir
import sqlglot
from sqlglot import exp

from features.sources.backends.excel import EXCEL
from features.sources.backends.files import CSV
from features.sources.casting import as_moment, clean, looks_like, present

_INTEGER = "^-?(0|[1-9][0-9]{0,17})$"
_DATE = "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"


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
    asked = {}
    for number, name in enumerate(rows.columns):
        for question, count in _counts(rows[name]).items():
            asked[f"{question}_{number}"] = count
    counts = rows.aggregate(**asked).to_pandas().iloc[0]
    columns = {}
    for number, name in enumerate(rows.columns):
        given = counts[f"given_{number}"]
        kind = next((kind for kind in _KINDS if given and counts[f"{kind}_{number}"] == given), "text")
        columns[name] = _as(rows[name], kind)
    return rows.select(**columns)


_KINDS = ("integer", "number", "date", "naive", "zoned", "flag")


def _counts(value: ir.Value) -> dict[str, ir.Value]:
    text = present(value)
    return {
        "given": text.count(),
        "integer": text.re_search(_INTEGER).sum(),
        "number": looks_like(value, "number").sum(),
        "date": (text.re_search(_DATE) & looks_like(value, "time")).sum(),
        "naive": (looks_like(value, "time") & clean(value, "time", "UTC").notnull() & ~_zoned(text)).sum(),
        "zoned": (looks_like(value, "time") & _zoned(text)).sum(),
        "flag": looks_like(value, "flag").sum(),
    }


def _zoned(text: ir.Value) -> ir.Value:
    return text.re_search("(Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)$") & ~text.re_search(_DATE)


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
