"""The figures that leaders are measured by, hand-counted on a few contracts."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from configs.settings import Churn
from evaluation.jsonable import to_jsonable
from evaluation.metrics import MetricRefused, Refusal, wilson
from evaluation.revenue import ContractBook, arr_at, forecast, health_over_time, retention, time_to_value
from evaluation.revenue.forecast import COVERS, shared_error
from features.timeline import covered, known_cover


def day(text: str | None) -> pd.Timestamp:
    return pd.Timestamp(text).as_unit("us") if text else pd.NaT


def contracts(*rows: tuple[str, str, str | None, float]) -> pd.DataFrame:
    made = pd.DataFrame(rows, columns=["account_id", "at", "ends_at", "arr"])
    return made.assign(**{name: made[name].map(day).astype("datetime64[us]") for name in ("at", "ends_at")})


DAYS = [day("2024-01-01"), day("2024-04-01"), day("2024-07-01")]
NAN = float("nan")
LEVELS = {
    "open": ([("a", "2023-06-01", None, 10.0)], [10, 10, 10]),
    "half-open: it covers its first day and not its last": ([("a", "2024-01-01", "2024-04-01", 10.0)], [10, 0, 0]),
    "renewed at another price": (
        [("a", "2023-04-01", "2024-04-01", 10.0), ("a", "2024-04-01", "2025-04-01", 8.0)], [10, 8, 8],
    ),
    "two at a time": ([("a", "2023-04-01", None, 10.0), ("a", "2024-02-01", "2024-05-01", 5.0)], [10, 15, 10]),
    "late paperwork lasts until the next": (
        [("a", "2023-03-20", "2024-03-20", 10.0), ("a", "2024-04-10", None, 12.0)], [10, 10, 12],
    ),
    "a longer pause does not": (
        [("a", "2023-02-20", "2024-02-20", 10.0), ("a", "2024-04-10", None, 12.0)], [10, 0, 12],
    ),
    "an unknown ARR for as long as it lasts": (
        [("a", "2023-03-20", "2024-03-20", NAN), ("a", "2024-03-20", None, 12.0)], [NAN, 12, 12],
    ),
    "a short contract within a long one ends nothing": (
        [("a", "2023-01-01", "2024-06-20", 9.0), ("a", "2023-02-01", "2023-03-20", 1.0), ("a", "2024-06-25", None, 8.)],
        [9, 9, 8],
    ),
}  # fmt: skip


def in_hindsight(rows: pd.DataFrame) -> pd.DataFrame:
    """What the contracts cover, as `contract_rows` reads it."""
    named = rows.rename(columns={"at": "starts_at"}).assign(visible=rows["at"] + pd.Timedelta(days=1))
    return known_cover(covered(named, Churn(allowed_gap_days=30), day("2025-01-01")))


@pytest.mark.parametrize(("rows", "expected"), LEVELS.values(), ids=LEVELS)
def test_arr_under_contract(rows, expected: list[float]) -> None:
    np.testing.assert_array_equal(arr_at(in_hindsight(contracts(*rows)), DAYS).loc["a"].to_numpy(), expected)


def twelve() -> pd.DataFrame:
    """Twelve accounts of 100 on 1 January 2024; by 1 April one left, one pays 50, one 160; by 1 July two more left."""
    rows = [(f"a{number:02d}", "2023-01-01", None, 100.0) for number in range(7)]
    rows += [("left", "2023-01-01", "2024-02-01", 100.0)]
    rows += [("less", "2023-01-01", "2024-02-01", 100.0), ("less", "2024-02-01", None, 50.0)]
    rows += [("more", "2023-01-01", None, 100.0), ("more", "2024-03-01", None, 60.0)]
    rows += [(name, "2023-01-01", "2024-05-01", 100.0) for name in ("later1", "later2")]
    rows += [("new", "2024-02-01", None, 500.0)]
    return contracts(*rows)


def accounts(rows: pd.DataFrame) -> pd.DataFrame:
    ids = sorted(rows.account_id.unique())
    return pd.DataFrame({"account_id": ids, "created_at": day("2023-01-01"), "segment": ["smb"] * len(ids)})


def test_retention_by_hand() -> None:
    rows = twelve()
    result = retention(ContractBook(rows, accounts(rows), day("2024-08-15"), gap_days=30), draws=200, seed=1)
    assert [one.period for one in result] == ["2023 Q1", "2023 Q2", "2023 Q3", "2023 Q4", "2024 Q1", "2024 Q2"]
    first, second = result[-2:]
    assert (first.accounts, first.arr, first.arr_unknown) == (12, 1200.0, 0)
    assert first.gross.value == pytest.approx((9 * 100 + 50 + 100) / 1200)
    assert first.net.value == pytest.approx((9 * 100 + 50 + 160) / 1200)
    assert first.logo_churn.value == pytest.approx(1 / 12)
    assert (first.logo_churn.low, first.logo_churn.high) == pytest.approx(wilson(1 / 12, 12))
    assert first.gross.low < first.gross.value <= first.gross.high <= 1
    assert (second.accounts, second.arr) == (12, 1200.0 - 100 - 50 + 60 + 500)  # the new one is there now
    assert second.gross.value == second.net.value == pytest.approx((1610 - 200) / 1610)
    assert second.logo_churn.value == pytest.approx(2 / 12)
    assert json.dumps(to_jsonable(result), allow_nan=False)


def test_months_groups_and_what_is_not_known_yet() -> None:
    rows = twelve()
    until = day("2024-03-01")
    months = retention(ContractBook(rows, accounts(rows), until, gap_days=30), every="month", draws=50, seed=1)
    assert (months[0].period, months[-1].period) == ("2023-01", "2024-02")
    quarters = retention(ContractBook(rows, accounts(rows), day("2024-03-31"), gap_days=30), draws=50, seed=1)
    assert quarters[-1].period == "2023 Q4"
    labelled = accounts(rows).set_index("account_id").assign(segment="smb")
    labelled.loc["more", "segment"] = "mid"
    labelled = labelled.reset_index()
    result = retention(ContractBook(rows, labelled, day("2024-04-01"), gap_days=30), by="segment", draws=50, seed=1)
    last = {one.group: one for one in result if one.period == "2024 Q1"}
    assert {name: one.accounts for name, one in last.items()} == {"smb": 11, "mid": 1}
    assert last["mid"].gross == Refusal("1 accounts, at least 10 would do")
    assert last["smb"].gross.value == pytest.approx((9 * 100 + 50) / 1100)
    cohorts = retention(
        ContractBook(rows, accounts(rows), day("2024-04-01"), gap_days=30), by="cohort", draws=50, seed=1
    )
    assert {cohort.group for cohort in cohorts} == {"2023 Q1"}


def test_an_unknown_arr_is_counted_and_a_customer() -> None:
    rows = pd.concat([twelve(), contracts(("who", "2023-01-01", None, NAN))], ignore_index=True)
    result = retention(ContractBook(rows, accounts(rows), day("2024-04-01"), gap_days=30), draws=50, seed=1)[-1]
    assert (result.accounts, result.arr_unknown, result.arr) == (13, 1, 1200.0)
    assert result.logo_churn.value == pytest.approx(1 / 13)


def test_no_contracts_and_no_whole_period_say_nothing() -> None:
    assert (
        retention(ContractBook(contracts(), accounts(twelve()), day("2024-04-01"), gap_days=30), draws=20, seed=1) == []
    )
    one = contracts(("a", "2024-01-05", None, 1.0))
    assert retention(ContractBook(one, accounts(one), day("2024-04-30"), gap_days=30), draws=20, seed=1) == []


def test_health_over_time() -> None:
    rows = pd.DataFrame({"account_id": list("abcab"), "as_of": [day("2024-01-01")] * 3 + [day("2024-02-01")] * 2})
    rows["risk_level"], rows["segment"] = ["low", "low", "high", "high", "old"], ["s", "m", None, "s", "m"]
    assert to_jsonable(health_over_time(rows, ["low", "high"])) == [
        {"as_of": "2024-01-01", "group": None, "accounts": 3, "low": 2, "high": 1},
        {"as_of": "2024-02-01", "group": None, "accounts": 2, "low": 0, "high": 1, "(other)": 1},
    ]
    result = health_over_time(rows, ["low", "high"], "segment")
    assert [(counts.as_of, counts.group, counts.by_level["low"]) for counts in result][:3] == [
        ("2024-01-01", "(unknown)", 0), ("2024-01-01", "m", 1), ("2024-01-01", "s", 1),
    ]  # fmt: skip


def signed_up(days_to_value: list[float], left_after: float | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    start = day("2024-01-01")
    made = pd.DataFrame({"account_id": [f"a{n:02d}" for n in range(len(days_to_value))], "created_at": start})
    made["left_at"] = day(None) if left_after is None else start + pd.Timedelta(days=left_after)
    made["left_at"] = made["left_at"].astype("datetime64[us]")
    at = start + pd.to_timedelta(days_to_value, unit="D")
    return made, pd.DataFrame({"account_id": made.account_id, "at": at}).dropna()


TO_VALUE = {
    # days to value (NaN: not yet), median, share within 120 days
    "all": ([10, 20, 30, 40, 50, 60, 70, 80, 90, 100], 50.0, 1.0),
    "half, and no more": ([10, 20, 30, 40, 50] + [NAN] * 5, 50.0, 0.5),
    "some late": ([10, 20, 30, 40, 150, 160, 170, 180, 190, 195], 150.0, 0.4),
}


@pytest.mark.parametrize(("days", "median", "in_time"), TO_VALUE.values(), ids=TO_VALUE)
def test_time_to_value_by_hand(days: list[float], median: float, in_time: float) -> None:
    result = time_to_value(*signed_up(days), day("2024-07-20"), due_days=120, draws=200, seed=1)[0]
    assert (result.accounts, result.reached) == (10, int(np.isfinite(days).sum()))
    assert result.median_days.value == median
    assert result.median_days.low <= median
    assert result.in_time.value == pytest.approx(in_time)


def test_time_to_value_of_the_young_and_of_those_who_left() -> None:
    made, reached = signed_up([10, 20, 30, 40] + [NAN] * 6)
    until = day("2024-07-20")
    result = time_to_value(made, reached, until, due_days=120, draws=50, seed=1)[0]
    assert result.median_days == Refusal("4 accounts have reached it, at least 5 would do")
    # followed for 25 days only, eight of ten: two reach it among ten (S .8), then two of two that are left
    made.loc[2:, "left_at"] = made.created_at + pd.Timedelta(days=25)
    made.loc[[2, 3], "left_at"] = day(None)
    result = time_to_value(made, reached, until, due_days=120, draws=50, seed=1)[0]
    assert result.median_days.value == 30.0
    young = time_to_value(made, reached, day("2024-02-20"), due_days=120, draws=50, seed=1)[0]
    assert young.in_time == Refusal("0 accounts that signed up 120 days ago and more, at least 10 would do")
    gone = time_to_value(*signed_up([50] * 12, left_after=40), until, due_days=120, draws=50, seed=1)[0]
    assert (gone.reached, gone.in_time.value) == (0, 0.0)  # reached after it had left: another life's
    assert time_to_value(made.head(3), reached, until, due_days=120, draws=50, seed=1)[0].median_days.refused


WINDOWS = pd.DataFrame({"expected": [50.0] * 6, "churns": [50, 55, 45, 52, 48, 50], "variance": [45.0] * 6})


def test_the_level_of_past_windows_widens_the_forecast() -> None:
    p, arr = np.full(500, 0.1), np.full(500, 1000.0)
    steady = forecast(p, arr, WINDOWS)
    assert steady.shared_error == 0.0  # less than chance alone gives
    assert steady.arr_lost.value == pytest.approx(50_000)
    half = 1.96 * np.sqrt(500 * 0.09)
    assert [steady.churns.low, steady.churns.high] == pytest.approx([50 - half, 50 + half], abs=1.6)
    moving = forecast(p, arr, WINDOWS.assign(churns=[20, 80, 20, 80, 20, 80]))
    assert moving.shared_error == pytest.approx(np.sqrt((30 / 45) ** 2 - 1 / 45))
    assert moving.churns.high - moving.churns.low > 3 * half
    assert steady.covers == COVERS
    assert json.dumps(to_jsonable(steady), allow_nan=False)


def test_a_forecast_covers_what_happens() -> None:
    """Companies whose level moves by .3 in log-odds from quarter to quarter."""
    random, inside = np.random.default_rng(0), []
    p = random.beta(1, 9, 400)
    arr = random.lognormal(9, 1, 400)
    odds = np.log(p / (1 - p))
    for _ in range(60):
        level = 1 / (1 + np.exp(-(odds + random.normal(0, 0.3, (13, 1)))))
        left = random.random((13, 400)) < level
        past = pd.DataFrame({"expected": p.sum(), "churns": left[:12].sum(axis=1), "variance": (p * (1 - p)).sum()})
        result = forecast(p, arr, past, draws=300).arr_lost
        inside.append(result.low <= left[12] @ arr <= result.high)
    assert 0.85 <= np.mean(inside) <= 1


def test_a_forecast_counts_unknown_arr_and_refuses_without_a_past() -> None:
    result = forecast(np.array([0.5, 0.5]), np.array([100.0, NAN]), WINDOWS)
    assert (result.arr_lost.value, result.arr, result.arr_unknown, result.accounts) == (50.0, 100.0, 1, 2)
    with pytest.raises(MetricRefused, match="3 past windows; expected at least 4"):
        shared_error(WINDOWS.head(3))
    with pytest.raises(MetricRefused, match="accounts under contract"):
        forecast(np.array([]), np.array([]), WINDOWS)
