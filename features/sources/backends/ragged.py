"""Which row of a delimited file has too many or too few values: an engine's reader seldom says it in plain words."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Sequence
from pathlib import Path

from configs.errors import Fault

MOST_ROWS = 2_000_000  # looked at, when something is wrong already


def ragged_row(paths: Sequence[Path]) -> str | None:
    """The first row whose number of values is not that of the header, in words; None where there is none.

    Parameters
    ----------
    paths : sequence of pathlib.Path
        Delimited text, plain or gzipped; others are passed over.

    Returns
    -------
    str or None
        File, line, and how many values were found and expected.
    """
    for path in paths:
        name = path.name.lower()
        if not name.removesuffix(".gz").endswith((".csv", ".tsv")):
            continue
        opened = gzip.open if name.endswith(".gz") else open
        try:
            with opened(path, "rt", encoding="utf-8-sig", newline="") as file:
                header = file.readline()
                file.seek(0)
                rows = csv.reader(file, delimiter=max(",;\t|", key=header.count))
                expected = len(next(rows, []))
                for number, row in enumerate(rows):
                    if row and len(row) != expected:
                        values = f"{len(row)} value{'s' if len(row) != 1 else ''}, {expected} expected"
                        return f"{path.name}, line {rows.line_num}: {values}"
                    if number > MOST_ROWS:
                        break
        except (OSError, UnicodeDecodeError, csv.Error):
            continue
    return None


def ragged_fault(where: str, row: str) -> Fault:
    """The fault of such a row.

    Parameters
    ----------
    where : str
        What messages call the source.
    row : str
        As `ragged_row` names it.

    Returns
    -------
    Fault
    """
    do = "fix that row (quote values that hold the delimiter), or export the file again"
    return Fault(where, row, "as many values in every row as the header has", do)
