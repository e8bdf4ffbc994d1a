"""The check: faults, freshness, outages, leakage, churns and coverage, each planted and counted by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest

from configs.settings import Settings
from configs.settings_file import load_settings
from features.checks.check_report import check
from features.checks.feeds import all_account_facts, feed_of
from features.labels.churn_events import churn_events
from features.sources.sources import open_sources
from features.timeline.outages import Outage
from tests.features.small_company import sources_of

EXAMPLES = Path(__file__).resolve().parents[3] / "configs" / "examples"
Make = Callable[..., Settings]
Write = Callable[..., None]


def company(accounts: int = 60) -> dict[str, pd.DataFrame]:
    """Every third account churned on 2023-07-15; `fate` says which, `last_login` sounds as if it did."""
    ids = np.arange(accounts)
    gone = ids % 3 == 0
    days = pd.date_range("2023-01-01", "2023-12-31", freq="D").as_unit("us")
    usage = pd.DataFrame({"account_id": np.resize(ids, len(days) * 40), "occurred_at": np.repeat(days, 40)})
    usage["recorded_at"] = usage.occurred_at + pd.to_timedelta(
        np.where(np.arange(len(usage)) % 4 == 0, 36, 1), unit="h"
    )
    usage = usage[~usage.occurred_at.between("2023-09-10", "2023-09-12")]
    return {
        "accounts": pd.DataFrame(
            {
                "account_id": ids,
                "created_at": pd.Timestamp("2023-01-01"),
                "fate": np.where(gone, "x", "y"),
                "last_login": ids % 5,
                "size": ids % 7,
            }
        ),
        "outcomes": pd.DataFrame({"account_id": ids[gone], "occurred_at": pd.Timestamp("2023-07-15"), "kind": "churn"}),
        "usage_events": usage,
        "surveys": pd.DataFrame(
            {
                "account_id": [0, 1, 999, 999],
                "occurred_at": pd.to_datetime(["2022-12-01", "2023-02-01", "2023-02-02", "2023-02-03"]),
                "kind": "nps",
                "score": 9,
            }
        ),
    }


@pytest.fixture
def planted(make_settings: Make, write_tables: Write) -> Settings:
    frames = company()
    write_tables(frames, "parquet")
    tables: dict[str, Any] = {name: {"from": f"{name}.parquet"} for name in frames}
    tables["accounts"]["attributes"] = ["fate", "last_login", "size"]
    return make_settings(tables=tables, churn={"kind": "outcome"})


def test_the_check_finds_what_was_planted(planted: Settings) -> None:
    report = check(planted)
    assert report.ok
    assert report.data_end == "2024-01-01"
    feeds = {feed.table: feed for feed in report.feeds}
    usage, surveys = feeds["usage_events"], feeds["surveys"]
    assert (usage.rows, usage.accounts, usage.first_day, usage.last_day) == (362 * 40, 60, "2023-01-01", "2023-12-31")
    assert usage.outages == (Outage("2023-09-10", "2023-09-12", 3),)
    assert usage.late_share == pytest.approx(0.25, abs=0.001)
    assert (surveys.late_share, surveys.rows_of_unknown_accounts, surveys.rows_before_account) == (None, 2, 1)
    assert surveys.days_behind == 331
    suspects = {suspect.column: suspect.why for suspect in report.suspects}
    assert set(suspects) == {"accounts.fate", "accounts.last_login", "usage_events.occurred_at"}
    assert "AUC 1.00" in suspects["accounts.fate"]
    assert report.churns is not None
    assert (report.churns.events, report.churns.churned_accounts, report.churns.accounts) == (20, 20, 60)
    assert report.churns.by_quarter == {"2023-Q3": 20}
    assert report.churns.by_stage == {"value_realization": 20}  # 195 days of tenure
    shares = {row.dimension: row.accounts_share for row in report.coverage}
    assert shares == {"usage": 1.0, "engagement": 0.0, "financial": 0.0, "relationship": round(2 / 60, 4)}
    text = "\n".join(report.warnings)
    for words in ("2 rows of accounts that are not", "1 rows from before", "331 days behind", "3 days with", "25%"):
        assert words.replace("331 days behind", "331 days before") in text
    assert "20 churned accounts; training wants 30" in text


def test_the_report_prints_and_is_json(planted: Settings) -> None:
    report = check(planted)
    text = str(report)
    assert "churn: 20 events of 20 among 60 accounts" in text
    assert "accounts.fate" in text
    body = json.loads(json.dumps(report.to_json()))
    assert body["ok"] is True
    assert body["feeds"][0]["table"] == "accounts"


def test_faults_stand_in_the_report(make_settings: Make) -> None:
    report = check(make_settings(tables={"accounts": {"from": "a.csv"}, "contracts": {"from": "c.csv"}}))
    assert not report.ok
    assert len(report.faults) == 2
    assert "2 faults" in str(report)
    assert json.loads(json.dumps(report.to_json()))["faults"][0]["where"] == "tables.accounts.from"


def test_silences_are_counted_as_they_complete(make_settings: Make, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("account_id,created_at\n1,2023-01-01\n2,2023-01-01\n3,2023-01-01\n")
    # 1: silent twice (the second completes on the last covered day); 2: a gap of one day less; 3: still speaking.
    rows = ["1,2023-01-01", "1,2023-03-01", "2,2023-01-01", "2,2023-01-30", "2,2023-02-20", "3,2023-03-30"]
    (tmp_path / "u.csv").write_text("\n".join(["account_id,occurred_at", *rows, "2,2023-03-15"]))
    settings = make_settings(
        tables={"accounts": {"from": "a.csv"}, "usage_events": {"from": "u.csv"}},
        churn={"kind": "silence", "silence": {"days": 30, "active_days": 60}},
        data_end="2023-03-31",
    )
    events = churn_events(open_sources(settings), settings).sort_values("at")
    assert list(zip(events.account_id, events["at"].dt.strftime("%Y-%m-%d"), strict=True)) == [
        ("1", "2023-01-31"),
        ("1", "2023-03-31"),
    ]


@pytest.mark.parametrize(
    ("name", "events", "accounts"),
    [("oulad", 10033, 10033), ("online_retail", 8288, 4845), ("fightchurn_crm5", 95, 95)],
)
def test_churns_of_the_public_data(name: str, events: int, accounts: int, shared_data: Path) -> None:
    report = check(load_settings(EXAMPLES / f"{name}.yaml"))
    assert report.churns is not None
    assert (report.churns.events, report.churns.churned_accounts) == (events, accounts)
    assert report.suspects == ()


def test_fightchurn_contract_ends_are_its_recorded_outcomes(shared_data: Path) -> None:
    settings = load_settings(EXAMPLES / "fightchurn_crm5.yaml")
    result = churn_events(open_sources(settings), settings)
    recorded = pd.read_parquet(shared_data / "fightchurn_crm5" / "outcomes.parquet")
    ours = set(zip(result.account_id, result["at"], strict=True))
    theirs = set(zip(recorded.account_id.astype("str"), recorded.churn_date, strict=True))
    assert ours == theirs
    assert len(ours) == 95


def test_outages_and_a_feed_that_has_stopped_are_said(planted: Settings, tmp_path: Path) -> None:
    usage = pd.read_parquet(tmp_path / "usage_events.parquet")
    usage[usage.occurred_at < "2023-12-20"].to_parquet(tmp_path / "usage_events.parquet", index=False)
    settings = planted.model_copy(update={"data_end": date(2024, 1, 1)})
    report = check(settings)
    feed = next(feed for feed in report.feeds if feed.table == "usage_events")
    assert feed.outages == (Outage("2023-09-10", "2023-09-12", 3), Outage("2023-12-20", "2023-12-31", 12))
    assert (feed.has_stopped, feed.days_behind) == (True, 12)
    text = str(report)
    result = "2023-09-10 to 2023-09-12 (3 days), since 2023-12-20 (12 days): has the feed stopped?"
    assert f"usage_events: {result}" in text
    assert "usage_events: the last row lies 12 days before the data's end: has the feed stopped?" in report.warnings
    body = json.loads(json.dumps(report.to_json()))
    told = next(feed for feed in body["feeds"] if feed["table"] == "usage_events")
    assert told["outages"][1] == {"first_day": "2023-12-20", "last_day": "2023-12-31", "days": 12}
    assert told["has_stopped"] is True


def test_every_suspect_says_how_to_override_it_and_whether_it_is(planted: Settings) -> None:
    settings = planted.model_copy(update={"allow_leaking": ("accounts.fate",)})
    report = check(settings)
    assert {suspect.column: suspect.allowed for suspect in report.suspects} == {
        "accounts.fate": True,
        "accounts.last_login": False,
        "usage_events.occurred_at": False,
    }
    text = str(report)
    assert "    in allow_leaking, so it is used" in text
    assert "write allow_leaking: [accounts.last_login]" in text
    assert "write allow_leaking: [accounts.fate]" not in text


def test_a_server_is_checked_like_files(planted: Settings, postgres_url: str, tmp_path: Path) -> None:
    kinds = {"i": "bigint", "M": "timestamp"}
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("create schema checked")
        for name in planted.tables:
            frame = pd.read_parquet(tmp_path / f"{name}.parquet")
            columns = ", ".join(f'"{column}" {kinds.get(frame[column].dtype.kind, "text")}' for column in frame)
            connection.execute(f"create table checked.{name} ({columns})")
            with connection.cursor() as cursor, cursor.copy(f"copy checked.{name} from stdin (format csv)") as copy:
                copy.write(frame.to_csv(index=False, header=False))
    tables = {name: source.model_copy(update={"from_": f"checked.{name}"}) for name, source in planted.tables.items()}
    sources = open_sources(planted.model_copy(update={"connection": postgres_url, "tables": tables}))
    report = check(planted, sources)
    sources.close()
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("drop schema checked cascade")
    assert report == check(planted)
    assert len(report.suspects) == 3


def test_a_fact_that_is_corrected_later_was_not_recorded_late() -> None:
    """Two of four events came late; a third has a version of a month later, which is the one that counts now."""
    columns = "account_id occurred_at recorded_at"
    first = [("a", "2023-05-01", "2023-05-01"), ("a", "2023-05-02", "2023-05-09"), ("b", "2023-05-03", "2023-05-03")]
    late = ("b", "2023-05-04", "2023-05-06")
    newest = [first[0], first[1], ("b", "2023-05-03", "2023-06-03"), late]
    sources = sources_of("2024-01-01", usage_events=(columns, newest), written=(columns, [*first, late]))
    tables = {name: rows for name, rows in sources.tables.items() if name != "written"}
    with_versions = replace(sources, tables=tables, first_versions={"usage_events": sources.tables["written"]})
    for known, share in ((replace(sources, tables=tables), 0.75), (with_versions, 0.5)):
        facts = all_account_facts(known)
        created = facts["accounts"]["first"].rename("created_at")
        assert feed_of(known, "usage_events", facts["usage_events"], created).late_share == share
