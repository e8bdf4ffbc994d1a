"""The figures for leaders as the summary holds them, from sources whose contracts and milestones are known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from configs.settings import Settings
from evaluation.jsonable import to_jsonable
from evaluation.metrics import Interval, Refusal
from evaluation.outcomes import Effect
from evaluation.report.sections.context import ReportContext, ReportInputs
from evaluation.report.sections.revenue import churn_sources, revenue
from evaluation.report.summary import summarise as summarise_inputs
from evaluation.revenue import ContractBook, arr_at, retention
from tests.evaluation.known import facts
from tests.evaluation.simulated import company, settings

NONE = pd.DataFrame()


def summarise(judged: pd.DataFrame, settings: Settings, **known: Any) -> dict[str, Any]:
    return summarise_inputs(ReportInputs(judged, **known), settings)


@pytest.fixture(scope="module")
def judged() -> pd.DataFrame:
    return company()[0]


@pytest.fixture(scope="module")
def summary(judged: pd.DataFrame) -> dict[str, Any]:
    return summarise(judged, settings(), company_facts=facts(judged))


def test_retention_of_the_year_is_that_of_its_first_and_last_day(judged: pd.DataFrame, summary: dict[str, Any]) -> None:
    known, kept = facts(judged), summary["revenue"]["retention"]
    (line,) = kept["year"]["all"]
    assert line["period"] == "2024 Q2 to 2025 Q1"
    days = [pd.Timestamp("2024-04-01"), pd.Timestamp("2025-04-01")]
    levels = arr_at(known.contracts, days)
    before, after = (levels[day] for day in days)
    there = before != 0
    both = there & before.notna() & after.notna()
    assert line["accounts"] == there.sum()
    assert line["arr_unknown"] == (there & before.isna()).sum() > 0
    gross = np.minimum(before[both], after[both]).sum() / before[both].sum()
    assert line["gross"]["value"] == pytest.approx(gross)
    assert line["net"]["value"] == pytest.approx(after[both].sum() / before[both].sum())
    assert line["net"]["value"] > line["gross"]["value"]  # one in five expanded
    assert line["logo_churn"]["value"] == pytest.approx(float((after[there] == 0).mean()))
    for name in ("gross", "net", "logo_churn"):
        assert line[name]["low"] < line[name]["value"] < line[name]["high"]
    (before,) = kept["previous_year"]["all"]
    assert before["period"] == "2023 Q2 to 2024 Q1"
    year_ago = arr_at(known.contracts, [pd.Timestamp("2023-04-01"), pd.Timestamp("2024-04-01")])
    start, end = (year_ago[day] for day in year_ago)
    both = (start != 0) & start.notna() & end.notna()
    assert before["net"]["value"] == pytest.approx(end[both].sum() / start[both].sum())
    assert {row["period"] for row in kept["previous_year"]["segment"]} == {before["period"]}
    for by in ("segment", "cohort"):
        assert sum(one["accounts"] for one in kept["year"][by]) == line["accounts"]
    assert kept["quarters"]["all"][-1]["period"] == "2025 Q1"
    assert {row["group"] for row in kept["quarters"]["segment"]} == {"enterprise", "mid-market", "smb"}


def test_years_end_with_the_newest_whole_quarter(judged: pd.DataFrame) -> None:
    known = facts(judged)
    more: dict[str, Any] = {"draws": 20, "seed": 1, "every": "year"}
    book = ContractBook(known.contracts, known.accounts, pd.Timestamp("2024-11-20"), gap_days=30)
    assert [line.period for line in retention(book, **more)] == ["2022 Q4 to 2023 Q3", "2023 Q4 to 2024 Q3"]
    assert retention(replace(book, known_until=pd.Timestamp("2022-12-20")), **more) == []


def test_time_to_value_and_health(judged: pd.DataFrame, summary: dict[str, Any]) -> None:
    value = summary["revenue"]["time_to_value"]
    (line,) = value["all"]
    assert 100 <= line["median_days"]["value"] <= 120
    assert value["due_days"] == 120
    assert sum(row["accounts"] for row in value["segment"]) == line["accounts"] == len(facts(judged).accounts)
    health = summary["revenue"]["health"]
    assert [row["accounts"] for row in health["all"]] == judged.groupby("as_of").size().tolist()
    newest = judged[judged["as_of"] == judged["as_of"].max()]
    assert sum(row["high"] for row in health["segment"]) == (newest["risk_level"] == "high").sum()
    assert health["levels"] == ["healthy", "low", "medium", "high"]


def test_the_forecast_is_that_of_the_newest_scores(judged: pd.DataFrame, summary: dict[str, Any]) -> None:
    newest = judged[judged["as_of"] == judged["as_of"].max()]
    coming = summary["revenue"]["forecast"]
    assert coming["as_of"] == f"{judged['as_of'].max():%Y-%m-%d}"
    assert coming["churns"]["value"] == pytest.approx(newest["p_churn_90d"].sum())
    assert coming["windows"] == len(summary["arr"]["windows"])
    loss = (newest["p_churn_90d"] * newest["arr"]).sort_values(ascending=False)
    assert [row["loss"] for row in coming["first"]] == pytest.approx(loss.head(5).tolist())
    assert coming["first"][0]["account_id"] == newest.loc[loss.index[0], "account_id"]
    assert any(
        sentence["sentence"].startswith(f"Begin with {coming['first'][0]['account_id']}")
        for sentence in summary["advice"]
    )


def test_later_scores_are_forecast_and_older_ones_are_not(judged: pd.DataFrame) -> None:
    context = ReportContext(ReportInputs(judged), settings())
    windows = [{"expected_churns": 10.0, "churns": 10, "variance": 9.0}] * 4
    later = judged.head(20).assign(as_of=pd.Timestamp("2026-01-01"))
    figures = to_jsonable(revenue(context, judged, None, windows, later))
    assert {row["as_of"] for row in figures["health"]["segment"]} == {"2026-01-01"}  # the newest day that was scored
    days = [row["as_of"] for row in figures["health"]["all"]]
    assert days == [f"{day:%Y-%m-%d}" for day in sorted(judged["as_of"].unique())] + ["2026-01-01"]
    assert figures["health"]["all"][-1]["accounts"] == 20
    result = figures["forecast"]
    assert (result["as_of"], result["until"], result["accounts"]) == ("2026-01-01", "2026-04-01", 20)
    older = to_jsonable(revenue(context, judged, None, windows, later.assign(as_of=pd.Timestamp("2023-01-01"))))[
        "forecast"
    ]
    assert older["as_of"] == f"{judged['as_of'].max():%Y-%m-%d}"
    few = revenue(context, judged, None, windows[:3], None)["forecast"]
    assert few == {"refused": "3 past windows, at least 4 would do"}


def test_retention_and_churn_say_what_they_are_from(judged: pd.DataFrame) -> None:
    """a left by the outcomes and is under contract, b's contract ended and no churn is recorded, c did both."""
    known = facts(judged)
    day = pd.Timestamp
    accounts = pd.DataFrame({"account_id": ["a", "b", "c"], "left_at": [day("2024-03-01"), pd.NaT, day("2024-03-01")]})
    contracts = pd.DataFrame({"account_id": ["a", "b", "c"], "at": [day("2023-01-01")] * 3, "arr": 1.0})
    contracts["ends_at"] = [pd.NaT, day("2024-02-01"), day("2024-03-01")]
    known = replace(known, accounts=accounts, contracts=contracts, known_until=day("2025-01-01"))
    result = churn_sources("outcome", 30, known)
    assert result is not None
    assert (result["still_under_contract"], result["left"], result["ended_without_churn"]) == (1, 2, 1)
    assert result["sentence"] == (
        "Retention and logo churn are worked out from the contracts, who left in all other figures from the recorded"
        " outcomes. The two disagree: 1 of 2 accounts that left by the recorded outcomes were still under contract 30"
        " days later, and 1 whose last contract ended have no churn there."
    )
    agree = churn_sources("outcome", 30, replace(known, accounts=accounts[2:], contracts=contracts[2:]))
    assert agree is not None
    assert agree["sentence"].endswith("The two agree.")
    both = churn_sources("contract_end", 30, known)
    assert both is not None
    assert both["sentence"] == "Retention and churn are both worked out from the contracts."


