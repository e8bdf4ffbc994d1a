"""Figures against hand-counted tables, against scikit-learn, and against properties that any right answer has."""

from __future__ import annotations

import math
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as outside
from sklearn.linear_model import LogisticRegression

from configs.errors import DataError
from evaluation import metrics
from evaluation.metrics import bootstrap, bootstrap_statistics
from evaluation.metrics.calibration import (
    brier_parts,
    calibration_slope,
    calibration_slope_intercept,
    ece,
    ece_debiased,
    equal_mass_bins,
    logit,
    reliability_bins,
)
from evaluation.metrics.proportions import share_interval, wilson
from evaluation.metrics.registry import METRICS, Metric
from evaluation.metrics.validation import MetricRefused

NAMES = [metric.name for metric in METRICS]


def drawn(rows: int = 3000, seed: int = 0, ties: bool = True) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    p = random.beta(1, 8, rows)
    p = np.round(p, 2).clip(0.01, 0.99) if ties else p
    return (random.random(rows) < p).astype(float), p


HAND = [
    ("auc", [1, 0], [0.9, 0.1], 1.0),
    ("auc", [0, 1], [0.9, 0.1], 0.0),
    ("auc", [1, 0, 0], [0.5, 0.5, 0.5], 0.5),
    ("auc", [1, 1, 0, 0, 0], [0.9, 0.3, 0.3, 0.2, 0.6], (3 + 1.5) / 6),
    ("average_precision", [0, 1], [0.9, 0.1], 0.5),
    ("average_precision", [1, 0, 0, 0], [0.2, 0.2, 0.2, 0.2], 0.25),
    ("average_precision", [1, 1, 0, 1], [0.9, 0.5, 0.5, 0.1], (1 + 2 / 3 + 3 / 4) / 3),
    ("brier", [1, 0, 0], [0.7, 0.2, 0.0], (0.09 + 0.04) / 3),
    ("log_loss", [1, 0], [0.8, 0.4], -(math.log(0.8) + math.log(0.6)) / 2),
]


@pytest.mark.parametrize(("name", "y", "p", "expected"), HAND)
def test_hand_counted(name: str, y: list[int], p: list[float], expected: float) -> None:
    assert getattr(metrics, name)(y, p) == pytest.approx(expected)


def test_every_metric_that_needs_few_rows_has_a_hand_counted_case() -> None:
    elsewhere = {"ece", "ece_debiased", "calibration_slope", "calibration_intercept"}  # their bins and fits: below
    assert {case[0] for case in HAND} == set(NAMES) - elsewhere


