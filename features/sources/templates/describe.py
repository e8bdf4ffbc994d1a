"""Writes a page of docs/sources for each system: `python -m features.sources.templates.describe docs/sources`."""

from __future__ import annotations

import sys
from pathlib import Path

from configs.tables import TABLE_NAMES
from features.sources.templates.landed import every_table
from features.sources.templates.sql import AccountIds, filled
from features.sources.templates.staging import DIALECTS
from features.sources.templates.template import SYSTEMS, SourceColumn, Template, template


def page(name: str) -> str:
    """The page of a system, as Markdown.

    Parameters
    ----------
    name : str
        Of `SYSTEMS`.

    Returns
    -------
    str
    """
    system = template(name)
    lines = [
        f"# {system.title}",
        "",
        f"`forewarn init DIR --source {name}` maps these tables. Landed by: {_sentence(system.landed_by)}",
        f"They lie as files `{name}/TABLE.csv` (or Parquet, JSON lines) in DIR.",
        f"Made from `configs/sources/{name}.yaml`, whose SQL is written once and translated for {', '.join(DIALECTS)}.",
        f"Beside other systems, name them all: `--source {name},...`.",
        "",
        f"Whose accounts: {_sentence(system.account)}",
        "",
        "## What it fills",
        "",
        "| table | columns | when a fact counts as known |",
        "| --- | --- | --- |",
        *(_fill_line(system, table) for table in TABLE_NAMES if system.fill(table)),
        "",
        f"Not filled: {', '.join(table for table in TABLE_NAMES if not system.fill(table)) or 'nothing'}.",
        "",
        "## What it cannot know",
        "",
        *(f"- {_sentence(sentence)}" for sentence in system.unknown),
        "",
        "## What is left out",
        "",
        *(f"- {_sentence(sentence)}" for sentence in system.left_out),
        "",
        "## What it reads",
        "",
        "A column with a question mark may be missing: what is made of it is then not mapped. So may a table with one.",
        "",
        "| table | columns |",
        "| --- | --- |",
        *(_reads_line(system, table) for table in system.reads),
    ]
    return "\n".join(lines) + "\n"


def _sentence(text: str) -> str:
    """With a capital, unless it begins with the name of a column, and a full stop.

    >>> _sentence("an account is a customer"), _sentence("invoice.status, which is today's.")
    ('An account is a customer.', "invoice.status, which is today's.")
    """
    text = " ".join(text.split())
    is_word = text.split()[0].isalpha()
    return (text[0].upper() if is_word else text[0]) + text[1:] + ("" if text.endswith(".") else ".")


def _fill_line(system: Template, table: str) -> str:
    fill = system.fill(table)
    assert fill is not None
    query = filled(system, fill, every_table(system), "duckdb", AccountIds())
    assert query is not None
    return f"| {table} | {', '.join(f'`{name}`' for name in query.columns)} | {_sentence(fill.recorded_at)} |"


def _reads_line(system: Template, table: str) -> str:
    mark = "?" if table in system.optional else ""
    return f"| {table}{mark} | {', '.join(_column(column) for column in system.reads[table])} |"


def _column(column: SourceColumn) -> str:
    name = f"{column.inside}.{column.name}" if column.inside else column.name
    return f"`{name}`" + ("" if column.required else "?")


if __name__ == "__main__":
    for system_name in SYSTEMS:
        (Path(sys.argv[1]) / f"{system_name}.md").write_text(page(system_name), encoding="utf-8")
