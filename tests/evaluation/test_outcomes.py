"""Judging predictions: only windows that have passed and settled, dated judgements added and never replaced."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from configs.errors import SourceError, UsageError
from configs.settings import HERE, Settings, _read, settings_from
from evaluation.ledger import Ledger
from evaluation.ledger_rows import column_order
from evaluation.outcomes import judge, judged_so_far

DAY = pd.Timestamp("2024-01-01")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    body = _read(HERE / "default.yaml")
    body["tables"] = {"accounts": {"from": "accounts.csv"}, "contracts": {"from": "contracts.csv"}}
    return settings_from(body, tmp_path)


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with Ledger.open(settings) as opened:
        yield opened


def forecast(
    ledger: Ledger, accounts: str, as_of: pd.Timestamp = DAY, p: float = 0.1, kind: str = "batch", **more: Any
):
    made = pd.DataFrame({"account_id": list(accounts), "as_of": as_of.as_unit("us"), "lifecycle_stage": "adoption"})
    for days in (30, 60, 90, 180):
        made[f"p_churn_{days}d"] = p
    for name in column_order([30, 60, 90, 180], [90]):
        if name not in made:
            made[name] = "[]" if name in {"reasons", "triggers", "actions"} else 0.5
    made["risk_level"], made["config_version"] = "low", "c"
    made["model_version"] = more.pop("model_version", "1")
    at = more.pop("at", as_of + pd.Timedelta(hours=7))
    return ledger.write(made, kind=kind, asked_by="score", at=at, signals_hash=["s"] * len(made))


class Labels:
    """What a data set knows: churn days after DAY by account, and until when; counts how it was asked."""

    def __init__(self, churned: dict[str, int], known_days: int, voluntary: dict[str, bool] | None = None) -> None:
        self.churned, self.known_days, self.voluntary = churned, known_days, voluntary or {}
        self.asked: list[pd.DataFrame] = []

    def __call__(self, pairs: pd.DataFrame) -> pd.DataFrame:
        self.asked.append(pairs)
        out = pairs[pairs.account_id != "gone"].copy()
        days = out.account_id.map(self.churned)
        out["churn_at"] = (DAY + pd.to_timedelta(days, unit="D")).where(days.notna()).astype("datetime64[us]")
        out["observed_until"] = DAY + pd.Timedelta(days=self.known_days)
        out["voluntary"] = out.account_id.map(self.voluntary).astype(object)
        return out


def later(days: int) -> pd.Timestamp:
    return DAY + pd.Timedelta(days=days)


def outcome(frame: pd.DataFrame, account: str) -> list[float]:
    row = frame[frame.account_id == account].iloc[0]
    return [row[f"churned_{days}d"] for days in (30, 60, 90, 180)]


def test_only_passed_windows_have_outcomes(ledger: Ledger, settings: Settings) -> None:
    """Known for 100 days: 30, 60 and 90 days are judged, 180 days are not, not even for who has left."""
    forecast(ledger, "abcde")
    found = judge(ledger, Labels({"a": 0, "b": 59, "c": 60, "d": 95}, 100), settings, later(101))
    nan = np.nan
    expected = {"a": [1, 1, 1, nan], "b": [0, 1, 1, nan], "c": [0, 0, 1, nan], "d": [0, 0, 0, nan], "e": [0, 0, 0, nan]}
    for account, outcomes in expected.items():
        np.testing.assert_array_equal(outcome(found.frame, account), outcomes)
    assert found.frame.churn_at.tolist()[:4] == [later(0), later(59), later(60), later(95)]
    assert found.frame.churn_at.isna().tolist() == [False] * 4 + [True]
    assert found.frame.matured_days.tolist() == [90] * 5
    assert (found.new, found.changed, found.waiting, found.unknown, found.repeats) == (5, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("known", "matured"), [(29, 0), (30, 30), (89, 60), (90, 90), (179, 90), (180, 180), (400, 180)]
)
def test_a_window_matures_on_its_last_day(ledger: Ledger, settings: Settings, known: int, matured: int) -> None:
    forecast(ledger, "a")
    found = judge(ledger, Labels({}, known), settings, later(500))
    assert found.frame.matured_days.tolist() == [matured]
    assert found.waiting == int(matured < 90)
    assert len(ledger.judgements()) == int(matured > 0)
    assert found.written is None or found.written.rows == 1


def test_a_churn_that_is_not_yet_known_does_not_count(ledger: Ledger, settings: Settings) -> None:
    forecast(ledger, "ab")
    found = judge(ledger, Labels({"a": 89, "b": 90}, 90), settings, later(90))
    assert outcome(found.frame, "a")[2] == 1
    assert outcome(found.frame, "b")[2] == 0
    assert found.frame.churn_at.isna().tolist() == [False, True]


def test_a_second_judging_adds_only_what_changed_and_keeps_the_old(ledger: Ledger, settings: Settings) -> None:
    forecast(ledger, "abcd")
    first = judge(ledger, Labels({"a": 10}, 95), settings, later(95))
    assert first.new == 4
    again = judge(ledger, Labels({"a": 10}, 100), settings, later(100))
    assert (again.new, again.changed, again.written) == (0, 0, None)
    # b's churn was recorded late, a's was a mistake, c left of its own will after the judged window
    third = judge(ledger, Labels({"b": 20, "c": 99}, 110, {"c": True}), settings, later(110))
    assert (third.new, third.changed) == (0, 3)
    assert [outcome(third.frame, one)[2] for one in "abcd"] == [0, 1, 0, 0]
    fourth = judge(ledger, Labels({"b": 20, "c": 99}, 180, {"c": True}), settings, later(180))
    assert (fourth.new, fourth.changed) == (0, 4)
    assert outcome(fourth.frame, "c") == [0, 0, 0, 1]
    every = ledger.judgements(latest=False)
    assert len(every) == 4 + 3 + 4
    assert every.judged_at.tolist() == [later(95)] * 4 + [later(110)] * 3 + [later(180)] * 4
    assert every[every.account_id == "a"].churn_at.isna().tolist() == [False, True, True]
    assert ledger.judgements().voluntary.tolist() == [None, None, True, None]
    assert ledger.verify().ok


def test_the_ledger_alone_tells_the_same_as_it_stood_on_any_day(ledger: Ledger, settings: Settings) -> None:
    forecast(ledger, "abc")
    first = judge(ledger, Labels({"a": 10}, 95), settings, later(95))
    second = judge(ledger, Labels({"a": 10, "b": 20}, 185, {"b": False}), settings, later(185))
    pd.testing.assert_frame_equal(judged_so_far(ledger, settings, later(95)), first.frame)
    pd.testing.assert_frame_equal(judged_so_far(ledger, settings, later(200)), second.frame)
    assert judged_so_far(ledger, settings, later(94)).churned_90d.isna().all()


def test_older_sources_do_not_undo_what_is_known(ledger: Ledger, settings: Settings) -> None:
    forecast(ledger, "a")
    judge(ledger, Labels({"a": 70}, 95), settings, later(95))
    older = judge(ledger, Labels({}, 65), settings, later(96))
    assert (older.new, older.changed) == (0, 0)
    assert ledger.judgements().churn_at.tolist() == [later(70)]


def test_the_first_prediction_counts_for_each_model(ledger: Ledger, settings: Settings) -> None:
    forecast(ledger, "ab", p=0.1)
    forecast(ledger, "b", p=0.2, kind="api")
    forecast(ledger, "b", p=0.3, model_version="2")
    forecast(ledger, "b", p=0.4, as_of=later(1))
    forecast(ledger, "b", p=0.5, kind="backtest")
    labels = Labels({"b": 50}, 95)
    found = judge(ledger, labels, settings, later(95))
    kept = found.frame[found.frame.account_id == "b"]
    assert kept.p_churn_90d.tolist() == [0.1, 0.3, 0.4]
    assert kept.batch_id.tolist() == [1, 3, 4]
    assert found.repeats == 1
    assert "repeats left out (the first prediction" in str(found)
    assert len(labels.asked[0]) == 3  # an outcome belongs to an account and a day, whoever predicted it
    assert len(ledger.judgements()) == 3
    assert judge(ledger, labels, settings, later(95), kinds=["backtest"]).frame.p_churn_90d.tolist() == [0.5]


def test_forecasts_made_after_the_fact_are_counted(ledger: Ledger, settings: Settings) -> None:
    forecast(ledger, "a")
    forecast(ledger, "b", at=later(90))
    forecast(ledger, "c", at=later(200))
    found = judge(ledger, Labels({}, 95), settings, later(95))
    assert found.frame.account_id.tolist() == ["a", "b"]  # c was not yet asked for
    assert found.in_hindsight == 1
    assert "asked for after their window had closed" in str(found)


def test_an_account_that_the_sources_lost_has_no_outcome(ledger: Ledger, settings: Settings) -> None:
    forecast(ledger, "a")
    made = ledger.predictions()[column_order([30, 60, 90, 180], [90])].assign(account_id="gone")
    ledger.write(made, kind="api", asked_by="x", at=DAY, signals_hash=["s"])
    found = judge(ledger, Labels({}, 95), settings, later(95))
    assert found.unknown == 1
    assert np.isnan(outcome(found.frame, "gone")).all()
    assert found.frame.set_index("account_id").matured_days.to_dict() == {"a": 90, "gone": 0}


def test_texts_can_be_left_out(ledger: Ledger, settings: Settings) -> None:
    forecast(ledger, "a")
    labels = Labels({}, 95)
    lean = judge(ledger, labels, settings, later(95), texts=False).frame
    full = judge(ledger, labels, settings, later(95)).frame
    pd.testing.assert_frame_equal(full.drop(columns=["reasons", "triggers", "actions"]), lean)


def test_what_cannot_be_judged_is_refused(ledger: Ledger, settings: Settings) -> None:
    with pytest.raises(UsageError, match="run `forewarn score` first"):
        judge(ledger, Labels({}, 95), settings, later(95))
    forecast(ledger, "a")
    with pytest.raises(UsageError, match="no predictions by 2023"):
        judge(ledger, Labels({}, 95), settings, pd.Timestamp("2023-12-31"))
    with pytest.raises(SourceError, match="two labels for account a at 2024-01-01"):
        judge(ledger, lambda pairs: pd.concat([Labels({}, 95)(pairs)] * 2), settings, later(95))
    with pytest.raises(SourceError, match=r"labels.churn_at: found no such column"):
        judge(ledger, lambda pairs: pairs, settings, later(95))
    assert ledger.judgements().empty
