"""The interval: does it hold an account's own probability as often as it says, where that probability is known?"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit

from training.fit.fit import fit_models
from training.model import residual_heterogeneity as heterogeneity
from training.model.residual_heterogeneity import (
    MAX_EXCESS_KURTOSIS,
    MAX_SD,
    bounds,
    center_of,
    excess_kurtosis,
    frailty_sd,
)

pytestmark = pytest.mark.slow

LEVELS = (0.8, 0.9, 0.95)


def seen_once(count):
    """Accounts seen on one day only: the halves alone count."""
    return np.arange(count), np.zeros(count)


def test_the_spread_of_a_state_seen_through_noise():
    """Twenty views z + noise of sd 2: their mean has the reliability 20 / 24, so the hidden variance is 1 - 20 / 24."""
    rng = np.random.default_rng(1)
    z = rng.normal(size=(40_000, 1))
    views = (z + 2.0 * rng.normal(size=(40_000, 20))) / 24  # the regression of z on the mean of the views
    assert frailty_sd(views, *seen_once(len(views)), 1) == pytest.approx(np.sqrt(4 / 24), rel=0.03)
    exact = z + np.zeros((1, 4))
    assert frailty_sd(exact / 4 + 1e-6 * rng.normal(size=(40_000, 4)), *seen_once(40_000), 1) < 0.01


def panel(months=16, accounts=4_000, noise=0.6, memory=0.95):
    """A state that drifts from month to month, seen with noise new each month; (z (n,), account, day, the state)."""
    rng = np.random.default_rng(4)
    state = [rng.normal(size=accounts)]
    for _ in range(months - 1):
        state.append(memory * state[-1] + np.sqrt(1 - memory**2) * rng.normal(size=accounts))
    # Divided so that the slope of the state on what is seen is 1.
    seen = (np.array(state) + noise * rng.normal(size=(months, accounts))) / (1 + noise**2)
    return seen.ravel(), np.tile(np.arange(accounts), months), np.repeat(30 * np.arange(months), accounts)


def test_the_spread_of_a_state_seen_again_and_again():
    """The hidden variance is that of the state given one look, noise^2 / (1 + noise^2), however fast it moves."""
    for noise, memory in ((0.6, 0.95), (0.6, 0.99), (1.2, 0.97)):
        assert heterogeneity.test_retest_variance(*panel(noise=noise, memory=memory)) == pytest.approx(
            noise**2 / (1 + noise**2), rel=0.12
        )
    assert heterogeneity.test_retest_variance(*panel(noise=0.0)) == pytest.approx(0.0, abs=0.03)


def test_a_short_history_or_one_without_memory_says_nothing():
    assert heterogeneity.test_retest_variance(*panel(months=5)) is None
    assert heterogeneity.test_retest_variance(*panel(accounts=29)) is None
    assert heterogeneity.test_retest_variance(*panel(memory=0.0, accounts=200)) is None


def test_both_ways_count():
    z, account, day = panel(noise=1.0)
    views = np.stack([z / 2, z / 2], axis=1)  # halves that agree: all the spread is seen over time
    assert frailty_sd(views, account, day, 1) == pytest.approx(
        np.sqrt(heterogeneity.test_retest_variance(z, account, day) / 2)
    )


def test_signals_with_nothing_in_common_and_no_signals():
    rng = np.random.default_rng(2)
    assert frailty_sd(rng.normal(size=(5_000, 6)), *seen_once(5_000), 1) == MAX_SD
    assert frailty_sd(np.ones((50, 6)), *seen_once(50), 1) == 0.0
    assert frailty_sd(rng.normal(size=(50, 1)), *seen_once(50), 1) == 0.0
    assert frailty_sd(np.zeros((0, 6)), *seen_once(0), 1) == 0.0


def test_noise_with_heavy_tails_is_told_from_a_state_with_them():
    """Laplace noise has an excess kurtosis of 3, whatever the state's own."""
    rng = np.random.default_rng(6)
    for state in (rng.normal(size=(200_000, 1)), rng.laplace(size=(200_000, 1))):
        heavy, normal = state + rng.laplace(size=(200_000, 2)), state + rng.normal(size=(200_000, 2))
        assert excess_kurtosis(heavy, 1) == pytest.approx(3.0, abs=0.3)
        assert excess_kurtosis(normal, 1) == pytest.approx(0.0, abs=0.1)
    assert excess_kurtosis(state + rng.standard_t(3, size=(200_000, 2)), 1) == MAX_EXCESS_KURTOSIS
    assert excess_kurtosis(np.ones((50, 6)), 1) == excess_kurtosis(np.zeros((0, 6)), 1) == 0.0


