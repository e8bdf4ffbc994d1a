"""The shallow LightGBM of the hazard: one row a (snapshot, interval)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import expit

from configs.settings import Trees
from features.signal import Schema
from training.hazard.discrete_time import INTERVAL, RENEWAL, Explained, Inputs, TrainingRows
from training.hazard.encoding import Encoder
from training.hazard.intervals import HazardRows, Intervals
from training.hazard.lightgbm_core import lightgbm as lgb
from training.hazard.time_varying_effect import fit_effect_decay
from training.hazard.tree_shap import TreeShap, tree_shap

TIMING = ("interval_start_days", "interval_days", "renewal_falls_in_interval", "days_from_start_to_renewal")
TIMING_SIGNAL = (INTERVAL, INTERVAL, RENEWAL, RENEWAL)
CHUNK = 4_096  # rows explained at a time: what is in hand then stays small for any number of accounts
SOME_EVENTS, MANY_EVENTS = 500, 2_000  # churns, above which the default trees are more, and larger
MOST_COLUMNS = 30  # that a tree looks at: of two hundred signals, many say the same, and trees should differ
THREADS = 1  # a second one waits for the first by spinning: on a machine with other work it was 20 times slower
MORE = Trees(n_estimators=600)
LARGER = Trees(num_leaves=15, min_child_samples=100, feature_fraction=0.4, bagging_fraction=0.8)


@dataclass(frozen=True)
class TreeHazard:
    """A LightGBM booster over signals and timing, whose raw scores are drawn together by interval.

    Attributes
    ----------
    booster_text : str
        The whole booster, in LightGBM's own format.
    booster : lightgbm.Booster
        Made from it.
    intervals : Intervals
        K of them.
    effect_decay, intercepts : ndarray of float, shape (K,)
        log-odds = intercepts + effect_decay * raw score (time_varying_effect.py).
    """

    booster_text: str
    booster: lgb.Booster
    intervals: Intervals
    effect_decay: np.ndarray
    intercepts: np.ndarray

    @classmethod
    def from_text(cls, text: str, intervals: Intervals, effect_decay: np.ndarray, intercepts: np.ndarray) -> TreeHazard:
        return cls(text, lgb.Booster(model_str=text), intervals, effect_decay, intercepts)

    def log_odds(self, inputs: Inputs, encoder: Encoder) -> np.ndarray:
        """(n, K)."""
        matrix = matrix_of_all(inputs, encoder, self.intervals)
        if not len(matrix):
            return np.zeros((0, self.intervals.count))
        scores = np.asarray(self.booster.predict(matrix, raw_score=True, num_threads=THREADS))
        return self.intercepts + self.effect_decay * np.ascontiguousarray(
            scores.reshape(len(inputs), self.intervals.count)
        )

    def log_odds_of(self, inputs: Inputs, encoder: Encoder, rows: HazardRows) -> np.ndarray:
        """Log-odds of some (snapshot, interval) rows only; (m,)."""
        if not len(rows):
            return np.zeros(0)
        matrix = tree_matrix(inputs, encoder, self.intervals, rows.snapshot, rows.interval)
        scores = np.asarray(self.booster.predict(matrix, raw_score=True, num_threads=THREADS))
        return self.intercepts[rows.interval] + self.effect_decay[rows.interval] * scores

    @cached_property
    def shap(self) -> TreeShap:
        """Worked out when the first account is explained, and kept."""
        columns = self.booster.num_feature()
        return tree_shap(self.booster, moving=frozenset(range(columns - len(TIMING), columns)))

    def contributions(
        self, inputs: Inputs, encoder: Encoder, explained: Explained, count: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """(expected value (count,), exact tree SHAP summed by signal (n, m, count)); they add up to log_odds.

        `count`: how many of the first intervals are asked for (default: all K); the time grows with it. In memory the
        accounts lie innermost, so that what is done signal by signal runs through it in order.
        """
        k = self.intervals.count if count is None else count
        index_of = {name: index for index, name in enumerate(explained.signals)}
        indices = [index_of[name] for name in column_signals(encoder)]
        out = np.zeros((len(explained.signals), k, len(inputs)))
        step = CHUNK // k
        for at in range(0, len(inputs), step):
            chunk = inputs.take(np.arange(at, min(at + step, len(inputs))))
            parts = self.shap.contributions(tree_columns(chunk, encoder, self.intervals, k))
            for index, part in zip(indices, parts, strict=True):
                out[index, :, at : at + step] += self.effect_decay[:k, None] * part
        return self.intercepts[:k] + self.effect_decay[:k] * self.shap.expected, out.transpose(2, 0, 1)


def column_signals(encoder: Encoder) -> list[str]:
    return [*encoder.numbers, *(category.name for category in encoder.categories), *TIMING_SIGNAL]


def tree_matrix(
    inputs: Inputs, encoder: Encoder, intervals: Intervals, snapshot: np.ndarray, interval: np.ndarray
) -> np.ndarray:
    """The learner's matrix for (snapshot, interval) rows; (m, signals + timing)."""
    starts = np.array(intervals.starts, float)
    lengths = np.array(intervals.ends, float) - starts
    numbers, categories = inputs.values.shape[1], inputs.codes.shape[1]
    out = np.empty((len(snapshot), numbers + categories + len(TIMING)))
    out[:, :numbers] = inputs.values[snapshot]
    out[:, numbers : numbers + categories] = encoder.effects(inputs.codes)[snapshot]
    out[:, -4] = starts[interval]
    out[:, -3] = lengths[interval]
    out[:, -2] = inputs.falls[snapshot, interval]
    out[:, -1] = inputs.ahead[snapshot, interval]
    return out