@pytest.mark.parametrize(
    "metric", [metric for metric in METRICS if metric.has_interval], ids=lambda metric: metric.name
)
def test_the_first_of_a_metrics_draws_is_the_metric(metric: Metric) -> None:
    y, p = drawn()
    rows = pd.DataFrame({"account_id": np.arange(y.size) // 4, "y": y, "p": p})
    draws = metric.draws()
    values = np.atleast_2d(bootstrap.draw(rows, {"it": draws.statistic(15)}, 20, 7)["it"])[
        draws.names.index(metric.name)
    ]
    assert values[0] == pytest.approx(metric.value(y, p, 15), abs=1e-9)
    assert np.ptp(values) > 0


def test_any_figure_is_resampled_as_its_sums_are() -> None:
    y, p = drawn(400)
    rows = pd.DataFrame({"account_id": np.arange(y.size) // 4, "y": y, "p": p})
    pair = {"sums": bootstrap_statistics.brier(), "rows": bootstrap_statistics.resampled(metrics.brier)}
    values = bootstrap.draw(rows, pair, 50, 7)
    np.testing.assert_allclose(values["rows"], values["sums"], atol=1e-12)


@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_the_outside_reference(seed: int, ties: bool) -> None:
    y, p = drawn(1000, seed, ties)
    assert metrics.auc(y, p) == pytest.approx(outside.roc_auc_score(y, p), abs=1e-12)
    assert metrics.average_precision(y, p) == pytest.approx(outside.average_precision_score(y, p), abs=1e-12)
    assert metrics.brier(y, p) == pytest.approx(outside.brier_score_loss(y, p), abs=1e-12)
    assert metrics.log_loss(y, p) == pytest.approx(outside.log_loss(y, p), abs=1e-12)
    fit = LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000).fit(logit(p)[:, None], y)
    slope, intercept = calibration_slope_intercept(y, p)
    assert (slope, intercept) == (pytest.approx(fit.coef_[0, 0], abs=1e-4), pytest.approx(fit.intercept_[0], abs=1e-4))


def test_log_loss_of_a_sure_error_is_large_and_finite() -> None:
    assert 10 < metrics.log_loss([1, 0], [0.0, 0.0]) < 40
    assert metrics.log_loss([1, 0], [0.0, 0.0]) == pytest.approx(outside.log_loss([1, 0], [0.0, 0.0]))


@pytest.mark.parametrize("one", METRICS, ids=NAMES)
def test_every_metric_keeps_the_laws(one: Metric) -> None:
    y, p = drawn()
    value = one.function(y, p)
    assert one.low <= value <= one.high
    order = np.random.default_rng(1).permutation(y.size)
    assert one.function(y[order], p[order]) == pytest.approx(value, abs=1e-9)
    said = one.function.__doc__ or ""
    if one.name.startswith("calibration_"):
        assert "is right" in said
    else:
        assert re.search(r"Raises\n +-+\n +MetricRefused\n", said)
    if not one.name.startswith(("calibration_", "ece")):
        better = one.function(y, np.where(y == 1, 0.85, 0.02) + p / 10)
        assert better > value if one.better == "higher" else better < value


@pytest.mark.parametrize("one", METRICS, ids=NAMES)
@pytest.mark.parametrize("y", [[0.0] * 30, [1.0] * 30, []], ids=["nobody left", "everybody left", "no rows"])
def test_one_class_is_refused_by_name_with_the_number_that_would_do(one: Metric, y: list[float]) -> None:
    with pytest.raises(MetricRefused, match="at least") as caught:
        one.function(np.array(y), np.linspace(0.1, 0.9, len(y)))
    assert caught.value.found == 0
    assert caught.value.needed >= 1
    assert f"at least {caught.value.needed} would do" in caught.value.why
    assert isinstance(caught.value, DataError)


FAULTY = [
    ([0, 1, float("nan")], [0.1, 0.2, 0.3], "window is open"),
    ([0, 1, 2], [0.1, 0.2, 0.3], "other than 0 and 1"),
    ([0, 1, 1], [0.1, 0.2, float("nan")], r"outside \[0, 1\]"),
    ([0, 1, 1], [0.1, 0.2, 1.2], r"outside \[0, 1\]"),
    ([0, 1], [0.1, 0.2, 0.3], "shapes"),
    ([0, 2, 1], [0.1, 7.0, 0.3], "2 faults"),
]


@pytest.mark.parametrize(("y", "p", "match"), FAULTY)
def test_what_is_not_an_outcome_or_a_probability_is_a_fault(y: list[float], p: list[float], match: str) -> None:
    with pytest.raises(DataError, match=match):
        metrics.brier(y, p)


def test_ranking_takes_any_score() -> None:
    y, p = drawn(500)
    assert metrics.auc(y, np.exp(5 * p) - 3) == metrics.auc(y, p)
    assert metrics.average_precision(y, 10 * p) == metrics.average_precision(y, p)


def test_slope_refusals() -> None:
    with pytest.raises(MetricRefused, match="19 rows that churned; expected at least 20"):
        calibration_slope([1] * 19 + [0] * 50, np.linspace(0.1, 0.9, 69))
    with pytest.raises(MetricRefused, match="distinct probability"):
        calibration_slope([1, 0] * 30, [0.5] * 60)
    with pytest.raises(MetricRefused, match="churned below one that stayed"):
        calibration_slope([0] * 30 + [1] * 30, [0.1] * 30 + [0.9] * 30)


@pytest.mark.parametrize(("slope", "intercept"), [(1.0, 0.0), (0.5, 0.3), (1.6, -0.4), (-1.0, 0.5), (3.0, -3.0)])
def test_slope_and_intercept_recover_what_was_planted(slope: float, intercept: float) -> None:
    random = np.random.default_rng(2)
    x = random.normal(-1, 1, 40_000)
    y = random.random(x.size) < 1 / (1 + np.exp(-(intercept + slope * x)))
    result = calibration_slope_intercept(y.astype(float), 1 / (1 + np.exp(-x)))
    assert result == (pytest.approx(slope, abs=0.06 * abs(slope) + 0.02), pytest.approx(intercept, abs=0.25))


def test_a_slope_is_found_where_whole_newton_steps_swing() -> None:
    """Of a hundred scorings 92 are far from any renewal, and none of these leaves: whole steps go to and fro."""
    random = np.random.default_rng(3)
    p = np.where(np.arange(20_000) < 18_400, 0.002, 1 / (1 + np.exp(-random.normal(-1.9, 0.7, 20_000))))
    y = (random.random(p.size) < p) & (p > 0.002)
    slope, intercept = calibration_slope_intercept(y.astype(float), p)
    error = y - 1 / (1 + np.exp(-(intercept + slope * logit(p))))
    assert [error.sum(), error @ logit(p)] == pytest.approx([0, 0], abs=1e-8)  # of the maximum, and of no other
    assert 1.2 < slope < 1.6


def test_ece_by_hand_and_debiased() -> None:
    y = np.array([1, 0, 0, 0, 0, 1, 1, 1, 1, 0], dtype=float)
    p = np.array([0.1] * 5 + [0.7] * 5)
    assert ece(y, p, bins=2) == pytest.approx((0.1 + 0.1) / 2)
    right, off = [], []
    for seed in range(20):
        y, p = drawn(2000, seed, ties=False)
        right.append((ece(y, p), ece_debiased(y, p)))
        off.append((ece(y, p / 2), ece_debiased(y, p / 2)))
    true = float(np.mean([np.mean(drawn(2000, seed, ties=False)[1]) / 2 for seed in range(20)]))
    plain, debiased = np.mean(right, axis=0)
    assert debiased < 0.7 * plain < 0.015
    assert np.mean(off, axis=0)[1] == pytest.approx(true, abs=0.004)
    assert ece_debiased(y, p) <= ece(y, p)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=60), st.integers(1, 15))
@settings(max_examples=100, deadline=None)
def test_bins_are_ordered_keep_ties_together_and_are_nearly_equal(scores: list[int], bins: int) -> None:
    p = np.array(scores) / 10
    bin_of = equal_mass_bins(p, bins)
    assert bin_of.min() >= 0
    assert bin_of.max() < bins
    for value in np.unique(p):
        assert np.unique(bin_of[p == value]).size == 1
    assert (np.diff(bin_of[np.argsort(p, kind="stable")]) >= 0).all()


def test_bins_without_ties_hold_equal_shares() -> None:
    assert np.bincount(equal_mass_bins(np.random.default_rng(0).random(1500), 15)).tolist() == [100] * 15


def test_reliability_bins_add_up_and_their_intervals_cover() -> None:
    covered = []
    for seed in range(30):
        y, p = drawn(1500, seed, ties=False)
        bins = reliability_bins(y, p, 10)
        assert sum(one.rows for one in bins) == 1500
        assert sum(one.churned for one in bins) == y.sum()
        covered += [one.low <= one.mean_p <= one.high for one in bins]
    assert 0.91 < np.mean(covered) < 0.985


def test_repeated_rows_of_an_account_do_not_narrow_an_interval() -> None:
    y, accounts = np.array([1, 0, 0, 1, 0, 0, 0, 0], dtype=float), np.arange(8)
    once = share_interval(y, accounts)
    assert share_interval(np.repeat(y, 5), np.repeat(accounts, 5)) == pytest.approx(once)
    assert share_interval(np.zeros(50), np.repeat(np.arange(5), 10)) == wilson(0.0, 5)


MURPHY = [
    # y, p, bins, (reliability, resolution, uncertainty, within_bins)
    ("one bin", [1, 0], [0.5, 0.5], 1, (0.0, 0.0, 0.25, 0.0)),
    ("sure and right", [1, 0], [1.0, 0.0], 2, (0.0, 0.25, 0.25, 0.0)),
    ("sure and wrong", [1, 0], [0.0, 1.0], 2, (1.0, 0.25, 0.25, 0.0)),
    ("ten bins' worth in one", [1, 0], [0.8, 0.2], 1, (0.0, 0.0, 0.25, 0.09 - 2 * 0.15)),
    ("two bins", [1, 0, 0, 0], [0.5, 0.5, 0.1, 0.1], 2, (0.005, 0.0625, 0.1875, 0.0)),
]


@pytest.mark.parametrize(("y", "p", "bins", "parts"), [one[1:] for one in MURPHY], ids=[one[0] for one in MURPHY])
def test_the_parts_of_a_brier_score_by_hand(y: list[int], p: list[float], bins: int, parts: tuple[float, ...]) -> None:
    assert brier_parts(y, p, bins) == pytest.approx(parts, abs=1e-12)


@pytest.mark.parametrize("bins", [1, 2, 15, 200])
@pytest.mark.parametrize("ties", [True, False])
def test_the_parts_of_a_brier_score_add_up(bins: int, ties: bool) -> None:
    y, p = drawn(900, 3, ties)
    result = brier_parts(y, p, bins)
    total = result.reliability - result.resolution + result.uncertainty + result.within_bins
    assert total == pytest.approx(outside.brier_score_loss(y, p), abs=1e-12)
    assert result.uncertainty == pytest.approx(y.mean() * (1 - y.mean()))
    with pytest.raises(MetricRefused, match="rows that churned"):
        brier_parts(np.zeros(9), np.full(9, 0.1), bins)
