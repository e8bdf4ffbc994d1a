"""Values of sources as canonical types: times in UTC, ids as text, blanks as missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from features.sources.sources import open_sources
from tests.features.sources.canonical_rows import Make, Write, canonical


@pytest.mark.parametrize(
    ("written", "zone", "moment"),
    [
        ("2024-07-01", "UTC", "2024-07-01"),
        ("2024-07-01", "Europe/Berlin", "2024-06-30 22:00"),
        ("2024-01-15", "America/New_York", "2024-01-15 05:00"),
        ("2024-07-01 12:00", "Europe/Berlin", "2024-07-01 10:00"),
        ("2024-07-01T12:00:00+02:00", "America/New_York", "2024-07-01 10:00"),
        ("2024-07-01 12:00:00.123456789Z", "Europe/Berlin", "2024-07-01 12:00:00.123456"),
        ("2024-07-01 12:00:00-0330", "UTC", "2024-07-01 15:30"),
        ("2024-02-29 23:59:59.5", "UTC", "2024-02-29 23:59:59.5"),
    ],
)
def test_times_become_utc(written: str, zone: str, moment: str, make_settings: Make, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"account_id,created_at\n1,{written}\n")
    (tmp_path / "u.csv").write_text("account_id,occurred_at\n1,2024-12-01\n")
    settings = make_settings(
        timezone=zone,
        tables={"accounts": {"from": "a.csv"}, "usage_events": {"from": "u.csv"}},
        churn={"kind": "silence"},
    )
    created = open_sources(settings).tables["accounts"].created_at.execute()
    assert created.tolist() == [pd.Timestamp(moment)]


def test_zoned_parquet_and_the_end_of_the_calendar(make_settings: Make, tmp_path: Path) -> None:
    start = pd.Timestamp("2024-07-01 00:00", tz="Europe/Berlin")
    pd.DataFrame({"account_id": [1], "created_at": [start]}).to_parquet(tmp_path / "a.parquet")
    terms = "account_id,starts_at,ends_at\n1,2024-07-02,9999-12-31\n"
    (tmp_path / "c.csv").write_text(terms)
    tables = {"accounts": {"from": "a.parquet"}, "contracts": {"from": "c.csv"}}
    sources = open_sources(make_settings(timezone="America/New_York", tables=tables))
    assert sources.tables["accounts"].created_at.execute().tolist() == [pd.Timestamp("2024-06-30 22:00")]
    assert sources.tables["contracts"].ends_at.execute().isna().all()
    assert sources.data_end == pd.Timestamp("2024-07-03")  # contracts alone: their starts have to tell


@pytest.mark.parametrize(
    ("ids", "expected_ids"),
    [
        ([1.0, 22.0], ["1", "22"]),
        ([9007199254740993, 2], ["2", "9007199254740993"]),
        (["001", " A-2 "], ["001", "A-2"]),
        (["7.0", "8.50"], ["7", "8.50"]),
    ],
)
@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_account_ids_become_text(
    ids: list[Any], expected_ids: list[str], ending: str, make_settings: Make, write_tables: Write
) -> None:
    accounts = pd.DataFrame({"account_id": ids, "created_at": "2024-01-01"})
    write_tables({"a": accounts, "u": accounts.rename(columns={"created_at": "occurred_at"})}, ending)
    tables = {"accounts": {"from": f"a.{ending}"}, "usage_events": {"from": f"u.{ending}"}}
    sources = open_sources(make_settings(tables=tables, churn={"kind": "silence"}))
    assert sorted(sources.tables["accounts"].account_id.execute()) == expected_ids


def test_blanks_are_missing_and_quantity_is_one_by_default(make_settings: Make, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "account_id,created_at,name,strategic,zip\n1,2024-01-01,  ,Yes,01234\n2,2024-01-01,x,,99\n"
    )
    (tmp_path / "u.csv").write_text("account_id,occurred_at,quantity,depth\n1,2024-01-02,,\n1,2024-01-03, 2.5 ,1e3\n")
    tables = {
        "accounts": {"from": "a.csv", "attributes": ["zip"]},
        "usage_events": {"from": "u.csv", "measures": ["depth"]},
    }
    result = canonical(open_sources(make_settings(tables=tables, churn={"kind": "silence"})))
    assert result["accounts"]["name"].isna().tolist() == [True, False]
    assert result["accounts"]["zip"].tolist() == ["01234", "99"]  # a leading zero: a code, not a number
    assert result["accounts"]["strategic"].tolist()[0] is True
    assert result["usage_events"]["quantity"].tolist() == [1.0, 2.5]
    assert result["usage_events"]["depth"].tolist()[1] == 1000.0


def test_people_of_a_typed_source_are_cleaned_as_they_are_read(make_settings: Make, tmp_path: Path) -> None:
    """And nothing is kept for that: the table stays a view of its file."""
    begun = pd.Timestamp("2024-01-01")
    pd.DataFrame({"account_id": ["a"], "created_at": [begun]}).to_parquet(tmp_path / "a.parquet")
    people = ["u1", " u1\t", "", " ", None, "7.0", "7", "a.b"]
    uses = {"account_id": "a", "occurred_at": begun + pd.to_timedelta(range(len(people)), unit="D"), "user_id": people}
    pd.DataFrame(uses).to_parquet(tmp_path / "u.parquet")
    tables = {"accounts": {"from": "a.parquet"}, "usage_events": {"from": "u.parquet"}}
    sources = open_sources(make_settings(tables=tables, churn={"kind": "silence"}))
    result = canonical(sources)["usage_events"]["user_id"]
    kept = sources.engine.connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
    sources.close()
    assert result.astype(object).where(result.notna(), None).tolist() == ["u1", "u1", None, None, None, "7", "7", "a.b"]
    assert kept == []
