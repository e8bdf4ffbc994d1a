"""The ridge logistic regression of the hazard, fitted by Newton's method, with its sampling uncertainty.

Every churn counts once in the likelihood, however many snapshots and intervals saw it, so the ridge means the same
whether snapshots are daily or quarterly. The spread of the coefficients is an account-clustered sandwich, kept as draws
(Mammen 1993's wild bootstrap of scores, one normal multiplier an account): serving needs no covariance matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from scipy.special import expit
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from training.encode import Encoder
from training.fade import fit_fade
from training.hazard import RENEWAL, Explained, Inputs, log_loss_rows
from training.intervals import HazardRows
from training.newton import minimised

DRAWS = 32
CHUNK = 65_536
TIMING_L2 = 1.0
AHEAD_UNIT_DAYS = 30.0
ROUNDS = 3  # of weights and fade in turn
ARRAYS = ("weights", "renewal_weights", "interval_weights", "fade", "row_means", "renewal_means", "draws")
MIN_FLAGGED = 0.002  # a missing-flag needs this share of rows on either side


@dataclass(frozen=True)
class Scaling:
    """Learned in training: asinh of the robustly scaled value, clipped to training's range, then mean 0 and sd 1."""

    center: np.ndarray
    spread: np.ndarray
    low: np.ndarray
    high: np.ndarray
    mean: np.ndarray
    sd: np.ndarray

    def apply(self, values: np.ndarray, place: int, plain: bool) -> np.ndarray:
        """One standardised column, NaN kept; (n,)."""
        column = np.ascontiguousarray(values[:, place])
        shaped = (column - self.center[place]) / self.spread[place]
        if not plain:
            # Contiguous on purpose: NumPy's vectorised and scalar arcsinh may differ in the last bit.
            shaped = np.arcsinh(shaped)
        return (np.clip(shaped, self.low[place], self.high[place]) - self.mean[place]) / self.sd[place]


def fit_scaling(values: np.ndarray, plain: bool) -> Scaling:
    """From the training snapshots (n, m). A column that is all missing or constant gets spread 1 and so stays at 0."""
    m = values.shape[1]
    parts = np.zeros((6, m))
    parts[1] = parts[5] = 1.0
    for place in range(m):
        known = values[np.isfinite(values[:, place]), place]
        if len(known) == 0:
            continue
        center = float(np.median(known))
        spread = float(np.quantile(known, 0.75) - np.quantile(known, 0.25)) / 1.349
        spread = spread or float(known.std()) or 1.0
        shaped = (known - center) / spread if plain else np.arcsinh((known - center) / spread)
        low, high = (shaped.min(), shaped.max()) if plain else np.quantile(shaped, [0.005, 0.995])
        clipped = np.clip(shaped, low, high)
        parts[:, place] = (center, spread, low, high, clipped.mean(), float(clipped.std()) or 1.0)
    if plain:
        parts[2], parts[3] = -np.inf, np.inf
    return Scaling(*parts)


@dataclass(frozen=True)
class Layout:
    """The columns of the design: what each is made of, and the contribution it counts towards.

    `flags`: numbers with a missing-flag; `levels`: (category, level) pairs; then the three renewal columns.
    """

    numbers: int
    flags: tuple[int, ...]
    levels: tuple[tuple[int, int], ...]

    @property
    def of_row(self) -> int:
        return self.numbers + len(self.flags) + len(self.levels)


