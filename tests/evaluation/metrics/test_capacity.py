"""What a limited number of accounts worked on would have reached: hand-counted, and against what chance gives."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.metrics import capacity
from evaluation.metrics.validation import MetricRefused


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 4)), min_size=1, max_size=60), st.floats(0.01, 1))
@settings(max_examples=100, deadline=None)
def test_the_band_holds_its_places_in_every_group_and_never_skips_a_riskier_row(
    rows: list[tuple[int, int]], share: float
) -> None:
    group, p = (np.array(column) for column in zip(*rows, strict=True))
    held = capacity.in_top_share(p, share, group)
    for one in np.unique(group):
        here = group == one
        assert held[here].sum() == pytest.approx(max(1, math.floor(share * here.sum() + 0.5)))
        order = np.argsort(-p[here], kind="stable")
        assert (np.diff(held[here][order]) <= 1e-12).all()
        assert ((held[here][order][:-1] == 1) | (held[here][order][1:] == 0) | (np.diff(p[here][order]) == 0)).all()


def test_capacity_and_gains_by_hand() -> None:
    y = [1, 0, 0, 0, 0, 1, 1, 0]
    p = [0.9, 0.8, 0.1, 0.1, 0.2, 0.9, 0.3, 0.1]
    day = [0, 0, 0, 0, 1, 1, 1, 1]
    result = capacity.precision_recall_at_capacity(y, p, day, 0.25)
    assert result == (8, 2.0, 3, 2.0, 1.0, pytest.approx(2 / 3), pytest.approx(1 / (3 / 8)))
    assert capacity.gains(y, p, day, [0.25, 0.5, 1.0]) == [(0.25, pytest.approx(2 / 3)), (0.5, 1.0), (1.0, 1.0)]


def _days(*texts: str | None) -> np.ndarray:
    return np.array([np.datetime64(text or "NaT", "us") for text in texts])


def test_lead_time_by_hand() -> None:
    """a leaves on 1 April, flagged on 1 January only; b leaves on 31 January; c stays; the band holds 1 of 3 rows."""
    accounts = ["a", "b", "c", "a", "c", "a", "c"]
    as_of = _days("2025-01-01", "2025-01-01", "2025-01-01", "2025-02-01", "2025-02-01", "2025-03-02", "2025-03-02")
    left = _days("2025-04-01", "2025-01-31", None, "2025-04-01", None, "2025-04-01", None)
    held = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0]
    at_30, at_90 = capacity.lead_time(accounts, as_of, left, held, [30, 90])
    assert (at_30.churned, at_30.share) == (2, 0.0)  # a: 2 March is exactly 30 days before; b: 1 January, 30 days
    assert at_30.by_chance == pytest.approx((1 / 2 + 1 / 3) / 2)
    assert (at_90.churned, at_90.share, at_90.median_days) == (1, 1.0, 90.0)
    with pytest.raises(MetricRefused, match="91 days and more"):
        capacity.lead_time(accounts, as_of, left, held, [91])


def test_lead_time_of_chance_is_the_band() -> None:
    random = np.random.default_rng(9)
    as_of = np.repeat(np.arange("2024-01", "2025-01", dtype="datetime64[M]").astype("datetime64[us]"), 400)
    accounts = np.tile(np.arange(400), 12)
    left = np.tile(np.where(np.arange(400) < 200, np.datetime64("2025-01-15", "us"), np.datetime64("NaT", "us")), 12)
    held = capacity.in_top_share(random.random(as_of.size), 0.1, as_of)
    for one in capacity.lead_time(accounts, as_of, left, held, [30, 90, 180]):
        assert one.churned == 200
        assert one.by_chance == pytest.approx(0.1)
        assert one.share == pytest.approx(0.1, abs=0.06)


def test_several_shares_are_each_share_alone() -> None:
    random = np.random.default_rng(0)
    p, day, y = random.integers(0, 9, 300) / 10, random.integers(0, 4, 300), random.integers(0, 2, 300)
    shares = [0.05, 0.3, 1.0]
    for share, held in zip(shares, capacity.in_top_shares(p, shares, day), strict=True):
        assert (held == capacity.in_top_share(p, share, day)).all()
    alone = [capacity.precision_recall_at_capacity(y, p, day, share).recall for share in shares]
    assert [recall for _, recall in capacity.gains(y, p, day, shares)] == pytest.approx(alone)


FIRST = [
    # name, held at 1 Jan, 1 Feb, 1 Mar (a leaves on 31 March; b, beside it, stays), ever, median days
    ("never", [0, 0, 0], 0.0, math.nan),
    ("at the last", [0, 0, 1], 1.0, 30.0),
    ("at first, and no more", [1, 0, 0], 1.0, 89.0),
    ("the first of two", [0, 1, 1], 1.0, 58.0),
    ("half of a place counts", [0, 0.5, 0], 1.0, 58.0),
    ("less does not", [0.49, 0.49, 0], 0.0, math.nan),
]


@pytest.mark.parametrize(("held", "ever", "days"), [one[1:] for one in FIRST], ids=[one[0] for one in FIRST])
def test_the_first_flag_by_hand(held: list[float], ever: float, days: float) -> None:
    as_of = np.repeat(_days("2025-01-01", "2025-02-01", "2025-03-01"), 2)
    band = np.column_stack([held, 1 - np.array(held)]).ravel()
    result = capacity.first_flagged(["a", "b"] * 3, as_of, _days("2025-03-31", None).tolist() * 3, band)
    assert (result.churned, result.ever, result.accounts.tolist()) == (1, ever, ["a"])
    assert result.by_chance == pytest.approx(1 - 0.5**3)  # a band of one in two, three times
    assert result.median_days == pytest.approx(days, nan_ok=True)


def test_a_first_flag_counts_within_its_window_and_for_each_churn() -> None:
    as_of = _days("2024-01-01", "2025-01-01", "2025-06-01", "2025-06-01")
    left = _days("2025-01-31", "2025-01-31", "2025-07-01", None)  # a leaves, comes back, and leaves again
    result = capacity.first_flagged(["a", "a", "a", "c"], as_of, left, [1, 0, 1, 1], 180)
    assert result.days.tolist() == pytest.approx([math.nan, 30.0], nan_ok=True)  # that of a year before does not count
    assert (result.churned, result.ever) == (2, 0.5)
    with pytest.raises(MetricRefused, match="within 20 days"):
        capacity.first_flagged(["a", "a", "a", "c"], as_of, left, [1, 0, 1, 1], 20)


def test_a_blind_band_flags_as_many_at_first_as_chance_says() -> None:
    random = np.random.default_rng(4)
    as_of = np.repeat(np.arange("2024-01", "2024-07", dtype="datetime64[M]").astype("datetime64[us]"), 500)
    left = np.tile(np.where(np.arange(500) < 250, np.datetime64("2024-06-20", "us"), np.datetime64("NaT", "us")), 6)
    held = capacity.in_top_share(random.random(as_of.size), 0.1, as_of)
    result = capacity.first_flagged(np.tile(np.arange(500), 6), as_of, left, held)
    assert result.by_chance == pytest.approx(1 - 0.9**6, abs=1e-6)
    assert result.ever == pytest.approx(result.by_chance, abs=0.08)
