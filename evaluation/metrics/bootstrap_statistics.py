"""Statistics written as sums over accounts, so that a resample is a product with how often each account was drawn.

Ranks need no sorting per draw: rows fall into slots between the probabilities of the churned rows, and a sparse product
fills all slots of all draws at once. A statistic is given as a factory, `auc("p")`, that names the columns of the frame
it reads; `bootstrap.draw` draws it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from evaluation.metrics import scores
from evaluation.metrics.calibration import calibration_slope_intercept, equal_mass_bins, logit
from evaluation.metrics.validation import Array

Counts = Array  # (accounts, d): how often each account was drawn in each of d draws
Drawn = Callable[[Counts], Array]  # -> (d,) the statistic of each draw, or (k, d) of k groups
NOISE_SEED = 11  # of what noise alone would make of a calibration error

Statistic = Callable[[pd.DataFrame, Array, int], Drawn]  # frame, account number of each row, number of accounts


def _per_account(codes: Array, size: int, values: Array, slots: Array, count: int) -> Any:
    """Sparse (slots, accounts) sums of `values`."""
    # By columns first: rows of one slot may be most of all, and putting them in order would take as long as the draws.
    from scipy import sparse  # a third of a second to import, which few commands need

    return sparse.csc_matrix((values, (slots, codes)), shape=(count, size)).tocsr()


def _column(frame: pd.DataFrame, name: str) -> Array:
    return frame[name].to_numpy(dtype=float)


def ratio(top: Callable[[pd.DataFrame], Array] | str, bottom: str | None = None) -> Statistic:
    """Sum of `top` (a column or a function of the frame) over the sum of the column `bottom`, or over the rows."""

    def prepare(frame: pd.DataFrame, codes: Array, size: int) -> Drawn:
        above = _column(frame, top) if isinstance(top, str) else np.asarray(top(frame), dtype=float)
        below = np.ones(len(frame)) if bottom is None else _column(frame, bottom)
        sums = np.vstack([np.bincount(codes, above, size), np.bincount(codes, below, size)])

        def drawn(counts: Counts) -> Array:
            totals = sums @ counts
            return np.asarray(
                np.divide(totals[0], totals[1], out=np.full(totals.shape[1], np.nan), where=totals[1] != 0)
            )

        return drawn

    return prepare


def ratios(tops: Sequence[str], bottom: str, groups: Array, count: int) -> Statistic:
    """A statistic: the sums of several columns over the sum of another, in each group of rows.

    Parameters
    ----------
    tops : sequence of str
        Columns above the line.
    bottom : str
        Column below the line.
    groups : array, (n,) int
        The number of each row's group, from 0.
    count : int
        How many groups there are.

    Returns
    -------
    Statistic
        Gives (tops, count, draws); NaN where a group's sum below the line is 0.
    """

    def prepare(frame: pd.DataFrame, codes: Array, size: int) -> Drawn:
        *above, below = (_per_account(codes, size, _column(frame, name), groups, count) for name in (*tops, bottom))

        def drawn(counts: Counts) -> Array:
            under = below @ counts
            shape, is_present = under.shape, under != 0
            shares = [np.divide(top @ counts, under, out=np.full(shape, np.nan), where=is_present) for top in above]
            return np.stack(shares)

        return drawn

    return prepare


def of(statistic: Statistic, where: Array, part: pd.DataFrame | None = None) -> Statistic:
    """The statistic of some rows, on draws of all accounts, so that groups of one draw pair; part: these rows, where
    they are at hand."""

    def prepare(frame: pd.DataFrame, codes: Array, size: int) -> Drawn:
        return statistic(frame[where] if part is None else part, codes[where], size)

    return prepare


def brier(p: str = "p", y: str = "y") -> Statistic:
    return ratio(lambda frame: (_column(frame, p) - _column(frame, y)) ** 2)


def log_loss(p: str = "p", y: str = "y") -> Statistic:
    return ratio(lambda frame: scores.log_losses(_column(frame, y), _column(frame, p)))


def _ranked(
    frame: pd.DataFrame, codes: Array, size: int, p: str, y: str, weight: str | None = None
) -> Callable[[Counts], tuple[Array | float, ...]]:
    """Per draw, at each distinct p of a churned row: churned there, stayed at or below, stayed there (0.0 where none
    ever did), stayed in all; rows, or the sums of their `weight`."""
    score, churned = _column(frame, p), _column(frame, y) == 1
    each = np.ones(len(frame), dtype=np.int32) if weight is None else _column(frame, weight)  # half the bytes to add up
    at, slot_churned = np.unique(score[churned], return_inverse=True)
    slot = np.searchsorted(at, score[~churned])
    tied = at[np.minimum(slot, at.size - 1)] == score[~churned] if at.size else np.zeros(slot.size, dtype=bool)
    left = _per_account(codes[churned], size, each[churned], slot_churned, at.size)
    who, each = codes[~churned], each[~churned]
    kept = _per_account(who, size, each, slot, at.size + 1)  # slot s: above at[s - 1], up to at[s]
    level = _per_account(who[tied], size, each[tied], slot[tied], at.size) if tied.any() else None

    def drawn(counts: Counts) -> tuple[Array | float, ...]:
        counts = counts.astype(each.dtype)
        upto = np.cumsum(kept @ counts, axis=0, dtype=each.dtype)
        return left @ counts, upto[:-1], 0.0 if level is None else level @ counts, upto[-1]

    return drawn


def auc(p: str = "p", y: str = "y", weight: str | None = None) -> Statistic:
    """`metrics.auc` in every draw; with `weight` (a column of ARR without missing values) `auc_by_arr`."""
    return _by_rank([_auc], p, y, weight)


def average_precision(p: str = "p", y: str = "y") -> Statistic:
    """`metrics.average_precision` in every draw."""
    return _by_rank([_average_precision], p, y)


def ranking(p: str = "p", y: str = "y") -> Statistic:
    """`auc` and `average_precision` in every draw, (2, d), of rows ranked once."""
    return _by_rank([_auc, _average_precision], p, y)


def _by_rank(figures: list[Callable[..., Array]], p: str, y: str, weight: str | None = None) -> Statistic:
    def prepare(frame: pd.DataFrame, codes: Array, size: int) -> Drawn:
        ranked = _ranked(frame, codes, size, p, y, weight)

        def drawn(counts: Counts) -> Array:
            ranks = ranked(counts)
            values = [figure(*ranks) for figure in figures]
            return values[0] if len(values) == 1 else np.vstack(values)

        return drawn

    return prepare


def _auc(left: Array, upto: Array, tied: Array | float, stayed: Array) -> Array:
    pairs = left.sum(axis=0) * stayed
    won = np.einsum("sd,sd->d", left, upto - tied / 2)
    return np.asarray(np.divide(won, pairs, out=np.full(pairs.size, np.nan), where=pairs > 0))


def _average_precision(left: Array, upto: Array, tied: Array | float, stayed: Array) -> Array:
    caught = np.cumsum(left[::-1], axis=0)[::-1]
    flagged = caught + stayed - (upto - tied)
    precision = np.divide(caught, flagged, out=np.zeros(caught.shape), where=flagged > 0)
    churned = left.sum(axis=0)
    total = (left * precision).sum(axis=0)
    return np.asarray(np.divide(total, churned, out=np.full(churned.size, np.nan), where=churned > 0))


def best_cut(earned: str, p: str = "p") -> Statistic:
    """What the best cut earns a row: the most, over all cuts (and none at all), of the sum of the column `earned` over
    the rows at or above the cut in p. With `business_value.earnings` it is `maximum_profit`."""

    def prepare(frame: pd.DataFrame, codes: Array, size: int) -> Drawn:
        values = _column(frame, earned)
        sums = _from_above(_column(frame, p), values > 0, [values], codes, size)

        def drawn(counts: Counts) -> Array:
            (total,), rows = sums(counts)
            return np.asarray(np.maximum(0.0, total.max(axis=0, initial=0.0)) / rows)

        return drawn

    return prepare


def expected_best_cut(earned: Callable[[float], Array], successes: Array, p: str = "p") -> Statistic:
    """The mean of `best_cut` over equally likely `successes`; `earned(success)` gives what each row of the frame earns,
    on a straight line in success. With `business_value.successes` it is `expected_maximum_profit`, but for a rest."""

    def prepare(frame: pd.DataFrame, codes: Array, size: int) -> Drawn:
        at_none, at_all = earned(0.0), earned(1.0)
        sums = _from_above(_column(frame, p), at_all > 0, [at_none, at_all - at_none], codes, size)

        def drawn(counts: Counts) -> Array:
            (fixed, rising), rows = sums(counts)
            total, best = np.empty(len(fixed)), np.zeros(rows.size)
            # Draw by draw and in the same memory, which then stays in the processor's cache.
            for draw, (none, more) in enumerate(zip(fixed.T.copy(), rising.T.copy(), strict=True)):
                for success in successes:
                    np.add(np.multiply(more, success, out=total), none, out=total)
                    best[draw] += total.max(initial=0.0)
            return np.asarray(best / len(successes) / rows)

        return drawn

    return prepare


def _from_above(
    score: Array, gains: Array, values: list[Array], codes: Array, size: int
) -> Callable[[Counts], tuple[list[Array], Array]]:
    """Per draw, at each distinct score of a row that `gains` (no best cut ends at another): the sums of each of
    `values` over the rows at or above it; and the number of rows."""
    at = np.unique(score[gains])
    slot = np.searchsorted(at, score, side="right")  # slot s: at or above at[s - 1]
    tables = [_per_account(codes, size, value, slot, at.size + 1) for value in values]
    rows = np.bincount(codes, minlength=size)
    return lambda counts: ([np.cumsum((table @ counts)[:0:-1], axis=0) for table in tables], rows @ counts)


def ece(p: str = "p", y: str = "y", bins: int = 15) -> Statistic:
    """`metrics.ece` in every draw, over the bins of the rows as they are, and what noise alone would make it, (2, d).

    Its draws are biased upward (noise on noise). The second row says what rows like these would show of probabilities
    that are right: a distance for each bin from a normal of its binomial variance, times what the rows of an account
    have in common (the design effect of residuals). `interval_of` takes both.
    """

    def prepare(frame: pd.DataFrame, codes: Array, size: int) -> Drawn:
        score = _column(frame, p)
        bin_of, gap = equal_mass_bins(score, bins), _column(frame, y) - score
        gaps = np.bincount(bin_of * size + codes, gap, bins * size).reshape(bins, size)
        rows = np.bincount(codes, minlength=size)
        variance = np.bincount(bin_of, score * (1 - score), bins)
        mean = np.bincount(bin_of, gap, bins) / np.maximum(np.bincount(bin_of, minlength=bins), 1)
        alike = (np.bincount(codes, gap - mean[bin_of], size) ** 2).sum() / max(variance.sum(), 1e-12)
        spread = np.sqrt(variance * max(1.0, alike)) / len(score)
        random = np.random.default_rng(NOISE_SEED)

        def drawn(counts: Counts) -> Array:
            noise = np.abs(random.standard_normal((counts.shape[1], bins))) @ spread
            return np.array([np.abs(gaps @ counts).sum(axis=0) / (rows @ counts), noise])

        return drawn

    return prepare


def calibration(p: str = "p", y: str = "y") -> Statistic:
    """Slope and intercept of `metrics.calibration_slope_intercept`, (2, d), from one fit; a draw takes one Newton step
    from the fit on all rows (the one-step bootstrap of an estimating equation), not a fit of its own."""

    def prepare(frame: pd.DataFrame, codes: Array, size: int) -> Drawn:
        outcome, x = _column(frame, y), logit(_column(frame, p))
        slope, intercept = calibration_slope_intercept(outcome, _column(frame, p))
        fitted = 1 / (1 + np.exp(-(intercept + slope * x)))
        weight, error = fitted * (1 - fitted), outcome - fitted
        terms = (weight, weight * x, weight * x * x, error, error * x)
        sums = np.vstack([np.bincount(codes, term, size) for term in terms])

        def drawn(counts: Counts) -> Array:
            h00, h01, h11, g0, g1 = sums @ counts
            steps = np.vstack([h00 * g1 - h01 * g0, h11 * g0 - h01 * g1]) / (h00 * h11 - h01**2)
            return np.asarray(np.array([[slope], [intercept]]) + steps)

        return drawn

    return prepare


def calibration_slope(p: str = "p", y: str = "y") -> Statistic:
    """The slope of `calibration` alone."""

    def prepare(frame: pd.DataFrame, codes: Array, size: int) -> Drawn:
        both = calibration(p, y)(frame, codes, size)
        return lambda counts: both(counts)[0]

    return prepare


def resampled(figure: Callable[[Array, Array], float], p: str = "p", y: str = "y") -> Statistic:
    """Any figure of (y, p), computed on the rows of every draw; NaN in a draw whose rows are all of one class."""

    def prepare(frame: pd.DataFrame, codes: Array, size: int) -> Drawn:
        outcome, score = _column(frame, y), _column(frame, p)

        def of_draw(count: Array) -> float:
            times = count[codes].astype(int)
            drawn_y = np.repeat(outcome, times)
            return figure(drawn_y, np.repeat(score, times)) if 0 < drawn_y.sum() < drawn_y.size else np.nan

        return lambda counts: np.array([of_draw(count) for count in counts.T])

    return prepare
