"""Which engine a connection opens, and what that loads."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from configs.errors import SourceError
from configs.settings import Settings
from features.sources.backends import DuckDBEngine, connect

ROOT = Path(__file__).resolve().parents[4]
TABLES = {name: {"from": f"{name}.csv"} for name in ("accounts", "contracts")}


def test_duckdb_is_opened_in_memory(make_settings: Callable[..., Settings]) -> None:
    engine = connect(make_settings(connection="duckdb://", tables=TABLES))
    assert isinstance(engine, DuckDBEngine)
    engine.close()


@pytest.mark.parametrize("query", ["select 1; create table y as select 1", "copy (select 1) to 'x.csv'", ""])
def test_duckdb_runs_one_select_by_its_own_parser(make_settings: Callable[..., Settings], query: str) -> None:
    """Whatever the reading of the text before it lets through."""
    engine = connect(make_settings(connection="duckdb://", tables=TABLES))
    with pytest.raises(ValueError, match="expected one SELECT"):
        engine.run_query("forewarn_query_x", query)
    assert engine.run_query("forewarn_query_x", "select 1 as a").columns == ("a",)
    engine.close()


def test_an_unknown_connection_is_a_fault_that_hides_its_password(make_settings: Callable[..., Settings]) -> None:
    with pytest.raises(SourceError, match=r"duckdb://.*spark://") as caught:
        connect(make_settings(connection="mysql://me:secret@host/db", tables=TABLES))
    assert "secret" not in str(caught.value)


def test_spark_is_loaded_for_spark_connections_alone() -> None:
    code = (
        "import sys, features.sources; "
        "print([name for name in sys.modules if 'spark' in name and name.startswith(('features', 'pyspark'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.strip() == "[]"
