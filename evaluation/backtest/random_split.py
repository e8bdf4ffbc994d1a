"""The gap between figures of a (wrong) random split of rows and honest ones, as a warning about figures people quote.

Rows of one account are nearly copies of each other, and rows of one month share what happened to everybody. A random
split puts such twins on both sides: the learner is tested on what taught it. Nothing else in the project is computed on
a random split, and no model is chosen by this one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from configs.errors import DataError, Fault
from configs.json_object import JsonObject
from configs.settings import Settings
from evaluation import metrics
from evaluation.formatting import decimal
from evaluation.metrics import Array
from features.dataset import Dataset
from features.labels import horizon_labels
from training.hazard import lightgbm as lgb
from training.known_labels import known_until, rows_known

# LightGBM as most people run it: its own defaults, but for fewer rounds than its 100, which moves the gap little; a
# warning may not cost a tenth of the backtest that it stands beside. Threads: see training/hazard/trees.py.
LEARNER = {"objective": "binary", "num_threads": 1, "verbosity": -1, "deterministic": True}
ROUNDS = 40
MOST_ROWS = 8_000
WORTH_SAYING = 0.02  # AUC


@dataclass(frozen=True)
class RandomSplitGap:
    """How much better one learner looks on a random split of rows than when it is taught by the past only.

    Attributes
    ----------
    horizon_days : int
        The horizon, in days.
    rows, churned : int
        Rows judged, the same for both, and how many of them churned.
    auc_random, auc_honest : float
        AUC taught by rows of any time, and by as many of the past only; 0-1.
    log_loss_random, log_loss_honest : float
        Log loss likewise, in nats.
    """

    horizon_days: int
    rows: int
    churned: int
    auc_random: float
    auc_honest: float
    log_loss_random: float
    log_loss_honest: float

    @property
    def auc_gap(self) -> float:
        """What a random split adds to the AUC."""
        return self.auc_random - self.auc_honest

    @property
    def worth_saying(self) -> bool:
        """Whether the gap is so large that a reader needs to know of it."""
        return self.auc_gap >= WORTH_SAYING

    @property
    def sentence(self) -> str:
        """Both figures, and what somebody who quotes the one of a random split would promise."""
        figures = (
            f"The same LightGBM reaches an AUC of {decimal(self.auc_random)} and a log loss of"
            f" {decimal(self.log_loss_random, 3)} on a random split of rows, {decimal(self.auc_honest)} and"
            f" {decimal(self.log_loss_honest, 3)} out of time"
        )
        if not self.worth_saying:
            return f"{figures}: here a random split flatters little, and is wrong all the same."
        return (
            f"{figures}: a figure from a random split would promise {decimal(self.auc_gap, 3)} of AUC that nobody gets."
        )

    def to_json(self) -> JsonObject:
        """Fields and properties, as they stand in metrics.json."""
        derived = {"auc_gap": self.auc_gap, "worth_saying": self.worth_saying, "sentence": self.sentence}
        return {**asdict(self), **derived}

    @classmethod
    def from_json(cls, body: Mapping[str, Any]) -> RandomSplitGap | RandomSplitRefusal:
        """What `to_json` gave, of a gap or of its refusal."""
        if "refused" in body:
            return RandomSplitRefusal(body["refused"])
        return cls(**{field.name: body[field.name] for field in fields(cls)})


@dataclass(frozen=True)
class RandomSplitRefusal:
    """Why these rows cannot show how far a random split would flatter.

    Attributes
    ----------
    refused : str
        What was lacking, as half a sentence.
    """

    refused: str

    @property
    def sentence(self) -> str:
        """The refusal as a sentence of the report."""
        return f"How far a random split of rows would flatter is not known here: {self.refused}."

    def to_json(self) -> JsonObject:
        """As metrics.json holds it; a refusal differs from a gap by its key `refused`."""
        return {"refused": self.refused, "worth_saying": False, "sentence": self.sentence}


def random_split_gap(dataset: Dataset, settings: Settings, folds: Sequence[pd.Timestamp]) -> RandomSplitGap:
    """Fits a LightGBM a fold on what was known then, and others on as many rows drawn at random from a random half.

    Like is compared with like: both ways judge the same rows, those from the first origin on, fold by fold, taught by
    equally many rows matured at the main horizon. folds: the origins of a backtest. DataError
    when they are of one class, or when no fold had both classes to learn from. Of a large company, accounts are drawn
    so that about MOST_ROWS rows remain.
    """
    days = settings.main_horizon_days
    label = horizon_labels(dataset.labels, [days])[f"churned_{days}d"].to_numpy()
    as_of, origins = dataset.labels["as_of"], sorted(folds)
    random_state = np.random.default_rng(settings.training.seed)
    account, names = pd.factorize(dataset.labels["account_id"])
    drawn = (random_state.random(len(names)) < MOST_ROWS / len(label))[account]
    matured = ~np.isnan(label) & drawn
    inputs = _inputs(dataset, settings)
    judged = matured & (as_of >= origins[0]).to_numpy()
    random, honest = np.full(len(label), np.nan), np.full(len(label), np.nan)
    half = random_state.random(len(label)) < 0.5
    for origin, end in zip(origins, [*origins[1:], pd.Timestamp.max], strict=True):
        known = rows_known(dataset.labels, known_until(dataset.labels, dataset.data_end, origin), days) & matured
        asked = judged & ((as_of >= origin) & (as_of < end)).to_numpy()
        honest = _predicted(honest, inputs, label, known, asked)
        for taught in (half, ~half):
            drawn_rows = _drawn(matured & taught, int(known.sum()), random_state)
            random = _predicted(random, inputs, label, drawn_rows, asked & ~taught)
    both = judged & ~np.isnan(random) & ~np.isnan(honest)
    if not both.any():
        to_do = "give more history before the first fold"
        raise DataError(Fault("random split", "no row that both ways could judge", "rows of both classes", to_do))
    y = label[both]
    return RandomSplitGap(
        horizon_days=days,
        rows=int(both.sum()),
        churned=int(y.sum()),
        auc_random=metrics.auc(y, random[both]),
        auc_honest=metrics.auc(y, honest[both]),
        log_loss_random=metrics.log_loss(y, random[both]),
        log_loss_honest=metrics.log_loss(y, honest[both]),
    )


def compare_with_random_split(
    dataset: Dataset, settings: Settings, folds: Sequence[pd.Timestamp]
) -> RandomSplitGap | RandomSplitRefusal:
    """The gap that a random split of rows would open, or why these rows cannot show one.

    Parameters
    ----------
    dataset : Dataset
    settings : Settings
    folds : sequence of pd.Timestamp
        Origins of the backtest's folds.

    Returns
    -------
    RandomSplitGap or RandomSplitRefusal
        Both have a `sentence`.
    """
    try:
        return random_split_gap(dataset, settings, folds)
    except DataError as error:
        return RandomSplitRefusal("; ".join(f"{fault.found}, expected {fault.expected}" for fault in error.faults))


def _inputs(dataset: Dataset, settings: Settings) -> Array:
    """(n, signals): numbers as they are, categories as codes."""
    left_out = set(settings.training.exclude_signals)
    frame, schema = dataset.signals, dataset.schema
    numbers = [frame[name].to_numpy(dtype=float) for name in schema.numbers if name not in left_out]
    codes = [pd.factorize(frame[name])[0].astype(float) for name in schema.categories if name not in left_out]
    return np.column_stack([*numbers, *codes])


def _drawn(among: Array, count: int, random_state: np.random.Generator) -> Array:
    """(n,) flags on `count` rows drawn from those flagged, or on all of them where there are no more."""
    rows = np.flatnonzero(among)
    out = np.zeros(len(among), dtype=bool)
    out[random_state.choice(rows, min(count, rows.size), replace=False)] = True
    return out


def _predicted(p: Array, inputs: Array, label: Array, taught: Array, asked: Array) -> Array:
    """`p` with the asked rows filled in; as it was where the taught rows are of one class."""
    if not asked.any() or np.unique(label[taught]).size < 2:
        return p
    booster = lgb.train(LEARNER, lgb.Dataset(inputs[taught], label[taught]), ROUNDS)
    out = p.copy()
    out[asked] = booster.predict(inputs[asked], num_threads=1)
    return out
