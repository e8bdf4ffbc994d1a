"""Halves of the accounts that differ, and half-sample fits that shrink more, make the interval wider, by as much."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.calibration.calibrator import identity
from training.fit import interval_width
from training.fit.fit import fit_models


@pytest.fixture(scope="module")
def plain(fitted):
    return replace(fitted.churn, calibrator=identity(), frailty_sd=0.0, sampling_scale=1.0)


@pytest.fixture(scope="module")
def rows(simulated, cut):
    return simulated.signals[simulated.signals["as_of"] < cut].iloc[::10]


def half(churn, shrinkage=1.0, level=0.0):
    """The model with its log-odds times `shrinkage`, moved by `level`."""
    blend = churn.blend
    shares = {name: getattr(blend, name) * shrinkage for name in ("trees", "linear", "rules")}
    return replace(churn, blend=replace(blend, **shares, intercept=blend.intercept + level))


def error(plain, rows, *halves):
    return interval_width.sampling_error(plain, list(halves), rows, interval_width.state_views(plain, rows))


def test_halves_alike_leave_the_sandwich_alone(plain, rows):
    """The mean of its variance and of none."""
    result = error(plain, rows, plain, plain)
    assert result.sampling_variance == result.missing_variance == 0.0
    assert result.scale == pytest.approx(interval_width.STAND_IN_SCALE / np.sqrt(2))


def test_halves_that_differ_are_sampling_error(plain, rows):
    """Two halves a log-odds apart, each with twice the whole's variance: (1 / 2) ^ 2 for the whole."""
    result = error(plain, rows, half(plain, level=0.5), half(plain, level=-0.5))
    assert result.sampling_variance == pytest.approx(0.25, rel=0.1)  # a hazard's log-odds and not the probability's
    assert result.missing_variance == pytest.approx(0.0, abs=1e-9)
    _, sd = replace(plain, sampling_scale=result.scale).spread(rows)
    expected = (result.sampling_variance + interval_width.STAND_IN_SCALE**2 * result.sandwich_variance) / 2
    assert (sd**2).mean() == pytest.approx(expected, rel=0.1)  # errors are added to hazards, which is not quite linear


def test_a_noisier_learner_has_a_wider_interval(fitted, plain, rows, later):
    ends = []
    for noise in (0.1, 0.3, 0.9):
        result = error(plain, rows, half(plain, level=noise), half(plain, level=-noise))
        low, high = replace(fitted.churn, sampling_scale=result.scale).interval(later)
        ends.append(high - low)
    assert (ends[0] < ends[1]).all()
    assert (ends[1] < ends[2]).all()


def test_halves_that_shrink_more_say_what_is_missing(plain, rows):
    """Nine tenths of the log-odds are .81 of their variance; by the root's rate .19 / (sqrt 2 - 1) of it is missing."""
    result = error(plain, rows, half(plain, 0.9), half(plain, 0.9))
    explained = interval_width.state_views(plain, rows).sum(axis=1).var()
    assert result.missing_variance == pytest.approx(0.19 * explained / (np.sqrt(2) - 1), rel=1e-6)
    result = error(plain, rows, half(plain, 1.1), half(plain, 1.1))
    assert result.missing_variance == 0.0


def test_halves_share_no_account_and_have_as_many_churns(fitted, rolling, simulated, cut):
    learners = rolling.learners(cut)
    frame = simulated.signals[simulated.signals["as_of"] < cut]
    halves = interval_width.random_halves(learners, frame, rolling, 1)
    assert (halves[0] != halves[1]).all()
    account = simulated.labels["account_id"]
    assert not set(account[halves[0]]) & set(account[halves[1]])
    first, second = rolling.subsample_fits(learners, halves)
    assert abs(len(np.unique(first.rows.snapshot)) / len(np.unique(learners.rows.snapshot)) - 0.5) < 0.1
    assert abs(first.accounts - second.accounts) <= 3
    assert first.monotone == second.monotone == learners.monotone
    assert not np.array_equal(interval_width.random_halves(learners, frame, rolling, 2)[0], halves[0])


def test_without_halves_the_sandwich_stands_in(dataset, settings, cut, rolling, fitted, monkeypatch):
    assert fitted.churn.sampling_scale not in (1.0, interval_width.STAND_IN_SCALE)
    assert fitted.churn.log["half_samples"]["sampling_variance"] > 0
    quick = fit_models(dataset, settings, cut, rolling, half_samples=False).churn
    assert quick.sampling_scale == interval_width.STAND_IN_SCALE
    assert "half_samples" not in quick.log
    assert quick.frailty_sd == fitted.churn.frailty_sd
    monkeypatch.setattr(interval_width, "LEAST", 10_000)  # churned accounts that no half has
    assert fit_models(dataset, settings, cut, rolling).churn.sampling_scale == interval_width.STAND_IN_SCALE
    assert all(baseline.sampling_scale == 1.0 for baseline in fitted.baselines)
