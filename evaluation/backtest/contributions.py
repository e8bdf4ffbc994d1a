"""What moves a model's predictions: contributions of a sample of out-of-time rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from training.model import Explanation, Model

ROWS = 400


@dataclass(frozen=True)
class Contributions:
    """Reasons behind a sample of predictions.

    Attributes
    ----------
    horizon_days : int
        Of the probability that is explained.
    frame : DataFrame, n rows
        The signals of the sample.
    explanation : Explanation
        Of the n rows.
    """

    horizon_days: int
    frame: pd.DataFrame
    explanation: Explanation


def contributions(model: Model, frame: pd.DataFrame, horizon_days: int) -> Contributions:
    """Explains a sample of rows.

    Parameters
    ----------
    model : Model
        For which the rows are out of time.
    frame : DataFrame
        Signals, a row a scoring.
    horizon_days : int
        One of the model's horizons.

    Returns
    -------
    Contributions
        Of at most ROWS rows, evenly spaced.
    """
    rows = np.linspace(0, len(frame) - 1, min(ROWS, len(frame))).astype(int)
    sample = frame.iloc[rows]
    return Contributions(horizon_days, sample, model.explain(sample, horizon_days))
