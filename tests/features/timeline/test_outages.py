"""Outages of a feed: counted by hand, as they could be told at each as_of, and with hindsight."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from configs.settings import Settings
from features.sources.sources import open_sources
from features.timeline.outages import Outage, daily_totals, feed_outages, outage_ages, outages, outages_by_feed

DAY = pd.Timedelta(days=1)


def counts(first: str, days: int, rows: float) -> pd.Series:
    return pd.Series(float(rows), index=pd.date_range(first, periods=days, freq="D"))


def totals(daily: pd.Series, shares: dict[int, float] | None = None) -> pd.DataFrame:
    """Daily totals of rows of which `shares` become visible so many days after their own."""
    shares = shares or {1: 1.0}
    parts = [
        pd.DataFrame({"day": daily.index, "visible": daily.index + age * DAY, "n": daily.to_numpy() * share})
        for age, share in shares.items()
    ]
    frame = pd.concat(parts)
    return frame[frame.n > 0].reset_index(drop=True)


def at(frame: pd.DataFrame, as_of: str) -> list[int]:
    moment = pd.Timestamp(as_of)
    return outage_ages(frame, pd.DatetimeIndex([moment]))[moment].tolist()


# -- as it could be told at the time -------------------------------------------------------------------------------


def test_an_outage_is_told_on_the_next_day_and_remembered() -> None:
    rows = counts("2024-01-01", 120, 100)
    rows["2024-03-05":"2024-03-07"] = 0  # type: ignore[misc]
    rows["2024-03-08"] = 9  # under a tenth
    rows["2024-03-09"] = 10  # a tenth is not under a tenth
    frame = totals(rows)
    assert at(frame, "2024-03-05") == []
    assert at(frame, "2024-03-06") == [1]
    assert at(frame, "2024-03-09") == [1, 2, 3, 4]
    assert at(frame, "2024-03-19") == [11, 12, 13, 14]


def test_a_day_needs_four_earlier_weeks_to_be_judged() -> None:
    rows = counts("2024-01-01", 60, 100)
    rows["2024-01-28"] = 0  # the fourth Sunday: three before it
    rows["2024-01-29"] = 0  # the fifth Monday
    assert at(totals(rows), "2024-02-10") == [12]


def test_weekends_and_holidays_of_the_feed_are_no_outage() -> None:
    rows = counts("2024-01-01", 200, 50)
    rows[rows.index.day_of_week >= 5] = 0
    assert at(totals(rows), "2024-07-01") == []
    rows["2024-06-03"] = 0  # a Monday
    assert at(totals(rows), "2024-07-01") == [28]


def test_a_weekday_that_often_brings_nothing_is_not_judged() -> None:
    rows = counts("2024-01-01", 140, 100)
    mondays = rows.index[rows.index.day_of_week == 0]
    rows[mondays[[2, 5, 8]]] = 0  # three of the thirteen before the fourteenth Monday
    rows[mondays[13]] = 0
    assert 1 in at(totals(rows), str(mondays[13] + DAY))
    rows[mondays[10]] = 0  # four of thirteen are more than a quarter
    assert 1 not in at(totals(rows), str(mondays[13] + DAY))


@pytest.mark.parametrize(("usual", "found"), [(4, []), (20, []), (29, []), (30, [1])])
def test_a_single_day_tells_only_where_rows_were_to_be_expected(usual: int, found: list[int]) -> None:
    rows = counts("2024-01-01", 100, usual)
    rows["2024-04-02"] = 0
    assert at(totals(rows), "2024-04-03") == found


def test_two_days_of_twenty_rows_tell_what_one_did_not() -> None:
    rows = counts("2024-01-01", 100, 20)
    rows["2024-04-01":"2024-04-02"] = 0  # type: ignore[misc]
    assert at(totals(rows), "2024-04-02") == []
    assert at(totals(rows), "2024-04-03") == [1, 2]


def test_a_feed_that_starts_slowly_has_no_outage_before_it_started() -> None:
    rows = pd.concat([counts("2024-01-01", 60, 1), counts("2024-03-01", 90, 100)])
    for as_of in pd.date_range("2024-01-01", "2024-05-30"):
        assert at(totals(rows), str(as_of)) == []
    assert at(totals(rows), "2023-12-01") == []


def test_a_feed_that_has_stopped_is_out_until_as_of() -> None:
    frame = totals(counts("2024-01-01", 100, 100))  # the last row on 9 April
    assert at(frame, "2024-04-10") == []
    assert at(frame, "2024-04-12") == [1, 2]
    assert at(frame, "2024-12-31") == list(range(1, 266))  # 10 April is 265 days before


def test_a_long_outage_that_ended_stays_one() -> None:
    rows = counts("2024-01-01", 300, 100)
    rows["2024-04-01":"2024-06-29"] = 0  # type: ignore[misc]
    ages = at(totals(rows), "2024-07-10")
    assert ages == list(range(11, 101))  # 90 days, the last of them 11 days ago


def test_days_of_the_month_without_rows_become_a_habit() -> None:
    rows = counts("2024-01-01", 366, 100)
    rows[rows.index.day >= 29] = 0
    frame = totals(rows)
    assert at(frame, "2024-03-01") == [1, 30, 31, 32]  # 29 February, and 29 to 31 January
    assert at(frame, "2024-05-01") == [31, 91]  # empty 29ths and 30ths have two others, the 31sts of two months one
    assert at(frame, "2024-12-20") == []
    rows["2024-12-10":"2024-12-12"] = 0  # type: ignore[misc]
    assert at(totals(rows), "2024-12-20") == [8, 9, 10]


def test_a_sparse_feed_needs_a_gap_that_stands_out() -> None:
    rows = pd.Series(1.0, index=pd.date_range("2024-01-01", periods=10, freq="4D"))  # the last on 6 February
    assert at(totals(rows), "2024-02-26") == []  # 20 days are five medians
    assert at(totals(rows), "2024-02-27") == list(range(1, 21))
    assert at(totals(rows[:3]), "2024-06-01") == []  # two gaps say nothing of a third


def test_a_campaign_once_a_year_leaves_no_outage_behind() -> None:
    years = [pd.date_range(f"{year}-01-10", periods=8, freq="D") for year in (2021, 2022, 2023)]
    rows = pd.Series(3.0, index=years[0].append(years[1]).append(years[2]))
    assert at(totals(rows), "2021-06-01") != []  # it might have stopped
    assert at(totals(rows), "2022-12-31") == [] or min(at(totals(rows), "2022-12-31")) > 348
    assert at(totals(rows), "2023-12-31") == []


# -- rows that arrive late -----------------------------------------------------------------------------------------


def test_rows_that_are_still_on_their_way_are_no_outage() -> None:
    frame = totals(counts("2024-01-01", 120, 100), {3: 0.5, 4: 0.5})  # nothing before the third day
    for as_of in ("2024-03-01", "2024-03-02", "2024-04-20"):
        assert at(frame, as_of) == []


def test_a_day_is_compared_with_what_its_weekday_had_at_the_same_age() -> None:
    rows = counts("2024-01-01", 120, 1000)
    frame = totals(rows, {1: 0.08, 2: 0.12, 5: 0.8})  # 80 rows after a day, 200 after two, all after five
    assert at(frame, "2024-04-01") == []
    day = pd.Timestamp("2024-03-20")
    frame.loc[(frame.day == day) & (frame.visible <= day + 2 * DAY), "n"] = 1  # the first two arrivals fail
    assert at(frame, "2024-03-21") == [1]
    assert at(frame, "2024-03-22") == [2]
    assert at(frame, "2024-03-25") == []  # the rest came: as known now, no outage
    lost = frame[frame.day != day]
    assert at(lost, "2024-03-25") == [5]


def test_a_stopped_feed_of_late_rows_is_out_up_to_what_was_due() -> None:
    frame = totals(pd.Series(1.0, index=pd.date_range("2024-01-01", periods=20, freq="2D")), {10: 1.0})
    assert at(frame, "2024-02-20") == []  # the last row, of 8 February, came two days ago
    assert at(frame, "2024-03-20") == list(range(10, 41))  # 9 February is 40 days ago; younger days are not due


def test_a_history_that_was_loaded_in_one_day_is_no_yardstick_for_fresh_days() -> None:
    rows = counts("2023-10-01", 180, 100)
    frame = totals(rows)
    loaded = pd.Timestamp("2024-01-01")
    frame["visible"] = frame.visible.clip(lower=loaded)
    assert at(frame, "2023-12-31") == []
    for as_of in pd.date_range("2024-01-01", "2024-03-01"):
        assert at(frame, str(as_of)) == []


# -- laws ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_what_became_visible_after_an_as_of_changes_nothing_at_it(seed: int) -> None:
    rng = np.random.default_rng(seed)
    days = pd.date_range("2023-01-01", periods=400, freq="D")
    level = rng.choice([2, 30, 300])
    daily = rng.poisson(level * (1 - 0.9 * (days.day_of_week >= 5)))
    for _ in range(5):
        begin = rng.integers(30, 390)
        daily[begin : begin + rng.integers(1, 40)] = 0
    late = rng.integers(1, 9, size=len(days))
    frame = pd.DataFrame({"day": days, "visible": days + pd.to_timedelta(late, unit="D"), "n": daily})
    backfill = pd.DataFrame({"day": days - 200 * DAY, "visible": days[300], "n": 50})
    frame = pd.concat([frame, backfill], ignore_index=True)
    as_ofs = pd.DatetimeIndex(rng.choice(days, 40)).unique()
    everything = outage_ages(frame.sample(frac=1, random_state=seed), as_ofs)
    assert sum(len(ages) for ages in everything.values()) > 20
    for as_of, ages in everything.items():
        alone = outage_ages(frame[frame.visible <= as_of], pd.DatetimeIndex([as_of]))[as_of]
        np.testing.assert_array_equal(ages, alone)
        assert (np.diff(ages) > 0).all()
        assert ages.dtype == np.int64
        assert (ages >= 1).all()


def test_empty_feeds_and_no_as_ofs() -> None:
    nothing = pd.DataFrame({"day": pd.to_datetime([]), "visible": pd.to_datetime([]), "n": []})
    assert at(nothing, "2024-01-01") == []
    assert outage_ages(totals(counts("2024-01-01", 9, 1)), pd.DatetimeIndex([])) == {}
    assert outages(nothing) == ()
    assert outages(totals(counts("2024-01-01", 9, 1)), pd.Timestamp("2023-01-01")) == ()


def test_seven_hundred_days_are_judged_in_a_few_sorts(in_sorts: Callable[..., float]) -> None:
    days = pd.date_range("2023-01-01", periods=730, freq="D")
    frame = totals(pd.Series(1000.0, index=days), dict.fromkeys(range(1, 11), 0.1))
    assert in_sorts(lambda: outage_ages(frame, days[30:])) < 40


# -- with hindsight ------------------------------------------------------------------------------------------------


def test_hindsight_finds_an_outage_to_the_day() -> None:
    rows = counts("2024-01-01", 120, 100)
    rows["2024-03-05":"2024-03-08"] = 0  # type: ignore[misc]
    rows["2024-03-07"] = 9
    rows["2024-02-01"] = 40  # a quiet day is not
    assert outages(totals(rows)) == (Outage("2024-03-05", "2024-03-08", 4),)


def test_hindsight_knows_the_first_weeks() -> None:
    rows = counts("2024-01-01", 120, 100)
    rows["2024-01-10"] = 0
    assert outages(totals(rows)) == (Outage("2024-01-10", "2024-01-10", 1),)


def test_growth_and_a_slow_start_are_no_outage() -> None:
    rows = counts("2024-01-01", 300, 1)
    rows = (rows * np.linspace(10, 2000, 300)).round()
    rows[rows.index.day_of_week >= 5] = 0
    assert outages(totals(rows)) == ()
    slow = counts("2024-01-01", 60, 100)
    slow.iloc[:3] = 1
    assert outages(totals(slow)) == ()


def test_hindsight_knows_a_habit_of_the_month_from_its_first_time() -> None:
    rows = counts("2024-01-01", 366, 100)
    rows[rows.index.day >= 28] = 0
    rows["2024-06-10":"2024-06-12"] = 0  # type: ignore[misc]
    assert outages(totals(rows)) == (Outage("2024-06-10", "2024-06-12", 3),)


def test_hindsight_judges_a_sparse_feed_by_its_gaps() -> None:
    days = pd.to_datetime(["2024-01-01", "2024-01-05", "2024-01-09", "2024-01-13", "2024-02-20", "2024-02-24"])
    assert outages(totals(pd.Series(1.0, index=days))) == (Outage("2024-01-14", "2024-02-19", 37),)
    assert outages(totals(pd.Series(1.0, index=days[:4]))) == ()


def test_hindsight_reaches_to_the_end_that_is_given() -> None:
    frame = totals(counts("2024-01-01", 100, 100))
    assert outages(frame) == ()
    assert outages(frame, pd.Timestamp("2024-04-21")) == (Outage("2024-04-10", "2024-04-20", 11),)
    late = totals(counts("2024-01-01", 100, 100), {4: 1.0})
    assert outages(late, pd.Timestamp("2024-04-10")) == ()  # the last three days are on their way


# -- from the sources ----------------------------------------------------------------------------------------------


def test_daily_totals_and_outages_of_real_tables(
    make_settings: Callable[..., Settings], write_tables: Callable[..., None], tmp_path: Path
) -> None:
    days = pd.date_range("2024-01-01", periods=90, freq="D")
    usage = pd.DataFrame({"account_id": "a", "occurred_at": np.repeat(days, 40) + pd.Timedelta(hours=9)})
    usage["recorded_at"] = usage.occurred_at + pd.Timedelta(hours=2)
    usage = usage[~usage.occurred_at.between("2024-03-10", "2024-03-13")]
    usage.loc[usage.index[-1], "recorded_at"] = pd.Timestamp("2024-04-02 00:00")
    usage.loc[usage.index[-2], "recorded_at"] = pd.Timestamp("2024-04-02 00:01")
    accounts = pd.DataFrame({"account_id": ["a"], "created_at": ["2024-01-01"]})
    tickets = pd.DataFrame({"account_id": ["a"], "opened_at": ["2024-02-01"]})
    contacts = pd.DataFrame({"account_id": ["a"], "contact_id": ["x"], "role": ["user"], "since": ["2024-02-01"]})
    write_tables({"accounts": accounts, "usage_events": usage, "tickets": tickets, "contacts": contacts})
    names = ("accounts", "usage_events", "tickets", "contacts")
    sources = open_sources(
        make_settings(
            tables={name: {"from": f"{name}.csv"} for name in names},
            churn={"kind": "silence"},
            data_end="2024-03-31",
        )
    )
    result = daily_totals(sources, "usage_events")
    assert result.columns.tolist() == ["day", "visible", "n"]
    assert result.n.sum() == len(usage)
    last = result[result.day == "2024-03-30"]
    assert last.visible.dt.strftime("%Y-%m-%d").tolist() == ["2024-03-31", "2024-04-02", "2024-04-03"]
    assert last.n.tolist() == [38, 1, 1]
    as_ofs = pd.DatetimeIndex(["2024-03-11", "2024-03-31"])
    ages = feed_outages(sources, as_ofs)
    assert set(ages) == {"usage_events", "tickets"}
    assert [ages["usage_events"][day].tolist() for day in as_ofs] == [[1], [19, 20, 21]]
    assert outages_by_feed(sources) == {"usage_events": (Outage("2024-03-10", "2024-03-12", 3),), "tickets": ()}
    sources.close()
