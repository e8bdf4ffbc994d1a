"""Reads a case's tables: CSV text in which a line may stand for many rows, and accounts that need not be written."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from configs.tables import table

Rows = list[list[str]]
REPEATED = re.compile(r"\|\s*n\s*=\s*(\d+)\.\.(\d+)\s*$")
FORMULA = re.compile(r"\{([^{}]*)\}")
DAY = re.compile(r"^\s*(\d{4}-\d\d-\d\d)\s*(.*)$")
DAYS = re.compile(r"^(\d{4}-\d\d-\d\d)\.\.(\d{4}-\d\d-\d\d)(?:/(\d+))?$")


def luck(n: int, draw: int = 0) -> float:
    """A number in [0, 1) that looks random and is the same on every machine: for `{...}` formulas.

    >>> round(luck(1), 3), round(luck(1, 1), 3)
    (0.097, 0.145)
    """
    return int(hashlib.sha256(f"{n}/{draw}".encode()).hexdigest()[:8], 16) / 2**32


def read_rows(text: str) -> tuple[list[str], Rows]:
    """The columns and rows of a text block: CSV, blanks beside commas ignored.

    `... | n = 1..40` repeats a line with `{n}` and formulas of it, a day and a number of days among them; a cell
    `2024-01-01..2024-01-31` makes a row of each of these days, `.../7` of every seventh.

    >>> read_rows("account_id, occurred_at\\na{n}, {2024-01-01 + 30 * n} | n = 1..2")
    (['account_id', 'occurred_at'], [['a1', '2024-01-31'], ['a2', '2024-03-01']])
    >>> read_rows("account_id, occurred_at\\na, 2024-01-01..2024-01-31/15")[1]
    [['a', '2024-01-01'], ['a', '2024-01-16'], ['a', '2024-01-31']]
    """
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    columns, *rest = [row for line in lines for text in _repeated(line) for row in _cells(text)]
    short = [row for row in rest if len(row) != len(columns)]
    assert not short, f"{len(columns)} columns {columns}, but a row {short[0]}"
    return columns, rest


def _repeated(line: str) -> Iterator[str]:
    found = REPEATED.search(line)
    if found is None:
        yield line
        return
    for n in range(int(found[1]), int(found[2]) + 1):
        yield FORMULA.sub(lambda formula: _worked_out(formula[1], n), line[: found.start()])  # noqa: B023


def _worked_out(formula: str, n: int) -> str:
    names = {"__builtins__": {}, "n": n, "luck": luck, "int": int, "round": round, "min": min, "max": max}
    day = DAY.match(formula)
    if day is None:
        return str(eval(formula, names))
    days = int(eval(f"0 {day[2]}", names))
    return (date.fromisoformat(day[1]) + timedelta(days=days)).isoformat()


def _cells(line: str) -> Iterator[list[str]]:
    """The rows of a line: one, or one for each day of its span."""
    cells = [cell.strip() for cell in next(csv.reader(io.StringIO(line), skipinitialspace=True))]
    spans = [(place, found) for place, cell in enumerate(cells) if (found := DAYS.match(cell))]
    if not spans:
        yield cells
        return
    place, found = spans[0]
    day, last = date.fromisoformat(found[1]), date.fromisoformat(found[2])
    while day <= last:
        yield [*cells[:place], day.isoformat(), *cells[place + 1 :]]
        day += timedelta(days=int(found[3] or 1))


def tables_of(case: Mapping[str, Any]) -> dict[str, tuple[list[str], Rows]]:
    """The tables of a case by name. Accounts that are not written are those of the other tables, each created on the
    day of its first row."""
    tables = {name: read_rows(text) for name, text in case.get("tables", {}).items()}
    if tables and "accounts" not in tables:
        first: dict[str, str] = {}
        for name, (columns, rows) in tables.items():
            account, time = columns.index("account_id"), columns.index(table(name).time)
            for row in rows:
                first[row[account]] = min(first.get(row[account], "9999"), row[time][:10])
        tables["accounts"] = (["account_id", "created_at"], [list(pair) for pair in sorted(first.items())])
    return tables


def as_csv(columns: list[str], rows: Rows) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    return text.getvalue()
