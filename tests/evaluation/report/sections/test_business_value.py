"""What predictions are worth: the summary's figures are those of capacity and money, and their draws are honest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from configs.settings import Costs
from evaluation.metrics import bootstrap, bootstrap_statistics, business_value
from evaluation.metrics.grouping import matured
from evaluation.report.sections.business_value import THRESHOLDS, at_capacity, decision, profit
from evaluation.report.sections.context import ENOUGH_DRAWS, ReportContext, ReportInputs, draws_for
from evaluation.report.sections.lead_time import first_flag
from tests.evaluation.simulated import company, settings

COSTS = Costs(contact=100, offer=500, success=0.3, success_sd=0.1)


@pytest.fixture(scope="module")
def judged() -> pd.DataFrame:
    return company(300, 12)[0]


@pytest.fixture(scope="module")
def rows(judged: pd.DataFrame) -> pd.DataFrame:
    return matured(judged, 90).reset_index(drop=True)


def context(**evaluation: object) -> ReportContext:
    return ReportContext(ReportInputs(pd.DataFrame()), settings(**evaluation))


def earning(size: int = 400) -> pd.DataFrame:
    random = np.random.default_rng(4)
    p = np.round(random.beta(1, 8, size), 2)  # many ties
    frame = pd.DataFrame({"account_id": random.integers(0, 60, size).astype(str), "p": p})
    frame["y"] = (random.random(size) < p).astype(float)
    return frame.assign(value=random.lognormal(8, 1, size))


def test_every_draw_of_the_best_cut_is_the_metric_on_the_rows_drawn() -> None:
    frame = earning()
    frame["earned"] = business_value.earnings(frame.y.to_numpy(), frame.value.to_numpy(), COSTS)
    codes, names = pd.factorize(frame.account_id, sort=True)
    counts = np.random.default_rng(1).integers(0, 4, (len(names), 20)).astype(float)
    best = bootstrap_statistics.best_cut("earned")(frame, codes, len(names))(counts)
    spread = bootstrap_statistics.expected_best_cut(
        lambda success: business_value.earnings(frame.y.to_numpy(), 4000.0, COSTS, success),
        business_value.successes(COSTS),
    )(frame, codes, len(names))(counts)
    for place in range(counts.shape[1]):
        drawn = frame.loc[np.repeat(frame.index.to_numpy(), counts[codes, place].astype(int))]
        y, p = drawn.y.to_numpy(), drawn.p.to_numpy()
        assert best[place] == pytest.approx(business_value.maximum_profit(y, p, drawn.value.to_numpy(), COSTS).profit)
        expected = business_value.expected_maximum_profit(y, p, 4000.0, COSTS).profit
        assert spread[place] == pytest.approx(expected, rel=0.02, abs=0.2)


def test_a_cut_that_only_costs_is_not_made() -> None:
    frame = earning().assign(earned=-1.0)
    assert bootstrap.interval(frame, bootstrap_statistics.best_cut("earned"), draws=20).high == 0.0


def test_profit_is_that_of_money(rows: pd.DataFrame) -> None:
    result = profit(context(), rows, "p", "the model")
    known = rows[rows["arr"].notna()]
    y, p, arr = (known[name].to_numpy() for name in ("y", "p", "arr"))
    costs = settings().evaluation.costs
    best = business_value.maximum_profit(y, p, arr, costs)
    assert result["best"]["value"] == pytest.approx(best.profit)
    assert result["of_all"]["value"] == pytest.approx(best.of_all)
    assert result["best_share"] == pytest.approx(best.share)
    expected = business_value.expected_maximum_profit(y, p, float(arr.mean()), costs).profit
    assert result["expected"]["value"] == pytest.approx(expected, rel=0.01)
    assert result["at_capacity"]["value"] <= result["best"]["value"]
    assert all(
        result[name]["low"] <= result[name]["value"] <= result[name]["high"] for name in ("best", "expected", "of_all")
    )
    at = result["break_even"]  # an account of the mean value breaks even there, on average
    earned = business_value.earnings(np.array([1.0, 0.0]), result["value"], costs)
    assert at * earned[0] + (1 - at) * earned[1] == pytest.approx(0, abs=1e-6)


def test_what_cannot_be_priced_is_refused_by_name(rows: pd.DataFrame) -> None:
    refusing = context()
    assert profit(refusing, rows.assign(arr=np.nan), "p", "x") == {
        "refused": "0 kept by saving an average account, at least 501 would do"
    }
    assert "at least 501" in profit(refusing, rows.assign(arr=50.0), "p", "x")["refused"]
    few = rows[(rows.y == 0) | rows.account_id.isin(rows.account_id[rows.y == 1].unique()[:4])]
    for result in (
        profit(refusing, few, "p", "x"),
        decision(refusing, few, "p", "x"),
        at_capacity(refusing, few, "p", "x"),
    ):
        assert result["refused"] == "4 churned accounts, at least 10 would do"
    assert [figure.needed for figure in refusing.refused] == [501, 501, 10, 10, 10, 10]


def test_capacity_in_arr_counts_what_is_known(rows: pd.DataFrame) -> None:
    result = at_capacity(context(), rows, "p", "the model")["in_arr"]
    arrays = [rows[name].to_numpy() for name in ("y", "p", "arr")]
    plain = business_value.arr_at_capacity(*arrays, rows["as_of"].to_numpy(), 0.1)
    for name in ("precision", "recall"):
        assert result[name]["value"] == pytest.approx(getattr(plain, name))
        assert result[name]["low"] < result[name]["value"] < result[name]["high"]
    assert result["auc"]["value"] == pytest.approx(business_value.auc_by_arr(*arrays))
    assert result["arr_unknown"] == rows["arr"].isna().sum() > 0
    unknown = at_capacity(context(), rows.assign(arr=np.nan), "p", "the model")
    assert "0 rows that churned with a known ARR" in unknown["in_arr"]["refused"]
    assert "value" in unknown["recall"]


def test_the_decision_curve_has_intervals(rows: pd.DataFrame) -> None:
    curve = decision(context(), rows, "p", "the model")["curve"]
    y, p = rows["y"].to_numpy(), rows["p"].to_numpy()
    shown = [threshold for threshold in THRESHOLDS if threshold <= p.max()]
    for one, plain in zip(curve, business_value.decision_curve(y, p, shown), strict=True):
        assert one["model"]["value"] == pytest.approx(plain.model)
        assert one["model"]["low"] <= one["model"]["value"] <= one["model"]["high"]
        assert (one["threshold"], one["everyone"], one["flagged"]) == (plain.threshold, plain.everyone, plain.flagged)


def test_the_first_flag_stands_beside_chance(judged: pd.DataFrame) -> None:
    result: dict[str, Any] = first_flag(context(), judged)
    rows = judged[(judged["churn_at"] - judged["as_of"]).dt.days.between(0, 180)]
    held = context().share_in_red_band(judged, "p_churn_90d")[rows.index]
    ever = pd.Series(held >= 0.5, index=rows["account_id"]).groupby(level=0).any()
    assert (result["churned"], result["ever"]["value"]) == (len(ever), pytest.approx(ever.mean()))
    assert 0.1 < result["chance"] < 1
    assert result["ever"]["low"] <= result["ever"]["value"] <= result["ever"]["high"]
    assert 0 < result["median_days"] <= result["within_days"] == 180
    nobody = first_flag(
        context(), judged.assign(churn_at=pd.Series(pd.NaT, index=judged.index, dtype="datetime64[us]"))
    )
    assert nobody["refused"].startswith("0 accounts that left within 180 days of a scoring")


def test_many_rows_take_fewer_draws_and_never_too_few() -> None:
    assert [draws_for(400, rows) for rows in (0, 100_000, 200_000, 10_000_000)] == [400, 400, 200, ENOUGH_DRAWS]
    assert draws_for(50, 10_000_000) == 50
