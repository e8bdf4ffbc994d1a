"""The calendar of a build: which days can be told apart by no window, and which as_of sees a row first.

A fold of daily rows need not keep single days: it keeps segments, runs of days that each window of each as_of holds
wholly or not at all. With monthly as_ofs there are a handful in a month; with daily ones a segment is a day. What a
window sums is exact either way, and does not depend on which as_ofs are worked out together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Calendar:
    """As_ofs (rising midnights), and the ages in days at which windows may begin or end; the last is the lookback."""

    as_ofs: pd.DatetimeIndex
    edges: tuple[int, ...]

    @property
    def lookback_days(self) -> int:
        return self.edges[-1]

    def days(self) -> pd.DataFrame:
        """(day, segment) of every day that some as_of looks back on; `segment` rises with the days."""
        days = pd.date_range(self.as_ofs[0] - pd.Timedelta(days=self.lookback_days), self.as_ofs[-1], inclusive="left")
        ahead = self.as_ofs.searchsorted(days, side="right")
        seen = days >= self.as_ofs[ahead] - pd.Timedelta(days=self.lookback_days)
        days = days[seen]
        return pd.DataFrame({"day": days.date, "segment": np.searchsorted(self._cuts(), days, side="right")})

    def ages(self) -> pd.DataFrame:
        """(segment, as_of, age) for each as_of and each segment that it looks back on.

        `age` is the smallest edge that the segment lies within: `age <= w` holds for exactly the windows w around it.
        """
        days = self.days()
        last = pd.DatetimeIndex(days.groupby("segment")["day"].max())
        segment = days.segment.unique()
        found = []
        for as_of in self.as_ofs:
            age = (as_of - last).days
            there = (age >= 1) & (age <= self.lookback_days)
            within = np.asarray(self.edges)[np.searchsorted(self.edges, age[there])]
            found.append(pd.DataFrame({"segment": segment[there], "as_of": as_of, "age": within}))
        return pd.concat(found, ignore_index=True).astype({"as_of": "datetime64[us]"})

    def sights(self) -> pd.DataFrame:
        """(seen, bucket): rows that were known by the end of the day `seen` are seen first by the as_of `bucket`."""
        days = pd.date_range(self.as_ofs[0] - pd.Timedelta(days=self.lookback_days), self.as_ofs[-1], inclusive="left")
        bucket = self.as_ofs[self.as_ofs.searchsorted(days, side="right")]
        return pd.DataFrame({"seen": days.date, "bucket": bucket.astype("datetime64[us]")})

    def _cuts(self) -> pd.DatetimeIndex:
        cuts = [self.as_ofs - pd.Timedelta(days=edge) for edge in (0, *self.edges)]
        return pd.DatetimeIndex(np.unique(np.concatenate([one.to_numpy() for one in cuts])))
