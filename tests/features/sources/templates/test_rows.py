"""Templates of systems that the demo is not written into, on a few rows with the traps that their pages name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from features.sources.templates import template
from features.sources.templates.landed import every_table
from features.sources.templates.sql import AccountIds, filled
from tests.features.sources.templates.test_engines import create

CASES: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "rows.yaml").read_text(encoding="utf-8"))


def parsed(text: str) -> tuple[list[str], list[list[str | None]]]:
    """Names and rows of a table written down; commas inside braces separate nothing."""
    head, *lines = [[cell.strip() or None for cell in line.split(",")] for line in text.strip().splitlines()]
    return [str(name) for name in head], [[*line, *[None] * (len(head) - len(line))] for line in lines]


@pytest.mark.parametrize("name", CASES)
def test_rows_become_what_its_page_says(name: str) -> None:
    case, system = CASES[name], template(name)
    with duckdb.connect() as connection:
        create(connection.execute, name, "duckdb")
        for table, text in case["tables"].items():
            columns, rows = parsed(text)
            marks = ", ".join("?" * len(columns))
            listed = ", ".join(f'"{column}"' for column in columns)
            connection.executemany(f'insert into {name}."{table}" ({listed}) values ({marks})', rows)
        fill = system.fill(case["fills"])
        assert fill is not None
        query = filled(system, fill, every_table(system), "duckdb", AccountIds(True, system.account_key))
        assert query is not None
        columns, expected = parsed(case["expected"])
        shown = ", ".join(f"cast({column} as varchar)" for column in columns)
        found = connection.execute(f"select {shown} from ({query.sql})").fetchall()
    found = [[None if value is None else value.removesuffix(".0") for value in row] for row in found]
    assert sorted(found, key=str) == sorted(expected, key=str)