def test_what_the_sources_do_not_hold_is_refused_by_name(judged: pd.DataFrame) -> None:
    known = facts(judged)
    bare = replace(known, contracts=None, reached=None, interventions=None)
    result = summarise(judged, settings(), company_facts=bare)
    assert result["revenue"]["retention"] == {"refused": "0 contracts with an ARR, at least 1 would do"}
    assert result["revenue"]["time_to_value"] == {"refused": "0 milestones that count as value, at least 1 would do"}
    assert {"revenue retention", "time to value"} <= {row["figure"] for row in result["refused"]}
    assert any("To see the time to value, bring what it lacks" in sentence["sentence"] for sentence in result["advice"])
    assert result["arms"] is None
    assert "retention" not in summarise(judged, settings())["revenue"]
    young = replace(known, known_until=known.contracts["at"].min() + pd.Timedelta(days=60))
    refused = summarise(judged, settings(), company_facts=young)["revenue"]["retention"]
    assert refused == {"refused": "0 whole quarters of contracts, at least 1 would do"}


def test_fairness_and_steadiness_stand_in_the_summary(judged: pd.DataFrame, summary: dict[str, Any]) -> None:
    fair = summary["fairness"]
    assert list(fair["by"]) == ["segment", "size", "region"]
    assert fair["compared"] == sum(len(table) for table in fair["by"].values())
    assert [row["group"] for row in fair["by"]["region"]] == ["north", "south"]
    steady = summary["stability"]
    assert steady["model"]["flips"]["value"] == steady["rules"]["flips"]["value"] == 0  # nobody's risk changes here
    assert steady["model"]["months"] == len(judged) - judged["account_id"].nunique()
    odd = judged["as_of"].dt.month % 2 == 1
    restless = judged.assign(risk_level=judged["risk_level"].where(odd, "high"))
    flips = summarise(restless, settings())["stability"]["model"]["flips"]
    assert flips["value"] == pytest.approx(1 - (judged["risk_level"] == "high").mean(), abs=0.03)
    assert 0.5 < summary["order"]["concordance"]["value"] < 1
    assert [row["coverage"] for row in summary["coverage"]] == pytest.approx([0.9] * 5)
    planted = judged.assign(p_churn_90d=judged["p_churn_90d"] * np.where(judged["account_id"].str[-1] < "5", 0.3, 1))
    half = replace(facts(judged), regions=("half",))
    half.accounts["half"] = np.where(half.accounts["account_id"].str[-1] < "5", "underrated", "rest")
    result = summarise(planted, settings(), company_facts=half)["fairness"]["differs"]
    assert ("half", "underrated", "observed_expected") in {(one["by"], one["group"], one["figure"]) for one in result}


