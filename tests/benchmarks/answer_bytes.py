"""What answers cost the ledger: `python tests/benchmarks/answer_bytes.py PROJECT`, of a project that was served once.

10,000 accounts (those of the project's prepared day, as often as it takes) are answered for some hours of one day, in
calls of 1,000, of 100 and of one, each into a ledger of its own; what each hour adds is measured and counted up to a
year of 8,760 hours. The day's predictions, written once however often they are asked for, are told apart.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from configs.settings_file import load_settings
from evaluation.ledger import Answered, Ledger, moment
from serving.prepared import PreparedDay, current_day

ACCOUNTS, HOURS, GROUP = 10_000, 3, 16  # answers that wait for one commit, as with so many connections
YEAR_HOURS = 365 * 24


def rows_of(project: Path) -> list[tuple[Any, ...]]:
    """ACCOUNTS rows of predictions with the texts of the project's own."""
    folder = current_day(load_settings(project / "forewarn.yaml").paths.served)
    assert folder is not None, "serve the project once, so that a day is prepared"
    day = PreparedDay.load(folder)
    own = [day.row_values(account) for account in day]
    return [(f"acc-{number:05d}", *own[number % len(own)][1:]) for number in range(ACCOUNTS)]


def calls(rows: list[tuple[Any, ...]], size: int, hour: int) -> Iterator[list[Answered]]:
    """An hour's answers, in groups of one commit."""
    at = moment(pd.Timestamp("2026-01-01") + pd.Timedelta(hours=hour))
    group: list[Answered] = []
    for start in range(0, len(rows), size):
        given = rows[start : start + size]
        group.append(Answered(f"{hour:08x}{start:08x}", "key:01234567", "score", at, given))
        if len(group) == GROUP:
            yield group
            group = []
    if group:
        yield group


def measured(rows: list[tuple[Any, ...]], size: int, folder: Path) -> tuple[float, float]:
    """Bytes of the day's predictions, and of one hour's answers."""
    file = folder / f"{size}.db"
    sizes = []
    for hour in range(HOURS):
        written: list[Any] = []
        with Ledger.open(f"sqlite:///{file}") as ledger:
            for group in calls(rows, size, hour):
                written += [pointer for answer in ledger.answer(group) for pointer in answer]
        rows = written  # from now on each is known to stand in the ledger
        sizes.append(file.stat().st_size)
    return sizes[0] - (sizes[-1] - sizes[0]) / (HOURS - 1), (sizes[-1] - sizes[0]) / (HOURS - 1)


def main() -> None:
    rows = rows_of(Path(sys.argv[1]))
    with tempfile.TemporaryDirectory() as folder:
        for size in (1000, 100, 1):
            day, hour = measured(list(rows), size, Path(folder))
            year, each = hour * YEAR_HOURS, hour / ACCOUNTS
            print(f"calls of {size:4d}: {hour:9,.0f} bytes an hour ({each:6.1f} an answer of one account),", end=" ")
            print(
                f"{year / 1e9:6.2f} GB a year; the day's predictions {day / ACCOUNTS:,.0f} bytes an account,", end=" "
            )
            print(f"{day * 365 / 1e9:.1f} GB a year with new signals every day", flush=True)


if __name__ == "__main__":
    main()
