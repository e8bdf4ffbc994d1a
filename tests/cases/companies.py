"""Reads a case's tables: CSV text in which a line may stand for many rows, and accounts that need not be written."""

from __future__ import annotations

import ast
import csv
import hashlib
import io
import operator
import re
from collections.abc import Callable, Iterator, Mapping
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


OPERATIONS: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
FUNCTIONS: dict[str, Callable[..., Any]] = {"luck": luck, "int": int, "round": round, "min": min, "max": max}


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
    result = REPEATED.search(line)
    if result is None:
        yield line
        return
    for n in range(int(result[1]), int(result[2]) + 1):
        yield FORMULA.sub(lambda formula: _worked_out(formula[1], n), line[: result.start()])  # noqa: B023


def _worked_out(formula: str, n: int) -> str:
    day = DAY.match(formula)
    if day is None:
        return str(_value(ast.parse(formula.strip(), mode="eval").body, n))
    days = int(_value(ast.parse(f"0 {day[2]}", mode="eval").body, n))
    return (date.fromisoformat(day[1]) + timedelta(days=days)).isoformat()


def _value(node: ast.expr, n: int) -> Any:
    """What an expression of `n` comes to: numbers, texts, arithmetic, comparisons, a choice and the FUNCTIONS; no more.

    >>> _value(ast.parse("100 if luck(7) < 2 and n > 1 else 50", mode="eval").body, 3)
    100
    >>> _value(ast.parse("n.real", mode="eval").body, 3)
    Traceback (most recent call last):
    ValueError: a formula may not hold n.real
    """
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Name(id="n"):
            return n
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, n)
        case ast.BinOp(left=left, op=operation, right=right) if type(operation) in OPERATIONS:
            return OPERATIONS[type(operation)](_value(left, n), _value(right, n))
        case ast.Compare(left=left, ops=[comparison], comparators=[right]) if type(comparison) in OPERATIONS:
            return OPERATIONS[type(comparison)](_value(left, n), _value(right, n))
        case ast.BoolOp(op=joint, values=values):
            return (all if isinstance(joint, ast.And) else any)(_value(value, n) for value in values)
        case ast.IfExp(test=test, body=body, orelse=other):
            return _value(body if _value(test, n) else other, n)
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in FUNCTIONS:
            return FUNCTIONS[name](*(_value(argument, n) for argument in arguments))
        case ast.Tuple(elts=elements):
            return tuple(_value(element, n) for element in elements)
        case ast.Subscript(value=value, slice=index):
            return _value(value, n)[_value(index, n)]
    raise ValueError(f"a formula may not hold {ast.unparse(node)}")


def _cells(line: str) -> Iterator[list[str]]:
    """The rows of a line: one, or one for each day of its span."""
    cells = [cell.strip() for cell in next(csv.reader(io.StringIO(line), skipinitialspace=True))]
    spans = [(place, result) for place, cell in enumerate(cells) if (result := DAYS.match(cell))]
    if not spans:
        yield cells
        return
    place, result = spans[0]
    day, last = date.fromisoformat(result[1]), date.fromisoformat(result[2])
    while day <= last:
        yield [*cells[:place], day.isoformat(), *cells[place + 1 :]]
        day += timedelta(days=int(result[3] or 1))


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
