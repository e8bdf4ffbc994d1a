"""Observed over expected against tables and simulation, and the watch: quiet when it should be, quick when it must."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from configs.errors import DataError
from evaluation.metrics.observed_expected import non_overlapping_as_ofs, observed_expected, times_in_words, watch

DAYS = list(pd.date_range("2025-01-01", periods=12, freq="MS"))


@pytest.mark.parametrize(("churns", "low", "high"), [(0, 0.0, 3.689), (1, 0.025, 5.572), (10, 4.795, 18.390)])
def test_one_row_an_account_is_garwood(churns: int, low: float, high: float) -> None:
    """Exact Poisson limits as tabled, for one churn expected."""
    y = np.r_[np.ones(churns), np.zeros(1000 - churns)]
    result = observed_expected(y, np.full(1000, 1 / 1000), np.arange(1000))
    assert (result.low, result.high) == (pytest.approx(low, abs=1e-3), pytest.approx(high, abs=1e-3))
    assert result.ratio == pytest.approx(churns)


def test_rows_of_one_account_are_one_event() -> None:
    """Three rows each: the counts triple, the interval stays that of the accounts."""
    y, p, who = np.r_[np.ones(10), np.zeros(290)], np.full(300, 1 / 30), np.arange(300)
    once = observed_expected(y, p, who)
    thrice = observed_expected(np.repeat(y, 3), np.repeat(p, 3), np.repeat(who, 3))
    assert (thrice.observed, thrice.expected) == (30, pytest.approx(30.0))
    assert (thrice.ratio, thrice.low, thrice.high) == pytest.approx((once.ratio, once.low, once.high))
    assert observed_expected(np.repeat(y, 3), np.repeat(p, 3), np.arange(900)).high < thrice.high


def test_the_interval_covers() -> None:
    """Of 300 draws of clustered rows at least 95 in 100 hold the truth."""
    random = np.random.default_rng(5)
    who = np.repeat(np.arange(200), 3)
    p = np.repeat(random.uniform(0.01, 0.2, 200), 3)
    held = 0
    for _ in range(300):
        y = np.repeat(random.random(200), 3) < p
        result = observed_expected(y, p, who)
        held += result.low <= 1 <= result.high
    assert held >= 285


def test_nothing_expected_is_refused() -> None:
    with pytest.raises(DataError, match="0 churns expected"):
        observed_expected(np.zeros(3), np.zeros(3), np.arange(3))


def test_windows_do_not_overlap() -> None:
    daily = pd.date_range("2025-01-01", "2025-03-01", freq="D")
    kept = non_overlapping_as_ofs(list(daily)[::-1], 30)
    assert [f"{day:%m-%d}" for day in kept] == ["01-01", "01-28", "02-24"]
    assert non_overlapping_as_ofs(DAYS, 30) == tuple(DAYS)
    assert non_overlapping_as_ofs(DAYS, 90) == tuple(DAYS[::3])


def year(
    seed: int, accounts: int, rate: float, times: float = 1.0
) -> list[tuple[pd.Timestamp, np.ndarray, np.ndarray]]:
    """Twelve months; from the seventh on the hazards are `times` the predicted ones."""
    random = np.random.default_rng(seed)
    p = np.clip(rate * np.exp(random.normal(-0.3, 0.8, accounts)), 0, 0.5)
    really = 1 - (1 - p) ** times
    return [(day, (random.random(accounts) < (really if m >= 6 else p)).astype(float), p) for m, day in enumerate(DAYS)]


def test_false_alarms_are_as_rare_as_they_were_ordered() -> None:
    """A fiftieth of months: in 50 quiet years of 12, 12 at most on average; the counts being whole, hardly more."""
    trips = sum(one.tripped for seed in range(50) for one in watch(year(seed, 300, 0.03), 2.0, 0.02))
    assert 4 <= trips <= 20


@pytest.mark.parametrize(("times", "rate"), [(2.0, 0.02), (0.5, 0.005)])
def test_a_turn_is_found_at_once_where_there_are_enough_accounts(times: float, rate: float) -> None:
    for seed in range(5):
        result = watch(year(seed, 4000, 0.02, times), times, rate)
        assert [one.tripped for one in result[:7]] == [False] * 6 + [True], seed
        assert result[6].since == DAYS[6]
        assert result[6].rarity < 0.01


def test_a_small_turn_of_a_large_company_is_no_alarm() -> None:
    """A tenth more is beyond chance with 50,000 accounts, and no change of regime."""
    assert not any(one.tripped for one in watch(year(3, 50_000, 0.02, 1.1), 2.0, 0.02))


def test_what_adds_up_is_found_and_dated() -> None:
    """Two churns for one expected in each month: no month alone says much."""
    p = np.full(100, 0.02)
    y = np.r_[np.ones(4), np.zeros(96)]
    result = watch([(day, y, p) for day in DAYS], 2.0, 0.02)
    first = next(place for place, one in enumerate(result) if one.tripped)
    assert 1 <= first <= 4
    assert (result[first].since, result[first].observed) == (DAYS[0], 4 * (first + 1))
    assert result[first].expected == pytest.approx(2.0 * (first + 1))
    assert result[first + 1].since == DAYS[first + 1]  # it starts afresh


def test_the_same_again() -> None:
    assert watch(year(1, 200, 0.03), 2.0, 0.02) == watch(year(1, 200, 0.03), 2.0, 0.02)


def test_words() -> None:
    assert [times_in_words(one) for one in (0.0, 0.47, 1.0, 3.21)] == [
        "none", "half as many", "1.0 times as many", "3.2 times as many",
    ]  # fmt: skip


def test_where_most_leave_those_that_stay_are_counted() -> None:
    """79.6 % predicted and 90.2 % left: 1.13 times as many, and less than half as many stayed."""
    y = np.r_[np.ones(451), np.zeros(49)]
    found = observed_expected(y, np.full(500, 0.796), np.arange(500), level=0.999)
    assert found.ratio == pytest.approx(0.902 / 0.796)
    assert found.low > 1.05
    assert (found.off(1.25), found.off(3.0)) == (1, 0)
    mirrored = observed_expected(np.r_[np.zeros(251), np.ones(249)], np.full(500, 0.796), np.arange(500), level=0.999)
    assert mirrored.off(1.25) == -1


def test_a_ratio_is_off_where_its_whole_interval_is() -> None:
    assert observed_expected(np.r_[np.ones(60), np.zeros(940)], np.full(1000, 0.03), np.arange(1000)).off(1.25) == 1
    assert observed_expected(np.r_[np.ones(33), np.zeros(967)], np.full(1000, 0.03), np.arange(1000)).off(1.25) == 0
    assert observed_expected(np.r_[np.ones(9), np.zeros(991)], np.full(1000, 0.03), np.arange(1000)).off(1.25) == -1
