"""Performance before labels arrive: by hand, by brute force over every outcome, and against simulated truths."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from configs.errors import DataError
from evaluation import metrics
from evaluation.metrics.expected_performance import expect, expected_auc, grade


def test_two_rows_by_hand() -> None:
    """In order with .9 x .9, out of order with .1 x .1; with equal p the pair is tied."""
    assert expected_auc(np.array([0.9, 0.1])) == pytest.approx(0.81 / 0.82)
    assert expected_auc(np.array([0.3, 0.3])) == pytest.approx(0.5)


def test_every_outcome_counted() -> None:
    """Pairs in order over all pairs, both summed over the 2^6 outcomes with their chances."""
    p = np.array([0.1, 0.2, 0.2, 0.5, 0.7, 0.95])
    won = pairs = brier = loss = 0.0
    for outcome in product((0, 1), repeat=p.size):
        y = np.array(outcome)
        chance = float(np.where(y == 1, p, 1 - p).prod())
        brier += chance * float(np.mean((p - y) ** 2))
        loss += chance * float(metrics.log_losses(y, p).mean())
        if 0 < y.sum() < p.size:
            many = float(y.sum() * (1 - y).sum())
            won, pairs = won + chance * many * metrics.auc(y, p), pairs + chance * many
    result = expect(p, np.arange(p.size))
    assert result.auc.value == pytest.approx(won / pairs)
    assert (result.brier.value, result.log_loss.value) == (pytest.approx(brier), pytest.approx(loss))


def simulated(seed: int, accounts: int, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """p, accounts and outcomes of calibrated scores; the rows of an account churn together."""
    random = np.random.default_rng(seed)
    p = 1 / (1 + np.exp(-random.normal(-2.6, 1.2, accounts)))
    p, who = np.repeat(p, rows), np.repeat(np.arange(accounts), rows)
    return p, who, (np.repeat(random.random(accounts), rows) < p).astype(float)


@pytest.mark.parametrize("seed", range(8))
def test_the_estimate_is_within_three_hundredths_of_the_later_truth(seed: int) -> None:
    p, who, y = simulated(seed, 3000, 3)
    result = grade(expect(p, who, draws=200), y, p)
    assert abs(result.error) <= 0.03
    assert result.error == pytest.approx(result.estimated - metrics.auc(y, p))


def test_nineteen_truths_of_twenty_lie_within_the_interval() -> None:
    """Also with few accounts and several rows each, where rows taken as independent would promise too much."""
    within = []
    for seed in range(100):
        p, who, y = simulated(seed, 250, 3)
        within.append(grade(expect(p, who, draws=300), y, p).within)
    assert 89 <= sum(within) <= 100
    p, who, _ = simulated(1, 250, 3)
    clustered, loose = expect(p, who).auc, expect(p, np.arange(p.size)).auc
    assert clustered.high - clustered.low > 1.4 * (loose.high - loose.low)


def test_a_model_that_has_lost_its_meaning_is_graded_so() -> None:
    p, who, y = simulated(3, 3000, 1)
    result = grade(expect(p, who), np.random.default_rng(0).permutation(y), p)
    assert not result.within
    assert result.error > 0.2


def test_order_of_rows_does_not_matter() -> None:
    p, who, _ = simulated(2, 400, 1)
    assert expect(p[::-1], who[::-1]) == expect(p, who)


@pytest.mark.parametrize("p", [[0.5], [0.0, 0.0], [1.0, 1.0], [0.2, np.nan], [0.2, 1.4]])
def test_what_is_no_probability_is_refused(p: list[float]) -> None:
    with pytest.raises(DataError, match="expected performance"):
        expect(np.array(p), np.arange(len(p)))
