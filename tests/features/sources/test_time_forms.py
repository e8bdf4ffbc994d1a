"""Times as systems write them: read where a whole column agrees, else a fault that names the form and what to write."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from configs.errors import SourceError
from configs.settings import Settings
from features.sources import open_sources

Make = Callable[..., Settings]
# How three times are written, and which they are.
THREE = ["2024-01-31 09:05:00", "2024-02-01 00:00:00", "2024-02-29 23:59:59"]
DAYS = ["2024-01-31 00:00:00", "2024-02-01 00:00:00", "2024-02-29 00:00:00"]
READ: dict[str, tuple[list[str], list[str]]] = {
    "one-digit hours": (["2024-01-31 9:05:00", "2024-02-01 0:00", "2024-02-29 23:59:59"], THREE),
    "BigQuery": (["2024-01-31 09:05:00 UTC", "2024-02-01 00:00:00 UTC", "2024-02-29 23:59:59 UTC"], THREE),
    "BigQuery's parts": (["2024-01-31 9:05:00.000 UTC", "2024-02-01 00:00:00UTC", "2024-02-29T23:59:59 UTC"], THREE),
    "unix seconds": (["1706691900", "1706745600", "1709251199"], THREE),
    "unix seconds of floats": (["1706691900.0", "1706745600.0", "1709251199.0"], THREE),
    "unix milliseconds": (["1706691900000", "1706745600000", "1709251199000"], THREE),
    "unix microseconds": (["1706691900000000", "1706745600000000", "1709251199000000"], THREE),
    "unix nanoseconds": (["1706691900000000000", "1706745600000000000", "1709251199000000000"], THREE),
    "dates of eight digits": (["20240131", "20240201", "20240229"], DAYS),
    "Excel serials": (["45322.378472222219", "45323", "45351.999988425923"], THREE),
    "Excel serials of days": (["45322", "45323", "45351"], DAYS),
}


def write(folder: Path, values: list[str]) -> None:
    (folder / "accounts.csv").write_text("account_id,created_at\n" + "".join(f"{i},2024-01-01\n" for i in range(3)))
    rows = "".join(f"{number},{value}\n" for number, value in enumerate(values))
    (folder / "usage.csv").write_text("account_id,at\n" + rows)


def mapped(make_settings: Make, folder: Path, how: str, zone: str = "UTC") -> list[str]:
    source: dict[str, object] = {"from": "usage.csv"}
    if how == "query":
        source = {"query": "select * from 'usage.csv'"}
    elif how != "csv":
        frame = pd.read_csv(folder / "usage.csv", dtype={"at": "float64" if how == "floats" else "int64"})
        frame.to_parquet(folder / "usage.parquet")
        source = {"from": "usage.parquet"}
    tables = {"accounts": {"from": "accounts.csv"}, "usage_events": {**source, "columns": {"occurred_at": "at"}}}
    sources = open_sources(make_settings(tables=tables, churn={"kind": "silence"}, timezone=zone))
    times = sources.engine.to_pandas(sources.tables["usage_events"]).sort_values("account_id").occurred_at
    sources.close()
    return [f"{time:%Y-%m-%d %H:%M:%S}" for time in times]


@pytest.mark.parametrize("how", ["csv", "query"])
@pytest.mark.parametrize("form", READ)
def test_a_column_that_agrees_is_read(form: str, how: str, make_settings: Make, tmp_path: Path) -> None:
    write(tmp_path, READ[form][0])
    assert mapped(make_settings, tmp_path, how) == READ[form][1]


@pytest.mark.parametrize("form", ["unix seconds", "unix milliseconds", "dates of eight digits"])
@pytest.mark.parametrize("how", ["integers", "floats"])
def test_so_is_a_column_of_numbers(form: str, how: str, make_settings: Make, tmp_path: Path) -> None:
    write(tmp_path, READ[form][0])
    assert mapped(make_settings, tmp_path, how) == READ[form][1]


def test_seconds_are_utc_and_dates_are_local(make_settings: Make, tmp_path: Path) -> None:
    write(tmp_path, READ["unix seconds"][0])
    assert mapped(make_settings, tmp_path, "csv", "Europe/Berlin") == THREE
    write(tmp_path, READ["Excel serials"][0])
    assert mapped(make_settings, tmp_path, "csv", "Europe/Berlin")[0] == "2024-01-31 08:05:00"
    write(tmp_path, READ["dates of eight digits"][0])
    assert mapped(make_settings, tmp_path, "csv", "Europe/Berlin")[0] == "2024-01-30 23:00:00"


@pytest.mark.parametrize(
    ("values", "says"),
    [
        (["1706691900", "2024-02-01", ""], r"unix seconds\), .*to_timestamp\(at::bigint\) as occurred_at"),
        (["1706691900", "1706691900000", "1706691900"], r"3 rows that cannot be read \(unix seconds"),
        (["20240230", "20240201", "20240201"], "1 row that cannot be read"),
        (["45322", "7", "45323"], "3 rows that cannot be read"),
        (["31/01/2024", "01/02/2024", "2024-02-01"], r"day and month with slashes\).*'%d/%m/%Y'\) or '%m/%d/%Y'"),
        (["31.01.2024", "2024-02-01", "2024-02-01"], r"day.month.year\).*'%d.%m.%Y'"),
        (["Jan 31 2024", "2024-02-01", "2024-02-01"], r"a month as a word\)"),
        (["2024-01-31 24:05:00", "2024-02-01", "2024-02-01"], "1 row that cannot be read"),
    ],
)
def test_a_column_that_does_not_is_a_fault_with_its_form(
    values: list[str], says: str, make_settings: Make, tmp_path: Path
) -> None:
    write(tmp_path, values)
    with pytest.raises(SourceError, match=says):
        mapped(make_settings, tmp_path, "csv")


# A column of a file, under from: and in a query; and what each row's id becomes.
ALIKE = {
    "leading zeros": (["007", "042", "100"], ["007", "042", "100"]),
    "whole numbers": (["7", "42", "100"], ["7", "42", "100"]),
    "numbers of a tool": (["7.0", "42.0", "100.0"], ["7", "42", "100"]),
    "numbers, and a word far down": (["7", "42", "x"], ["7", "42", "x"]),
}


@pytest.mark.parametrize("how", [{"from": "usage.csv"}, {"query": "select * from 'usage.csv'"}])
@pytest.mark.parametrize("case", ALIKE)
def test_a_file_in_a_query_is_read_as_the_file_itself(
    case: str, how: dict[str, str], make_settings: Make, tmp_path: Path
) -> None:
    written, expected = ALIKE[case]
    rows = [f"{value},2024-02-0{n} 9:00:00+01:00,{n}.5,{value}" for n, value in enumerate(written, 1)]
    (tmp_path / "usage.csv").write_text("\n".join(["account_id,occurred_at,quantity,feature", *rows]))
    (tmp_path / "accounts.csv").write_text(
        "account_id,created_at\n" + "".join(f"{one},2024-01-01\n" for one in expected)
    )
    tables = {"accounts": {"from": "accounts.csv"}, "usage_events": how}
    sources = open_sources(make_settings(tables=tables, churn={"kind": "silence"}, timezone="Asia/Tokyo"))
    rows = sources.engine.to_pandas(sources.tables["usage_events"]).sort_values("occurred_at")
    assert rows.account_id.tolist() == expected
    assert rows.quantity.tolist() == [1.5, 2.5, 3.5]
    assert rows.occurred_at.dt.hour.tolist() == [8, 8, 8]
    sources.close()


def test_sql_adds_up_what_a_whole_column_says(make_settings: Make, tmp_path: Path) -> None:
    (tmp_path / "usage.csv").write_text(
        "account_id,day,cents,first\n007,2024-02-01,150,true\n007,2024-02-02,250,false\n"
    )
    (tmp_path / "accounts.csv").write_text("account_id,created_at\n007,2024-01-01\n")
    query = "select account_id, day + 1 as occurred_at, cents / 100 as quantity from 'usage.csv' where first"
    tables = {"accounts": {"from": "accounts.csv"}, "usage_events": {"query": query}}
    sources = open_sources(make_settings(tables=tables, churn={"kind": "silence"}))
    (row,) = sources.engine.to_pandas(sources.tables["usage_events"]).to_dict("records")
    assert (row["account_id"], f"{row['occurred_at']:%Y-%m-%d}", row["quantity"]) == ("007", "2024-02-02", 1.5)
    sources.close()
