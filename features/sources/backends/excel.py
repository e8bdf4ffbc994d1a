"""A sheet of an Excel workbook as a table of text, so that it is read as a CSV with the same values would be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta

import pyarrow as pa

from configs.errors import Fault, SourceError

EXCEL = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")


def split_sheet(origin: str) -> tuple[str, str | None]:
    """The workbook and the sheet that `from: book.xlsx#Sheet 2` names; None for the first.

    >>> split_sheet("raw/book.xlsx#Sheet 2"), split_sheet("usage.csv")
    (('raw/book.xlsx', 'Sheet 2'), ('usage.csv', None))
    """
    book, mark, sheet = origin.rpartition("#")
    return (book, sheet) if mark and book.lower().endswith(EXCEL) else (origin, None)


def read_sheets(paths: Sequence[str], sheet: str | None = None) -> pa.Table:
    """The rows of one sheet of each workbook, all of them text; the first row that is not empty is the header.

    Parameters
    ----------
    paths : sequence of str
    sheet : str, optional
        By default the first of each.

    Returns
    -------
    pa.Table

    Raises
    ------
    SourceError
        Where the package that reads workbooks is missing, or there is no such sheet.
    """
    try:
        from python_calamine import CalamineWorkbook
    except ImportError:
        found = "a workbook, and no python-calamine to read it with"
        do = "pip install 'forewarn[excel]', or save the sheet as CSV"
        raise SourceError(Fault(paths[0], found, "a package that reads workbooks", do)) from None
    tables = []
    for path in paths:
        book = CalamineWorkbook.from_path(path)
        if sheet is not None and sheet not in book.sheet_names:
            known = ", ".join(book.sheet_names)
            raise SourceError(Fault(path, f"no sheet {sheet!r}", "a sheet of the workbook", f"known: {known}"))
        rows = book.get_sheet_by_name(sheet if sheet is not None else book.sheet_names[0]).to_python()
        tables.append(_table(rows))
    return pa.concat_tables(tables, promote_options="default")


def _table(rows: Iterable[Sequence[object]]) -> pa.Table:
    given = [[_text(value) for value in row] for row in rows]
    given = [row for row in given if any(value is not None for value in row)]
    header = given[0] if given else []
    names = [name or f"column{number}" for number, name in enumerate(header)]
    body = given[1:]
    return pa.table({name: pa.array([row[at] for row in body], pa.string()) for at, name in enumerate(names)})


def _text(value: object) -> str | None:
    """A cell as a CSV would have it: whole numbers without a fraction, times in ISO."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, timedelta):
        return str(value.total_seconds())
    return str(value).strip() or None
