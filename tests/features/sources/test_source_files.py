"""Which files the tables are read from: of a name, a pattern, a folder; None where a server or SQL has them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from configs.errors import SourceError
from configs.settings import Settings
from features.sources import source_files

Make = Callable[..., Settings]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "usage").mkdir()
    for name in ("accounts.csv", "contracts-1.csv", "contracts-2.csv", "usage/a.csv", "usage/b.csv"):
        (tmp_path / name).write_text("account_id\na\n")
    return tmp_path


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("accounts.csv", ["accounts.csv"]),
        ("contracts-*.csv", ["contracts-1.csv", "contracts-2.csv"]),
        ("usage", ["a.csv", "b.csv"]),
    ],
)
def test_files_of_a_table(folder: Path, make_settings: Make, origin: str, expected: list[str]) -> None:
    files = source_files(make_settings(tables={"accounts": {"from": "accounts.csv"}, "contracts": {"from": origin}}))
    assert files is not None
    assert [files[0].name, *sorted(path.name for path in files[1:])] == ["accounts.csv", *expected]


@pytest.mark.parametrize("other", [{"from": "crm.contracts"}, {"query": "select 1 as account_id"}])
def test_a_table_or_a_query_has_none(folder: Path, make_settings: Make, other: dict[str, Any]) -> None:
    assert source_files(make_settings(tables={"accounts": {"from": "accounts.csv"}, "contracts": other})) is None


def test_a_file_that_is_gone_is_named(folder: Path, make_settings: Make) -> None:
    tables = {"accounts": {"from": "acounts.csv"}, "contracts": {"from": "contracts-1.csv"}}
    settings = make_settings(tables=tables)
    with pytest.raises(SourceError, match=r"no file acounts\.csv"):
        source_files(settings)
