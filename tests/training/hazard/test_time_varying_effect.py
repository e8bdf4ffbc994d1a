"""What is seen today tells less and less of the months ahead: the factor of each interval is found and is served."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from training.hazard.intervals import hazard_rows
from training.hazard.time_varying_effect import LEAST, fit_effect_decay

COUNT = 6


def decaying(gamma: float, rows: int, seed: int = 3) -> dict[str, np.ndarray]:
    """Hazard rows whose true effect is 1 + gamma (k - 2.5) / 6 times the deviation."""
    rng = np.random.default_rng(seed)
    interval = rng.integers(0, COUNT, rows)
    deviation = rng.normal(size=rows)
    truth = -3.0 + (1.0 + gamma * (interval - 2.5) / COUNT) * deviation
    return {
        "log_odds": -3.0 + deviation,
        "deviation": deviation,
        "interval": interval,
        "churned": (rng.random(rows) < expit(truth)).astype(float),
    }


@pytest.mark.parametrize("gamma", [-0.8, 0.0, 0.5])
def test_the_fade_is_found(gamma):
    effect_decay, level = fit_effect_decay(**decaying(gamma, 400_000), event_weight=1.0, count=COUNT)
    assert np.diff(effect_decay) == pytest.approx(np.full(COUNT - 1, gamma / COUNT), abs=0.015)
    assert level == pytest.approx(np.zeros(COUNT), abs=0.06)


def test_few_churns_say_little():
    rows = decaying(-0.8, 400_000)
    full, _ = fit_effect_decay(**rows, event_weight=1.0, count=COUNT)
    few, _ = fit_effect_decay(**rows, event_weight=30 / rows["churned"].sum(), count=COUNT)
    assert 0.1 < np.ptp(few) / np.ptp(full) < 0.9


def test_the_mean_effect_of_the_churns_stays():
    rows = decaying(-0.8, 50_000)
    effect_decay, _ = fit_effect_decay(**rows, event_weight=1.0, count=COUNT)
    assert effect_decay[rows["interval"]] @ rows["churned"] == pytest.approx(rows["churned"].sum())


def test_no_effect_turns_round():
    rows = decaying(-6.0, 50_000)
    effect_decay, _ = fit_effect_decay(**rows, event_weight=1.0, count=COUNT)
    assert effect_decay.min() == LEAST


def test_an_interval_without_a_churn_keeps_a_level():
    rows = decaying(0.0, 5_000)
    rows["churned"][rows["interval"] == 5] = 0.0
    effect_decay, level = fit_effect_decay(**rows, event_weight=1.0, count=COUNT)
    assert np.isfinite(effect_decay).all()
    assert -6.0 < level[5] < 0.0


def test_learners_are_right_in_the_first_and_in_the_last_interval(rolling, cut, dataset):
    """Of the fall that outcomes show from interval to interval, little is left on the rows that taught it."""
    learners = rolling.learners(cut)
    before = (dataset.labels["as_of"] < cut).to_numpy()
    result = learners.log_odds(dataset.signals[before], rolling.intervals)
    rows = hazard_rows(dataset.labels[before], rolling.intervals, rolling.until(cut))
    decays = {
        "trees": learners.trees.effect_decay,
        "logistic": learners.linear.effect_decay,
        "rules": learners.rules.linear.effect_decay,
    }
    for name, effect_decay in decays.items():
        z = result[name][rows.snapshot, rows.interval]
        means = np.bincount(rows.interval, z) / np.bincount(rows.interval)
        left, _ = fit_effect_decay(z, z - means[rows.interval], rows.interval, rows.churned, 1.0, len(effect_decay))
        assert np.ptp(effect_decay) > 0.1, name
        assert np.ptp(left) < 0.5 * np.ptp(effect_decay), name
