"""The check: faults, freshness, outages, leakage, churns and coverage, each planted and counted by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from configs.settings import Settings, load_settings
from features.quality import Outage, check, churn_events, outages, separation
from features.sources import open_sources

EXAMPLES = Path(__file__).resolve().parents[2] / "configs" / "examples"
Make = Callable[..., Settings]
Write = Callable[..., None]


def daily(first: str, days: int, rows: int) -> pd.Series:
    return pd.Series(rows, index=pd.date_range(first, periods=days, freq="D"))


def test_an_outage_of_a_daily_feed_is_found_to_the_day() -> None:
    counts = daily("2024-01-01", 120, 100)
    counts["2024-03-05":"2024-03-08"] = 0  # type: ignore[misc]
    counts["2024-03-07"] = 9  # a tenth is missing too
    counts["2024-02-01"] = 40  # a quiet day is not
    assert outages(counts) == (Outage("2024-03-05", "2024-03-08", 4),)
    assert outages(counts[counts > 0]) == (Outage("2024-03-05", "2024-03-08", 4),)


def test_weekends_are_no_outage_and_growth_is_none() -> None:
    counts = daily("2024-01-01", 300, 1)
    counts = (counts * np.linspace(10, 2000, 300)).round()
    counts[counts.index.day_of_week >= 5] = 0
    assert outages(counts) == ()


def test_days_of_the_month_without_rows_are_a_habit() -> None:
    counts = daily("2024-01-01", 366, 100)
    counts[counts.index.day >= 28] = 0
    counts["2024-06-10":"2024-06-12"] = 0  # type: ignore[misc]
    assert outages(counts) == (Outage("2024-06-10", "2024-06-12", 3),)


def test_a_sparse_feed_is_judged_by_its_median_gap() -> None:
    days = pd.to_datetime(["2024-01-01", "2024-01-05", "2024-01-09", "2024-01-13", "2024-02-20", "2024-02-24"])
    assert outages(pd.Series(1, index=days)) == (Outage("2024-01-14", "2024-02-19", 37),)
    assert outages(pd.Series(1, index=days.delete(4)[:4])) == ()
    assert outages(pd.Series([], index=pd.DatetimeIndex([]), dtype="int64")) == ()


def test_a_feed_that_starts_slowly_has_no_outage() -> None:
    counts = daily("2024-01-01", 60, 100)
    counts.iloc[:3] = 1
    assert outages(counts) == ()


@pytest.mark.parametrize(
    ("values", "auc"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8], 1.0),  # the four that left have the four highest
        ([8, 7, 6, 5, 4, 3, 2, 1], 1.0),  # or the lowest
        ([1, 2, 3, 6, 4, 5, 7, 8], 14 / 16),  # two of sixteen pairs in the wrong order
        (["a"] * 4 + ["b"] * 4, 1.0),
        (["a"] * 8, 0.5),
        (list("abcdefgh"), 0.5),  # a word of one account tells nothing about another
        ([None] * 4 + [3, 1, 2, 4], 1.0),  # filled in for those that left only
        ([True, True, True, True, False, False, False, False], 1.0),
    ],
)
def test_separation_of_one_attribute(values: list[Any], auc: float) -> None:
    left = np.array([False] * 4 + [True] * 4)
    assert separation(pd.Series(values), left) == pytest.approx(auc)


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
    assert set(suspects) == {"accounts.fate", "accounts.last_login"}
    assert "AUC 1.00" in suspects["accounts.fate"]
    assert report.churns is not None
    assert (report.churns.events, report.churns.churned_accounts, report.churns.accounts) == (20, 20, 60)
    assert report.churns.by_quarter == {"2023-Q3": 20}
    assert report.churns.by_stage == {"value_realization": 20}  # 195 days of tenure
    shares = {one.dimension: one.accounts_share for one in report.coverage}
    assert shares == {"usage": 1.0, "engagement": 0.0, "financial": 0.0, "relationship": round(2 / 60, 4)}
    told = "\n".join(report.warnings)
    for words in ("2 rows of accounts that are not", "1 rows from before", "331 days behind", "3 days with", "25%"):
        assert words.replace("331 days behind", "331 days before") in told
    assert "20 churned accounts; training wants 30" in told


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
    found = churn_events(open_sources(settings), settings)
    recorded = pd.read_parquet(shared_data / "fightchurn_crm5" / "outcomes.parquet")
    ours = set(zip(found.account_id, found["at"], strict=True))
    theirs = set(zip(recorded.account_id.astype("str"), recorded.churn_date, strict=True))
    assert ours == theirs
    assert len(ours) == 95
