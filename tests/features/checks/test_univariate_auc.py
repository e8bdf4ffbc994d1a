"""What one column alone separates: the bound of its AUC, within strata, telltales, and dates in other clothes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from features.checks.extraction_dates import as_dates
from features.checks.univariate_auc import separate, telltale

# -- the figures by hand -------------------------------------------------------------------------------------------

FOUR = np.array([False] * 4 + [True] * 4)


@pytest.mark.parametrize(
    ("values", "auc"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8], 1.0),  # the four that left have the four highest
        ([8, 7, 6, 5, 4, 3, 2, 1], 1.0),  # or the lowest
        ([1, 2, 3, 6, 4, 5, 7, 8], 14 / 16),  # two of sixteen pairs in the wrong order
        (["a"] * 4 + ["b"] * 4, 1.0),
        (["a"] * 8, 0.5),
        (list("abcdefgh"), 0.5),  # a word of one account tells nothing about another
        ([None] * 4 + [3, 1, 2, 4], 1.0),  # filled in for those that left only
        ([True, True, True, True, False, False, False, False], 1.0),
    ],
)
def test_separation_of_one_column(values: list[Any], auc: float) -> None:
    assert separate(pd.Series(values), FOUR).auc == pytest.approx(auc)


def test_only_rows_of_one_stratum_are_compared() -> None:
    left = np.array([False, True, False, False, True, True])
    values = pd.Series([1, 2, 3, 10, 9, 8])
    strata = np.array([0, 0, 0, 1, 1, 1])
    # Stratum 0: 2 beats 1 and loses to 3. Stratum 1: 9 and 8 both lose to 10. So 1 of 4 pairs.
    assert separate(values, left, strata).auc == pytest.approx(3 / 4)


def test_the_bound_narrows_with_more_accounts() -> None:
    rng = np.random.default_rng(0)
    few, many = (
        separate(pd.Series(np.concatenate([rng.normal(0, 1, n), rng.normal(2, 1, n)])), np.arange(2 * n) >= n)
        for n in (15, 1500)
    )
    # An AUC of Phi(sqrt 2) = 0.921; with 1,500 on each side Hanley and McNeil's error is about 0.005.
    assert many.auc == pytest.approx(0.921, abs=0.015)
    assert many.low == pytest.approx(many.auc - 3 * 0.0052, abs=0.002)
    assert few.auc - few.low > many.auc - many.low


def test_a_telltale_holds_for_many_that_left_and_for_nobody_else() -> None:
    left = np.arange(200) < 40
    reason = pd.Series(["price"] * 20 + [None] * 180)
    result = telltale(reason, left)
    assert result is not None
    assert (result.value, result.share_left, result.share_stayed) == ("the value price", 0.5, 0.0)
    assert telltale(pd.Series(["price"] * 8 + [None] * 192), left) is None  # a fifth of them, and eight
    assert telltale(pd.Series((["x"] * 20 + ["y"] * 20) + ["x"] * 8 + ["y"] * 152), left) is None  # 5 % of the others
    apart = np.where(np.arange(200) < 20, 1, 0)
    assert telltale(reason, left, apart) is None  # a stratum of its own has nobody to compare with


@pytest.mark.parametrize(
    ("values", "first"),
    [
        (["2023-05-01", "2023-06-01T10:00"] * 10, "2023-05-01"),
        ([20230501] * 20, "2023-05-01"),
        ([1682899200] * 20, "2023-05-01"),
        ([1682899200000] * 20, "2023-05-01"),
        (["retail", "2023-05-01"] * 10, None),
        ([20231399] * 20, None),
        ([3.5] * 20, None),
        ([True] * 20, None),
    ],
)
def test_dates_in_other_clothes(values: list[Any], first: str | None) -> None:
    result = as_dates(pd.Series(values), pd.Timestamp("2015-01-01"), pd.Timestamp("2030-01-01"))
    assert (None if result is None else f"{result[0]:%Y-%m-%d}") == first
