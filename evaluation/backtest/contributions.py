"""What moves a model's predictions: contributions of a sample of out-of-time rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.model import Model

ROWS = 400


@dataclass(frozen=True)
class Contributions:
    """Signed contributions (n, m) to the probability at a horizon, and each signal's place among its values.

    `place` (n, m): 0 the lowest value of the sample, 1 the highest, NaN where it is missing or text.
    """

    horizon_days: int
    signals: tuple[str, ...]
    contributions: np.ndarray
    place: np.ndarray


def contributions(model: Model, frame: pd.DataFrame, horizon_days: int) -> Contributions:
    """Explains at most ROWS rows of the frame, evenly spaced; the frame must be out of time for the model."""
    rows = np.linspace(0, len(frame) - 1, min(ROWS, len(frame))).astype(int)
    sample = frame.iloc[rows]
    found = model.explain(sample, horizon_days)
    place = np.full(found.contributions.shape, np.nan)
    for number, name in enumerate(found.signals):
        if name in sample and pd.api.types.is_numeric_dtype(sample[name]):
            place[:, number] = sample[name].rank(pct=True).to_numpy(dtype=float)
    return Contributions(horizon_days, found.signals, found.contributions, place)
