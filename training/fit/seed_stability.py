"""The same model from another seed: how much of its order is the data's doing, and how much the dice's."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from configs.settings import Trees
from features.signal import Schema
from training.fit.learners import Data
from training.hazard import TrainingRows, fit_trees, hazard_rows, make_inputs, tree_size
from training.known_labels import known_until
from training.model import ChurnModel


def reseeded(churn: ChurnModel, dataset: Data, schema: Schema) -> ChurnModel:
    """The model with its trees fitted again, from the same rows, with the next seed; itself where it has no trees.

    The trees alone draw at random. `dataset` is what it was trained on, `schema` that of its training.

    Parameters
    ----------
    churn : ChurnModel
        As it was trained.
    dataset : Data
        What it was trained on.
    schema : Schema
        That of its training.

    Returns
    -------
    ChurnModel
        With other trees.
    """
    if churn.trees is None:
        return churn
    log = churn.log
    cut = pd.Timestamp(log["cut"])
    before = np.nonzero((dataset.labels["as_of"] < cut).to_numpy())[0]
    frame, labels = dataset.signals.iloc[before], dataset.labels.iloc[before]
    rows = hazard_rows(labels, churn.intervals, known_until(dataset.labels, dataset.data_end, cut))
    inputs = make_inputs(frame, churn.encoder, churn.intervals)
    offset = churn.time.log_odds(frame, churn.intervals)[rows.snapshot, rows.interval] if churn.time else None
    known = TrainingRows(inputs, rows, churn.encoder, log["churn_events"], log["seed"] + 1, offset)
    size = tree_size(Trees(**log["trees"]), log["churn_events"])
    trees = fit_trees(known, schema, churn.intervals, size, log["monotone"])
    return replace(churn, trees=trees)
