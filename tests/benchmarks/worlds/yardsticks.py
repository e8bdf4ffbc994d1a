"""What a morning's work by hand would serve: simple models, one a horizon, fitted at each fold on what was known."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder

from features.dataset import Dataset
from features.labels import horizon_labels
from training.hazard import lightgbm as lgb
from training.known_labels import known_until, rows_known

PLAIN = {"objective": "binary", "num_threads": 1, "verbosity": -1, "deterministic": True}
SMALL = {"num_leaves": 8, "learning_rate": 0.05, "min_child_samples": 40}
# (training rows, their outcomes, rows asked about) -> probabilities of these.
Fit = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
A_FEW = ("arr", "days_to_renewal", "usage_30d", "usage_90d")


class Table:
    """A data set's snapshots as matrices, and who of them was known to have left."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.place = pd.Series(
            np.arange(len(dataset.labels)), pd.MultiIndex.from_frame(dataset.labels[["account_id", "as_of"]])
        )

    def outcome(self, days: int) -> np.ndarray:
        return horizon_labels(self.dataset.labels, [days])[f"churned_{days}d"].to_numpy(dtype=float, na_value=np.nan)

    def everything(self) -> np.ndarray:
        """Every signal; categories as codes."""
        schema, signals = self.dataset.schema, self.dataset.signals
        codes = [signals[name].astype("category").cat.codes.astype(float) for name in schema.categories]
        return np.column_stack([signals[[*schema.numbers]].astype(float).to_numpy(), *codes])

    def time_and_a_few(self, days: int) -> np.ndarray:
        """Calendar month of the window's middle, tenure, month of joining, and a few plain facts."""
        signals = self.dataset.signals
        middle = signals["as_of"] + pd.Timedelta(days=days / 2)
        joined = signals["as_of"] - pd.to_timedelta(signals["tenure_days"], unit="D")
        few = [signals[name].astype(float) for name in A_FEW if name in signals]
        return np.column_stack([middle.dt.month, signals["tenure_days"], joined.dt.month, *few])

    def stage_and_month(self) -> np.ndarray:
        signals = self.dataset.signals
        both = np.column_stack([signals["lifecycle_stage"].astype(str), signals["as_of"].dt.month.astype(str)])
        return np.asarray(OneHotEncoder(sparse_output=False).fit_transform(both))


def predicted(dataset: Dataset, rows: pd.DataFrame, days: int) -> pd.DataFrame:
    """A column a yardstick of probabilities for `rows` (account_id, as_of, fold), fitted at each fold."""
    table = Table(dataset)
    y = table.outcome(days)
    ways: dict[str, tuple[np.ndarray, Fit]] = {
        "base rate by stage and month": (table.stage_and_month(), logistic),
        "LightGBM a horizon": (table.everything(), partial(boosted, size={}, rounds=100)),
        "small reference": (table.time_and_a_few(days), partial(boosted, size=SMALL, rounds=100)),
    }
    out = {name: np.full(len(rows), 0.5) for name in ways}
    for fold, part in rows.groupby("fold").indices.items():
        until = known_until(dataset.labels, dataset.data_end, pd.Timestamp(str(fold)))
        known = rows_known(dataset.labels, until, days)
        asked = table.place.loc[pd.MultiIndex.from_frame(rows.iloc[part][["account_id", "as_of"]])].to_numpy()
        if len(np.unique(y[known])) == 2:
            for name, (matrix, fit) in ways.items():
                out[name][part] = fit(matrix[known], y[known], matrix[asked])
    return pd.DataFrame(out, index=rows.index).clip(1e-6, 1 - 1e-6)


def logistic(x: np.ndarray, y: np.ndarray, asked: np.ndarray) -> np.ndarray:
    return np.asarray(LogisticRegression(C=1.0, max_iter=500).fit(x, y).predict_proba(asked))[:, 1]


def boosted(x: np.ndarray, y: np.ndarray, asked: np.ndarray, size: dict[str, float], rounds: int) -> np.ndarray:
    """LightGBM with its defaults but for `size`."""
    learner = lgb.train({**PLAIN, **size}, lgb.Dataset(x, y), rounds)
    return np.asarray(learner.predict(asked, num_threads=1))
