"""Days on which a feed brought next to nothing: for signals as known at each as_of, for `check` with hindsight.

One rule serves both. A day is missing when its rows are under a tenth of what its weekday usually brings, and a long
gap without any row is missing as a whole. Signals may only use the past: for them, "usual" is the median of the same
weekday in the thirteen weeks before, each counted as it stood at the same age, so that a day whose rows are still on
their way is compared with days that were still on their way. Hindsight compares with the weeks on either side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import ibis
import numpy as np
import pandas as pd

from configs.tables import table
from features.sources import Sources
from features.timeline.visibility import SUPERSEDED, last_blind_day, visible_from

LOW_SHARE = 0.1  # a day with less than this share of its usual rows is missing
MIN_ROWS = 5  # usual rows of a weekday from which a single missing day is telling
EXPECTED_ROWS = 30  # rows that a run of missing days should have brought, below which it may be chance
WEEKS = 13  # weeks whose median is usual
MIN_WEEKS = 4
ERRATIC_SHARE = 0.25  # a weekday that was missing in more of those weeks does not always bring rows
HABIT_SHARE = 0.25  # a day of the month that is empty more often than this is the feed's habit, not an outage
HABIT_TIMES = 2  # empty on other occasions at least so often
HABIT_MAX_DAYS = 7  # a longer gap is no habit of the month
GAP_DAYS = 14
GAP_MEDIANS = 5
GAP_MIN_GAPS = 3  # gaps that must have been seen before one of them can be called unusual
GAP_OTHERS = 2  # a sparse feed's gap must be so many times as long as any other
SETTLED_SHARE = 0.95  # a day is due at the age by which this share of recent rows had become visible
DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class Outage:
    """Days on which a feed brought next to nothing.

    Attributes
    ----------
    first_day, last_day : str
        ISO days, both inclusive.
    days : int
        How many.
    """

    first_day: str
    last_day: str
    days: int


def daily_totals(sources: Sources, name: str) -> pd.DataFrame:
    """Rows of a table over all accounts by day and by the first as_of able to see them; one group-by on the source.

    A row that was corrected is taken off (n is negative) by the first as_of that knows the later version.

    Parameters
    ----------
    sources : Sources
        The project's tables.
    name : str
        The table.

    Returns
    -------
    DataFrame
        day and visible (midnights), n; in that order.
    """
    rows, time = sources.versions.get(name, sources.tables[name]), table(name).time
    counted = rows.group_by(day=rows[time].date(), seen=last_blind_day(rows, time)).aggregate(n=rows.count())
    if SUPERSEDED in rows.columns:
        replaced = rows.filter(rows.superseded > visible_from(rows, time))
        blind = (replaced.superseded - ibis.interval(days=1)).date()
        replaced = replaced.group_by(day=replaced[time].date(), seen=blind).aggregate(n=-replaced.count())
        never = rows.superseded <= visible_from(rows, time)
        rows = rows.filter(~never.fill_null(False))
        counted = rows.group_by(day=rows[time].date(), seen=last_blind_day(rows, time)).aggregate(n=rows.count())
        counted = counted.union(replaced).group_by(["day", "seen"]).aggregate(n=lambda both: both.n.sum())
    frame = sources.engine.to_pandas(counted)
    day, seen = (pd.to_datetime(frame[name]).astype("datetime64[us]") for name in ("day", "seen"))
    frame = pd.DataFrame({"day": day, "visible": seen + DAY, "n": frame.n})
    return frame.sort_values(["day", "visible"], ignore_index=True)


def feed_outages(
    sources: Sources, as_ofs: pd.DatetimeIndex, known: Mapping[str, pd.DataFrame] | None = None
) -> dict[str, dict[pd.Timestamp, np.ndarray]]:
    """The ages of every feed's outages at each as_of, as they could be known then (see `outage_ages`).

    Parameters
    ----------
    sources : Sources
        The project's tables; every activity table is a feed.
    as_ofs : DatetimeIndex
        UTC midnights.
    known : mapping of str to DataFrame, optional
        The `daily_totals` of tables of which they have been worked out before.

    Returns
    -------
    dict of str to dict of Timestamp to ndarray
        By feed and as_of: ages in days.
    """
    names, known = [name for name in sources.tables if table(name).activity], known or {}
    totals = {name: known[name] if name in known else daily_totals(sources, name) for name in names}
    return {name: outage_ages(of_feed, as_ofs) for name, of_feed in totals.items()}


def outages_by_feed(sources: Sources) -> dict[str, tuple[Outage, ...]]:
    """The outages of every feed up to the data's end, judged with hindsight.

    Parameters
    ----------
    sources : Sources
        The project's tables; every activity table is a feed.

    Returns
    -------
    dict of str to tuple of Outage
    """
    names = [name for name in sources.tables if table(name).activity]
    return {name: outages(daily_totals(sources, name), sources.data_end) for name in names}


def outage_ages(totals: pd.DataFrame, as_ofs: pd.DatetimeIndex) -> dict[pd.Timestamp, np.ndarray]:
    """The outage days of a feed as they could be known at each as_of, from nothing that was visible only later.

    Takes `daily_totals`. Returns for each as_of the ages of the days (int64, ascending; 1 is the day just before it).
    A day needs four earlier weeks to be judged. A feed has no outage before its first row; one whose rows end has one
    until as_of, as soon as the silence is long enough, even where the feed has stopped for good.
    """
    at = pd.DatetimeIndex(as_ofs).unique().sort_values()
    feed = _Feed.of(totals, at[-1] if len(at) else None)
    if feed is None:
        return {as_of: np.array([], dtype="int64") for as_of in at}
    moments = {as_of: (as_of - feed.first_day) // DAY for as_of in at}
    seen = feed.seen(moment - 7 * week for moment in moments.values() for week in range(WEEKS + 1))
    return {as_of: _ages(feed, seen, moment) for as_of, moment in moments.items()}


def outages(totals: pd.DataFrame, end: pd.Timestamp | None = None) -> tuple[Outage, ...]:
    """Gaps of a feed, judged with hindsight.

    Parameters
    ----------
    totals : DataFrame
        As `daily_totals` returns them.
    end : Timestamp, optional
        Up to when; by default the day after the last row.

    Returns
    -------
    tuple of Outage
        By time.
    """
    if totals.empty:
        return ()
    until = totals.day.max() + DAY if end is None else pd.Timestamp(end)
    feed = _Feed.of(totals, until)
    if feed is None:
        return ()
    moment = (until - feed.first_day) // DAY
    seen = feed.seen(moment - 7 * week for week in range(WEEKS + 1))
    settled = feed.settled_days(seen[moment], moment)
    whole = seen[moment].copy()
    whole[max(0, moment - settled + 1) :] = np.nan
    around = [_shifted(whole, 7 * week) for week in range(-(WEEKS // 2), WEEKS // 2 + 1) if week]
    usual = _usual(np.array(around))
    usual = np.where(np.isnan(usual) | np.isnan(whole), _usual_before(seen, moment), usual)
    missing = np.flatnonzero(_missing(seen[moment], usual, settled, feed.day_of_month[:moment]))
    runs = np.split(missing, np.flatnonzero(np.diff(missing) > 1) + 1) if len(missing) else []
    days = feed.first_day + pd.to_timedelta(np.arange(moment), unit="D")
    return tuple(Outage(f"{days[run[0]]:%Y-%m-%d}", f"{days[run[-1]]:%Y-%m-%d}", len(run)) for run in runs)


@dataclass(frozen=True, eq=False)
class _Feed:
    """Rows by day and by when they became visible, both counted in days from the feed's first day; by `visible`."""

    first_day: pd.Timestamp
    day: np.ndarray
    visible: np.ndarray
    n: np.ndarray
    day_of_month: np.ndarray

    @classmethod
    def of(cls, totals: pd.DataFrame, until: pd.Timestamp | None) -> _Feed | None:
        """What can be visible by `until`; None where that is nothing."""
        if until is None or totals.empty:
            return None
        rows = totals[(totals.visible <= until) & (totals.day < until) & (totals.n != 0)].sort_values("visible")
        if rows.empty:
            return None
        first = rows.day.min()
        day = ((rows.day - first) // DAY).to_numpy()
        visible = ((rows.visible - first) // DAY).to_numpy()
        days = pd.date_range(first, until - DAY, freq="D")
        return cls(first, day, np.maximum(visible, day + 1), rows.n.to_numpy("float64"), days.day.to_numpy())

    def seen(self, moments: Iterable[int]) -> dict[int, np.ndarray]:
        """Rows of each day before a moment that were visible by then; NaN on days before the first one known then."""
        by_moment = {}
        total = np.zeros(len(self.day_of_month))
        done, first = 0, len(total)
        for moment in sorted({moment for moment in moments if moment > 0}):
            upto = int(np.searchsorted(self.visible, moment, side="right"))
            if upto > done:
                np.add.at(total, self.day[done:upto], self.n[done:upto])
                first = min(first, int(self.day[done:upto].min()))
                done = upto
            by_moment[moment] = total[:moment].copy()
            by_moment[moment][:first] = np.nan
        return by_moment

    def settled_days(self, seen: np.ndarray, moment: int) -> int:
        """The age by which most of a day's rows are usually visible, from the rows of the newest thirteen weeks."""
        with_rows = np.flatnonzero(seen > 0)
        if not len(with_rows):
            return 1
        recent = (self.visible <= moment) & (self.n > 0) & (self.day > with_rows[-1] - 7 * WEEKS)
        ages, n = (self.visible - self.day)[recent], self.n[recent]
        order = np.argsort(ages, kind="stable")
        share = np.cumsum(n[order]) / n.sum()
        return int(ages[order][np.searchsorted(share, SETTLED_SHARE - 1e-12)])


def _ages(feed: _Feed, seen: dict[int, np.ndarray], moment: int) -> np.ndarray:
    if moment <= 0 or np.isnan(seen[moment]).all():
        return np.array([], dtype="int64")
    usual, settled = _usual_before(seen, moment), feed.settled_days(seen[moment], moment)
    missing = _missing(seen[moment], usual, settled, feed.day_of_month[:moment])
    return (moment - np.flatnonzero(missing))[::-1].astype("int64")


def _usual_before(seen: dict[int, np.ndarray], moment: int) -> np.ndarray:
    """For each day before the moment, the median of the same weekday in the weeks before it, each at the same age."""
    before = np.full((WEEKS, moment), np.nan)
    for week in range(1, min(WEEKS, (moment - 1) // 7) + 1):
        before[week - 1, 7 * week :] = seen[moment - 7 * week]
    return _usual(before)


def _shifted(values: np.ndarray, days: int) -> np.ndarray:
    """values[i - days] at i, NaN where there is none."""
    moved = np.full(len(values), np.nan)
    if abs(days) < len(values):
        moved[max(0, days) : len(values) + min(0, days)] = values[max(0, -days) : len(values) - max(0, days)]
    return moved


def _usual(history: np.ndarray) -> np.ndarray:
    """What each day should have brought, from the same weekday of other weeks: their median, NaN left out.

    NaN where fewer than four weeks are left, or where too many of them were missing themselves.
    """
    given = np.sort(history, axis=0)  # NaN last; np.nanmedian would take ten times as long
    weeks = (~np.isnan(given)).sum(axis=0)
    days = np.arange(history.shape[1])
    lower, upper = given[np.maximum(weeks - 1, 0) // 2, days], given[np.minimum(weeks // 2, len(given) - 1), days]
    usual = (lower + upper) / 2
    steady = (given < LOW_SHARE * usual).sum(axis=0) <= ERRATIC_SHARE * weeks
    return np.where((weeks >= MIN_WEEKS) & steady, usual, np.nan)


def _missing(seen: np.ndarray, usual: np.ndarray, settled_days: int, day_of_month: np.ndarray) -> np.ndarray:
    """Which days are missing: bool, one for each day up to the moment; `seen` is NaN before the feed began."""
    judged = usual >= MIN_ROWS
    low = judged & (seen < LOW_SHARE * usual)
    began = int(np.argmax(~np.isnan(seen)))
    busy = np.flatnonzero(~low[began:])
    low[: began + (busy[0] if len(busy) else len(low))] = False  # a feed that starts slowly has no outage
    runs = _runs(low)
    missing = low & (np.bincount(runs, np.where(low, usual, 0))[runs] >= EXPECTED_ROWS)
    missing &= ~_habit_of_the_month(missing, low, judged, day_of_month)
    return _with_gaps(missing, seen, settled_days)


def _runs(flags: np.ndarray) -> np.ndarray:
    """Numbers the runs of equal flags: 0, 0, 1, 1, 1, 2 ..."""
    return np.concatenate([[0], np.cumsum(flags[1:] != flags[:-1])])


def _habit_of_the_month(
    missing: np.ndarray, low: np.ndarray, judged: np.ndarray, day_of_month: np.ndarray
) -> np.ndarray:
    """Short gaps on days of the month that are low on other occasions too (no invoices on the 31st)."""
    runs = _runs(missing)
    short = missing & (np.bincount(runs)[runs] <= HABIT_MAX_DAYS)
    times = np.bincount(day_of_month, low, minlength=32)[day_of_month] - low
    occasions = np.bincount(day_of_month, judged, minlength=32)[day_of_month] - judged
    return short & (times >= HABIT_TIMES) & (times > HABIT_SHARE * occasions)


def _with_gaps(missing: np.ndarray, seen: np.ndarray, settled_days: int) -> np.ndarray:
    """Adds long gaps without any row, the one that is still open included, as far as their rows were due.

    Where the weekdays show the gap's beginning, it only has to be long. Otherwise the feed is sparse, and a gap has
    to stand out from all the others: surveys that go out once a year are no outage for the rest of it.
    """
    due = len(seen) - settled_days + 1
    with_rows = np.flatnonzero(seen > 0)
    gaps = np.diff(with_rows)
    if len(gaps) < GAP_MIN_GAPS:
        return missing
    longest = np.sort(gaps)[-2:]
    limit = max(GAP_DAYS, GAP_MEDIANS * float(np.median(gaps)))
    missing = missing.copy()
    for before, after in zip(with_rows, [*with_rows[1:], max(due, with_rows[-1])], strict=True):
        end = min(after, due)
        if end - before <= limit:
            continue
        others = longest[0] if after - before == longest[1] and after <= with_rows[-1] else longest[1]
        if missing[before + 1 : before + 8].any() or end - before > GAP_OTHERS * others:
            missing[before + 1 : end] = True
    return missing