@dataclass(frozen=True)
class LinearHazard:
    """log-odds (n, K) = intercept + fade * (row columns less their training means) . weights
    + renewal columns . renewal_weights + interval_weights; `fade` (K,) is that of training/fade.py."""

    layout: Layout
    scaling: Scaling
    plain: bool
    use_renewal: bool
    intercept: float
    weights: np.ndarray
    renewal_weights: np.ndarray
    interval_weights: np.ndarray
    fade: np.ndarray
    row_means: np.ndarray
    renewal_means: np.ndarray
    draws: np.ndarray

    def row_columns(self, inputs: Inputs) -> list[np.ndarray]:
        """The design's columns of a snapshot, each (n,)."""
        layout = self.layout
        scaled = [self.scaling.apply(inputs.values, place, self.plain) for place in range(layout.numbers)]
        columns = [np.where(np.isnan(one), 0.0, one) for one in scaled]
        columns += [np.isnan(inputs.values[:, place]).astype(float) for place in layout.flags]
        columns += [(inputs.codes[:, category] == level).astype(float) for category, level in layout.levels]
        return columns

    def log_odds(self, inputs: Inputs) -> np.ndarray:
        """(n, K)."""
        row = np.zeros(len(inputs))
        for weight, mean, column in zip(self.weights, self.row_means, self.row_columns(inputs), strict=True):
            row = row + weight * (column - mean)
        out = row[:, None] * self.fade[None, :] + (self.intercept + self.interval_weights)[None, :]
        if self.use_renewal:
            for weight, ahead in zip(self.renewal_weights, renewal_columns(inputs), strict=True):
                out = out + weight * ahead
        return out

    def contributions(self, inputs: Inputs, encoder: Encoder, explained: Explained) -> tuple[np.ndarray, np.ndarray]:
        """(base (K,), each signal's log-odds less its training mean (n, m, K)); they add up to log_odds.

        In memory the accounts lie innermost, as in the trees' contributions.
        """
        names = column_signals(self.layout, encoder)
        place_of = {name: place for place, name in enumerate(explained.signals)}
        out = np.zeros((len(explained.signals), len(self.interval_weights), len(inputs)))
        base = self.intercept + self.interval_weights
        for name, weight, mean, column in zip(
            names, self.weights, self.row_means, self.row_columns(inputs), strict=True
        ):
            out[place_of[name]] += self.fade[:, None] * (weight * (column - mean))[None, :]
        if self.use_renewal:
            for weight, means, ahead in zip(
                self.renewal_weights, self.renewal_means, renewal_columns(inputs), strict=True
            ):
                out[place_of[RENEWAL]] += (weight * (ahead - means)).T
                base = base + weight * means
        return base, out.transpose(2, 0, 1)

    def spread(self, inputs: Inputs) -> np.ndarray:
        """Draws of the sampling error of log_odds; (DRAWS, n, K)."""
        rows = self.row_columns(inputs)
        count = len(self.interval_weights)
        row_part = np.zeros((len(self.draws), len(inputs)))
        for place, (mean, column) in enumerate(zip(self.row_means, rows, strict=True)):
            row_part = row_part + self.draws[:, 1 + place : 2 + place] * (column - mean)[None, :]
        at = 1 + len(rows)
        of_time = self.draws[:, 0:1] + self.draws[:, at + 3 : at + 3 + count]
        out = row_part[:, :, None] * self.fade + of_time[:, None, :]
        if self.use_renewal:
            for place, ahead in enumerate(renewal_columns(inputs)):
                out = out + self.draws[:, at + place, None, None] * ahead[None, :, :]
        return out

    def to_json(self) -> dict[str, Any]:
        scaling = {name: [_spelt(one) for one in value.tolist()] for name, value in vars(self.scaling).items()}
        return {
            "layout": {"numbers": self.layout.numbers, "flags": self.layout.flags, "levels": self.layout.levels},
            "scaling": scaling,
            "plain": self.plain,
            "use_renewal": self.use_renewal,
            "intercept": self.intercept,
            **{name: getattr(self, name).tolist() for name in ARRAYS},
        }

    @classmethod
    def from_json(cls, body: dict[str, Any]) -> LinearHazard:
        layout = body["layout"]
        return cls(
            layout=Layout(layout["numbers"], tuple(layout["flags"]), tuple((a, b) for a, b in layout["levels"])),
            scaling=Scaling(
                **{name: np.array([float(one) for one in value]) for name, value in body["scaling"].items()}
            ),
            plain=body["plain"],
            use_renewal=body["use_renewal"],
            intercept=body["intercept"],
            **{name: np.array(body[name], float) for name in ARRAYS},
        )


def _spelt(number: float) -> float | str:
    """JSON has no infinity: it is written as text."""
    return number if np.isfinite(number) else str(number)


def column_signals(layout: Layout, encoder: Encoder) -> list[str]:
    """The signal that each row column belongs to."""
    names = list(encoder.numbers)
    names += [encoder.numbers[place] for place in layout.flags]
    return names + [encoder.categories[category].name for category, _ in layout.levels]


def renewal_columns(inputs: Inputs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A renewal falls in the interval, how far ahead it lies (asinh of months), no renewal known; each (n, K)."""
    unknown = np.isnan(inputs.ahead)
    ahead = np.arcsinh(np.ascontiguousarray(inputs.ahead) / AHEAD_UNIT_DAYS)
    return np.where(unknown, 0.0, inputs.falls), np.where(unknown, 0.0, ahead), unknown.astype(float)


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
