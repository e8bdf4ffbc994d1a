"""Sources in many files: folders, partitions, packed files, workbooks; in from: and in a query."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from configs.errors import SourceError
from configs.settings import Settings
from features.sources import open_sources

Make = Callable[..., Settings]
EVENTS = pd.DataFrame(
    {
        "account_id": ["007", "042", "007"],
        "occurred_at": pd.to_datetime(["2024-01-31 09:05", "2024-02-01", "2024-02-29"], format="ISO8601").as_unit("us"),
        "quantity": [1.0, 2.5, 3.0],
    }
)


def usage(make_settings: Make, folder: Path, **source: Any) -> list[tuple[str, str, float]]:
    (folder / "accounts.csv").write_text("account_id,created_at\n007,2024-01-01\n042,2024-01-01\n")
    tables = {"accounts": {"from": "accounts.csv"}, "usage_events": source}
    sources = open_sources(make_settings(tables=tables, churn={"kind": "silence"}))
    rows = sources.engine.to_pandas(sources.tables["usage_events"]).sort_values("occurred_at")
    sources.close()
    return list(zip(rows.account_id, rows.occurred_at.dt.strftime("%Y-%m-%d %H:%M"), rows.quantity, strict=True))


EXPECTED = [("007", "2024-01-31 09:05", 1.0), ("042", "2024-02-01 00:00", 2.5), ("007", "2024-02-29 00:00", 3.0)]


def test_a_folder_of_files(make_settings: Make, tmp_path: Path) -> None:
    (tmp_path / "usage").mkdir()
    EVENTS[:2].to_parquet(tmp_path / "usage" / "part-0.parquet")
    EVENTS[2:].to_parquet(tmp_path / "usage" / "part-1.parquet")
    (tmp_path / "usage" / "_SUCCESS").write_text("")
    (tmp_path / "usage" / "_metadata.parquet").write_text("none")
    assert usage(make_settings, tmp_path, **{"from": "usage"}) == EXPECTED
    assert usage(make_settings, tmp_path, **{"from": "usage/"}) == EXPECTED


def test_partitions_are_columns(make_settings: Make, tmp_path: Path) -> None:
    for account, rows in EVENTS.groupby("account_id"):
        folder = tmp_path / "usage" / f"account_id=a{account}"
        folder.mkdir(parents=True)
        rows.drop(columns="account_id").to_parquet(folder / "0.parquet")
    (tmp_path / "accounts.csv").write_text("account_id,created_at\na007,2024-01-01\na042,2024-01-01\n")
    tables = {"accounts": {"from": "accounts.csv"}, "usage_events": {"from": "usage"}}
    sources = open_sources(make_settings(tables=tables, churn={"kind": "silence"}))
    counts = sources.engine.to_pandas(sources.tables["usage_events"]).account_id.value_counts()
    assert counts.to_dict() == {"a007": 2, "a042": 1}
    sources.close()


def test_a_folder_without_data_is_a_fault(make_settings: Make, tmp_path: Path) -> None:
    (tmp_path / "usage").mkdir()
    (tmp_path / "usage" / "notes.txt").write_text("none")
    with pytest.raises(SourceError, match="the folder usage without data files"):
        usage(make_settings, tmp_path, **{"from": "usage"})
    EVENTS.to_parquet(tmp_path / "usage" / "a.parquet")
    EVENTS.to_csv(tmp_path / "usage" / "b.csv")
    with pytest.raises(SourceError, match="files of one kind"):
        usage(make_settings, tmp_path, **{"from": "usage"})


@pytest.mark.parametrize("source", [{"from": "usage.csv.gz"}, {"query": "select * from 'usage.csv.gz'"}])
def test_packed_files(source: dict[str, str], make_settings: Make, tmp_path: Path) -> None:
    with gzip.open(tmp_path / "usage.csv.gz", "wt") as file:
        EVENTS.to_csv(file, index=False)
    assert usage(make_settings, tmp_path, **source) == EXPECTED


SHEETS = [{"from": "book.ods"}, {"from": "book.ods#use"}, {"query": "select * from 'book.ods'"}]
MANIFEST = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
CELL = '<table:table-cell office:value-type="{kind}" {value}><text:p>{text}</text:p></table:table-cell>'


@pytest.mark.parametrize("source", SHEETS)
def test_workbooks(source: dict[str, str], make_settings: Make, tmp_path: Path) -> None:
    pytest.importorskip("python_calamine", reason="python-calamine is not installed: pip install 'forewarn[excel]'")
    write_book(tmp_path / "book.ods")
    assert usage(make_settings, tmp_path, **source) == EXPECTED


def test_a_sheet_that_is_not_there_is_a_fault(make_settings: Make, tmp_path: Path) -> None:
    pytest.importorskip("python_calamine", reason="python-calamine is not installed: pip install 'forewarn[excel]'")
    write_book(tmp_path / "book.ods")
    with pytest.raises(SourceError, match=r"no sheet 'used'.*known: use"):
        usage(make_settings, tmp_path, **{"from": "book.ods#used"})


def test_without_the_package_a_workbook_is_a_fault(
    make_settings: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "python_calamine", None)
    (tmp_path / "book.xlsx").write_text("x")
    with pytest.raises(SourceError, match=r"pip install 'forewarn\[excel\]'"):
        usage(make_settings, tmp_path, **{"from": "book.xlsx"})


def write_book(path: Path) -> None:
    """A workbook with one sheet, `use`, whose times are times of the sheet and whose ids are text."""
    import zipfile

    def row(*cells: str) -> str:
        return f"<table:table-row>{''.join(cells)}</table:table-row>"

    def text(value: str) -> str:
        return CELL.format(kind="string", value="", text=value)

    body = [row(*map(text, EVENTS.columns))]
    for account, at, quantity in EVENTS.itertuples(index=False):
        when = CELL.format(kind="date", value=f'office:date-value="{at.isoformat()}"', text=at)
        number = CELL.format(kind="float", value=f'office:value="{quantity}"', text=quantity)
        body.append(row(text(account), when, number))
    names = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
    )
    sheet = f'<table:table table:name="use">{"".join(body)}</table:table>'
    content = f"<office:document-content{names}><office:body><office:spreadsheet>{sheet}</office:spreadsheet>"
    content += "</office:body></office:document-content>"
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        book.writestr("META-INF/manifest.xml", f'<manifest:manifest xmlns:manifest="{MANIFEST}"/>')
        book.writestr("content.xml", '<?xml version="1.0" encoding="UTF-8"?>' + content)
