"""Segments hold whole days of whole windows, at every level; a day's use is counted once, from when it was known."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from features.sources.backends import DuckDBEngine, Engine
from features.usage import sql_rollup
from features.usage.stream_rollup import stream_rollup
from features.usage.window_segments import SEGMENT_DAYS, Calendar

EDGES = (7, 30, 90, 395)
CALENDARS = {
    "monthly": pd.date_range("2024-01-01", "2024-12-01", freq="MS"),
    "weekly": pd.date_range("2022-12-05", "2024-03-04", freq="W-MON"),
    "daily": pd.date_range("2024-02-20", "2024-03-10", freq="D"),
    "far apart": pd.DatetimeIndex(["2021-03-01", "2024-07-01", "2024-07-02"]),
    "alone": pd.DatetimeIndex(["2024-05-01"]),
}


@pytest.fixture(params=CALENDARS)
def calendar(request: pytest.FixtureRequest) -> Calendar:
    return Calendar(CALENDARS[request.param].as_unit("us"), EDGES)


def days_of(calendar: Calendar) -> dict[int, set[pd.Timestamp]]:
    """The days of each segment of each level, by its number."""
    days = calendar.days()
    below = {int(number): {*map(pd.Timestamp, rows)} for number, rows in days.groupby("segment")["day"]}
    result, offset = dict(below), 0
    for _ in range(calendar.levels):
        above: dict[int, set[pd.Timestamp]] = {}
        for number, held in below.items():
            above.setdefault((number - offset) // 2 + offset + calendar.span, set()).update(held)
        result, below, offset = result | above, above, offset + calendar.span
    return result


@pytest.mark.parametrize("levels", [False, True])
def test_each_window_is_made_of_whole_segments_and_each_of_its_days_is_held_once(
    calendar: Calendar, levels: bool
) -> None:
    held, ages = days_of(calendar), calendar.ages(levels)
    for as_of_index, as_of in enumerate(calendar.as_ofs):
        of_it = ages[ages.as_of_index == as_of_index]
        assert (of_it.today == (as_of - pd.Timestamp(0)).days).all()
        for window in EDGES:
            days = [day for number in of_it.segment[of_it.age <= window] for day in held[number]]
            expected = pd.date_range(as_of - pd.Timedelta(days=window), as_of, inclusive="left")
            assert sorted(days) == list(expected)


def test_levels_take_fewer_segments_where_they_are_many() -> None:
    weekly, monthly = (Calendar(CALENDARS[name].as_unit("us"), EDGES) for name in ("weekly", "monthly"))
    assert len(weekly.ages(levels=True)) < len(weekly.ages()) / 2
    assert weekly.levels > monthly.levels == 1


def test_days_of_a_segment_are_told_apart_by_a_bit(calendar: Calendar) -> None:
    days = calendar.days()
    assert not days.duplicated(["segment", "bit"]).any()
    assert days.groupby("segment").bit.count().max() <= SEGMENT_DAYS
    assert (days.bit > 0).all()
    assert (days.groupby("segment").on_time.nunique() == 1).all()
    first = [int(np.argmax(calendar.as_ofs > pd.Timestamp(day))) for day in days.day]
    assert days.on_time.tolist() == first


def test_a_row_is_seen_first_by_the_as_of_after_the_last_day_blind_to_it(calendar: Calendar) -> None:
    for row in calendar.sights().itertuples():
        as_of = calendar.as_ofs[row.bucket]
        assert as_of > pd.Timestamp(row.seen)
        assert row.bucket == 0 or calendar.as_ofs[row.bucket - 1] <= pd.Timestamp(row.seen)


@pytest.fixture
def engine() -> Iterator[Engine]:
    opened = DuckDBEngine.at()
    yield opened
    opened.close()


def test_bits_are_counted(engine: Engine) -> None:
    bits = [0, 1, 2**SEGMENT_DAYS - 1, *map(int, np.random.default_rng(3).integers(0, 2**SEGMENT_DAYS, 200))]
    table = engine.upload("bits", pd.DataFrame({"bits": bits}))
    result = table.mutate(found=sql_rollup.set_bits(table.bits)).to_pandas()
    assert result.found.tolist() == [int(bit).bit_count() for bit in result.bits]


@pytest.mark.parametrize("way", ["grouped", "streamed"])
def test_a_day_of_use_counts_once_from_when_its_first_row_was_known(engine: Engine, way: str) -> None:
    """January 10 is told in time and late, the 11th late twice, the 12th in time: two days at first, then three."""
    calendar = Calendar(pd.DatetimeIndex(["2024-02-01", "2024-03-01", "2024-04-01"]).as_unit("us"), (90,))
    told = [(10, "01-10"), (10, "02-05"), (11, "02-07"), (11, "03-09"), (12, "01-12"), (12, "01-12")]
    rows = pd.DataFrame(
        {
            "account_id": "a",
            "day": [pd.Timestamp(2024, 1, day).date() for day, _ in told],
            "seen": [pd.Timestamp(f"2024-{seen}").date() for _, seen in told],
            "n": 1.0,
            "quantity": 2.0,
        }
    )
    units = engine.upload("units", rows)
    accounts = engine.upload("accounts", pd.DataFrame({"account_id": ["a"], "account": np.int32([0])}))
    if way == "grouped":
        folded = sql_rollup.fold_days(engine, units, accounts, (), calendar)
        ages = engine.upload("ages", calendar.ages(levels=True))
        seen = sql_rollup.seen_days(folded, ages, ()).to_pandas()
    else:
        added = stream_rollup(engine, units, accounts, pd.Index(["a"]), {"usage_days": calendar}, (), 256)
        assert added is not None
        seen = pd.concat([added.arrays["usage_days"].visible(as_of_index).to_pandas() for as_of_index in range(3)])
    seen = seen.groupby("as_of_index")[["days", "n", "quantity", "last_age"]].agg(
        {"days": "sum", "n": "sum", "quantity": "sum", "last_age": "min"}
    )
    assert seen.loc[0].tolist() == [2.0, 3.0, 6.0, 20.0]
    assert seen.loc[1].tolist() == [3.0, 5.0, 10.0, 49.0]
    assert seen.loc[2].tolist() == [3.0, 6.0, 12.0, 80.0]
