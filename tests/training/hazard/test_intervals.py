from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from training.hazard.intervals import Intervals, hazard_rows, make_intervals, renewal_ahead

DAY = pd.Timedelta(days=1)


@pytest.mark.parametrize(
    ("horizons", "length", "edges"),
    [
        ((30, 60, 90, 180), 30, (0, 30, 60, 90, 120, 150, 180)),
        ((90,), 90, (0, 90)),
        ((90,), 30, (0, 30, 60, 90)),
        ((60,), 90, (0, 60)),
        ((7, 100), 30, (0, 7, 30, 60, 100)),
        ((28, 91), 30, (0, 28, 60, 91)),
    ],
)
def test_every_horizon_is_an_edge(horizons, length, edges):
    intervals = make_intervals(horizons, length)
    assert intervals.edges == edges
    assert [intervals.ends[intervals.upto(horizon) - 1] for horizon in horizons] == list(horizons)


def test_expansion_counted_by_hand():
    """Intervals [0, 30) and [30, 60); known until 2024-03-01, which is day 60 of the first as_of, 29 of the second."""
    first, second = pd.Timestamp("2024-01-01"), pd.Timestamp("2024-02-01")
    labels = pd.DataFrame(
        {
            "account_id": list("abcdef"),
            "as_of": [first] * 5 + [second],
            "churn_at": [pd.NaT, first + 29 * DAY, first + 30 * DAY, first + 60 * DAY, first, second + 3 * DAY],
            "observed_until": pd.Timestamp("2025-01-01"),
        }
    )
    rows = hazard_rows(labels, Intervals((0, 30, 60)), pd.Timestamp("2024-03-01"))
    result = sorted(zip(rows.snapshot.tolist(), rows.interval.tolist(), rows.churned.tolist(), strict=True))
    assert result == [
        (0, 0, 0.0),  # a: stays through both
        (0, 1, 0.0),
        (1, 0, 1.0),  # b: the last day of the first interval; not at risk in the second
        (2, 0, 0.0),  # c: the first day of the second interval
        (2, 1, 1.0),
        (3, 0, 0.0),  # d: churns on day 60, outside the half-open second interval
        (3, 1, 0.0),
        (4, 0, 1.0),  # e: churns at the as_of itself
    ]  # f: its first interval ends one day after the cut: no row, although its churn was seen
    assert rows.ends.max() == pd.Timestamp("2024-03-01")


def test_an_unobserved_window_gives_no_row():
    as_of = pd.Timestamp("2024-01-01")
    labels = pd.DataFrame({"as_of": [as_of], "churn_at": [pd.NaT], "observed_until": [as_of + 45 * DAY]})
    rows = hazard_rows(labels, Intervals((0, 30, 60)), as_of + 400 * DAY)
    assert rows.interval.tolist() == [0]


def test_renewals_ahead_counted_by_hand():
    frame = pd.DataFrame(
        {"days_to_renewal": [10.0, 10.0, 30.0, np.nan, 200.0], "term_days": [30.0, np.nan, 365.0, 30.0, 365.0]}
    )
    falls, ahead = renewal_ahead(frame, Intervals((0, 30, 60)))
    assert ahead[0].tolist() == [10.0, 10.0]  # on day 10, again on day 40: 10 days after the second interval begins
    assert falls[0].tolist() == [1.0, 1.0]
    assert falls[1, 0] == 1.0
    assert np.isnan(falls[1, 1])  # past the first renewal the term is unknown
    assert ahead[2].tolist() == [30.0, 0.0]  # day 30 belongs to the second interval
    assert falls[2].tolist() == [0.0, 1.0]
    assert np.isnan(ahead[3]).all()
    assert falls[4].tolist() == [0.0, 0.0]
