"""Spark as an engine: the same canonical tables as DuckDB from files and catalogs, and clear faults where it is not."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from importlib import util
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from configs.errors import SourceError
from configs.settings import Settings
from features.sources.backends import Engine, connect, spark_session
from features.sources.backends.spark_dialect import session_of
from features.sources.sources import open_sources

Make = Callable[..., Settings]
Write = Callable[..., None]
pytestmark = [
    # pyspark leaves closing the sockets through which answers come to the garbage collector.
    pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning"),
]


def _cases() -> ModuleType:
    spec = util.spec_from_file_location("sources_cases", Path(__file__).parents[1] / "test_sources.py")
    assert spec is not None
    assert spec.loader is not None
    module = util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


CASES = _cases()
TABLES = CASES.from_files(CASES.MAPPING, "csv")


@pytest.fixture
def session(spark_url: str, make_settings: Make) -> Iterator[Engine]:
    """A connection that is open beside the sources of a test, which so find Spark running."""
    engine = connect(make_settings(connection=spark_url, tables=TABLES))
    yield engine
    engine.close()


def both(make_settings: Make, url: str, **body: Any) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    """The canonical tables of a project as Spark gives them, and as DuckDB does."""
    result = []
    for connection in (url, "duckdb://"):
        sources = open_sources(make_settings(connection=connection, **body))
        result.append(CASES.canonical(sources))
        sources.close()
    return result[0], result[1]


def test_files_of_every_kind(session: Engine, spark_url: str, make_settings: Make, write_tables: Write) -> None:
    for ending in ("csv", "parquet", "jsonl"):
        write_tables(CASES.FRAMES, ending)
        tables = CASES.from_files(CASES.MAPPING, ending)
        sources = open_sources(make_settings(connection=spark_url, tables=tables))
        for name, frame in CASES.canonical(sources).items():
            assert_frame_equal(frame, CASES.expected(name), check_like=True)
        assert sources.data_end == pd.Timestamp("2023-04-02")
        sources.close()


def test_files_as_they_are_found(session: Engine, spark_url: str, make_settings: Make, tmp_path: Path) -> None:
    folder = tmp_path / "of [all] {kinds}"  # to Spark a path is a pattern, if it is let
    folder.mkdir()
    (folder / "a.csv").write_text('\ufeffaccount_id;created_at;name\n"1";2024-01-01;"a ""b"";\nc"\n2;2024-01-02;\n')
    (folder / "u1.csv").write_text("account_id,occurred_at,quantity\n1,2024-02-01,2\n")
    (folder / "u2.csv").write_text("occurred_at,account_id\n2024-02-02,2\n")  # another order, a column less
    (tmp_path / "t.json").write_text('[{"account_id": 1, "opened_at": "2024-02-03", "x": {"y": 1}}]')
    with gzip.open(folder / "c.csv.gz", "wt") as file:
        file.write("account_id\tstarts_at\tends_at\n1\t2024-01-01\t2999-12-31\n")
    names = {"accounts": "a.csv", "usage_events": "u?.csv", "tickets": "t.json", "contracts": "c.csv.gz"}
    tables = {name: {"from": f"of ?all? {{kinds}}/{file}"} for name, file in names.items()}
    tables["tickets"]["from"] = "t.json"
    result, expected = both(make_settings, spark_url, tables=tables, churn={"kind": "silence"})
    assert result["accounts"]["name"].tolist()[0] == 'a "b";\nc'
    assert result["usage_events"]["quantity"].tolist() == [2.0, 1.0]
    assert result["contracts"]["ends_at"].tolist() == [pd.Timestamp("2999-12-31")]
    assert set(result) == set(expected)
    for name, frame in expected.items():
        assert_frame_equal(result[name], frame, check_like=True)


def test_times_of_every_spelling_and_both_hours_that_clocks_show_twice(
    session: Engine, spark_url: str, make_settings: Make, tmp_path: Path
) -> None:
    written = [f"2024-{day} {hour:02}:30" for day in ("03-31", "10-27", "07-01") for hour in range(5)]
    written += ["2024-07-01T12:00:00+02:00", "2024-07-01 12:00:00 -0330", "2024-07-01 12:00Z", "2024-07-01 12:00+01"]
    written += ["2024-07-01 12:00:00.123456789", "1024-02-29", "9999-12-31", " 2024-07-01 ", ""]
    rows = [f"{place},2024-01-01,{at}" for place, at in enumerate(written)]
    (tmp_path / "t.csv").write_text("\n".join(["account_id,opened_at,resolved_at", *rows]))
    accounts = "".join(f"{number},2023-01-01\n" for number in range(len(rows)))
    (tmp_path / "a.csv").write_text(f"account_id,created_at\n{accounts}")
    tables = {"accounts": {"from": "a.csv"}, "tickets": {"from": "t.csv"}}
    churn = {"kind": "silence", "silence": {"of": "tickets"}}
    for zone in ("Europe/Berlin", "America/New_York", "Australia/Lord_Howe"):
        result, expected = both(make_settings, spark_url, tables=tables, timezone=zone, churn=churn)
        assert expected["tickets"].resolved_at.notna().sum() == len(written) - 2
        assert_frame_equal(result["tickets"], expected["tickets"], check_like=True)


def test_what_cannot_be_read_is_the_same_fault(
    session: Engine, spark_url: str, make_settings: Make, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("account_id,created_at,strategic\n1,2023-02-30,maybe\n1,31.12.2023,yes\n")
    (tmp_path / "u.csv").write_text("account_id,occurred_at,quantity\n1,2024-01-01,ten\n2,2024-01-01,1e5\n")
    (tmp_path / "ragged.csv").write_text("account_id,opened_at\n1,2024-01-01\n2,2024-01-01,more,and more\n")
    tables = {"accounts": {"from": "a.csv"}, "usage_events": {"from": "u.csv"}, "tickets": {"from": "tickts.csv"}}
    texts = []
    for url in (spark_url, "duckdb://"):
        with pytest.raises(SourceError) as caught:
            open_sources(make_settings(connection=url, tables=tables, churn={"kind": "silence"}))
        texts.append(str(caught.value))
    assert texts[0] == texts[1]
    assert "tables.tickets.from: found no file tickts.csv" in texts[0]
    tables["tickets"]["from"] = "ragged.csv"
    with pytest.raises(SourceError, match=r"tickets\.from: found .*ragged\.csv"):
        open_sources(make_settings(connection=spark_url, tables=tables, churn={"kind": "silence"}))


def test_tables_of_a_catalog_and_queries(session: Engine, spark_url: str, make_settings: Make) -> None:
    own = session_of(session.backend)
    moments = "select 1 as account_id, timestamp_ltz'2024-07-01 12:00:00 UTC' as created_at, 'x' as name"
    own.sql(f"create global temporary view customers as {moments}")
    clocks = "select 1 as account_id, timestamp_ntz'2024-07-01 12:00:00' as occurred_at, 2 as quantity"
    own.sql(f"create global temporary view events as {clocks}")
    tables: dict[str, Any] = {
        "accounts": {"from": "global_temp.customers"},
        "usage_events": {"from": "global_temp.events"},
        "tickets": {"query": "select account_id, date'2024-07-02' as opened_at from global_temp.events;"},
    }
    body = {"timezone": "Europe/Berlin", "churn": {"kind": "silence"}}
    sources = open_sources(make_settings(connection="spark://", tables=tables, **body))
    result = CASES.canonical(sources)
    assert result["accounts"].created_at.tolist() == [pd.Timestamp("2024-07-01 12:00")]  # a moment
    assert result["usage_events"].occurred_at.tolist() == [pd.Timestamp("2024-07-01 10:00")]  # what clocks showed
    assert result["tickets"].opened_at.tolist() == [pd.Timestamp("2024-07-01 22:00")]
    sources.close()
    assert own.sql("select 1 as one").collect()[0].one == 1  # Spark that ran before still runs
    tables["accounts"]["from"] = "global_temp.custmers"
    tables["tickets"]["query"] = "drop view global_temp.events"
    with pytest.raises(SourceError) as caught:
        open_sources(make_settings(connection="spark://", tables=tables, **body))
    assert "no table 'global_temp.custmers'" in str(caught.value)
    assert "did you mean 'customers'?" in str(caught.value)
    assert "tables.tickets.query: found" in str(caught.value)
    assert own.table("global_temp.events").count() == 1


def test_what_is_kept_is_replaced_under_a_query(session: Engine) -> None:
    days = session.upload("forewarn_days", pd.DataFrame({"n": [1.5, 2.5]}))
    kept = session.materialize("forewarn_kept", days.filter(days.n > 2))
    query = session.prepare(kept.aggregate(total=kept.n.sum(), rows=kept.count(where=kept.n > 100)))
    assert query().to_pylist() == [{"total": 2.5, "rows": 0}]
    session.materialize("forewarn_kept", days.filter(days.n < 2))
    assert query().to_pylist() == [{"total": 1.5, "rows": 0}]
    session.materialize("forewarn_kept", kept.mutate(n=kept.n * 2))  # from what it takes the place of
    assert query().column("total").to_pylist() == [3.0]
    session.drop("forewarn_kept")
    session.drop("forewarn_kept")
    assert session.upload("forewarn_days", pd.DataFrame({"n": [9.5]})).to_pandas().n.tolist() == [9.5]


def test_another_master_than_the_one_that_runs_is_a_fault(session: Engine, make_settings: Make) -> None:
    with pytest.raises(SourceError, match=r"a Spark of local\[2\] that runs in this process already"):
        connect(make_settings(connection="spark://host:7077", tables=TABLES))


def test_without_java_or_pyspark_spark_is_a_fault(make_settings: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    pyspark = pytest.importorskip("pyspark", reason="pyspark is not installed: pip install 'forewarn[spark]'")
    settings = make_settings(connection="spark://", tables=TABLES)
    monkeypatch.setattr(pyspark.SparkContext, "_active_spark_context", None)
    monkeypatch.setattr(pyspark.SparkContext, "_gateway", None)
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(SourceError, match="connection: found no Java"):
        connect(settings)
    monkeypatch.setattr(spark_session.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(SourceError, match=r"pip install 'forewarn\[spark\]'"):
        connect(settings)
