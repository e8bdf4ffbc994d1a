"""The synthetic company's days, counted from before its window, and its segments: what its life and its story share."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.floating]
Ints = NDArray[np.integer]

BEFORE_DAYS = 540  # lived through before the window, so that the customers of its first day are survivors
FEED_BEFORE_DAYS = 150  # how far before the window the feeds begin
SEGMENTS = ("enterprise", "mid_market", "smb")


@dataclass(frozen=True)
class Calendar:
    """The days of the synthetic company, counted from BEFORE_DAYS before its window.

    Attributes
    ----------
    start : datetime64[D]
        Day 0.
    window : int
        The first day of the window.
    end : int
        The first day that the window does not cover.
    """

    start: np.datetime64
    window: int
    end: int

    @classmethod
    def of(cls, end: date, months: int) -> Calendar:
        last = pd.Timestamp(end)
        first = last - pd.DateOffset(months=months)
        start = first - pd.Timedelta(days=BEFORE_DAYS)
        return cls(np.datetime64(start.date(), "D"), BEFORE_DAYS, (last - start).days)

    @property
    def feed(self) -> int:
        return self.window - FEED_BEFORE_DAYS

    def day(self, day: int) -> np.datetime64:
        return self.start + np.timedelta64(int(day), "D")

    def dates(self, days: Ints | int) -> NDArray[np.datetime64]:
        return self.start + np.asarray(days, dtype="timedelta64[D]")

    def month_starts(self) -> Ints:
        """The days within the window that begin a month."""
        days = np.arange(self.window, self.end)
        stamps = self.dates(days)
        return days[stamps == stamps.astype("datetime64[M]").astype("datetime64[D]")]
