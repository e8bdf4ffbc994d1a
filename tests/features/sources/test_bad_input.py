"""Everything that can be wrong with sources: one clear fault each, all of them at once, and nothing half."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from configs.errors import SourceError
from configs.settings import Settings
from features.sources.sources import open_sources

Make = Callable[..., Settings]

FILES = {
    "accounts.csv": ["account_id,created_at,industry", "1,2023-01-01,bank", "2,2023-02-01,retail"],
    "contracts.csv": [
        "contract_id,account_id,starts_at,ends_at,arr",
        "c1,1,2023-01-01,2023-12-31,1200",
        "c2,2,2023-02-01,2024-01-31,99.5",
    ],
    "tickets.csv": [
        "ticket_id,account_id,opened_at,resolved_at,satisfaction",
        "t1,1,2023-03-01,2023-03-02,5",
        "t2,2,2023-03-01,,",
    ],
    "invoices.csv": ["account_id,issued_at,amount,kind", "1,2023-03-01,100,invoice"],
}
TABLES: dict[str, Any] = {
    "accounts": {"from": "accounts.csv", "attributes": ["industry"]},
    "contracts": {"from": "contracts.csv"},
    "tickets": {"from": "tickets.csv"},
    "invoices": {"from": "invoices.csv"},
}


def write(folder: Path, **changed: list[str]) -> None:
    for name, lines in (FILES | {f"{key}.csv": value for key, value in changed.items()}).items():
        (folder / name).write_text("\n".join(lines) + "\n")


def tables(**changed: Any) -> dict[str, Any]:
    return {name: {**table, **changed.get(name, {})} for name, table in TABLES.items()}


def faults_of(settings: Settings) -> list[str]:
    with pytest.raises(SourceError) as caught:
        open_sources(settings)
    assert caught.value.exit_code == 2
    return [str(fault) for fault in caught.value.faults]


def test_the_sound_project_opens(make_settings: Make, tmp_path: Path) -> None:
    write(tmp_path)
    assert open_sources(make_settings(tables=tables())).has("tickets", "satisfaction")


MAPPINGS: tuple[tuple[str, dict[str, Any], tuple[str, ...]], ...] = (
    ("missing file", {"tickets": {"from": "ticket.csv"}}, ("no file ticket.csv", "did you mean 'tickets.csv'?")),
    ("missing folder", {"tickets": {"from": "raw/t.csv"}}, ("no file raw/t.csv", "there is no folder 'raw'")),
    ("empty glob", {"tickets": {"from": "t_*.csv"}}, ("no file matches t_*.csv",)),
    ("a folder of other files", {"tickets": {"from": "./"}}, ("tickets.opened_at", "without a value")),
    ("unknown kind of file", {"tickets": {"from": "t.xlsx"}}, ("no file t.xlsx",)),
    ("a table where files are", {"tickets": {"from": "support"}}, ("no table 'support'",)),
    (
        "misspelt mapping",
        {"tickets": {"columns": {"satisfaction": "satisfactoin"}}},
        ("'satisfactoin'", "'satisfaction'?"),
    ),
    ("column and constant", {"invoices": {"columns": {"kind": "kind"}, "constants": {"kind": "invoice"}}}, ("both",)),
    ("constant out of words", {"invoices": {"constants": {"kind": "bill"}}}, ("another word", "'bill'", "credit_note")),
    ("constant that is no number", {"invoices": {"constants": {"amount": "much"}}}, ("cannot be read", "'much'")),
    ("missing attribute", {"accounts": {"attributes": ["industri"]}}, ("'industri'", "did you mean 'industry'?")),
    (
        "attribute of times",
        {"accounts": {"attributes": ["created_at"]}},
        ("of type time", "number or flag or text", "query:"),
    ),
    ("measure of text", {"invoices": {"measures": ["kind"]}}, ("invoices.kind",)),
    (
        "attributes elsewhere",
        {"tickets": {"attributes": ["priority"]}},
        ("attributes of tickets", "attributes of accounts or contracts"),
    ),
    ("bad SQL", {"tickets": {"from": None, "query": "selec 1"}}, ("tables.tickets.query", "syntax error")),
    ("SQL of no such column", {"tickets": {"from": None, "query": "select x from 'tickets.csv'"}}, ('"x" not found',)),
)


@pytest.mark.parametrize(("change", "says"), [case[1:] for case in MAPPINGS], ids=[case[0] for case in MAPPINGS])
def test_a_mapping_that_does_not_fit(
    change: dict[str, Any], says: tuple[str, ...], make_settings: Make, tmp_path: Path
) -> None:
    write(tmp_path)
    body = tables(**change)
    body = {name: {key: value for key, value in one.items() if value is not None} for name, one in body.items()}
    faults = faults_of(make_settings(tables=body))
    assert len(faults) == 1, faults
    for words in says:
        assert words in faults[0]


A, C, T, V = (FILES[f"{name}.csv"] for name in ("accounts", "contracts", "tickets", "invoices"))
ROWS: tuple[tuple[str, dict[str, list[str]], tuple[str, ...]], ...] = (
    (
        "missing column",
        {"accounts": ["account_id,creatd_at,industry", "1,2023-01-01,b"]},
        ("created_at", "'creatd_at'?"),
    ),
    ("empty table", {"tickets": T[:1]}, ("tickets: found no rows in tickets.csv",)),
    ("no bytes", {"tickets": []}, ("found no column of that name", "opened_at")),
    (
        "duplicate account",
        {"accounts": [*A, "2,2023-02-02,x"]},
        ("accounts.account_id", "1 row with a key already taken"),
    ),
    ("duplicate contract", {"contracts": [*C, *C[1:]]}, ("contracts.contract_id", "2 rows with a key already taken")),
    ("blank account", {"tickets": [*T, "t3, ,2023-03-01,,"]}, ("tickets.account_id", "1 row without a value")),
    ("blank time", {"contracts": [*C, "c3,1,,2024-01-01,1"]}, ("contracts.starts_at", "1 row without a value")),
    ("text in numbers", {"contracts": [*C, "c3,1,2023-05-01,,12k"]}, ("contracts.arr", "1 row that cannot", "'12k'")),
    ("beyond counting", {"contracts": [*C, "c3,1,2023-05-01,,1e15"]}, ("contracts.arr", "1 row that cannot", "1e15")),
    ("no such day", {"tickets": [*T, "t3,1,2023-02-29,,"]}, ("tickets.opened_at", "'2023-02-29'", "2024-01-31")),
    ("American days", {"tickets": [*T, "t3,1,03/31/2023,,"]}, ("tickets.opened_at", "'03/31/2023'", "query:")),
    (
        "negative tenure",
        {"contracts": [*C, "c3,1,2023-05-01,2023-04-30,1"]},
        ("contracts.ends_at", "end before", "'1'"),
    ),
    ("below the range", {"contracts": [*C, "c3,1,2023-05-01,,-1"]}, ("contracts.arr", "below the range", "'-1'")),
    ("above the range", {"tickets": [*T, "t3,1,2023-03-01,,6"]}, ("tickets.satisfaction", "above the range", "1 to 5")),
    ("another word", {"invoices": [*V, "1,2023-03-02,1,Invoice"]}, ("invoices.kind", "'Invoice'", "failed_payment")),
    ("attribute of days", {"accounts": [A[0], "1,2023-01-01,2020-01-01"]}, ("accounts.industry", "times", "attribute")),
)


@pytest.mark.parametrize(("change", "says"), [case[1:] for case in ROWS], ids=[case[0] for case in ROWS])
def test_rows_that_cannot_be(
    change: dict[str, list[str]], says: tuple[str, ...], make_settings: Make, tmp_path: Path
) -> None:
    write(tmp_path, **change)
    faults = "\n".join(faults_of(make_settings(tables=tables())))
    for words in says:
        assert words in faults


def test_one_bad_value_far_down_a_file_is_counted_not_a_crash(make_settings: Make, tmp_path: Path) -> None:
    many = [f"c{place},1,2023-01-01,2023-12-31,{place}" for place in range(30_000)]
    write(tmp_path, contracts=[C[0], *many, "x,1,2023-01-01,2023-12-31,free", "y,1,2023-01-01,2023-12-31,gratis"])
    assert faults_of(make_settings(tables=tables())) == [
        "contracts.arr: found 2 rows that cannot be read, for example 'free'; "
        "expected numbers such as 1234.5, smaller than 1e15; to do: fix the source, or convert the column with query:"
    ]


def test_every_fault_of_every_table_at_once(make_settings: Make, tmp_path: Path) -> None:
    write(
        tmp_path,
        accounts=[*A, "2,2023-02-01,x", "3,soon,y"],
        contracts=[C[0], "c1,1,2023-01-01,2022-12-31,x", "c1,2,2023-01-01,,-5"],
        tickets=T[:1],
    )
    faults = faults_of(make_settings(tables=tables(invoices={"from": "bills.csv"})))
    where = [fault.split(":")[0] for fault in faults]
    assert where == [
        "accounts.account_id",
        "accounts.created_at",
        "contracts.contract_id",
        "contracts.arr",
        "contracts.arr",
        "contracts.ends_at",
        "tickets",
        "tables.invoices.from",
    ]


def test_rows_after_a_stated_end_are_faults_but_contracts_signed_ahead(make_settings: Make, tmp_path: Path) -> None:
    write(tmp_path, contracts=[*C, "c3,1,2023-09-01,,1"])
    faults = faults_of(make_settings(tables=tables(), data_end="2023-02-01"))
    assert [fault.split(":")[0] for fault in faults] == [
        "accounts.created_at",
        "tickets.opened_at",
        "invoices.issued_at",
    ]
    assert "1 row at or after it, the newest at 2023-02-01" in faults[0]
    assert "2 rows at or after it, the newest at 2023-03-01" in faults[1]
    assert open_sources(make_settings(tables=tables(), data_end="2023-03-02")).data_end.isoformat()[:10] == "2023-03-02"


@pytest.mark.parametrize("name", ["status", "is_churned", "cancellationReason", "refund_amount", "final_result"])
def test_a_column_from_after_the_fact_is_refused_unless_allowed(name: str, make_settings: Make, tmp_path: Path) -> None:
    write(tmp_path, accounts=[f"account_id,created_at,industry,{name}", "1,2023-01-01,b,1", "2,2023-01-01,c,0"])
    body = tables(accounts={"attributes": ["industry", name]})
    faults = faults_of(make_settings(tables=body))
    assert len(faults) == 1
    assert f"allow_leaking: [accounts.{name}]" in faults[0]
    assert name in open_sources(make_settings(tables=body, allow_leaking=[f"accounts.{name}"])).attributes


def test_contract_end_needs_the_ends(make_settings: Make, tmp_path: Path) -> None:
    write(tmp_path, contracts=["account_id,starts_at", "1,2023-01-01"])
    faults = faults_of(make_settings(tables=tables()))
    assert faults[0].startswith(
        "contracts.ends_at: found no such column; expected the column that churn.kind contract_end"
    )


def test_a_damaged_file_and_an_unknown_connection(make_settings: Make, tmp_path: Path) -> None:
    write(tmp_path)
    (tmp_path / "t.parquet").write_bytes(b"PAR1 this is not parquet PAR1")
    (tmp_path / "warehouse.duckdb").write_bytes(b"neither is this a database")
    assert "t.parquet" in faults_of(make_settings(tables=tables(tickets={"from": "t.parquet"})))[0]
    for url, says in (
        ("mysql://u:hush@h/db", "postgres://"),
        ("duckdb://warehouse.duckdb", "a DuckDB database"),
        ("duckdb://warehous.duckdb", "did you mean 'warehouse.duckdb'?"),
    ):
        fault = faults_of(make_settings(connection=url, tables=tables()))[0]
        assert says in fault
        assert "hush" not in fault
