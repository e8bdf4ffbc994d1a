"""A story that the synthetic company can live through: a competitor's launch, a feed that falls silent, new weights.

A company without a story is made of the same draws: until the launch both are the same, customer by customer.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from features.synthetic.calendar import SEGMENTS, Calendar, Floats, Ints


@dataclass(frozen=True)
class Story:
    """What happens when; months count from 1, the first of the company's window.

    Attributes
    ----------
    launch_month : int
        From its first day on a competitor raises the hazard; nobody can know it before.
    hazard_times : float
        How many times what it was the hazard is from then on.
    launch_segment : str or None
        The segment that the launch concerns; None: everybody.
    outage_month, outage_begins, outage_days : int
        The month and its day from which the usage feed brings nothing, and for how many days.
    reweighted_month : int
        From it on the health score goes by other weights of its dimensions (`reweighted`).
    """

    launch_month: int = 20
    hazard_times: float = 2.5
    launch_segment: str | None = None
    outage_month: int = 24
    outage_begins: int = 9  # day of the month
    outage_days: int = 12
    reweighted_month: int = 26

    @property
    def months(self) -> int:
        """The least that a company must last to live through it."""
        return max(self.launch_month, self.outage_month, self.reweighted_month)

    def launch_day(self, calendar: Calendar) -> int:
        return int(calendar.month_starts()[self.launch_month - 1])

    def outage(self, calendar: Calendar) -> Ints:
        """The days on which no usage arrives."""
        first = int(calendar.month_starts()[self.outage_month - 1]) + self.outage_begins - 1
        return np.arange(first, first + self.outage_days)

    def reweighted_at(self, calendar: Calendar) -> pd.Timestamp:
        return pd.Timestamp(calendar.day(int(calendar.month_starts()[self.reweighted_month - 1]))).as_unit("us")

    def shock(self, calendar: Calendar, segment: Ints) -> Floats:
        """(account, day) what the launch adds to the log hazard."""
        hit = np.ones(len(segment), dtype=bool)
        if self.launch_segment is not None:
            hit = segment == SEGMENTS.index(self.launch_segment)
        since = np.arange(calendar.end) >= self.launch_day(calendar)
        return (np.log(self.hazard_times) * (hit[:, None] & since)).astype(np.float32)


# What the team publishes in `reweighted_month`: who is talked to, and pays, counts for more than who logs in.
REWEIGHTED: dict[str, dict[str, float]] = {
    "adoption": {"usage": 30, "engagement": 35, "financial": 20, "relationship": 15},
    "value_realization": {"usage": 20, "engagement": 30, "financial": 20, "relationship": 30},
}


def reweighted(stages: list[dict[str, Any]]) -> dict[str, Any]:
    """The part of a configuration that publishes REWEIGHTED.

    Parameters
    ----------
    stages : list of dict
        The framework's own stages, as plain data.

    Returns
    -------
    dict
        Settings to be merged over the company's.
    """
    return {
        "framework": {
            "stages": [{**stage, "weights": REWEIGHTED.get(stage["name"], stage["weights"])} for stage in stages]
        }
    }
