"""Money: hand-counted, against scikit-learn's weighted ranking, and against integrals taken by brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import beta
from sklearn.metrics import roc_auc_score

from configs.errors import ConfigError, DataError
from configs.settings import Costs
from evaluation import metrics
from evaluation.metrics import business_value, capacity
from evaluation.metrics.proportions import Z95
from evaluation.metrics.validation import MetricRefused

COSTS = Costs(contact=10, offer=100, success=0.3, success_sd=0.1, kept_years=1)


def drawn(rows: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    p = np.round(random.beta(1, 4, rows), 2).clip(0.01, 0.99)
    return (random.random(rows) < p).astype(float), p, np.round(random.lognormal(8, 1, rows))


def test_arr_loss_counts_what_is_unknown_and_ranges_over_chance() -> None:
    result = business_value.arr_loss([1, 0, 1], [0.2, 0.1, 0.9], [1000.0, 2000.0, math.nan])
    half = Z95 * math.sqrt(1000**2 * 0.16 + 2000**2 * 0.09)
    assert result == (400.0, 0.0, pytest.approx(400 + half), 1000.0, 3, 1)
    with pytest.raises(MetricRefused, match="known ARR"):
        business_value.arr_loss([1, 0], [0.2, 0.1], [math.nan, math.nan])


def test_the_range_of_an_arr_loss_covers_it() -> None:
    random = np.random.default_rng(5)
    inside = []
    for _ in range(200):
        p, arr = random.beta(1, 8, 400), random.lognormal(9, 0.7, 400)
        result = business_value.arr_loss((random.random(400) < p).astype(float), p, arr)
        inside.append(result.low <= result.realised <= result.high)
    assert 0.9 < np.mean(inside) < 0.99


WEIGHED = [
    ("all of it above", [1, 0], [0.9, 0.1], [5.0, 7.0], 1.0),
    ("tied", [1, 0], [0.5, 0.5], [5.0, 7.0], 0.5),
    ("a large loss from the bottom", [1, 1, 0], [0.9, 0.1, 0.5], [100.0, 900.0, 1.0], 0.1),
    ("an unknown ARR is left out", [1, 1, 0], [0.9, 0.1, 0.5], [100.0, math.nan, 1.0], 1.0),
]


@pytest.mark.parametrize(
    ("y", "p", "arr", "expected"), [signal[1:] for signal in WEIGHED], ids=[signal[0] for signal in WEIGHED]
)
def test_ranking_by_arr_by_hand(y: list[int], p: list[float], arr: list[float], expected: float) -> None:
    assert business_value.auc_by_arr(y, p, arr) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(3))
def test_ranking_by_arr_agrees_with_the_outside_reference(seed: int) -> None:
    y, p, arr = drawn(seed=seed)
    assert business_value.auc_by_arr(y, p, arr) == pytest.approx(roc_auc_score(y, p, sample_weight=arr), abs=1e-12)
    assert business_value.auc_by_arr(y, p, np.ones(y.size)) == pytest.approx(metrics.auc(y, p))


def test_arr_at_capacity_by_hand_and_at_one_price() -> None:
    y, p, day = [1, 0, 0, 1, 1, 0], [0.9, 0.1, 0.2, 0.8, 0.1, 0.7], [0, 0, 0, 1, 1, 1]
    result = business_value.arr_at_capacity(y, p, [10.0, 20.0, 30.0, math.nan, 40.0, 50.0], day, 0.34)
    assert result == (10.0, 50.0, 10.0, 1.0, 0.2, 1)  # the second day's place is held by the account of unknown ARR
    y, p, _ = drawn()
    day = np.arange(y.size) % 4
    same, plain = (
        business_value.arr_at_capacity(y, p, np.full(y.size, 7.0), day),
        capacity.precision_recall_at_capacity(y, p, day),
    )
    assert (same.precision, same.recall) == pytest.approx((plain.precision, plain.recall))


REFUSED = [
    (business_value.auc_by_arr, ([0, 0], [0.1, 0.2], [1.0, 1.0]), "rows that churned"),
    (business_value.auc_by_arr, ([1, 0], [0.1, 0.2], [math.nan, 1.0]), "churned with a known ARR"),
    (business_value.arr_at_capacity, ([1, 0], [0.1, 0.2], [1.0, math.nan], [0, 0]), "stayed with a known ARR"),
    (business_value.maximum_profit, ([1, 0], [0.1, 0.2], [math.nan, 1.0], COSTS), "churned with a known ARR"),
    (business_value.expected_maximum_profit, ([1, 1], [0.1, 0.2], 500.0, COSTS), "rows that stayed"),
    (business_value.decision_curve, ([0, 0], [0.1, 0.2], [0.1]), "rows that churned"),
]


@pytest.mark.parametrize(("function", "arguments", "match"), REFUSED)
def test_too_few_are_refused_by_name_and_number(function, arguments, match: str) -> None:
    with pytest.raises(MetricRefused, match=match) as caught:
        function(*arguments)
    assert f"at least {caught.value.needed} would do" in caught.value.why


FAULTY = [
    (business_value.auc_by_arr, ([1, 0], [0.1, 0.2], [-1.0, 1.0]), "amounts below 0"),
    (business_value.auc_by_arr, ([1, 0], [0.1, 0.2], [1.0]), "or too few"),
    (business_value.expected_maximum_profit, ([1, 0], [0.1, 0.2], 100.0, COSTS), "less than the value"),
    (business_value.decision_curve, ([1, 0], [0.1, 0.2], [0.0]), r"inside \(0, 1\)"),
    (business_value.decision_curve, ([1, 0], [0.1, 1.2], [0.5]), r"outside \[0, 1\]"),
]


@pytest.mark.parametrize(("function", "arguments", "match"), FAULTY)
def test_what_makes_no_sense_is_a_fault(function, arguments, match: str) -> None:
    with pytest.raises(DataError, match=match):
        function(*arguments)


PROFITS = [
    # one to save (.3 * (1000 - 100) - 10 = 260), and those that take the offer for nothing (110 each)
    ("the churner first", [1, 0, 0], [0.9, 0.5, 0.1], [1000.0] * 3, (260 / 3, 1 / 3, 40 / 3)),
    ("one in between", [1, 0, 0], [0.5, 0.9, 0.1], [1000.0] * 3, (150 / 3, 2 / 3, 40 / 3)),
    ("not worth an approach", [1, 0, 0], [0.1, 0.9, 0.5], [700.0] * 3, (0.0, 0.0, -50 / 3)),
    ("tied are approached together", [1, 0, 0], [0.5, 0.5, 0.1], [1000.0] * 3, (150 / 3, 2 / 3, 40 / 3)),
    ("its own value counts", [1, 1, 0], [0.9, 0.8, 0.1], [2100.0, 100.0, 9.0], (590 / 3, 1 / 3, 470 / 3)),
]


@pytest.mark.parametrize(
    ("y", "p", "value", "expected"), [profit[1:] for profit in PROFITS], ids=[profit[0] for profit in PROFITS]
)
def test_the_maximum_profit_by_hand(y, p, value, expected: tuple[float, float, float]) -> None:
    assert business_value.maximum_profit(y, p, value, COSTS) == pytest.approx(expected)


@pytest.mark.parametrize("value", [150.0, 400.0, 2000.0])
@pytest.mark.parametrize("seed", [0, 1])
def test_the_expected_maximum_profit_is_the_integral_over_success(seed: int, value: float) -> None:
    """Against its definition: the best cut for each of 4,000 successes, weighed by their density."""
    y, p, _ = drawn(200, seed)
    success = (np.arange(4000) + 0.5) / 4000
    shape = 0.3 * 0.7 / 0.01 - 1
    weight = beta.pdf(success, 0.3 * shape, 0.7 * shape) / 4000
    best = [
        business_value.maximum_profit(y, p, np.full(y.size, value), COSTS.model_copy(update={"success": one}))
        for one in success
    ]
    result = business_value.expected_maximum_profit(y, p, value, COSTS)
    assert result.profit == pytest.approx(sum(w * one.profit for w, one in zip(weight, best, strict=True)), rel=2e-3)
    assert result.share == pytest.approx(sum(w * one.share for w, one in zip(weight, best, strict=True)), abs=2e-3)
    assert result.profit >= max(0.0, result.of_all)


def test_a_better_ranking_earns_more_and_a_steady_success_is_the_plain_maximum() -> None:
    y, p, _ = drawn(600)
    better = business_value.expected_maximum_profit(y, p + y / 2, 1500.0, COSTS).profit
    assert better > business_value.expected_maximum_profit(y, p, 1500.0, COSTS).profit
    assert (
        business_value.expected_maximum_profit(y, p, 1500.0, COSTS).profit
        > business_value.expected_maximum_profit(y, -p, 1500.0, COSTS).profit
    )
    steady = COSTS.model_copy(update={"success_sd": 1e-3})
    plain = business_value.maximum_profit(y, p, np.full(y.size, 1500.0), COSTS)
    assert business_value.expected_maximum_profit(y, p, 1500.0, steady).profit == pytest.approx(plain.profit, rel=1e-3)


BENEFITS = [
    # 10 rows, 2 churned; three flagged at .3: both churned and one that stayed
    (0.3, (2 - 1 * 0.3 / 0.7) / 10, 0.2 - 0.8 * 0.3 / 0.7, 0.3),
    (0.1, (2 - 4 * 0.1 / 0.9) / 10, 0.2 - 0.8 * 0.1 / 0.9, 0.6),
    (0.9, 0.0, 0.2 - 0.8 * 9, 0.0),
]


@pytest.mark.parametrize(("threshold", "model", "everyone", "flagged"), BENEFITS)
def test_net_benefit_by_hand(threshold: float, model: float, everyone: float, flagged: float) -> None:
    y, p = [1, 1] + [0] * 8, [0.6, 0.3, 0.4, 0.1, 0.2, 0.2, 0.05, 0.01, 0.01, 0.01]
    result = business_value.decision_curve(y, p, [threshold])
    assert result == [pytest.approx((threshold, model, everyone, flagged))]


def test_costs_that_cannot_be_are_refused(make_settings) -> None:
    tables = {"accounts": {"from": "a.csv"}, "contracts": {"from": "c.csv"}}
    settings = make_settings(tables=tables, evaluation={"costs": {"contact": 5}})
    assert (settings.evaluation.costs.contact, settings.evaluation.costs.offer) == (5, 500)
    with pytest.raises(ConfigError, match=r"too large for a share of 0\.3"):
        make_settings(tables=tables, evaluation={"costs": {"success_sd": 0.6}})
