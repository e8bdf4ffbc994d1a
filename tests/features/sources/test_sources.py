"""Mapping and connecting: the same tables from every kind of file, times in UTC, the data's end, what was known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from configs.settings_file import load_settings
from features.sources.sources import known_at, open_sources
from tests.features.sources.canonical_rows import Make, Write, canonical

EXAMPLES = Path(__file__).resolve().parents[3] / "configs" / "examples"


def times(values: list[str | None]) -> pd.DatetimeIndex:
    return pd.to_datetime(values, format="ISO8601").as_unit("us")


FRAMES = {
    "customers": pd.DataFrame(
        {
            "id": [1, 2, 3],
            "signed": times(["2023-01-01", "2023-02-01 10:30:00.123456", "2023-03-01"]),
            "tier": ["smb", None, "enterprise"],
            "industry": ["retail", "bank", "bank"],
            "employees": [10, 250, 7],
            "pilot": [True, False, True],
        }
    ),
    "terms": pd.DataFrame(
        {
            "id": [1, 2, 2],
            "begin": times(["2023-01-01", "2023-02-01", "2023-05-01"]),
            "finish": times(["2023-12-31", None, "2024-04-30"]),
            "monthly": [100.0, 12.5, None],
            "discount": [0.1, 0.0, 0.25],
        }
    ),
    "bills": pd.DataFrame(
        {
            "id": [1, 1, 3],
            "number": ["A-1", "A-2", "A-3"],
            "date": times(["2023-02-01", "2023-03-01 23:59:59", "2023-04-01"]),
            "paid": times(["2023-02-20", None, "2023-04-05"]),
            "value": [10.5, -3.0, 1e6],
            "lines": [1, 2, 3],
        }
    ),
}

MAPPING: dict[str, Any] = {
    "accounts": {
        "from": "customers",
        "columns": {"account_id": "id", "created_at": "signed", "segment": "tier"},
        "attributes": ["industry", "employees", "pilot"],
    },
    "contracts": {
        "from": "terms",
        "columns": {"account_id": "id", "starts_at": "begin", "ends_at": "finish", "mrr": "monthly"},
        "measures": ["discount"],
    },
    "invoices": {
        "from": "bills",
        "columns": {
            "account_id": "id",
            "invoice_id": "number",
            "issued_at": "date",
            "paid_at": "paid",
            "amount": "value",
        },
        "constants": {"kind": "invoice"},
        "measures": ["lines"],
    },
}

# Users who change their account, devices two joins away, and an account that goes into another.
LINKED_FILES = {
    "firms": "account_id,created_at a,2023-01-01 b,2023-01-01 c,2023-01-01",
    "clicks": "device,occurred_at d,2023-02-01 d,2023-03-05 d,2023-03-20 e,2023-03-21 f,2023-03-22",
    "devices": "id,user_id d,u e,v f,w",
    "people": "user_id,org,from_day,recorded_at u,a,2023-01-01,2023-01-01 u,b,2023-03-01,2023-03-10 v,c,2023-01-01,",
    "merges": "account_id,into_account_id,merged_at c,b,2023-05-01",
}

LINKED: dict[str, Any] = {
    "accounts": {"from": "firms"},
    "usage_events": {"from": "clicks", "via": {"devices": "device"}},
    "devices": {"from": "devices", "via": {"people": "user_id"}, "columns": {"key": "id"}},
    "people": {"from": "people", "columns": {"key": "user_id", "account_id": "org", "valid_from": "from_day"}},
    "merges": {"from": "merges"},
}

LINKED_ACCOUNTS = ["a", "a", "b", "b"]


def from_files(mapping: Mapping[str, Any], ending: str) -> dict[str, Any]:
    return {name: {**one, "from": f"{one['from']}.{ending}"} for name, one in mapping.items()}


EXPECTED = {
    "accounts": {
        "account_id": ["1", "2", "3"],
        "created_at": ["2023-01-01", "2023-02-01 10:30:00.123456", "2023-03-01"],
        "segment": ["smb", None, "enterprise"],
        "industry": ["retail", "bank", "bank"],
        "employees": [10.0, 250.0, 7.0],
        "pilot": [True, False, True],
    },
    "contracts": {
        "account_id": ["1", "2", "2"],
        "starts_at": ["2023-01-01", "2023-02-01", "2023-05-01"],
        "ends_at": ["2023-12-31", None, "2024-04-30"],
        "discount": [0.1, 0.0, 0.25],
        "arr": [1200.0, 150.0, None],
    },
    "invoices": {
        "account_id": ["1", "1", "3"],
        "issued_at": ["2023-02-01", "2023-03-01 23:59:59", "2023-04-01"],
        "invoice_id": ["A-1", "A-2", "A-3"],
        "paid_at": ["2023-02-20", None, "2023-04-05"],
        "amount": [10.5, -3.0, 1e6],
        "kind": ["invoice"] * 3,
        "lines": [1.0, 2.0, 3.0],
    },
}


def expected(name: str) -> pd.DataFrame:
    frame = pd.DataFrame(EXPECTED[name])
    for column in frame:
        if str(column).endswith("_at"):
            frame[column] = times(frame[column].tolist())
    return frame


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_files_of_every_kind_give_the_same_canonical_tables(
    ending: str, make_settings: Make, write_tables: Write
) -> None:
    write_tables(FRAMES, ending)
    sources = open_sources(make_settings(tables=from_files(MAPPING, ending)))
    for name, frame in canonical(sources).items():
        assert_frame_equal(frame, expected(name), check_like=True)
    assert sources.attributes == ("industry", "employees", "pilot")
    assert sources.measures == {"contracts": ("discount",), "invoices": ("lines",)}
    assert sources.data_end == pd.Timestamp("2023-04-02")  # the last invoice; contracts may start ahead
    assert sources.has("contracts", "arr", "ends_at")
    assert not sources.has("contracts", "mrr")
    assert not sources.has("tickets")
    sources.close()


def test_a_glob_is_one_table_and_the_fingerprint_follows_the_bytes(
    make_settings: Make, write_tables: Write, tmp_path: Path
) -> None:
    bills = FRAMES["bills"]
    write_tables({**FRAMES, "bills_2023_02": bills[:1], "bills_2023_03": bills[1:]})
    mapping = from_files(MAPPING, "csv")
    whole = open_sources(make_settings(tables=mapping))
    mapping["invoices"]["from"] = "bills_*.csv"
    split = open_sources(make_settings(tables=mapping))
    assert_frame_equal(canonical(split)["invoices"], canonical(whole)["invoices"])
    assert split.fingerprint == open_sources(make_settings(tables=mapping)).fingerprint
    with (tmp_path / "bills_2023_03.csv").open("a") as file:
        file.write("3,A-4,2023-04-01,,1,1\n")
    more = open_sources(make_settings(tables=mapping))
    assert more.fingerprint != split.fingerprint
    assert int(more.tables["invoices"].count().execute()) == 4


def test_a_query_says_what_a_rename_cannot_and_its_content_is_fingerprinted(
    make_settings: Make, write_tables: Write, tmp_path: Path
) -> None:
    write_tables(FRAMES, "parquet")
    mapping = from_files(MAPPING, "parquet")
    mapping["contracts"] = {
        "query": "select id as account_id, begin as starts_at, finish as ends_at, 12 * monthly as arr, discount "
        "from 'terms.parquet';",  # relative to the settings' folder, and a trailing semicolon is forgiven
        "measures": ["discount"],
    }
    sources = open_sources(make_settings(tables=mapping))
    assert_frame_equal(canonical(sources)["contracts"], expected("contracts"), check_like=True)
    FRAMES["terms"].assign(monthly=1.0).to_parquet(tmp_path / "terms.parquet", index=False)
    assert open_sources(make_settings(tables=mapping)).fingerprint != sources.fingerprint


def test_tables_of_a_duckdb_file_are_read_and_never_written(make_settings: Make, tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as database:
        database.execute("create schema crm")
        for name, frame in FRAMES.items():
            database.register("frame", frame)
            database.execute(f"create table {'crm.' if name == 'terms' else ''}{name} as select * from frame")
    before = path.read_bytes()
    mapping = {name: dict(one) for name, one in MAPPING.items()}
    mapping["contracts"]["from"] = "crm.terms"
    sources = open_sources(make_settings(connection="duckdb://warehouse.duckdb", tables=mapping))
    for name, frame in canonical(sources).items():
        assert_frame_equal(frame, expected(name), check_like=True)
    sources.close()
    assert path.read_bytes() == before


def test_known_at_hides_the_future_late_rows_and_what_is_filled_in_later(make_settings: Make, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("account_id,created_at\n1,2024-01-01\n2,2024-03-01\n")
    rows = [
        "t1,1,2024-02-01,2024-02-05,2024-02-01",  # resolved before
        "t2,1,2024-02-02,2024-03-01,",  # resolved at as_of itself: not yet
        "t3,1,2024-02-29 23:59:59,,2024-03-01",  # recorded at as_of itself: known
        "t4,1,2024-02-03,,2024-03-01 00:00:01",  # recorded a second too late
        "t5,1,2024-03-01,,",  # happens at as_of: not before it
    ]
    (tmp_path / "t.csv").write_text("\n".join(["ticket_id,account_id,opened_at,resolved_at,recorded_at", *rows]))
    tables = {"accounts": {"from": "a.csv"}, "tickets": {"from": "t.csv"}}
    sources = open_sources(make_settings(tables=tables, churn={"kind": "silence", "silence": {"of": "tickets"}}))
    then = known_at(sources, pd.Timestamp("2024-03-01"))
    tickets = then.tables["tickets"].to_pandas().set_index("ticket_id").sort_index()
    assert tickets.index.tolist() == ["t1", "t2", "t3"]
    assert tickets.resolved_at.notna().tolist() == [True, False, False]
    assert then.tables["accounts"].account_id.execute().tolist() == ["1"]
    assert (then.data_end, sources.data_end) == (pd.Timestamp("2024-03-01"), pd.Timestamp("2024-03-02"))
    assert then.fingerprint != sources.fingerprint


def test_environment_variables_place_the_data(
    make_settings: Make, write_tables: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tables(FRAMES, "parquet")
    monkeypatch.setenv("SOME_PLACE", str(tmp_path))
    mapping = from_files(MAPPING, "parquet")
    mapping["accounts"]["from"] = "${SOME_PLACE}/customers.parquet"
    assert open_sources(make_settings(tables=mapping)).has("accounts", "industry")


@pytest.mark.parametrize(
    ("name", "rows", "data_end"),
    [
        (
            "oulad",
            {"accounts": 32548, "contracts": 32593, "usage_events": 169314, "interactions": 304597, "outcomes": 10072},
            "2015-05-31",
        ),
        ("online_retail", {"accounts": 5942, "invoices": 43411}, "2011-12-10"),
        ("fightchurn_crm5", {"accounts": 632, "contracts": 5053, "usage_events": 535229}, "2024-01-01"),
    ],
)
def test_the_examples_map_the_public_data(name: str, rows: dict[str, int], data_end: str, shared_data: Path) -> None:
    settings = load_settings(EXAMPLES / f"{name}.yaml")
    sources = open_sources(settings)
    assert {table_name: int(table.count().execute()) for table_name, table in sources.tables.items()} == rows
    assert sources.data_end == pd.Timestamp(data_end)
    assert not {"gender", "age_band", "disability", "imd_band"} & set(sources.tables["accounts"].columns)
    sources.close()


def test_oulad_counts_work_handed_in_by_its_day_as_attended(shared_data: Path) -> None:
    sources = open_sources(load_settings(EXAMPLES / "oulad.yaml"))
    due = sources.tables["interactions"].to_pandas()
    # Counted another way: every piece handed in by its due day, of accounts' assessments with a due day.
    in_time = duckdb.sql(f"""
        select account_id, assessment_type, due, count(*) as pieces from '{shared_data}/oulad/usage_events.parquet'
        where "timestamp" <= due group by all""").df()
    assert due.attended.sum() == in_time.pieces.sum()
    assert due.attended.notna().all()
    one = due[due.account_id == "11391_AAA2013J"]
    assert one.sort_values("occurred_at").attended.tolist() == [True] * len(one)
    sources.close()
