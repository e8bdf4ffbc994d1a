"""Flips of level and moves of p between neighbouring scorings, hand-counted."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from evaluation.metrics.stability import rank_correlation, stability, steps
from evaluation.metrics.validation import MetricRefused


def rows(levels: dict[str, str], p: float = 0.5) -> pd.DataFrame:
    """One letter a month from January 2025; a space is a month without a scoring."""
    days = pd.date_range("2025-01-01", periods=12, freq="MS")
    made = [
        {"account_id": account, "as_of": days[place], "level": one, "p": p}
        for account, text in levels.items()
        for place, one in enumerate(text)
        if one != " "
    ]
    return pd.DataFrame(made)


HAND = {
    "steady": ("LLLL", 3, 0, 2, 0),
    "one move": ("LLHH", 3, 1, 2, 0),
    "there and back": ("LHLL", 3, 2, 2, 1),
    "to and fro": ("LHLH", 3, 3, 2, 2),
    "on through a third": ("LMHM", 3, 3, 2, 1),
    "a month without a scoring parts them": ("LH LH", 2, 2, 0, 0),
}


@pytest.mark.parametrize(("levels", "pairs", "flipped", "threes", "back"), HAND.values(), ids=HAND)
def test_hand_counted(levels: str, pairs: int, flipped: int, threes: int, back: int) -> None:
    result = steps(rows({"a": levels}))
    assert (len(result), *result[["flipped", "three", "back"]].sum()) == (pairs, flipped, threes, back)


def test_accounts_do_not_run_into_each_other_and_order_does_not_matter() -> None:
    made = rows({"a": "LH", "b": "LH", "c": "LLL"})
    assert steps(made).flipped.tolist() == [1, 1, 0, 0]
    pd.testing.assert_frame_equal(steps(made.sample(frac=1, random_state=0)), steps(made))


def test_figures_with_intervals() -> None:
    random = np.random.default_rng(0)
    made = rows({f"a{number}": "".join(random.choice(list("LLLH"), 6)) for number in range(200)})
    made["p"] = random.random(len(made))
    result = stability(made, draws=100, seed=1)
    assert result.months == 200 * 5
    assert result.flips.low < 2 * 0.75 * 0.25 < result.flips.high
    assert result.flips_back.low < 0.25 * 0.75**2 + 0.75 * 0.25**2 < result.flips_back.high
    moved = made.sort_values(["account_id", "as_of"]).groupby("account_id").p.diff().abs().mean()
    assert result.moved.value == pytest.approx(moved)
    assert result.moved.low < moved < result.moved.high
    assert abs(result.rank_correlation) < 0.1


def test_rank_correlation_is_that_of_neighbouring_days() -> None:
    random = np.random.default_rng(2)
    made = rows({f"a{number}": "LLL" for number in range(30)})
    made["p"] = np.round(random.random(len(made)), 1)
    wide = made.pivot(index="account_id", columns="as_of", values="p").to_numpy()
    expected = [spearmanr(wide[:, 0], wide[:, 1]).statistic, spearmanr(wide[:, 1], wide[:, 2]).statistic]
    assert rank_correlation(made) == pytest.approx(np.mean(expected))


REFUSED = [
    ("two months", {"a": "LH", "b": "HL"}, "three months in a row"),
    ("gaps between all", {"a": "L H L", "b": "L H L"}, "three months in a row"),
]


@pytest.mark.parametrize(("levels", "match"), [one[1:] for one in REFUSED], ids=[one[0] for one in REFUSED])
def test_too_few_are_refused(levels: dict[str, str], match: str) -> None:
    with pytest.raises(MetricRefused, match=match):
        stability(rows(levels), 20, 1)
    with pytest.raises(MetricRefused, match="three common accounts"):
        rank_correlation(rows(levels))