def tree_columns(inputs: Inputs, encoder: Encoder, intervals: Intervals, count: int) -> list[np.ndarray]:
    """The columns of matrix_of_all, one by one; each broadcasts to (count, n), the signals' being (1, n)."""
    starts = np.array(intervals.starts[:count], float)[:, None]
    ends = np.array(intervals.ends[:count], float)[:, None]
    signals = np.concatenate([inputs.values, encoder.effects(inputs.codes)], axis=1)
    of_snapshot = np.ascontiguousarray(signals.T)[:, None, :]
    return [*of_snapshot, starts, ends - starts, inputs.falls[:, :count].T, inputs.ahead[:, :count].T]


def matrix_of_all(inputs: Inputs, encoder: Encoder, intervals: Intervals, count: int | None = None) -> np.ndarray:
    """The first `count` intervals (default: all) of every snapshot, snapshots outermost; (n count, ...)."""
    count = intervals.count if count is None else count
    snapshot = np.repeat(np.arange(len(inputs)), count)
    interval = np.tile(np.arange(count), len(inputs))
    return tree_matrix(inputs, encoder, intervals, snapshot, interval)


def tree_size(chosen: Trees, events: int) -> Trees:
    """The configured size; the untouched default grows with the number of churns.

    Parameters
    ----------
    chosen : Trees
        As configured.
    events : int
        Churns to learn from.

    Returns
    -------
    Trees
        `chosen`, or for the untouched default what suits so many churns.
    """
    if chosen != Trees():
        return chosen
    return LARGER if events > MANY_EVENTS else MORE if events > SOME_EVENTS else chosen


def fit_trees(training: TrainingRows, schema: Schema, intervals: Intervals, size: Trees, monotone: bool) -> TreeHazard:
    """Boosted trees of the hazard, fitted by LightGBM.

    Parameters
    ----------
    training : TrainingRows
        What is known by the cut.
    schema : Schema
        Of the signals, with the direction in which each is healthier.
    intervals : Intervals
        Into which the horizon is cut.
    size : Trees
        Settings of LightGBM (`tree_size`).
    monotone : bool
        Whether the hazard may never fall when a signal moves to its less healthy side.

    Returns
    -------
    TreeHazard
        As it would be loaded from its own text, to the last bit.

    References
    ----------
    G. Ke et al. (2017), "LightGBM: a highly efficient gradient boosting decision tree", NeurIPS.
    """
    rows, encoder = training.rows, training.encoder
    matrix = tree_matrix(training.inputs, encoder, intervals, rows.snapshot, rows.interval)
    healthier = {signal.name: signal.healthier for signal in schema.signals}
    directions = [-healthier.get(name, 0) for name in encoder.numbers]
    directions += [0] * (len(encoder.categories) + len(TIMING))
    params = {
        "objective": "binary",
        "num_leaves": size.num_leaves,
        "learning_rate": size.learning_rate,
        "min_data_in_leaf": size.min_child_samples,
        "lambda_l2": size.l2,
        "feature_fraction": min(size.feature_fraction, MOST_COLUMNS / matrix.shape[1]),
        "bagging_fraction": size.bagging_fraction,
        "bagging_freq": 1,
        "max_bin": 127,
        "seed": training.seed,
        "num_threads": THREADS,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    if monotone and any(directions):
        params["monotone_constraints"] = directions
    names = [f"f{column}" for column in range(matrix.shape[1])]
    # Each churn counts once, however many snapshots saw it, so that lambda_l2 means the same at any spacing of them.
    weight = np.full(len(matrix), training.event_weight)
    beside = None if training.offset is None else training.offset + level_beside(training.offset, rows.churned)
    data = lgb.Dataset(
        matrix, rows.churned, weight=weight, init_score=beside, feature_name=names, params=params, free_raw_data=True
    )
    booster = lgb.train(params, data, num_boost_round=size.n_estimators)
    # What is kept is what the text says: the model served today is the one loaded tomorrow.
    text = booster.model_to_string(num_iteration=-1)
    scores = np.asarray(booster.predict(matrix, raw_score=True, num_threads=THREADS))
    decay, intercepts = _effect_decay(scores, beside, rows, training.event_weight, intervals.count)
    if beside is not None and training.offset is not None:
        intercepts = intercepts + level_beside(training.offset, rows.churned)
    return TreeHazard.from_text(text, intervals, decay, intercepts)


def level_beside(offset: np.ndarray, churned: np.ndarray) -> float:
    """What is added to an offset so that as many are expected as churned: boosting begins there."""
    level = 0.0
    for _ in range(50):
        p = expit(offset + level)
        level += float(np.clip((churned - p).sum() / max(float((p * (1 - p)).sum()), 1e-12), -2.0, 2.0))
    return level


def _effect_decay(
    scores: np.ndarray, beside: np.ndarray | None, rows: HazardRows, event_weight: float, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """(effect decay, intercepts) of raw scores, each (count,): they are drawn towards their mean in each interval."""
    sizes = np.maximum(np.bincount(rows.interval, minlength=count), 1)
    means = np.bincount(rows.interval, scores, count) / sizes
    deviation = scores - means[rows.interval]
    log_odds = scores if beside is None else scores + beside
    decay, shift = fit_effect_decay(log_odds, deviation, rows.interval, rows.churned, event_weight, count)
    return decay, shift + (1.0 - decay) * means