def test_arms_stand_apart_and_an_effect_needs_a_draw(judged: pd.DataFrame, summary: dict[str, Any]) -> None:
    arms = {arm["arm"]: arm for arm in summary["arms"]["arms"]}
    assert list(arms) == ["treated", "untreated", "holdout"]
    assert sum(arm["rows"] for arm in arms.values()) == summary["scope"]["rows"]
    assert "false_alarms" not in arms["treated"]
    assert "evaluation.holdout would" in summary["arms"]["effect"]["refused"]
    drawn = settings(holdout={"salt": "s", "share": 0.3})  # the setting of today says nothing of these days
    assert "refused" in summarise(judged, drawn, company_facts=facts(judged))["arms"]["effect"]
    ends = Interval(0.1, 0.05, 0.2)
    result = summarise(judged, drawn, company_facts=facts(judged), effect=Effect(ends, ends, ends, 7, 3))
    shown = result["arms"]["effect"]
    assert (shown["treated"], shown["holdout_accounts"]) == ({"value": 0.1, "low": 0.05, "high": 0.2}, 3)
    assert "effect of approaching accounts" not in {row["figure"] for row in result["refused"]}
    refused = summarise(judged, drawn, company_facts=facts(judged), effect=Refusal("no churn yet"))
    assert [row["why"] for row in refused["refused"] if row["figure"] == "effect of approaching accounts"] == [
        "no churn yet"
    ]


def test_an_account_that_was_flagged_is_no_surprise() -> None:
    judged, _ = company(250, base=-6.8)
    rows = judged[judged["churned_90d"].notna()]
    places = rows.groupby("as_of")["p_churn_90d"].rank(ascending=False)
    flagged = places <= (0.1 * rows.groupby("as_of")["account_id"].transform("size") + 0.5).astype(int)
    last = rows.assign(flagged=flagged)[rows["churned_90d"] == 1].sort_values("as_of").groupby("account_id").tail(1)
    assert 0 < last["flagged"].sum() < len(last) <= 10
    result = summarise(judged, settings())["surprises"]["left"]
    assert {one["account_id"] for one in result} == set(last.loc[~last["flagged"], "account_id"])


def test_surprises_were_not_flagged_and_tell_their_arm(summary: dict[str, Any]) -> None:
    assert {row["arm"] for row in summary["surprises"]["stayed"]} <= {"treated", "untreated", "holdout"}
    assert max(one["p"] for one in summary["surprises"]["left"]) < min(
        row["p"] for row in summary["surprises"]["stayed"]
    )
