"""The alarms: at most one in a quiet year, and each of them trips on what is planted for it, and says so."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from configs.errors import DataError
from evaluation.monitoring.alarms import KINDS
from evaluation.monitoring.drift import ALL
from evaluation.monitoring.monitor import monitor
from evaluation.monitoring.result import Monitoring
from features.timeline.outages import Outage, outages
from tests.evaluation.quiet_company import SCHEMA, SINCE, USAGE, Company, company
from tests.evaluation.simulated import settings

pytestmark = pytest.mark.slow

SETTINGS = settings()
TURN = SINCE + pd.DateOffset(months=6)
TURN_MONTH = 6
YEARS = 20


@cache
def quiet(seed: int) -> Company:
    return company(seed)


def look(one: Company, **more: Any) -> Monitoring:
    return monitor(one.predictions, SETTINGS, SINCE, one.signals, SCHEMA, **more)


def kinds(found: Monitoring) -> set[str]:
    return {alarm.kind for alarm in found.alarms}


def turned(seed: int, times: float, **more: Any) -> list[bool]:
    """Whether the alarm of more (fewer) churns went off in each month, the hazards turning in the seventh."""
    result = monitor(company(seed, times=times, **more).predictions, SETTINGS, SINCE)
    name = "more_churn" if times > 1 else "fewer_churn"
    return [one.tripped for one in result.figures.watched[name]]


def test_a_quiet_year_has_one_alarm_at_most() -> None:
    counts = Counter(len(look(quiet(seed)).alarms) for seed in range(YEARS))
    assert counts[0] + counts[1] >= 19, counts
    assert counts[0] >= 12, counts


def test_twice_the_churns_are_found_within_a_month() -> None:
    """Of 20 companies of 500 accounts with some 8 churns a month: by the month after the one in which it began."""
    result = np.array([turned(seed, 2.0) for seed in range(YEARS)])
    assert result[:, TURN_MONTH].sum() >= 10
    assert result[:, TURN_MONTH : TURN_MONTH + 2].any(axis=1).sum() >= 18
    assert result[:, TURN_MONTH : TURN_MONTH + 3].any(axis=1).all()


def test_a_larger_company_finds_it_in_the_same_month() -> None:
    assert all(turned(seed, 2.0, accounts=1500)[TURN_MONTH] for seed in range(3))
    assert all(turned(seed, 0.5, accounts=3000)[TURN_MONTH] for seed in range(2))


def test_twice_the_churns_in_words() -> None:
    result = look(company(1, times=2.0, accounts=1500))
    first = next(alarm for alarm in result.alarms if alarm.kind == "more_churn")
    assert first.first == TURN
    assert first.trips > 1  # every month after it as well: one alarm
    assert [alarm.kind for alarm in result.alarms].count("more_churn") == 1
    assert "times as many" in first.message
    assert 1.6 < first.figure < 2.6
    assert result.sentences[0].startswith("More accounts leave than predicted (2025-07-01): ")


def test_probabilities_that_are_off_in_one_stage() -> None:
    one = company(2, accounts=3000)
    renewal = (one.predictions["lifecycle_stage"] == "renewal").to_numpy()
    one.predictions.loc[renewal, [f"p_churn_{days}d" for days in (30, 60, 90, 180)]] *= 0.4
    result = look(one)
    assert {alarm.scope for alarm in result.alarms if alarm.kind == "calibration"} == {"renewal"}


def test_a_ranking_that_has_lost_its_meaning() -> None:
    one = company(3, accounts=1500)
    shuffled = np.random.default_rng(0).permutation(len(one.predictions))
    columns = [f"p_churn_{days}d" for days in (30, 60, 90, 180)]
    one.predictions[columns] = one.predictions[columns].to_numpy()[shuffled]
    result = look(one)
    assert "performance" in kinds(result)
    assert all(not estimate.graded.within for estimate in result.figures.estimates if estimate.graded)


def test_scores_that_move_without_a_reason() -> None:
    one = quiet(4)
    later = (one.predictions["as_of"] >= SINCE + pd.DateOffset(months=9)).to_numpy()
    spoilt = one.predictions.copy()
    columns = [f"p_churn_{days}d" for days in (30, 60, 90, 180)]
    spoilt.loc[later, columns] = spoilt.loc[later, columns] ** 0.5
    assert "scores" in kinds(look(Company(spoilt, one.signals)))
    assert "scores" not in kinds(look(Company(spoilt.assign(model_version=np.where(later, "2", "1")), one.signals)))


def test_a_signal_that_shifts() -> None:
    one = quiet(5)
    signals = one.signals.copy()
    signals.loc[(signals["as_of"] >= TURN).to_numpy(), "days_late_90d"] *= 2.5
    result = look(Company(one.predictions, signals))
    assert kinds(result) == {"signals"} | kinds(look(one))
    (alarm,) = [alarm for alarm in result.alarms if alarm.kind == "signals"]
    assert (alarm.first, alarm.last, alarm.trips) == (TURN, TURN, 1)
    assert alarm.message.startswith("1 signal (from invoices) moved, most of all days_late_90d (")


def test_customers_that_are_others_than_in_training() -> None:
    """Everything creeps, month by month, nothing suddenly."""
    one = quiet(6)
    months = ((one.signals["as_of"] - SINCE) / pd.Timedelta(days=30)).clip(lower=0).to_numpy()
    signals = one.signals.copy()
    for name in USAGE:
        signals[name] *= np.exp(0.12 * months)
    result = look(Company(one.predictions, signals))
    assert kinds(result) == {"far_from_training"} | kinds(look(one))
    assert {name for name, _ in result.figures.farthest[:6]} == set(USAGE)


def usage_outage() -> tuple[Outage, ...]:
    """A feed of 900 rows a day that brought next to nothing for eighteen days, as `forewarn check` finds it."""
    days = pd.date_range("2024-06-01", TURN, inclusive="left")
    rows = np.full(len(days), 900)
    rows[-20:-2] = 3
    totals = pd.DataFrame({"day": days, "visible": days + pd.Timedelta(days=1), "n": rows})
    return outages(totals, TURN)


def test_a_usage_outage_is_an_outage_and_no_drift() -> None:
    one = quiet(7)
    signals = one.signals.copy()
    signals.loc[(signals["as_of"] == TURN).to_numpy(), list(USAGE)] *= 0.3
    spoilt = Company(one.predictions, signals)
    result = look(spoilt, outages={"usage_events": usage_outage()})
    assert kinds(result) == {"outage"} | kinds(look(one))
    (alarm,) = [alarm for alarm in result.alarms if alarm.kind == "outage"]
    assert (alarm.scope, alarm.figure) == ("usage_events", 18)
    assert "an outage, not a change of the customers; 6 signals moved with it." in str(alarm)
    assert {move.column for move, _ in result.figures.explained} == set(USAGE)
    assert any(sentence.startswith("No drift: usage_events brought next to nothing") for sentence in result.sentences)
    assert "signals" in kinds(look(spoilt))  # without knowing of the outage


def test_scores_that_an_outage_moves_are_no_alarm_of_their_own() -> None:
    one = quiet(4)
    month = SINCE + pd.DateOffset(months=9)
    signals, predictions = one.signals.copy(), one.predictions.copy()
    signals.loc[(signals["as_of"] == month).to_numpy(), list(USAGE)] *= 0.3
    columns = [f"p_churn_{days}d" for days in (30, 60, 90, 180)]
    down = (predictions["as_of"] == month).to_numpy()
    predictions.loc[down, columns] = predictions.loc[down, columns] ** 0.5
    first = month - pd.Timedelta(days=20)
    outage = Outage(f"{first:%Y-%m-%d}", f"{month - pd.Timedelta(days=1):%Y-%m-%d}", 20)
    spoilt = Company(predictions, signals)
    assert "scores" in kinds(look(spoilt))
    assert "scores" not in kinds(look(spoilt, outages={"usage_events": (outage,)}))


def test_an_alarm_stands_until_a_quarter_is_quiet_and_says_so() -> None:
    stood = look(company(1, times=2.0, accounts=1500))
    (alarm,) = [alarm for alarm in stood.alarms if alarm.kind == "more_churn"]
    assert alarm.is_active
    assert f"Seen again until {alarm.last:%Y-%m-%d}. To do: " in str(alarm)
    outage = usage_outage()
    over = next(alarm for alarm in look(quiet(7), outages={"usage_events": outage}).alarms if alarm.kind == "outage")
    assert f"{over.last:%Y-%m-%d}" == outage[0].last_day
    assert not over.is_active  # it ended six months before the newest scoring
    assert str(over).endswith(f" Over: not seen after {outage[0].last_day}.")


def test_what_is_quiet_is_said_of_every_kind_that_did_not_go_off() -> None:
    result = look(company(1, times=2.0, accounts=1500))
    gone_off = kinds(result)
    assert result.quiet == [kind.quiet for kind, _ in KINDS if kind.name not in gone_off]
    assert "no more accounts leave than predicted" not in result.quiet


def test_a_later_look_leaves_out_what_had_ended() -> None:
    result = look(quiet(7), outages={"usage_events": usage_outage()})
    later = result.since(TURN + pd.DateOffset(months=2))
    assert "outage" in kinds(result)
    assert "outage" not in kinds(later)
    assert {score.as_of for score in later.figures.scores} == {
        score.as_of for score in result.figures.scores if score.as_of >= TURN + pd.DateOffset(months=2)
    }
    assert len(later.figures.far_share) == 4


def test_new_weights_are_no_move_of_the_health_score() -> None:
    """Planted: a score that jumps in the month in which the configuration does, and one that jumps by itself."""
    one = quiet(4)
    late = (one.predictions["as_of"] >= SINCE + pd.DateOffset(months=9)).to_numpy()
    random = np.random.default_rng(1)
    score = 50 + 20 * random.normal(size=len(late)) + 40 * late
    versions = np.where(late, "new", "old")
    published = one.predictions.assign(health_score=score, config_version=versions)
    result = look(Company(published, one.signals))
    assert "scores" not in kinds(result)
    (said,) = [said for said in result.no_drift if "health score" in said]
    assert said.startswith("No drift: from 2025-10-01 on the health score goes by another configuration (new);")
    assert "scores" in kinds(look(Company(published.assign(config_version="old"), one.signals)))


def test_drift_is_told_by_feed() -> None:
    one = quiet(7)
    signals = one.signals.copy()
    signals.loc[(signals["as_of"] == TURN).to_numpy(), list(USAGE)] *= 0.3
    feeds = {
        feed.feed: feed
        for feed in look(Company(one.predictions, signals), outages={"usage_events": usage_outage()}).figures.feeds
    }
    usage = feeds["usage_events"]
    assert (usage.signals, usage.moved, usage.explained) == (len(USAGE), len(USAGE), len(USAGE))
    assert (feeds["invoices"].signals, feeds["invoices"].moved) == (1, 0)
    assert usage.farthest in USAGE


def test_an_account_that_left_unrecorded_leaves_no_month_open() -> None:
    one = quiet(10)
    spoilt = one.predictions.copy()
    lost = spoilt["account_id"] == spoilt["account_id"].iloc[0]
    spoilt.loc[lost, [f"churned_{days}d" for days in (30, 60, 90, 180)]] = np.nan
    result = look(Company(spoilt, one.signals)).figures
    without = look(Company(spoilt[~lost], one.signals)).figures
    assert all(score.happened is not None for score in result.scores)
    assert (result.observed_expected, result.estimates) == (without.observed_expected, without.estimates)
    assert result.watched == without.watched


def test_slope_and_error_of_what_has_matured() -> None:
    result = look(quiet(10)).figures.matured
    assert result.slope is not None
    assert result.ece is not None
    assert result.slope.low < 1 < result.slope.high
    assert result.ece.value < 0.03
    few = monitor(quiet(10).predictions, settings(min_churned_accounts=10_000), SINCE).figures.matured
    assert "at least 10000 would do" in (few.refused or "")


def test_a_short_outage_is_no_alarm() -> None:
    short = Outage("2025-03-03", "2025-03-05", 3)
    assert kinds(look(quiet(8), outages={"tickets": (short,)})) == kinds(look(quiet(8)))


def test_every_kind_of_alarm_is_planted_here() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [kind.name for kind, _ in KINDS if f'"{kind.name}"' not in text] == []


def test_open_windows_are_not_judged() -> None:
    one = company(9, open_days=120)
    result = look(one)
    months = one.predictions["as_of"].drop_duplicates()
    known = one.predictions.loc[one.predictions["churned_30d"].notna(), "as_of"].nunique()
    assert known == len(months)
    closed = one.predictions.loc[one.predictions["churned_90d"].notna(), "as_of"].nunique()
    assert closed < len(months)
    assert result.figures.estimates[-1].graded is None
    assert "is to be expected" in " ".join(result.sentences)
    happened = [score.happened for score in result.figures.scores if score.stage == ALL]
    assert [one is None for one in happened] == [False] * closed + [True] * (len(months) - closed)


def test_figures_by_hand() -> None:
    one = quiet(10)
    result = look(one).figures
    first = one.predictions[one.predictions["as_of"] == SINCE]
    score = next(score for score in result.scores if score.stage == ALL)
    assert (score.rows, score.mean_p) == (len(first), pytest.approx(first["p_churn_90d"].mean()))
    assert score.happened == pytest.approx(first["churned_90d"].mean())
    quarter = one.predictions[one.predictions["as_of"] < SINCE + pd.DateOffset(months=3)]
    row = next(row for row in result.observed_expected if row.stage == ALL)
    assert (row.quarter, row.ratio.observed) == ("2025Q1", int(quarter["churned_90d"].sum()))
    assert row.ratio.expected == pytest.approx(quarter["p_churn_90d"].sum())
    assert result.watched["more_churn"][0].observed == int(first["churned_30d"].sum())


def test_order_of_rows_does_not_matter_and_json_is_plain() -> None:
    one = quiet(11)
    result = look(one)
    mixed = Company(one.predictions.sample(frac=1, random_state=1), one.signals.sample(frac=1, random_state=2))
    assert look(mixed).summary() == result.summary()
    body = json.loads(json.dumps(result.summary().to_json(), allow_nan=False))
    assert body["figures"]["since"] == "2025-01-01"
    assert set(body["kinds"]) == {kind.name for kind, _ in KINDS}
    assert body["sentences"] == result.sentences


def test_without_signals_and_with_daily_scores() -> None:
    one = quiet(12)
    again = one.predictions.assign(as_of=one.predictions["as_of"] + pd.Timedelta(days=9))
    daily = pd.concat([one.predictions, again], ignore_index=True)
    ratios = monitor(one.predictions, SETTINGS, SINCE).figures.observed_expected
    assert monitor(daily, SETTINGS, SINCE).figures.observed_expected == ratios


def test_what_cannot_be_monitored_is_said_at_once() -> None:
    one = quiet(1).predictions
    with pytest.raises(DataError, match=r"churned_30d(.|\n)*model_version"):
        monitor(one.drop(columns=["churned_30d", "model_version"]), SETTINGS, SINCE)
    with pytest.raises(DataError, match="twice on one as_of"):
        monitor(pd.concat([one, one.head(1)]), SETTINGS, SINCE)
    with pytest.raises(DataError, match="none since 2031-01-01"):
        monitor(one, SETTINGS, pd.Timestamp("2031-01-01"))
