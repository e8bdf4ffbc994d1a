"""What the report reads of the sources: contracts, who left when, what was reached, and who was approached."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from configs.settings import Settings
from configs.settings_file import DEFAULT_FILE, read_body, settings_from
from evaluation.outcomes.company_facts import Facts, facts_of
from features.sources.sources import open_sources

TABLES = {
    "accounts": "account_id,created_at,segment,owner,region,size\na,2023-01-01,smb,kim,north,1\n"
    "b,2023-02-01,mid,,south,2",
    "contracts": "account_id,starts_at,ends_at,arr\na,2023-01-05,2024-01-05,100\nb,2023-02-05,2024-02-05,200\n"
    "b,2024-02-20,2025-02-20,300",
    "milestones": "account_id,milestone,reached_at\na,kickoff,2023-01-10\na,first_business_outcome,2023-03-01\n"
    "a,first_business_outcome,2023-04-01",
    "interventions": "account_id,started_at,kind,ended_at,arm\nb,2024-01-01,call,,holdout",
}


def settings(folder: Path, *names: str, **more: object) -> Settings:
    body = read_body(DEFAULT_FILE)
    body["tables"] = {name: {"from": f"{name}.csv"} for name in names}
    body["tables"]["accounts"]["attributes"] = ["region", "size"]
    body["data_end"] = "2024-07-01"
    for name in names:
        (folder / f"{name}.csv").write_text(TABLES[name] + "\n")
    body["churn"] |= more
    return settings_from(body, folder)


def read(chosen: Settings) -> Facts:
    sources = open_sources(chosen)
    try:
        return facts_of(sources, chosen)
    finally:
        sources.close()


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text)


def test_an_account_that_was_won_back_has_not_left(tmp_path: Path) -> None:
    outcomes = "account_id,occurred_at,kind\na,2023-06-01,churn\na,2023-08-01,reactivation\nb,2023-06-01,churn"
    (tmp_path / "outcomes.csv").write_text(outcomes + "\n")
    body = read_body(DEFAULT_FILE) | {"data_end": "2024-07-01"}
    body["tables"] = {name: {"from": f"{name}.csv"} for name in ("accounts", "outcomes")}
    body["churn"] |= {"kind": "outcome"}
    (tmp_path / "accounts.csv").write_text(TABLES["accounts"] + "\n")
    left = read(settings_from(body, tmp_path)).accounts.set_index("account_id")["left_at"]
    assert left.tolist() == [pd.NaT, day("2023-06-01")]


def test_segment_and_owner_are_those_that_were_known_on_the_day(tmp_path: Path) -> None:
    days = [day("2024-02-01"), day("2024-02-01"), day("2024-03-01")]
    rows = pd.DataFrame({"account_id": ["a", "b", "a"], "as_of": days})
    today = read(settings(tmp_path, "accounts", "contracts")).with_belonging(rows)
    assert today.segment.tolist() == ["smb", "mid", "smb"]
    versions = "account_id,created_at,segment,owner,recorded_at\na,2023-01-01,smb,kim,2023-01-01\n"
    versions += "a,2023-01-01,mid,lee,2024-02-10\nb,2023-02-01,mid,,2023-02-01"
    chosen = settings(tmp_path, "accounts", "contracts")
    (tmp_path / "accounts.csv").write_text(versions + "\n")
    chosen.tables["accounts"].__dict__["attributes"] = ()
    then = read(chosen).with_belonging(rows)
    assert then[["account_id", "segment"]].values.tolist() == [["a", "smb"], ["b", "mid"], ["a", "mid"]]
    assert then.owner.fillna("").tolist() == ["kim", "", "lee"]
    kept = rows.assign(segment=["large", None, None], owner=None).set_axis([5, 3, 9])
    for facts in (read(chosen), read(settings(tmp_path, "accounts", "contracts"))):
        beside = facts.with_belonging(kept)  # what the ledger kept comes first; rows of before it did fall back
        expected = facts.with_belonging(rows)
        assert beside.segment.tolist() == ["large", *expected.segment[1:]]
        assert beside.owner.fillna("").tolist() == expected.owner.fillna("").tolist()
        assert beside.index.tolist() == [5, 3, 9]


def test_everything_that_is_mapped_is_read(tmp_path: Path) -> None:
    result = read(settings(tmp_path, *TABLES, settling_days=10))
    accounts = result.accounts.set_index("account_id")
    assert accounts["left_at"].tolist() == [day("2024-01-05"), pd.NaT]  # b came back within the gap
    assert (accounts.loc["a", "segment"], accounts.loc["a", "owner"], accounts.loc["b", "region"]) == (
        "smb",
        "kim",
        "south",
    )
    assert result.regions == ("region",)
    assert result.contracts is not None
    assert result.contracts["arr"].tolist() == [100.0, 200.0, 300.0]
    assert result.known_until == day("2024-07-01") - pd.Timedelta(days=30 + 10)
    assert result.reached is not None
    assert result.reached["at"].tolist() == [day("2023-03-01"), day("2023-04-01")]
    assert result.due_days == 120
    assert result.interventions is not None
    assert result.interventions[["account_id", "started_at", "arm"]].values.tolist() == [
        ["b", day("2024-01-01"), "holdout"]
    ]
    assert result.interventions["ended_at"].isna().all()


def test_what_is_not_mapped_is_none(tmp_path: Path) -> None:
    result = read(settings(tmp_path, "accounts", "contracts"))
    assert (result.reached, result.interventions) == (None, None)


@pytest.mark.parametrize("rows", ["a,kickoff,2023-01-10\n", ""])
def test_milestones_without_the_one_of_value_are_none(tmp_path: Path, rows: str) -> None:
    chosen = settings(tmp_path, "accounts", "contracts", "milestones")
    (tmp_path / "milestones.csv").write_text(f"account_id,milestone,reached_at\nb,team_trained,2023-01-10\n{rows}")
    assert read(chosen).reached is None
