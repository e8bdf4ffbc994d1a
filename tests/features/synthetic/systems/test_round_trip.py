"""The company comes back from the systems' schemas as it went in: rows, days, cents and signals, traps left behind."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from configs.errors import UsageError
from configs.tables import TABLE_NAMES
from features.sources import open_sources
from features.synthetic.systems import WRITERS, make_systems_project
from tests.benchmarks.source_systems import compared, round_trip, signals_compared

ALL_BUT_ONE = ("stripe", "salesforce", "zendesk", "pendo")


@pytest.mark.slow
def test_the_company_comes_back_from_four_systems(tmp_path: Path) -> None:
    made, original, mapped = round_trip(tmp_path, ALL_BUT_ONE, accounts=40, months=9)
    filled = {table.table: table.system for table in made.mapping.tables}
    assert set(TABLE_NAMES) - set(filled) == {"interventions"}
    assert set(filled.values()) == set(ALL_BUT_ONE)
    columns = compared(original, mapped)
    assert columns[columns.differ > 0].to_dict("records") == []
    assert (columns.rows.dropna() == columns.mapped_rows.dropna()).all()
    assert (columns.rows.dropna() > 10).all()
    signals = signals_compared(original, mapped)
    assert signals[signals.differ > 0].to_dict("records") == []
    assert len(signals) > 200
    trials = _trials(mapped)
    assert len(trials) == made.written.planted["stripe"]["trials"] > 0


@pytest.mark.slow
def test_the_company_comes_back_from_hubspot(tmp_path: Path) -> None:
    made, original, mapped = round_trip(tmp_path, ("hubspot", "pendo"), accounts=40, months=9)
    assert made.mapping.leads == "hubspot"
    columns = compared(original, mapped)
    assert columns[columns.differ > 0].to_dict("records") == []
    assert {table.table for table in made.mapping.tables if table.system == "hubspot"} == {
        "accounts", "interactions", "contacts", "milestones", "outcomes"
    }  # fmt: skip


@pytest.mark.slow
def test_every_writer_plants_its_traps(tmp_path: Path) -> None:
    made = make_systems_project(tmp_path, tuple(WRITERS), accounts=40, months=6)
    for system, planted in made.written.planted.items():
        assert {trap: count for trap, count in planted.items() if not count} == {}, system


def test_a_system_without_a_writer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"zuora.*of stripe"):
        make_systems_project(tmp_path, ("zuora",), accounts=20, months=6)


def _trials(mapped: object) -> pd.DataFrame:
    sources = open_sources(mapped)  # type: ignore[arg-type]
    try:
        contracts = sources.engine.to_pandas(sources.tables["contracts"])
    finally:
        sources.close()
    return contracts[contracts.kind == "trial"]
