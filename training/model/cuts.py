"""Up to which day a model had learnt: its learners and its calibrator, which may be of two days."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import pandas as pd


@dataclass(frozen=True)
class Cuts:
    """The days up to which the two parts of a model had learnt; what came before either is no test of the model.

    Attributes
    ----------
    learners, calibrator : pd.Timestamp
        The same day, unless the calibration was renewed later (`train --recalibrate`).
    """

    learners: pd.Timestamp
    calibrator: pd.Timestamp

    @property
    def last(self) -> pd.Timestamp:
        """The later of both: from here on nothing has taught the model."""
        return max(self.learners, self.calibrator)

    @classmethod
    def of(cls, log: Mapping[str, Any]) -> Self:
        """From a fit's log, also of a version from before the calibrator's cut was recorded.

        >>> Cuts.of({"cut": "2025-01-01", "recalibration": {"as_of": "2025-07-01"}}).last
        Timestamp('2025-07-01 00:00:00')
        """
        renewed = log.get("recalibration", {}).get("as_of", log["cut"])
        learners, calibrator = (
            pd.Timestamp(day).as_unit("us") for day in (log["cut"], log.get("calibrator_cut", renewed))
        )
        return cls(learners, calibrator)
