"""What every judged model offers, and how the learner behind one is called."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol, Self

import pandas as pd

from training.hazard import Explanation

Chosen = Literal["blend_rules", "blend", "trees", "logistic", "rules", "base_rate"]


class Model(Protocol):
    """What every judged model offers: the churn model, the rules, the baselines."""

    @property
    def name(self) -> str: ...
    @property
    def horizons_days(self) -> tuple[int, ...]: ...

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Columns p_churn_{h}d for each horizon, never falling with h; the frame's index."""

    def explain(self, frame: pd.DataFrame, horizon_days: int) -> Explanation:
        """Signed contributions that add up to the prediction at the horizon."""

    def save(self, folder: Path) -> None:
        """Plain files into `folder`."""

    @classmethod
    def load(cls, folder: Path) -> Self:
        """What `save` wrote."""
