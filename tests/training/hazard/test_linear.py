"""The ridge logistic: its sums within snapshots are those of the plain design, row by row."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit

from training.hazard.discrete_time import TrainingRows, make_inputs
from training.hazard.linear import renewal_columns
from training.hazard.linear_fit import TIMING_L2, fit_linear


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
    penalty = np.full(design.shape[1], 0.5 * width)
    penalty[0], penalty[1 + width :] = 1e-8, TIMING_L2
    beta = np.concatenate([[fitted.intercept], fitted.weights, fitted.renewal_weights, fitted.interval_weights])
    return fitted, learners, account, design, penalty, beta


def test_the_gradient_of_the_plain_design_is_zero(problem):
    _, learners, _, design, penalty, beta = problem
    event_weight = learners.events / learners.rows.churned.sum()
    gradient = event_weight * (design.T @ (expit(design @ beta) - learners.rows.churned)) + penalty * beta
    assert np.abs(gradient).max() < 1e-3 * np.abs(event_weight * design.T @ learners.rows.churned).max()


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
