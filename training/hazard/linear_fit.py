"""Fits the linear hazard by Newton's method: weights, their decay by horizon and the ridge in turn.

The ridge on the signals is as strong as makes the outcomes likeliest (MacKay's evidence), and never weaker than the
settings say: where signals tell little, a fixed one is too bold, and a calibrator has too few churns to notice.

Every churn counts once in the likelihood, however many snapshots and intervals saw it, so the ridge means the same
whether snapshots are daily or quarterly. The spread of the coefficients is an account-clustered sandwich, kept as draws
(Mammen 1993's wild bootstrap of scores, one normal multiplier an account): serving needs no covariance matrix.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import expit
from threadpoolctl import threadpool_limits

from training.hazard.discrete_time import Inputs, TrainingRows
from training.hazard.encoding import Encoder
from training.hazard.intervals import HazardRows
from training.hazard.linear import Layout, LinearHazard, fit_scaling, renewal_columns
from training.hazard.linear_design import AHEAD, Design
from training.hazard.time_varying_effect import fit_effect_decay
from training.optim import WeightedRows, penalised_logistic

DRAWS = 32
TIMING_L2 = 1.0
ROUNDS = 3  # of weights and effect decay in turn
EVIDENCE_ROUNDS = 5  # and the ridge: what it changes by after them is next to nothing
STRONGEST = 100.0  # ridge, in times that of the settings: the signals then say nothing
MIN_FLAGGED = 0.002  # a missing-flag needs this share of rows on either side


# One BLAS thread: the matrices are narrow, a second thread only waits for the first, and the sums' order must not
# depend on how many cores the machine has.
@threadpool_limits.wrap(limits=1, user_api="blas")
def fit_linear(
    training: TrainingRows, account: np.ndarray, ridge_l2: float, plain: bool = False, use_renewal: bool = True
) -> LinearHazard:
    """The ridge logistic regression of the hazard, with an account-clustered sandwich as draws of its coefficients.

    Parameters
    ----------
    training : TrainingRows
        What is known by the cut.
    account : ndarray of int, shape (n,)
        The account of each snapshot, as a number.
    ridge_l2 : float
        Least penalty per column of standardised signals; the evidence may ask for more.
    plain : bool
        Leaves values unshaped and unclipped, which is needed where the score must stay linear in them, and the ridge as
        it is.
    use_renewal : bool
        Whether what is known in advance of renewals enters.

    Returns
    -------
    LinearHazard
        With its effect decay by horizon.

    References
    ----------
    D. R. Cox (1972), "Regression models and life-tables"; E. Mammen (1993), "Bootstrap and wild bootstrap for high
    dimensional linear models"; D. J. C. MacKay (1992), "The evidence framework applied to classification networks".
    """
    inputs, rows, event_weight = training.inputs, training.rows, training.event_weight
    at_risk = np.unique(rows.snapshot)
    blank = _blank(inputs, at_risk, training.encoder, plain, use_renewal)
    offset = np.zeros(len(rows)) if training.offset is None else training.offset
    design, row_means = _design(blank, inputs.take(at_risk), at_risk, rows, offset)
    beta, hessian, design = _minimised(design, rows.churned, event_weight, _penalty(design, ridge_l2), not plain)
    residual = event_weight * (expit(design.log_odds(beta)) - rows.churned)
    return replace(
        blank,
        intercept=float(beta[0]),
        weights=beta[1 : design.head],
        renewal_weights=beta[design.head : design.middle],
        interval_weights=beta[design.middle :],
        effect_decay=design.effect_decay,
        row_means=row_means,
        renewal_means=design.means_ahead(),
        draws=_draws(design, residual, account, at_risk, hessian, training.seed),
    )


def _blank(inputs: Inputs, at_risk: np.ndarray, encoder: Encoder, plain: bool, use_renewal: bool) -> LinearHazard:
    """Which columns there are, and how values are scaled, from the snapshots at risk; all weights are 0."""
    missing = np.isnan(inputs.values[at_risk]).mean(axis=0) if inputs.values.shape[1] else np.zeros(0)
    flags = tuple(int(column) for column in np.nonzero((missing > MIN_FLAGGED) & (missing < 1 - MIN_FLAGGED))[0])
    levels = tuple(
        (number, level) for number, category in enumerate(encoder.categories) for level in range(len(category.levels))
    )
    layout = Layout(inputs.values.shape[1], flags, levels)
    width, count = layout.of_row, inputs.falls.shape[1]
    return LinearHazard(
        layout=layout,
        scaling=fit_scaling(inputs.values[at_risk], plain),
        plain=plain,
        use_renewal=use_renewal,
        intercept=0.0,
        weights=np.zeros(width),
        renewal_weights=np.zeros(AHEAD),
        interval_weights=np.zeros(count),
        effect_decay=np.ones(count),
        row_means=np.zeros(width),
        renewal_means=np.zeros((AHEAD, count)),
        draws=np.zeros((DRAWS, 1 + width + AHEAD + count)),
    )


def _design(
    blank: LinearHazard, inputs: Inputs, at_risk: np.ndarray, rows: HazardRows, offset: np.ndarray
) -> tuple[Design, np.ndarray]:
    """The columns of the rows, nothing decayed yet, and the means over rows that the snapshots' were centered by;
    `inputs` are those of the snapshots `at_risk`."""
    snapshot = np.searchsorted(at_risk, rows.snapshot)
    rows_of = np.bincount(snapshot, minlength=len(inputs)).astype(float)
    own = np.stack([np.ones(len(inputs)), *blank.row_columns(inputs)], axis=1)[:, 1:]
    row_means = rows_of @ own / len(rows)
    ahead = np.stack(renewal_columns(inputs), axis=2)[snapshot, rows.interval] * float(blank.use_renewal)
    return Design(own - row_means, ahead, snapshot, rows.interval, blank.effect_decay, offset), row_means


def _penalty(design: Design, ridge_l2: float) -> np.ndarray:
    """Of each coefficient: a hundred signals are shrunk a hundred times as hard as one, so that the variance of
    the log-odds that the prior allows does not grow with their number. The few columns of time are no such crowd."""
    penalty = np.full(design.size, ridge_l2 * max(design.head - 1, 1))
    penalty[design.head :] = TIMING_L2
    penalty[0] = 1e-8
    return penalty


@dataclass(frozen=True)
class _DesignRows(WeightedRows):
    """Rows whose columns are a design's, summed within snapshots."""

    design: Design

    def log_odds(self, theta: np.ndarray) -> np.ndarray:
        return self.design.log_odds(theta)

    def slopes(self, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        gradient = self.event_weight * self.design.sums(p - self.churned).sum(axis=0)
        return gradient, self.event_weight * self.design.curvature(p * (1 - p))


def _minimised(
    design: Design, churned: np.ndarray, event_weight: float, penalty: np.ndarray, by_evidence: bool
) -> tuple[np.ndarray, np.ndarray, Design]:
    """(coefficients, the curvature there, the design with its effect decay), weights and decay fitted in turn;
    `by_evidence`: and the ridge."""
    rounds, least = EVIDENCE_ROUNDS if by_evidence else ROUNDS, penalty
    rate = float(np.clip(churned.mean(), 1e-6, 1 - 1e-6))
    beta = np.zeros(design.size)
    beta[0] = np.log(rate / (1 - rate))
    for turn in range(rounds):
        rows = _DesignRows(churned, event_weight, design)
        beta, hessian = penalised_logistic(rows, penalty, beta, 40, 1e-9)
        if turn < rounds - 1:
            row = design.undecayed(beta)
            still = design.log_odds(beta) + row * (1.0 - design.effect_decay[design.interval])
            decay, _ = fit_effect_decay(still, row, design.interval, churned, event_weight, len(design.effect_decay))
            design = replace(design, effect_decay=decay)
            penalty = _likeliest(design, beta, hessian, penalty, least) if by_evidence else penalty
    return beta, hessian, design


def _likeliest(
    design: Design, beta: np.ndarray, hessian: np.ndarray, penalty: np.ndarray, least: np.ndarray
) -> np.ndarray:
    """The penalty with that of the signals' columns at one step towards the largest evidence: the coefficients that
    the outcomes determine, by their squared length."""
    own = slice(1, design.head)
    length = float(beta[own] @ beta[own])
    if length <= 0:
        return penalty
    determined = float((1.0 - penalty * np.diag(np.linalg.inv(hessian)))[own].sum())
    likeliest = penalty.copy()
    likeliest[own] = np.clip(determined / length, least[own], STRONGEST * least[own])
    return likeliest


def _draws(
    design: Design, residual: np.ndarray, account: np.ndarray, at_risk: np.ndarray, hessian: np.ndarray, seed: int
) -> np.ndarray:
    """(DRAWS, size) of the coefficients' error: scores summed by account, one normal multiplier an account."""
    codes, of_account = np.unique(account, return_inverse=True)
    belongs = (np.ones(len(at_risk)), (of_account[at_risk], np.arange(len(at_risk))))
    from scipy import sparse  # a third of a second to import, which predicting can do without

    scores = sparse.csr_matrix(belongs, shape=(len(codes), len(at_risk))) @ design.sums(residual)
    multipliers = np.random.default_rng(seed).standard_normal((DRAWS, len(codes)))
    return np.asarray(np.linalg.solve(hessian, (multipliers @ scores).T).T)
