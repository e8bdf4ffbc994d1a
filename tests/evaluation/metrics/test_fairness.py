"""Groups against the rest: hand-counted values, a planted difference that is found, and none where there is none."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from evaluation import metrics
from evaluation.metrics.fairness import FIGURES, GroupComparison, GroupFairness, fairness, sizes
from evaluation.metrics.validation import Refusal


def frame(accounts: int = 600, months: int = 4, seed: int = 0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    made = pd.DataFrame(
        {"account_id": np.tile(np.arange(accounts), months), "as_of": np.repeat(np.arange(months), accounts)}
    )
    made["p"] = np.round(random.beta(1, 5, len(made)), 3).clip(0.001)
    made["y"] = (random.random(len(made)) < made.p).astype(float)
    made["region"] = np.where(made.account_id % 3 == 0, "north", "south")
    return made


def of(table: list[GroupFairness], group: str) -> GroupFairness:
    return next(line for line in table if line.group == group)


def compared(line: GroupFairness, figure: str) -> GroupComparison:
    comparison = getattr(line, figure)
    assert isinstance(comparison, GroupComparison)
    return comparison


def test_values_are_those_of_the_groups_rows_alone() -> None:
    rows = frame()
    north = of(fairness(rows, {"region": rows.region}, 0.1, 10, 50, 1)["region"], "north")
    here = rows[rows.region == "north"]
    assert (north.rows, north.accounts) == (len(here), 200)
    assert north.churned_accounts == here.account_id[here.y == 1].nunique()
    assert compared(north, "observed_expected").value.value == pytest.approx(here.y.sum() / here.p.sum())
    assert compared(north, "auc").value.value == pytest.approx(metrics.auc(here.y, here.p))
    other = rows[rows.region != "north"]
    assert compared(north, "auc").rest.value == pytest.approx(metrics.auc(other.y, other.p))
    ranking = compared(north, "auc")
    assert ranking.gap.value == pytest.approx(ranking.rest.value - ranking.value.value)
    assert ranking.gap.low < ranking.gap.value < ranking.gap.high


def test_one_band_for_all() -> None:
    """The band of two in ten takes both from the north, whose churned are caught; the south's is missed."""
    rows = pd.DataFrame({"account_id": range(10), "as_of": 0, "p": [0.9, 0.8] + [0.1] * 8})
    rows["y"] = [1.0, 0.0, 0, 0, 0, 1.0, 0, 0, 0, 0]
    many = pd.concat([rows.assign(as_of=day, account_id=rows.account_id + 10 * day) for day in range(30)])
    region = np.where(many.account_id % 10 < 5, "north", "south")
    result = fairness(many, {"region": region}, 0.2, 10, 50, 1)["region"]
    assert [compared(of(result, name), "recall").value.value for name in ("north", "south")] == [1.0, 0.0]
    assert compared(of(result, "north"), "recall").differs


def test_a_planted_difference_is_found_and_chance_is_not() -> None:
    rows = frame(1500, 6)
    planted = rows.assign(p=np.where(rows.region == "north", rows.p / 2, rows.p))
    north = of(fairness(planted, {"region": rows.region}, 0.1, 10, 100, 1)["region"], "north")
    assert compared(north, "observed_expected").differs
    assert compared(north, "observed_expected").value.low > 1.5
    fair = of(fairness(rows, {"region": rows.region}, 0.1, 10, 100, 1)["region"], "north")
    assert not any(compared(fair, name).differs for name in FIGURES)


def test_a_group_with_too_few_churns_is_counted_and_not_judged() -> None:
    rows = frame(200, 1)
    label = np.where(rows.account_id < 3, "tiny", None)
    result = fairness(rows, {"region": label}, 0.1, 10, 50, 1)["region"]
    assert [line.group for line in result] == ["(unknown)", "tiny"]
    for line in result:  # nor is the rest judged against it
        refusals = [getattr(line, name) for name in FIGURES]
        assert all(isinstance(refusal, Refusal) and "at least 10 would do" in refusal.refused for refusal in refusals)
    assert of(result, "tiny").rows == 3


SIZED = [
    ([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [0] * 6, ["small", "small", "middle", "middle", "large", "large"]),
    (
        [5.0, 1.0, 3.0, 100.0, 200.0, 300.0],
        [0, 0, 0, 1, 1, 1],
        ["large", "small", "middle", "small", "middle", "large"],
    ),
    ([7.0, 7.0, 7.0], [0, 0, 0], ["middle"] * 3),
    ([np.nan, 1.0], [0, 0], ["(unknown)", "large"]),
]


@pytest.mark.parametrize(("arr", "as_of", "expected"), SIZED)
def test_sizes(arr: list[float], as_of: list[int], expected: list[str]) -> None:
    assert sizes(arr, as_of).tolist() == expected
