"""What frames of rows beside as_ofs are made of."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from features.sources.backends import DuckDBEngine
from features.sources.casting import has_odd_sign, odd_condition
from features.timeline.visibility import first_known, last_blind_day, visible_from


def test_the_first_known_are_as_many_as_there_are_distinct_values_at_any_time() -> None:
    rng = np.random.default_rng(5)
    begun = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 40, 300), unit="D")
    rows = pd.DataFrame(
        {
            "account": rng.integers(0, 3, 300),
            "milestone": rng.choice(["one", "two", "three"], 300),
            "reached_at": begun,
            "recorded_at": begun + pd.to_timedelta(rng.integers(0, 90, 300), unit="D"),
        }
    )
    engine = DuckDBEngine.at()
    told = engine.upload("told", rows)
    told = told.mutate(
        is_first=first_known(told, "milestones", told.milestone), visible=visible_from(told, "reached_at")
    )
    result = told.to_pandas()
    engine.close()
    for as_of in pd.date_range("2024-01-01", "2024-05-01", freq="5D"):
        seen = result[result.visible <= as_of]
        distinct = seen.groupby("account").milestone.nunique()
        assert seen.groupby("account").is_first.sum().tolist() == distinct.tolist()
    assert result.is_first.sum() == 9


@pytest.mark.parametrize(
    ("occurred_at", "recorded_at", "blind"),
    [
        ("2024-03-05 12:00", None, "2024-03-05"),
        ("2024-03-05 00:00", None, "2024-03-05"),
        ("2024-03-05 12:00", "2024-03-05 13:00", "2024-03-05"),
        ("2024-03-05 12:00", "2024-03-06 00:00", "2024-03-05"),
        ("2024-03-05 12:00", "2024-03-06 00:00:00.000001", "2024-03-06"),
        ("2024-03-05 12:00", "2024-03-01 00:00", "2024-03-05"),
        ("2024-03-05 12:00", "2024-03-09 08:00", "2024-03-09"),
    ],
)
def test_the_last_blind_day_is_the_one_before_the_first_as_of_that_sees_a_row(
    occurred_at: str, recorded_at: str | None, blind: str
) -> None:
    body = {"occurred_at": [pd.Timestamp(occurred_at)], "recorded_at": pd.to_datetime([recorded_at])}
    engine = DuckDBEngine.at()
    rows = engine.upload("told", pd.DataFrame(body).astype("datetime64[us]"))
    result = rows.select(
        blind=last_blind_day(rows, "occurred_at"), visible=visible_from(rows, "occurred_at")
    ).to_pandas()
    engine.close()
    assert pd.Timestamp(result.blind[0]) == pd.Timestamp(blind)
    assert result.visible[0] == pd.Timestamp(blind) + pd.Timedelta(days=1)


def test_whatever_is_odd_in_a_key_may_be_odd() -> None:
    odd = ["", " a", "a ", "\ta", "a\n", "a\r", "\va", "a\f", "1.0", "a.b"]
    engine = DuckDBEngine.at()
    keys = engine.upload("told", pd.DataFrame({"key": [*odd, "plain", "a-b_c", "17"]}))
    sure, cheap = odd_condition(keys.key, "text", is_key=True), has_odd_sign(keys.key)
    result = keys.mutate(sure=sure, cheap=cheap).to_pandas()
    engine.close()
    assert result.key[result.sure].tolist() == odd
    assert result.key[result.cheap].tolist() == odd
