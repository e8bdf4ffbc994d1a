"""Judging predictions: only windows that have passed and settled, dated judgements added and never replaced."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from configs.errors import SourceError, UsageError
from configs.settings import Settings
from evaluation.ledger.ledger import Ledger
from evaluation.ledger.rows import column_order
from evaluation.outcomes import outcomes
from evaluation.outcomes.outcomes import judged_so_far
from tests.evaluation.outcomes.judging import (
    DAY,
    Labels,
    forecast,
    forecast_frame,
    judge,
    later,
    outcome,
    project_settings,
)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return project_settings(tmp_path)


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with Ledger.open(settings) as opened:
        yield opened


def test_only_passed_windows_have_outcomes(ledger: Ledger, settings: Settings) -> None:
    """Known for 100 days: 30, 60 and 90 days are judged, 180 days are not, not even for who has left."""
    forecast(ledger, "abcde")
    result = judge(ledger, Labels({"a": 0, "b": 59, "c": 60, "d": 95}, 100), settings, later(101))
    nan = np.nan
    expected = {"a": [1, 1, 1, nan], "b": [0, 1, 1, nan], "c": [0, 0, 1, nan], "d": [0, 0, 0, nan], "e": [0, 0, 0, nan]}
    for account, what in expected.items():
        np.testing.assert_array_equal(outcome(result.frame, account), what)
    assert result.frame.churn_at.tolist()[:4] == [later(0), later(59), later(60), later(95)]
    assert result.frame.churn_at.isna().tolist() == [False] * 4 + [True]
    assert result.frame.matured_days.tolist() == [90] * 5
    assert (result.new, result.changed, result.waiting, result.unknown, result.repeats) == (5, 0, 0, 0, 0)


@pytest.mark.parametrize(
    ("known", "matured"), [(29, 0), (30, 30), (89, 60), (90, 90), (179, 90), (180, 180), (400, 180)]
)
def test_a_window_matures_on_its_last_day(ledger: Ledger, settings: Settings, known: int, matured: int) -> None:
    forecast(ledger, "a")
    result = judge(ledger, Labels({}, known), settings, later(500))
    assert result.frame.matured_days.tolist() == [matured]
    assert result.waiting == int(matured < 90)
    assert len(ledger.judgements()) == int(matured > 0)
    assert result.new == int(matured > 0)


def test_a_churn_that_is_not_yet_known_does_not_count(ledger: Ledger, settings: Settings) -> None:
    forecast(ledger, "ab")
    result = judge(ledger, Labels({"a": 89, "b": 90}, 90), settings, later(90))
    assert outcome(result.frame, "a")[2] == 1
    assert outcome(result.frame, "b")[2] == 0
    assert result.frame.churn_at.isna().tolist() == [False, True]


def test_a_second_judging_adds_only_what_changed_and_keeps_the_old(ledger: Ledger, settings: Settings) -> None:
    forecast(ledger, "abcd")
    first = judge(ledger, Labels({"a": 10}, 95), settings, later(95))
    assert first.new == 4
    again = judge(ledger, Labels({"a": 10}, 100), settings, later(100))
    assert (again.new, again.changed) == (0, 0)
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
    result = judge(ledger, labels, settings, later(95))
    kept = result.frame[result.frame.account_id == "b"]
    assert kept.p_churn_90d.tolist() == [0.1, 0.3, 0.4]
    assert kept.batch_id.tolist() == [1, 3, 4]
    assert result.repeats == 1
    assert "repeats left out (the first prediction" in str(result)
    assert len(labels.asked[0]) == 3  # an outcome belongs to an account and a day, whoever predicted it
    assert len(ledger.judgements()) == 3
    assert judge(ledger, labels, settings, later(95), kinds=["backtest"]).frame.p_churn_90d.tolist() == [0.5]


def test_what_was_predicted_in_hindsight_is_kept_and_counted_and_not_judged(ledger: Ledger, settings: Settings) -> None:
    """Within a week after the day it is a forecast; from then on, and after the window all the more, it is none."""
    forecast(ledger, "a")
    forecast(ledger, "b", at=later(7) - pd.Timedelta(seconds=1))
    forecast(ledger, "c", at=later(7))
    forecast(ledger, "d", at=later(90))
    forecast(ledger, "e", at=later(200))
    result = judge(ledger, Labels(dict.fromkeys("abcd", 50), 95), settings, later(95))
    assert result.frame.account_id.tolist() == ["a", "b", "c", "d"]  # e was not yet asked for
    assert result.frame.in_hindsight.tolist() == [False, False, True, True]
    assert result.frame.churned_90d.tolist()[:2] == [1, 1]
    assert result.frame[["churned_30d", "churned_90d", "contracted_90d"]].iloc[2:].isna().all(axis=None)
    assert (result.in_hindsight, result.waiting, result.days.matured.tolist()) == (2, 0, [2])
    assert "4 predictions: 2 matured, 0 waiting" in str(result)
    assert "2 made in hindsight, which are kept and not judged" in str(result)
    assert len(ledger.predictions()) == 5


@pytest.mark.parametrize(("within", "judged"), [(7, 0), (8, 1), (30, 2), (365, 2)])
def test_how_late_a_forecast_may_be_is_a_setting_and_never_beyond_the_shortest_window(
    ledger: Ledger, settings: Settings, within: int, judged: int
) -> None:
    for account, days in (("a", 7), ("b", 29), ("c", 30)):
        forecast(ledger, account, at=later(days))
    evaluation = settings.evaluation.model_copy(update={"forecast_within_days": within})
    patient = settings.model_copy(update={"evaluation": evaluation})
    assert judge(ledger, Labels({}, 95), patient, later(95)).days.matured.sum() == judged


def test_an_account_that_the_sources_lost_has_no_outcome(ledger: Ledger, settings: Settings) -> None:
    forecast(ledger, "a")
    made = ledger.predictions()[column_order([30, 60, 90, 180], [90])].assign(account_id="gone")
    ledger.write(made, kind="api", asked_by="x", at=DAY, signals_hash=["s"])
    result = judge(ledger, Labels({}, 95), settings, later(95))
    assert result.unknown == 1
    assert np.isnan(outcome(result.frame, "gone")).all()
    assert result.frame.set_index("account_id").matured_days.to_dict() == {"a": 90, "gone": 0}


def test_texts_can_be_left_out(ledger: Ledger, settings: Settings) -> None:
    forecast(ledger, "a")
    outcomes.judge(ledger, Labels({}, 95), settings, later(95))
    lean = judged_so_far(ledger, settings, later(95), texts=False)
    full = judged_so_far(ledger, settings, later(95))
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


def test_the_first_of_one_batch_counts_and_questions_stop_at_their_moment(ledger: Ledger, settings: Settings) -> None:
    made = forecast_frame("aa").assign(p_churn_90d=[0.3, 0.4])
    ledger.write(made, kind="api", asked_by="x", at=later(1), signals_hash=["s", "s"])
    forecast(ledger, "a", p=0.5, at=later(2))
    labels = Labels({"a": 30}, 95)
    assert judge(ledger, labels, settings, later(95)).frame.p_churn_90d.tolist() == [0.3]
    assert judge(ledger, labels, settings, later(95), kinds=["batch"]).frame.p_churn_90d.tolist() == [0.5]
    assert judged_so_far(ledger, settings, later(95), kinds=["batch"]).churned_90d.tolist() == [1]
    assert ledger.count(["batch", "api"], later(1)) == 2
    assert ledger.count(["judgement"], later(95)) == 1


def test_only_the_columns_asked_for_are_read(ledger: Ledger, settings: Settings) -> None:
    forecast(ledger, "ab")
    full = judge(ledger, Labels({"a": 5}, 95), settings, later(95)).frame
    few = judged_so_far(ledger, settings, later(95), columns=["arr", "p_churn_90d"])
    assert list(few)[:5] == ["account_id", "as_of", "requested_at", "arr", "p_churn_90d"]
    assert "p_churn_30d" not in few
    pd.testing.assert_frame_equal(few, full[list(few)])


def test_texts_of_a_few_rows(ledger: Ledger) -> None:
    forecast(ledger, "abc")
    rows = ledger.predictions(columns=["batch_id", "row"]).iloc[[2, 0]]
    made = forecast_frame("de").assign(reasons=["of d", "of e"], actions=None)
    ledger.write(made, kind="api", asked_by="x", at=later(1), signals_hash=["s", "s"])
    asked = pd.concat([rows, pd.DataFrame({"batch_id": [2, 9], "row": [1, 0]}, index=[5, 6])])
    result = ledger.texts(asked)
    assert (list(result), result.index.tolist()) == (["reasons", "triggers", "actions"], [2, 0, 5, 6])
    assert result.reasons.tolist()[:3] == ["[]", "[]", "of e"]
    assert result.isna().to_numpy().tolist()[2:] == [[False, False, True], [True, True, True]]
    assert ledger.texts(asked.tail(1)).isna().all().all()
