"""Concordance: hand-counted as scikit-survival defines it, and by brute force over all pairs."""

from __future__ import annotations

import numpy as np
import pytest

from configs.errors import DataError
from evaluation import metrics
from evaluation.metrics.bootstrap import interval
from evaluation.metrics.bootstrap_statistics import ratio
from evaluation.metrics.concordance import concordance
from evaluation.metrics.validation import MetricRefused

# days, left, risk (one horizon of 365 days), concordant, discordant, tied: as concordance_index_censored counts them
HAND = {
    "in order": ([10, 20, 30], [1, 1, 1], [0.9, 0.5, 0.1], 3, 0, 0),
    "in reverse": ([10, 20, 30], [1, 1, 1], [0.1, 0.5, 0.9], 0, 3, 0),
    "a censored account brings no pair of its own": ([10, 20, 30], [0, 1, 1], [0.1, 0.5, 0.2], 1, 0, 0),
    "but is compared while it is followed": ([10, 20, 30], [1, 0, 0], [0.5, 0.1, 0.9], 1, 1, 0),
    "left on the last day the other was seen": ([10, 10], [1, 0], [0.5, 0.1], 1, 0, 0),
    "both left on one day": ([10, 10, 20], [1, 1, 0], [0.5, 0.4, 0.1], 2, 0, 0),
    "tied risks": ([10, 20, 30], [1, 1, 0], [0.5, 0.5, 0.5], 0, 0, 3),
    "left on the day itself": ([0, 5], [1, 1], [0.6, 0.4], 1, 0, 0),
}


@pytest.mark.parametrize(("days", "left", "risk", "above", "below", "level"), HAND.values(), ids=HAND)
def test_hand_counted(days, left, risk, above: int, below: int, level: int) -> None:
    result = concordance(days, left, np.array(risk)[:, None], [365], np.zeros(len(days)))
    assert (result.concordant, result.discordant, result.tied) == (above, below, level)
    assert result.c == pytest.approx((above + level / 2) / (above + below + level))


def test_the_curve_decides_by_the_day_on_which_the_first_left() -> None:
    """Curves that cross: b is riskier by day 30, a by day 90; whoever leaves first should have been ahead then."""
    curve = [[0.1, 0.9], [0.3, 0.4]]
    early = concordance([80, 20], [1, 1], curve, [30, 90], [0, 0])
    late = concordance([80, 85], [1, 1], curve, [30, 90], [0, 0])
    other = concordance([20, 80], [1, 1], curve, [30, 90], [0, 0])
    assert (early.c, late.c, other.c) == (1.0, 1.0, 0.0)


def test_rows_of_different_days_are_not_compared_and_the_last_horizon_ends_it() -> None:
    curve = np.array([[0.9], [0.1], [0.1], [0.9]])
    assert concordance([10, 20, 10, 20], [1, 0, 1, 0], curve, [90], [0, 0, 1, 1]).c == 0.5
    after = concordance([10, 100, 120], [1, 1, 1], [[0.5], [0.1], [0.2]], [90], [0, 0, 0])
    assert (after.concordant, after.discordant) == (2, 0)  # who left after 90 days had not by then


def test_brute_force_and_the_area_under_the_curve() -> None:
    random = np.random.default_rng(0)
    n, horizons = 150, np.array([30.0, 60.0, 90.0])
    curve = np.sort(np.round(random.random((n, 3)), 1), axis=1)
    days, left, group = random.integers(0, 120, n), random.integers(0, 2, n), random.integers(0, 3, n)
    above = below = level = 0
    t, event = np.minimum(days, 90), left * (days <= 90)
    for i in range(n):
        for j in range(n):
            if group[i] == group[j] and event[i] and (t[j] > t[i] or (t[j] == t[i] and not event[j])):
                by = min(t[i] + 1, 90)
                gap = np.interp(by, [0, *horizons], [0, *curve[i]]) - np.interp(by, [0, *horizons], [0, *curve[j]])
                above, below, level = above + (gap > 1e-8), below + (gap < -1e-8), level + (abs(gap) <= 1e-8)
    result = concordance(days, left, curve, [30, 60, 90], group)
    assert (result.concordant, result.discordant, result.tied) == (above, below, level)
    y, p = random.integers(0, 2, n), random.random(n)
    whole = concordance(np.where(y == 1, 5, 90), y, p[:, None], [90], np.zeros(n))  # all leave on one day
    assert whole.c == pytest.approx(metrics.auc(y, p))


def test_accounts_can_be_drawn() -> None:
    import pandas as pd

    random = np.random.default_rng(1)
    p = random.random(300)
    days = np.minimum(random.exponential(100 * (1.2 - p)), 90)
    result = concordance(days, (days < 90).astype(float), p[:, None], [90], np.zeros(300))
    rows = pd.DataFrame({"account_id": result.rows, "won": result.won, "pairs": result.pairs})
    drawn = interval(rows, ratio("won", "pairs"), 100)
    assert drawn.value == pytest.approx(result.c)
    assert 0.5 < drawn.low < result.c < drawn.high < 1


FAILURES = [
    (([10, 20], [0, 0], [[0.1], [0.2]], [90], [0, 0]), MetricRefused, "comparable pairs; expected at least 1"),
    (([10, 20], [1, 0], [[0.1], [0.2]], [90], [0, 1]), MetricRefused, "comparable pairs"),
    (([10, 20], [1, 0], [[0.1, 0.2], [0.2, 0.3]], [90], [0, 0]), DataError, "rows of 1 horizons"),
    (([10, 20], [1], [[0.1], [0.2]], [90], [0, 0]), DataError, "1 outcomes"),
]


@pytest.mark.parametrize(("arguments", "error", "match"), FAILURES)
def test_failures(arguments, error, match: str) -> None:
    with pytest.raises(error, match=match):
        concordance(*arguments)
