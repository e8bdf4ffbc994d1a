"""The calendar of a build: which days no window distinguishes, and which as_of sees a row first.

A fold of rows by day need not keep single days: it keeps segments, runs of days that each window of each as_of holds
wholly or not at all. With monthly as_ofs there are a handful in a month; with daily ones a segment is a day. Where
windows hold many, two segments side by side make one of the next level, and so on: a window is the sum of a few large
ones.
What a window sums is exact, and does not depend on which as_ofs are worked out together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import pandas as pd

FEW_SEGMENTS = 128  # for an as_of to look back on: adding them up one by one is as fast as larger ones are made
SEGMENT_DAYS = 60  # at most: the days of a segment are bits of one whole number
EPOCH = pd.Timestamp(0)
FRIDAY = 4


@dataclass(frozen=True)
class Calendar:
    """The days on which signals are worked out, and how far back their windows reach.

    Attributes
    ----------
    as_ofs : DatetimeIndex
        Rising midnights.
    edges : tuple of int
        Rising ages in days at which a window may begin or end; the last is the lookback.
    """

    as_ofs: pd.DatetimeIndex
    edges: tuple[int, ...]

    @property
    def lookback_days(self) -> int:
        return self.edges[-1]

    @cached_property
    def span(self) -> int:
        """How far the numbers of one level's segments lie from those of the level below."""
        return len(self._cuts) + 1

    @property
    def levels(self) -> int:
        """How many levels of segments some window is made of."""
        return int(self.ages(levels=True).segment.max()) // self.span + 1

    def days(self) -> pd.DataFrame:
        """(day, segment, on_time, bit, number, weekend) of every day that some as_of looks back on.

        `segment` rises with the days; `on_time` is the index of the first as_of after it, which sees what of it was
        known at once; `bit` tells the days of a segment apart; `number` counts days since 1970, `weekend` is 1 on
        Saturdays and Sundays and 0 otherwise.
        """
        days = self._every_day()
        ahead = self.as_ofs.searchsorted(days, side="right")
        seen = days >= self.as_ofs[ahead] - pd.Timedelta(days=self.lookback_days)
        days, ahead = days[seen], ahead[seen]
        segment = np.searchsorted(self._cuts, days, side="right")
        offset = (days - self._cuts[segment - 1]).days
        return pd.DataFrame(
            {
                "day": days.date,
                "segment": segment.astype("int32"),
                "on_time": ahead.astype("int32"),
                "bit": np.int64(1) << offset.to_numpy("int64"),
                "number": number(days),
                "weekend": np.where(days.day_of_week > FRIDAY, 1.0, 0.0),
            }
        )

    def ages(self, levels: bool = False) -> pd.DataFrame:
        """(segment, as_of_index, today, age) for each as_of and each segment that it looks back on.

        `as_of_index` is the as_of's position, `today` its number of days since 1970. `age` is the smallest edge
        that the segment lies within: `age <= w` holds for exactly the windows w around it.
        levels: where single ones are many, in as few segments of all levels as will do; one of level l has the number
        of those below it, halved l times, plus l times `span`.
        """
        sights, levels = [], levels and self._many
        for as_of_index, today in enumerate(number(self.as_ofs)):
            for begin, end, age in self.bands(as_of_index):
                numbers = self._cover(begin, end) if levels else range(begin, end)
                sights += [(number, as_of_index, today, age) for number in numbers]
        return pd.DataFrame(sights, columns=["segment", "as_of_index", "today", "age"], dtype="int32")

    def bands(self, as_of_index: int) -> Iterator[tuple[int, int, int]]:
        """(begin, end, age): the segments of an as_of from one edge up to the next, which is `age`."""
        edges = pd.to_timedelta([0, *self.edges], unit="D")
        borders = np.searchsorted(self._cuts, self.as_ofs[as_of_index] - edges, side="right")
        for (end, begin), age in zip(pairwise(borders.tolist()), self.edges, strict=True):
            yield begin, end, age

    def sights(self) -> pd.DataFrame:
        """(seen, bucket): rows known by the end of the day `seen` are seen first by the as_of at index `bucket`."""
        days = self._every_day()
        bucket = self.as_ofs.searchsorted(days, side="right").astype("int32")
        return pd.DataFrame({"seen": days.date, "bucket": bucket})

    def _every_day(self) -> pd.DatetimeIndex:
        first = self.as_ofs[0] - pd.Timedelta(days=self.lookback_days)
        return pd.date_range(first, self.as_ofs[-1], inclusive="left")

    @property
    def _many(self) -> bool:
        """Whether as_ofs look back on many segments."""
        begun = self._cuts.searchsorted(self.as_ofs - pd.Timedelta(days=self.lookback_days))
        return float((self._cuts.searchsorted(self.as_ofs) - begun).mean()) > FEW_SEGMENTS

    def _cover(self, begin: int, end: int) -> Iterator[int]:
        """The fewest segments of all levels that make up the segments from `begin` up to `end`."""
        offset = 0
        while begin < end:
            if begin % 2:
                yield offset + begin
                begin += 1
            if end % 2:
                end -= 1
                yield offset + end
            begin, end, offset = begin // 2, end // 2, offset + self.span

    @cached_property
    def _cuts(self) -> pd.DatetimeIndex:
        """Where segments begin and end: segment i holds the days from cut i - 1 up to cut i."""
        cuts = [self.as_ofs - pd.Timedelta(days=edge) for edge in (0, *self.edges)]
        borders = pd.DatetimeIndex(np.unique(np.concatenate([days.to_numpy() for days in cuts])))
        longest = pd.Timedelta(days=SEGMENT_DAYS)
        between = [pd.date_range(start, end, freq=longest) for start, end in pairwise(borders)]
        return pd.DatetimeIndex(np.unique(np.concatenate([borders.to_numpy(), *(days.to_numpy() for days in between)])))


def number(days: pd.DatetimeIndex) -> np.ndarray:
    """(n,) int32 days since 1970."""
    return (days - EPOCH).days.to_numpy("int32")
