"""Fits the linear hazard by Newton's method, weights and fade in turn.

Every churn counts once in the likelihood, however many snapshots and intervals saw it, so the ridge means the same
whether snapshots are daily or quarterly. The spread of the coefficients is an account-clustered sandwich, kept as draws
(Mammen 1993's wild bootstrap of scores, one normal multiplier an account): serving needs no covariance matrix.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse
from scipy.special import expit
from threadpoolctl import threadpool_limits

from training.encode import Encoder
from training.fade import fit_fade
from training.hazard import Inputs, log_loss_rows
from training.intervals import HazardRows
from training.linear import Layout, LinearHazard, fit_scaling, renewal_columns
from training.newton import minimised

DRAWS = 32
CHUNK = 65_536
TIMING_L2 = 1.0
ROUNDS = 3  # of weights and fade in turn
MIN_FLAGGED = 0.002  # a missing-flag needs this share of rows on either side


# One BLAS thread: the matrices are narrow, a second thread only waits for the first, and the sums' order must not
# depend on how many cores the machine has.
@threadpool_limits.wrap(limits=1, user_api="blas")
def fit_linear(
    inputs: Inputs,
    rows: HazardRows,
    account: np.ndarray,
    events: int,
    encoder: Encoder,
    ridge_l2: float,
    seed: int,
    plain: bool = False,
    use_renewal: bool = True,
) -> LinearHazard:
    """Fits on hazard rows; `account` (n,) numbers the snapshots' accounts, `events` are the distinct churns among them.

    `plain` leaves values unshaped and unclipped (needed where the score must stay linear in them).
    """
    taught = np.unique(rows.snapshot)
    missing = np.isnan(inputs.values[taught]).mean(axis=0) if inputs.values.shape[1] else np.zeros(0)
    flags = tuple(int(place) for place in np.nonzero((missing > MIN_FLAGGED) & (missing < 1 - MIN_FLAGGED))[0])
    levels = tuple((c, level) for c, one in enumerate(encoder.categories) for level in range(len(one.levels)))
    layout = Layout(inputs.values.shape[1], flags, levels)
    count = inputs.falls.shape[1]
    width = layout.of_row
    blank = LinearHazard(
        layout=layout,
        scaling=fit_scaling(inputs.values[taught], plain),
        plain=plain,
        use_renewal=use_renewal,
        intercept=0.0,
        weights=np.zeros(width),
        renewal_weights=np.zeros(3),
        interval_weights=np.zeros(count),
        fade=np.ones(count),
        row_means=np.zeros(width),
        renewal_means=np.zeros((3, count)),
        draws=np.zeros((DRAWS, 1 + width + 3 + count)),
    )
    taught_at = np.zeros(len(inputs), dtype=np.int64)
    taught_at[taught] = np.arange(len(taught))
    place, interval = taught_at[rows.snapshot], rows.interval
    few = inputs.take(taught)
    rows_of = np.bincount(place, minlength=len(few)).astype(float)
    of_row = np.stack([np.ones(len(few)), *blank.row_columns(few)], axis=1)
    row_means = rows_of @ of_row[:, 1:] / len(rows)
    of_row[:, 1:] -= row_means
    ahead = np.stack(renewal_columns(few), axis=2)[place, interval] * float(use_renewal)
    once = events / max(rows.churned.sum(), 1.0)  # each churn counts once
    # Per column, so that the variance of the whole log-odds that the prior allows does not grow with the number of
    # signals: a hundred signals are shrunk a hundred times as hard as one. The few columns of time are no such crowd.
    penalty = np.full(1 + width + 3 + count, ridge_l2 * max(width, 1))
    penalty[1 + width :] = TIMING_L2
    penalty[0] = 1e-8
    head, middle = 1 + width, 4 + width
    fade = np.ones(count)

    # Rows of one snapshot share its columns: whatever is summed over rows is summed within snapshots first, and the
    # large products run over snapshots, of which there are a few times fewer.
    def fading(beta: np.ndarray) -> np.ndarray:
        return (of_row[:, 1:] @ beta[1:head])[place]

    def log_odds(beta: np.ndarray) -> np.ndarray:
        row = fading(beta) * fade[interval]
        return beta[0] + row + ahead @ beta[head:middle] + beta[middle:][interval]

    def by_snapshot(values: np.ndarray) -> np.ndarray:
        return np.bincount(place, weights=values, minlength=len(few))

    def of_rows(values: np.ndarray) -> np.ndarray:
        """Sums of the row columns, the intercept's first, times `values`, by snapshot; (snapshots, 1 + width)."""
        faded = by_snapshot(values * fade[interval])
        return np.concatenate([by_snapshot(values)[:, None], of_row[:, 1:] * faded[:, None]], axis=1)

    def timing(values: np.ndarray) -> np.ndarray:
        """Sums of the timing columns times `values`, by snapshot; (snapshots, 3 + K)."""
        out = np.zeros((len(few), 3 + count))
        for number in range(3):
            out[:, number] = by_snapshot(ahead[:, number] * values)
        out[place, 3 + interval] = values
        return out

    def objective(beta: np.ndarray) -> float:
        loss = float(log_loss_rows(log_odds(beta), rows.churned).sum())
        return once * loss + 0.5 * float((penalty * beta**2).sum())

    def curvature(w: np.ndarray) -> np.ndarray:
        """X' diag(w) X."""
        out = np.zeros((len(penalty), len(penalty)))
        once_faded, twice_faded = w * fade[interval], w * fade[interval] ** 2
        of_time = timing(once_faded)
        weight, cross_weight = by_snapshot(twice_faded), by_snapshot(once_faded)
        for at in range(0, len(few), CHUNK):
            part = slice(at, at + CHUNK)
            own = of_row[part, 1:]
            out[1:head, 1:head] += own.T @ (own * weight[part, None])
            out[1:head, head:] += own.T @ of_time[part]
            out[0, 1:head] += cross_weight[part] @ own
        out[0, 0] = w.sum()
        out[0, head:] = timing(w).sum(axis=0)
        out[1:head, 0] = out[0, 1:head]
        out[head:, :head] = out[:head, head:].T
        weighted = ahead * w[:, None]
        out[head:middle, head:middle] = ahead.T @ weighted
        for number in range(3):
            cross = np.bincount(interval, weights=weighted[:, number], minlength=count)
            out[head + number, middle:] = out[middle:, head + number] = cross
        out[middle:, middle:] = np.diag(np.bincount(interval, weights=w, minlength=count))
        return out

    rate = float(np.clip(rows.churned.mean(), 1e-6, 1 - 1e-6))
    beta = np.zeros(len(penalty))
    beta[0] = np.log(rate / (1 - rate))

    def slopes(beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p = expit(log_odds(beta))
        sums = [of_rows(p - rows.churned).sum(axis=0), timing(p - rows.churned).sum(axis=0)]
        return penalty * beta + once * np.concatenate(sums), np.diag(penalty) + once * curvature(p * (1 - p))

    for turn in range(ROUNDS):
        beta, hessian = minimised(objective, slopes, beta, 40, 1e-9)
        if turn < ROUNDS - 1:
            row = fading(beta)
            still = log_odds(beta) + row * (1.0 - fade[interval])
            fade, _ = fit_fade(still, row, interval, rows.churned, once, count)

    residual = once * (expit(log_odds(beta)) - rows.churned)
    codes, of_account = np.unique(account, return_inverse=True)
    belongs = (np.ones(len(few)), (of_account[taught], np.arange(len(few))))
    by_account = sparse.csr_matrix(belongs, shape=(len(codes), len(few)))
    own, sums = by_account @ of_rows(residual), by_account @ timing(residual)
    multipliers = np.random.default_rng(seed).standard_normal((DRAWS, len(codes)))
    draws = np.linalg.solve(hessian, (multipliers @ np.concatenate([own, sums], axis=1)).T).T

    renewal_means = np.zeros((3, count))
    for number in range(count):
        in_it = interval == number
        if in_it.any():
            renewal_means[:, number] = ahead[in_it].mean(axis=0)
    return LinearHazard(
        layout=layout,
        scaling=blank.scaling,
        plain=plain,
        use_renewal=use_renewal,
        intercept=float(beta[0]),
        weights=beta[1 : 1 + width],
        renewal_weights=beta[1 + width : 4 + width],
        interval_weights=beta[4 + width :],
        fade=fade,
        row_means=row_means,
        renewal_means=renewal_means,
        draws=draws,
    )
