"""Time of a feed without the days on which it was down: how long a silence has to be.

A silence is long enough when the days have passed and the feed worked on half of that time: a holiday in a silence of a
quarter takes nothing from it, while of one that is mostly outage nothing can be said before the feed has been back for
as long. It is the share of a window that a count needs as well (features/assembly/postprocess.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from configs.settings import Settings
from features.sources import Sources
from features.timeline.outages import DAY, daily_totals, outage_ages


@dataclass(frozen=True, eq=False)
class FeedUptimeClock:
    """A clock that stands still on the days (rising midnights) on which a feed was down."""

    down: pd.DatetimeIndex = field(default_factory=lambda: pd.DatetimeIndex([]).as_unit("us"))

    def time(self, at: pd.Series) -> pd.Series:
        """What the clock shows at each moment.

        >>> at = pd.Series(pd.to_datetime(["2024-03-02 12:00", "2024-03-04 06:00"]))
        >>> FeedUptimeClock(pd.DatetimeIndex(["2024-03-02", "2024-03-03"])).time(at).astype(str).tolist()
        ['2024-03-02 00:00:00', '2024-03-02 06:00:00']
        """
        if self.down.empty:
            return at
        began = self.down.searchsorted(at.to_numpy(), side="right")
        last = pd.Series(self.down[np.maximum(began, 1) - 1], index=at.index)
        left = last + DAY - at  # of the day that has begun
        left = left.where((began > 0) & (left > pd.Timedelta(0)), pd.Timedelta(0))
        return at - pd.to_timedelta(began, unit="D") + left

    def moment(self, shown: pd.Series) -> pd.Series:
        """The last moment at which the clock shows each time.

        >>> shown = pd.Series(pd.to_datetime(["2024-03-01 23:00", "2024-03-02 06:00"]))
        >>> FeedUptimeClock(pd.DatetimeIndex(["2024-03-02", "2024-03-03"])).moment(shown).astype(str).tolist()
        ['2024-03-01 23:00:00', '2024-03-04 06:00:00']
        """
        if self.down.empty:
            return shown
        stopped = self.down - pd.to_timedelta(np.arange(len(self.down)), unit="D")
        return shown + pd.to_timedelta(stopped.searchsorted(shown.to_numpy(), side="right"), unit="D")

    def after(self, at: pd.Series, length: pd.Timedelta) -> pd.Series:
        """When a silence that began at each moment has lasted `length`, for half of which and more the feed worked.

        >>> at = pd.Series(pd.to_datetime(["2024-03-01", "2024-03-02"]))
        >>> down = FeedUptimeClock(pd.date_range("2024-03-02", "2024-03-05"))
        >>> down.after(at, pd.Timedelta(days=4)).astype(str).tolist(), down.after(at, 2 * DAY).astype(str).tolist()
        (['2024-03-07', '2024-03-08'], ['2024-03-06', '2024-03-07'])
        """
        passed = at + length
        if self.down.empty:
            return passed
        half_worked = self.moment(self.time(at) + length / 2)
        return passed.mask(passed < half_worked, half_worked)


ALWAYS = FeedUptimeClock()


def clocks(
    sources: Sources, settings: Settings, as_ofs: pd.DatetimeIndex
) -> Iterator[tuple[FeedUptimeClock, list[pd.Timestamp]]]:
    """Clocks of the feed whose silence is churn, each with the as_ofs at which its outages were known to be these."""
    together: dict[tuple[pd.Timestamp, ...], list[pd.Timestamp]] = {}
    for as_of, ages in outage_ages(daily_totals(sources, settings.churn.silence.of), as_ofs).items():
        down = tuple(as_of - pd.to_timedelta(ages[::-1], unit="D"))
        together.setdefault(down, []).append(as_of)
    for down, at in together.items():
        yield FeedUptimeClock(pd.DatetimeIndex(down).as_unit("us")), at


def clock_at_end(sources: Sources, settings: Settings) -> FeedUptimeClock:
    """The clock of the feed whose silence is churn as known at the data's end."""
    at_end = clocks(sources, settings, pd.DatetimeIndex([sources.data_end]))
    return next(clock for clock, _ in at_end)
