"""What becomes of a frame's raw aggregates: adjusted for a feed's outages, empty values filled in, and rounding."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from configs.tables import table
from features.frames import frame_named, tables_of
from features.signal import AggregateSignal
from features.sources import Sources
from features.timeline import asof_join, daily_totals, feed_outages, first_visible, spans
from features.usage import EVENTS, UsageStatistics

DIGITS = 9
TIE = 0.00137  # of a unit of the last digit
# Tables in which no row of an account means that nothing happened, rather than that nobody recorded it.
FOR_ALL = ("outcomes", "interventions")

Ages = Mapping[pd.Timestamp, np.ndarray]


def feeds_reached(
    sources: Sources, pairs: pd.DataFrame, statistics: UsageStatistics | None = None
) -> dict[str, np.ndarray]:
    """For each table mapped, (n,) flags: whether the account had any visible row of it by as_of."""
    code, accounts = pd.factorize(pairs.account_id)
    as_of, known = pairs.as_of.to_numpy(), {} if statistics is None else {EVENTS: statistics.first_visible}
    plain = [name for name in sources.tables if name not in sources.versions]
    first = {name: known[name] if name in known else first_visible(sources, name) for name in plain}
    reached = {name: days.reindex(accounts).to_numpy()[code] <= as_of for name, days in first.items()}
    corrected = {name: _reached_by_versions(sources, name, pairs) for name in sources.versions}
    return {name: reached[name] if name in reached else corrected[name] for name in sources.tables}


def _reached_by_versions(sources: Sources, name: str, pairs: pd.DataFrame) -> np.ndarray:
    """The same of a table in which facts have versions: one that was corrected away is there no more."""
    rows = spans(sources.history(), name)
    comes = rows[~(rows.superseded <= rows.visible)]
    goes = comes[comes.superseded.notna()]
    changes = [comes[["account_id", "visible"]].assign(n=1)]
    changes.append(goes[["account_id"]].assign(visible=goes.superseded, n=-1))
    counted = pd.concat(changes, ignore_index=True).groupby(["account_id", "visible"])[["n"]].sum().reset_index()
    counted["n"] = counted.groupby("account_id").n.cumsum()
    return (asof_join(pairs, counted, "visible", ["n"]).n > 0).to_numpy()


def feed_totals(sources: Sources, statistics: UsageStatistics | None = None) -> dict[str, pd.DataFrame]:
    """The rows of each feed by day and by when they became visible (`daily_totals`)."""
    known = {} if statistics is None else {EVENTS: statistics.totals}
    feeds = [name for name in sources.tables if table(name).activity]
    return {name: known[name] if name in known else daily_totals(sources, name) for name in feeds}


def outage_ages(sources: Sources, pairs: pd.DataFrame, totals: Mapping[str, pd.DataFrame]) -> dict[str, Ages]:
    """For each feed with any, the ages of its outage days at each as_of that has some."""
    of_feeds = feed_outages(sources, pd.DatetimeIndex(pairs.as_of.unique()), totals)
    by_feed = {feed: {day: ages for day, ages in by_day.items() if len(ages)} for feed, by_day in of_feeds.items()}
    return {feed: by_day for feed, by_day in by_feed.items() if by_day}


def days_of_feed(totals: pd.DataFrame, pairs: pd.DataFrame, began: pd.Series) -> np.ndarray:
    """(n,) days up to as_of since the account began and since the first day of the feed with a row known by as_of; 0
    where none was."""
    rows = totals[totals.n > 0].sort_values("visible", kind="stable")
    first = np.minimum.accumulate(rows.day.to_numpy()) if len(rows) else np.array([], dtype="datetime64[us]")
    known = np.searchsorted(rows.visible.to_numpy(), pairs.as_of.to_numpy(), side="right")
    there = np.full(len(pairs), np.datetime64("NaT", "us"))
    there[known > 0] = first[known[known > 0] - 1]
    start = np.fmax(there, began.dt.normalize().to_numpy())
    days = (pairs.as_of.to_numpy() - start) / np.timedelta64(1, "D")
    return np.where(known > 0, np.maximum(days, 0.0), 0.0)


def outage_days(outages: Mapping[str, Ages], pairs: pd.DataFrame, days: int = 30) -> pd.Series:
    """Days of the last 30 on which at least one feed was down."""
    down: dict[pd.Timestamp, set[int]] = {}
    for by_day in outages.values():
        for day, ages in by_day.items():
            down.setdefault(day, set()).update(ages[ages <= days].tolist())
    return pairs.as_of.map({day: float(len(ages)) for day, ages in down.items()}).astype("float64").fillna(0.0)


def postprocess(
    values: np.ndarray,
    signal: AggregateSignal,
    has: Mapping[str, np.ndarray],
    outages: Mapping[str, Ages],
    pairs: pd.DataFrame,
    days: Mapping[str, np.ndarray],
) -> None:
    """In place: text stays as it is; numbers are adjusted for outages, filled in where empty and fed, and rounded."""
    if signal.kind == "category":
        return
    feed = frame_named(signal.frame).table
    if signal.empty is not None:
        missing = np.isnan(values)
        values[missing if feed in FOR_ALL else missing & has[feed]] = signal.empty
    if signal.outage != "none":
        there = days.get(feed, np.full(len(values), np.inf))
        values[:] = _adjusted_for_outages(values, signal, _of_any(outages, tables_of(signal)), pairs, there)
    significant(values, values)


def _of_any(outages: Mapping[str, Ages], feeds: Iterable[str]) -> Ages:
    """The days on which any of the feeds was down: a signal made of several misses what each would have brought."""
    down: dict[pd.Timestamp, np.ndarray] = {}
    for feed in feeds:
        for as_of, ages in outages.get(feed, {}).items():
            down[as_of] = np.union1d(down[as_of], ages) if as_of in down else ages
    return down


def _adjusted_for_outages(
    values: np.ndarray, signal: AggregateSignal, ages: Ages, pairs: pd.DataFrame, days: np.ndarray
) -> np.ndarray:
    """Counts and sums are scaled to the days on which the feed worked, and like "void" ones missing when it worked on
    under half of the window's; days since something count only days on which it worked. Of a window that reaches back
    before the account (or the feed) began, the `days` since count."""
    out = values.copy()
    for as_of, down_ages in ages.items():
        rows = np.flatnonzero((pairs.as_of == as_of).to_numpy())
        if signal.outage == "since":
            out[rows] = values[rows] - np.searchsorted(down_ages, np.nan_to_num(values[rows]), side="right")
            continue
        assert signal.window_days is not None  # a test over the catalogue holds it
        begins = np.maximum(np.minimum(signal.window_days, days[rows]), signal.window_from_days)
        length = begins - signal.window_from_days
        within = np.searchsorted(down_ages, [signal.window_from_days], side="right")
        down = np.searchsorted(down_ages, begins, side="right") - within
        scaled = values[rows] * (length / np.maximum(length - down, 1)) if signal.outage == "scale" else values[rows]
        out[rows] = np.where(2 * down > length, np.nan, np.where(down > 0, scaled, values[rows]))
    return out


def significant(values: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Rounded to nine significant digits: sums of floats differ in their last bits with the order of the rows, and
    between engines (DuckDB alone adds up exactly, features/sources/backends/exact_sums.py).

    A mean of a few days or amounts often ends in a five just behind the ninth digit, where those last bits would
    decide: the boundary lies TIE beside it, where no quantity that is counted ends.

    `out` takes the result where it is given; it may be `values`.

    >>> significant(np.array([1234.56789012345, 0.0, float("nan")])).tolist()
    [1234.56789, 0.0, nan]
    """
    rough = np.flatnonzero(np.isfinite(values) & (values != np.rint(values)) | np.isinf(values))
    inexact = values[rough]
    if out is None:
        out = values.copy()
    elif out is not values:
        out[:] = values
    with np.errstate(divide="ignore", invalid="ignore"):
        exponent = np.floor(np.log10(np.abs(inexact)))
    scale = 10.0 ** (DIGITS - 1 - np.where(np.isfinite(exponent), exponent, 0))
    nearest = np.copysign(np.floor(np.abs(inexact) * scale + 0.5 + TIE), inexact)
    out[rough] = np.where(np.isfinite(inexact), nearest / scale, np.nan)
    return out