@pytest.mark.parametrize("level", LEVELS)
def test_heavy_tailed_log_odds_are_held_as_often_as_said(level):
    """Student's t with 7 degrees of freedom has an excess kurtosis of 2; a normal's interval holds too many of 80 %."""
    rng = np.random.default_rng(3)
    truth = expit(-2.5 + 0.7 * rng.standard_t(7, size=200_000) / np.sqrt(7 / 5))
    p, sd = np.array([truth.mean()]), np.array([0.7])
    held, plain = (((truth >= low) & (truth <= high)).mean() for low, high in (bounds(p, sd, level, t) for t in (2, 0)))
    assert held == pytest.approx(level, abs=0.01)
    assert level > 0.8 or plain > level + 0.015


@pytest.mark.parametrize("sd", [0.0, 0.4, 1.0, 2.5])
def test_the_center_keeps_the_mean_probability(sd):
    p = np.array([1e-6, 0.003, 0.2, 0.5, 0.7, 0.999])
    m = center_of(p, np.full(len(p), sd))
    z = np.random.default_rng(0).normal(size=400_000)
    assert np.allclose([expit(one + sd * z).mean() for one in m], p, rtol=0.03)
    low, high = bounds(p, np.full(len(p), sd), 0.9)
    assert ((low <= p) & (p <= high)).all()


@pytest.mark.parametrize("level", LEVELS)
def test_normal_log_odds_are_held_as_often_as_said(level):
    rng = np.random.default_rng(3)
    truth = expit(-2.5 + 0.7 * rng.normal(size=100_000))
    low, high = bounds(np.array([truth.mean()]), np.array([0.7]), level)
    assert ((truth >= low[0]) & (truth <= high[0])).mean() == pytest.approx(level, abs=0.01)


@pytest.fixture(scope="module")
def held(settings, simulate):
    """Share of rows after the cut whose true probability the interval holds, by level; companies of several kinds."""
    training = settings.training.model_copy(update={"calibration_origins": 1})
    quick = settings.model_copy(update={"training": training})
    out = []
    for accounts, seed, noise in ((500, 41, 0.3), (500, 42, 0.5), (800, 43, 0.5), (500, 44, 1.0), (800, 45, 0.8)):
        made, dataset = simulate(accounts=accounts, months=26, seed=seed, level=-4.6, noise=noise)
        cut = sorted(made.signals["as_of"].unique())[18]
        churn = fit_models(dataset, quick, cut).churn
        rows = (made.signals["as_of"] >= cut).to_numpy()
        truth = made.truth.loc[rows, "p_churn_90d"].to_numpy()
        ends = [churn.interval(made.signals[rows], level) for level in LEVELS]
        out.append([((truth >= low) & (truth <= high)).mean() for low, high in ends])
    return np.array(out)


def test_the_true_probability_is_held_as_often_as_said(held):
    """Within 3 points on average, within 10 in any one company: its level after the cut is partly luck."""
    assert held.mean(axis=0) == pytest.approx(np.array(LEVELS), abs=0.03)
    assert np.abs(held - np.array(LEVELS)).max() < 0.1


def test_sampling_error_alone_would_not_do(fitted, simulated, later):
    """A planted fault: the interval of the earlier version, without what the signals do not show."""
    truth = simulated.truth.loc[later.index, "p_churn_90d"].to_numpy()
    low, high = replace(fitted.churn, frailty_sd=0.0).interval(later)
    assert ((truth >= low) & (truth <= high)).mean() < 0.75
