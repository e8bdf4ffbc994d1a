"""The summary: its figures are the metrics', its verdicts follow planted truths, and what cannot be said is refused."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from configs.errors import DataError
from configs.settings import Settings
from evaluation import metrics
from evaluation.metrics.calibration import calibration_slope_intercept, ece
from evaluation.metrics.capacity import quarterly_loss_as_ofs
from evaluation.metrics.grouping import matured
from evaluation.report.report import write_report
from evaluation.report.sections import ReportInputs
from evaluation.report.sections.business_value import GAIN_SHARES
from evaluation.report.summary import summarise as summarise_inputs
from evaluation.report.text.headlines import comparison_sentence, headline_sentences
from tests.evaluation.simulated import STAGES, company, settings

Frames = tuple[pd.DataFrame, pd.DataFrame]
NONE = pd.DataFrame()


def summarise(judged: pd.DataFrame, baselines: pd.DataFrame, settings: Settings) -> dict[str, Any]:
    return summarise_inputs(ReportInputs(judged, baselines), settings)


@pytest.fixture(scope="module")
def frames() -> Frames:
    return company()


@pytest.fixture(scope="module")
def summary(frames: Frames) -> dict[str, Any]:
    return summarise(*frames, settings())


def at(summary: dict[str, Any], days: int = 90) -> dict[str, Any]:
    return next(horizon for horizon in summary["horizons"] if horizon["days"] == days)


def against(summary: dict[str, Any], name: str, days: int = 90) -> dict[str, Any]:
    return next(
        comparison
        for comparison in summary["comparisons"]
        if comparison["baseline"] == name and comparison["days"] == days
    )


def test_it_is_json_and_comes_back(summary: dict[str, Any]) -> None:
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


def test_figures_are_those_of_the_metrics(frames: Frames, summary: dict[str, Any]) -> None:
    for days in (30, 60, 90, 180):
        rows, result = matured(frames[0], days), at(summary, days)
        y, p = rows["y"].to_numpy(), rows["p"].to_numpy()
        slope, intercept = calibration_slope_intercept(y, p)
        expected = {
            "auc": metrics.auc(y, p),
            "average_precision": metrics.average_precision(y, p),
            "brier": metrics.brier(y, p),
            "log_loss": metrics.log_loss(y, p),
            "ece": ece(y, p),
            "calibration_slope": slope,
            "calibration_intercept": intercept,
            "happened": y.mean(),
        }
        for name, value in expected.items():
            assert result[name]["value"] == pytest.approx(value, abs=1e-9), name
            assert result[name]["low"] <= result[name]["value"] <= result[name]["high"], name
        assert (result["rows"], result["churned_rows"], result["mean_p"]) == (y.size, y.sum(), pytest.approx(p.mean()))
        assert sum(row["rows"] for row in result["reliability"]) == y.size


def test_scope_counts_accounts_once_and_open_windows_apart(frames: Frames, summary: dict[str, Any]) -> None:
    judged, scope = frames[0], summary["scope"]
    rows = judged[judged["churned_90d"].notna()]
    assert scope["rows"] == len(rows) < len(judged)
    assert scope["open_rows"] == len(judged) - len(rows)
    assert scope["churned_accounts"] == rows.loc[rows["churned_90d"] == 1, "account_id"].nunique()
    assert scope["churned_accounts"] < scope["churned_rows"]
    assert scope["last_as_of"] == f"{rows['as_of'].max():%Y-%m-%d}"
    assert scope["until"] == f"{rows['as_of'].max() + pd.Timedelta(days=90):%Y-%m-%d}"


def test_a_row_whose_window_is_open_changes_no_figure(frames: Frames, summary: dict[str, Any]) -> None:
    judged = frames[0].copy()
    judged.loc[judged["churned_90d"].isna(), "p_churn_90d"] = 0.999
    result = summarise(judged, frames[1], settings())
    for part in ("comparisons", "arr", "levels", "groups", "surprises", "capacity"):
        kept = [one for one in result[part] if one["days"] == 90] if part == "comparisons" else result[part]
        before = [one for one in summary[part] if one["days"] == 90] if part == "comparisons" else summary[part]
        assert kept == before, part
    assert at(result) == at(summary)


def test_the_order_of_rows_is_nothing(frames: Frames, summary: dict[str, Any]) -> None:
    mixed = (frame.sample(frac=1, random_state=1) for frame in frames)
    result = summarise(*mixed, settings())
    assert result["headlines"] == summary["headlines"]
    assert result["surprises"] == summary["surprises"]
    assert at(result)["auc"] == pytest.approx(at(summary)["auc"], abs=1e-9)


def test_it_says_that_the_model_beats_the_rules(summary: dict[str, Any]) -> None:
    result = against(summary, "rules")
    assert result["verdict"] == "beats"
    assert result["auc"]["better_by"]["low"] > 0
    assert result["sentence"].startswith("The model beats the rules: AUC .")
    assert result["sentence"] in summary["headlines"]
    assert against(summary, "logistic")["verdict"] == "level"
    assert any("does not beat logistic regression" in warning for warning in summary["warnings"])


def test_it_says_that_the_model_does_not_beat_the_rules() -> None:
    judged, baselines = company(model_sees=0.0)
    level = against(summarise(judged, baselines, settings()), "rules")
    assert level["verdict"] == "level"
    assert level["sentence"].startswith("The model does not beat the rules here; the difference is within chance")
    assert level["auc"]["better_by"] == {"value": 0.0, "low": 0.0, "high": 0.0}
    worse = summarise(judged.assign(p_churn_90d=1 - judged["p_churn_90d"]), baselines, settings())
    assert against(worse, "rules")["verdict"] == "worse"
    assert at(worse)["calibration_slope"]["high"] < 0
    assert against(worse, "rules")["sentence"].startswith("The model does not beat the rules here, it does worse")
    assert any("it does worse" in warning for warning in worse["warnings"])


def test_models_are_compared_on_identical_rows(frames: Frames) -> None:
    judged, baselines = frames
    half = baselines[(baselines["model"] != "rules") | (baselines["as_of"] < pd.Timestamp("2024-07-01"))]
    summary = summarise(judged, half, settings())
    result, rows = against(summary, "rules"), matured(judged, 90)
    early = rows[rows["as_of"] < pd.Timestamp("2024-07-01")]
    assert (result["rows"], result["all_rows"]) == (len(early), len(rows))
    assert result["auc"]["model"]["value"] == pytest.approx(metrics.auc(early["y"].to_numpy(), early["p"].to_numpy()))
    assert any("of the rows have no prediction of the rules" in warning for warning in summary["warnings"])


def test_without_baselines_the_rules_come_from_the_predictions(frames: Frames) -> None:
    summary = summarise(frames[0], NONE, settings())
    said = [(comparison["days"], comparison["baseline"]) for comparison in summary["comparisons"]]
    assert said == [
        (30, "health_score"),
        (60, "health_score"),
        (90, "rules"),
        (90, "health_score"),
        (180, "health_score"),
    ]
    rows = matured(frames[0], 90)
    auc = metrics.auc(rows["y"].to_numpy(), rows["p_health_90d"].to_numpy())
    assert against(summary, "rules")["auc"]["baseline"]["value"] == pytest.approx(auc)
    assert "log_loss" not in against(summary, "health_score")
    bare = summarise(frames[0].drop(columns=["p_health_90d", "health_score"]), NONE, settings())
    assert bare["comparisons"] == []
    assert "There is nothing to compare the model with." in bare["headlines"]


def test_a_baseline_with_a_score_only_is_ranked_and_no_more(frames: Frames) -> None:
    baselines = frames[1].assign(p_churn_30d=np.nan, p_churn_60d=np.nan, p_churn_90d=np.nan, p_churn_180d=np.nan)
    result = against(summarise(frames[0], baselines, settings()), "days_to_renewal")
    assert result["auc"]["baseline"]["value"] > 0.5
    assert "log_loss" not in result


def test_capacity_is_counted_a_day_at_a_time(frames: Frames, summary: dict[str, Any]) -> None:
    rows, flagged, caught = matured(frames[0], 90), 0, 0.0
    for _, day in rows.groupby("as_of"):
        top = day.sort_values("p", ascending=False).head(max(1, int(0.1 * len(day) + 0.5)))
        flagged, caught = flagged + len(top), caught + top["y"].sum()
    result = summary["capacity"]["model"]
    assert (result["flagged"], result["caught"]) == (flagged, caught)
    assert result["recall"]["value"] == pytest.approx(caught / rows["y"].sum())
    assert result["precision"]["value"] == pytest.approx(caught / flagged)
    curve = dict(map(tuple, result["gains"]))
    assert list(curve) == list(GAIN_SHARES)
    assert curve[0.1] == pytest.approx(result["recall"]["value"])
    assert curve[1.0] == 1.0


def test_lead_time_lies_between_chance_and_the_ceiling(summary: dict[str, Any]) -> None:
    lead = summary["lead_time"]
    assert [one["days"] for one in lead["model"]] == [30, 60, 90, 180]
    for model, rules, ceiling in zip(lead["model"], lead["baseline"], lead["ceiling"], strict=True):
        assert 0.09 < model["chance"] < 0.11 < model["share"]["value"] <= ceiling["share"]["value"] + 0.05
        assert rules["share"]["value"] < model["share"]["value"]
        assert model["median_days"] >= model["days"]


DAYS = [
    ("MS", 15, 90, ["2024-01-01", "2024-04-01", "2024-07-01", "2024-10-01", "2025-01-01"]),
    ("MS", 6, 60, ["2024-01-01", "2024-03-01", "2024-05-01"]),
    ("MS", 4, 30, ["2024-01-01", "2024-02-01", "2024-03-01", "2024-04-01"]),
    ("7D", 10, 28, ["2024-01-01", "2024-01-29", "2024-02-26"]),
]


@pytest.mark.parametrize(("every", "count", "horizon", "expected"), DAYS)
def test_no_loss_is_counted_twice(every: str, count: int, horizon: int, expected: list[str]) -> None:
    days = list(pd.date_range("2024-01-01", periods=count, freq=every))
    assert [f"{day:%Y-%m-%d}" for day in quarterly_loss_as_ofs(days, horizon)] == expected
    assert f"{quarterly_loss_as_ofs([pd.Timestamp('2024-02-01'), *days[2:]], horizon)[0]:%d}" in ("01", "15")


def test_arr_lost_is_the_arr_of_those_that_left(frames: Frames, summary: dict[str, Any]) -> None:
    rows, arr = matured(frames[0], 90), summary["arr"]
    total = 0.0
    for window in arr["windows"]:
        day = rows[rows["as_of"] == pd.Timestamp(window["as_of"])]
        total += day.loc[day["y"] == 1, "arr"].sum()
        assert window["expected"] == pytest.approx(day["expected_arr_loss_90d"].sum())
        assert window["arr_unknown"] == day["arr"].isna().sum() > 0
    assert arr["realised"] == pytest.approx(total)
    assert arr["low"] < arr["expected"] < arr["high"]
    assert any("ARR of" in warning and "is unknown" in warning for warning in summary["warnings"])


def test_without_any_arr_it_says_so(frames: Frames) -> None:
    summary = summarise(frames[0].assign(arr=None), NONE, settings())
    assert summary["arr"]["refused"] == "no account has a known ARR"
    assert "No ARR is known, so nothing can be said in money." in summary["headlines"]


def test_groups_and_levels_add_up(frames: Frames, summary: dict[str, Any]) -> None:
    rows = matured(frames[0], 90)
    for table in summary["groups"].values():
        assert sum(one["rows"] for one in table) == len(rows)
        for one in table:
            assert one["happened"]["low"] <= one["happened"]["value"] <= one["happened"]["high"]
    assert [row["group"] for row in summary["groups"]["lifecycle_stage"]] == list(STAGES)
    assert [row["group"] for row in summary["groups"]["quarter"]] == [
        "2024 Q1",
        "2024 Q2",
        "2024 Q3",
        "2024 Q4",
        "2025 Q1",
    ]
    assert [level["level"] for level in summary["levels"]] == ["high", "medium", "low", "healthy"]
    assert sum(level["churned_rows"] for level in summary["levels"]) == rows["y"].sum()
    assert summary["levels"][0]["happened"]["value"] > summary["levels"][3]["happened"]["value"]


def test_unknown_and_many_groups(frames: Frames) -> None:
    judged = frames[0].copy()
    judged["segment"] = judged["segment"].astype(object).where(judged["segment"] != "smb", None)
    judged["owner"] = [f"csm-{int(one[-4:]) % 40:02d}" for one in judged["account_id"]]
    tables = summarise(judged, NONE, settings())["groups"]
    assert "(unknown)" in [row["group"] for row in tables["segment"]]
    assert len(tables["owner"]) == 26
    assert tables["owner"][-1]["group"] == "(15 smaller)"
    assert sum(row["rows"] for row in tables["owner"]) == matured(judged, 90).shape[0]


def test_surprises_are_the_least_expected_losses_with_the_reasons_of_the_day(
    frames: Frames, summary: dict[str, Any]
) -> None:
    left = summary["surprises"]["left"]
    assert len(left) == 10
    assert [one["p"] for one in left] == sorted(one["p"] for one in left)
    assert len({one["account_id"] for one in left}) == 10
    rows = matured(frames[0], 90)
    last = rows[rows["y"] == 1].sort_values("as_of").groupby("account_id").tail(1)
    assert left[0]["p"] == pytest.approx(last["p"].min())
    assert 0 <= left[0]["days_before"] < 90
    assert [why["signal"] for why in left[0]["reasons"]] == ["logins_28d", "nps"]
    stayed = summary["surprises"]["stayed"]
    assert all(row["churn_at"] is None for row in stayed)
    assert stayed[0]["p"] == pytest.approx(rows.loc[(rows["y"] == 0) & rows["churn_at"].isna(), "p"].max())


def test_a_few_churns_are_counted_and_not_judged() -> None:
    judged, baselines = company(250, base=-6.8)
    summary = summarise(judged, baselines, settings())
    scope = summary["scope"]
    assert 0 < scope["churned_accounts"] < 10
    assert "too few to judge a model by" in summary["headlines"][1]
    assert f"{scope['churned_accounts']} churned accounts, at least 10 would do" == at(summary)["auc"]["refused"]
    assert against(summary, "rules")["verdict"] == "refused"
    assert {"auc", "ece", "calibration_slope", "precision and recall at capacity"} <= {
        row["figure"] for row in summary["refused"]
    }
    assert not any("beats" in headline for headline in summary["headlines"])
    lower = summarise(judged, baselines, settings(min_churned_accounts=2))
    assert "value" in at(lower)["auc"]


def test_one_class_is_counted_and_not_judged(frames: Frames) -> None:
    judged = frames[0].copy()
    for days in (30, 60, 90, 180):
        judged[f"churned_{days}d"] = judged[f"churned_{days}d"].where(judged[f"churned_{days}d"].isna(), 0.0)
    summary = summarise(judged.assign(churn_at=pd.NaT), NONE, settings())
    assert at(summary)["auc"]["refused"].startswith("0 churned accounts")
    assert summary["surprises"]["left"] == []
    assert json.dumps(summary, allow_nan=False)


def test_a_perfect_model_is_an_alarm(frames: Frames) -> None:
    judged = frames[0].copy()
    judged["p_churn_90d"] = np.where(judged["churned_90d"] == 1, 0.95, 0.05) + judged["p_churn_30d"] / 100
    summary = summarise(judged, NONE, settings())
    assert any("too good to be true" in warning for warning in summary["warnings"])


@pytest.mark.parametrize(("factor", "verdict"), [(2.0, "too high"), (0.4, "too low"), (1.0, "at their word")])
def test_calibration_in_words(factor: float, verdict: str) -> None:
    judged, _ = company(1500, months=9)
    for days in (30, 60, 90, 180):
        judged[f"p_churn_{days}d"] = (judged[f"p_churn_{days}d"] * factor).clip(0, 0.99)
    assert any(f"The probabilities {'can be taken' if factor == 1 else 'are'} {verdict}" in headline
               for headline in summarise(judged, NONE, settings())["headlines"])  # fmt: skip


def test_every_fault_of_a_frame_at_once(frames: Frames) -> None:
    with pytest.raises(DataError, match="2 faults"):
        summarise(frames[0].drop(columns=["p_churn_30d", "owner"]), NONE, settings())
    with pytest.raises(DataError, match="twice on one as_of"):
        summarise(pd.concat([frames[0], frames[0].tail(1)]), NONE, settings())
    for rows in (frames[0].assign(churned_90d=np.nan), frames[0].iloc[:0]):
        with pytest.raises(DataError, match="no window has passed"):
            summarise(rows, NONE, settings())


def test_nothing_is_written_when_the_rows_are_refused(frames: Frames, tmp_path: Any) -> None:
    with pytest.raises(DataError):
        write_report(ReportInputs(frames[0].drop(columns="owner")), settings(), tmp_path / "out", {})
    assert not (tmp_path / "out").exists()


def test_the_sentences_come_from_the_summary_alone(summary: dict[str, Any]) -> None:
    again = json.loads(json.dumps(summary))
    assert headline_sentences(again) == summary["headlines"]
    assert [comparison_sentence(comparison) for comparison in again["comparisons"]] == [
        comparison["sentence"] for comparison in summary["comparisons"]
    ]
    assert 3 <= len(summary["headlines"]) <= 9
