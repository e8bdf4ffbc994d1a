"""The ridge logistic: its sums within snapshots are those of the plain design, row by row."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from training.hazard.discrete_time import TrainingRows, make_inputs
from training.hazard.linear import renewal_columns
from training.hazard.linear_fit import STRONGEST, TIMING_L2, fit_linear


@pytest.fixture(scope="module")
def problem(rolling, cut, dataset):
    learners = rolling.learners(cut)
    frame = dataset.signals[dataset.labels["as_of"] < cut]
    inputs = make_inputs(frame, learners.encoder, rolling.intervals)
    account = frame["account_id"].astype("category").cat.codes.to_numpy()
    fitted = fit_linear(TrainingRows(inputs, learners.rows, learners.encoder, learners.events, 7), account, 0.5)
    rows, width = learners.rows, fitted.layout.of_row
    of_row = np.stack(fitted.row_columns(inputs), axis=1)[rows.snapshot]
    # The mean over hazard rows, not over snapshots: what decays is the deviation from it.
    assert fitted.row_means == pytest.approx(of_row.mean(axis=0))
    of_row = (of_row - of_row.mean(axis=0)) * fitted.effect_decay[rows.interval][:, None]
    ahead = np.stack(renewal_columns(inputs), axis=2)[rows.snapshot, rows.interval]
    design = [np.ones((len(rows), 1)), of_row, ahead, np.eye(rolling.intervals.count)[rows.interval]]
    design = np.concatenate(design, axis=1)
    beta = np.concatenate([[fitted.intercept], fitted.weights, fitted.renewal_weights, fitted.interval_weights])
    # How strong the ridge is, the fit says itself: its pull is what the outcomes' is met by.
    residual = learners.events / rows.churned.sum() * (rows.churned - expit(design @ beta))
    ridge = float(beta[1 : 1 + width] @ (design.T @ residual)[1 : 1 + width] / (fitted.weights @ fitted.weights))
    assert 0.5 * width <= ridge <= STRONGEST * 0.5 * width
    penalty = np.full(design.shape[1], ridge)
    penalty[0], penalty[1 + width :] = 1e-8, TIMING_L2
    return fitted, learners, account, design, penalty, beta


def test_the_gradient_of_the_plain_design_is_zero(problem):
    _, learners, _, design, penalty, beta = problem
    event_weight = learners.events / learners.rows.churned.sum()
    gradient = event_weight * (design.T @ (expit(design @ beta) - learners.rows.churned)) + penalty * beta
    assert np.abs(gradient).max() < 1e-3 * np.abs(event_weight * design.T @ learners.rows.churned).max()


def test_the_ridge_is_as_strong_as_the_evidence_asks(problem):
    """At its fixed point: the coefficients that the outcomes determine, by their squared length."""
    fitted, learners, _, design, penalty, beta = problem
    event_weight = learners.events / learners.rows.churned.sum()
    p = expit(design @ beta)
    hessian = event_weight * design.T @ (design * (p * (1 - p))[:, None]) + np.diag(penalty)
    own = slice(1, 1 + fitted.layout.of_row)
    determined = (1 - penalty * np.diag(np.linalg.inv(hessian)))[own].sum()
    assert penalty[1] == pytest.approx(determined / (beta[own] @ beta[own]), rel=0.1)


def test_signals_that_say_nothing_get_no_say(rolling, cut, dataset):
    """The same signals, handed out among the snapshots: what is left of their spread is no more than a trace."""
    learners = rolling.learners(cut)
    frame = dataset.signals[dataset.labels["as_of"] < cut]
    account = frame["account_id"].astype("category").cat.codes.to_numpy()
    spread = []
    for order in (np.arange(len(frame)), np.random.default_rng(1).permutation(len(frame))):
        inputs = make_inputs(frame.iloc[order], learners.encoder, rolling.intervals)
        fitted = fit_linear(TrainingRows(inputs, learners.rows, learners.encoder, learners.events, 7), account, 0.5)
        columns = np.stack(fitted.row_columns(inputs), axis=1)
        spread.append(float(np.std(columns @ fitted.weights)))
    assert spread[0] > 0.4
    assert spread[1] < 0.1


def test_the_draws_are_the_clustered_sandwich(problem):
    """Their covariance is H^-1 (sum over accounts of score score') H^-1, worked out here row by row."""
    fitted, learners, account, design, penalty, beta = problem
    event_weight = learners.events / learners.rows.churned.sum()
    p = expit(design @ beta)
    hessian = event_weight * design.T @ (design * (p * (1 - p))[:, None]) + np.diag(penalty)
    scores = np.zeros((account.max() + 1, len(beta)))
    np.add.at(scores, account[learners.rows.snapshot], design * (event_weight * (p - learners.rows.churned))[:, None])
    multipliers = np.random.default_rng(7).standard_normal((len(fitted.draws), len(scores)))
    assert np.allclose(fitted.draws, np.linalg.solve(hessian, (multipliers @ scores).T).T, atol=1e-5)
