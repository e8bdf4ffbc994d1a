"""Drift: how far the signals and scores of a period have moved, beside how far they usually move.

A column's distribution is read at the deciles of the model's training time (the shares at or below each), with the
share that is missing; a category's at its values. The distance of two distributions is the largest difference of such a
share (Kolmogorov and Smirnov's, at the deciles), from 0 to 1. Each period is compared with the months before it, which
finds what moves suddenly, and with the training time, which finds what has moved slowly; the deciles are never those of
the rows being served.

With many signals a p-value a signal is no alarm: seasons and fashions move them all, and the same accounts come again
every month. A move counts when it is large, far beyond chance in a comparison of accounts (not of rows), and twice as
large as any before it in the same column, in all stages and in its own.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from configs.errors import DataError, Fault
from evaluation.formatting import decimal, percent
from evaluation.metrics import Array
from features.signal import SignalInfo
from features.timeline import Outage

STAGE = "lifecycle_stage"
ALL = "all stages"
BEFORE = 3  # months that a month is compared with
LEAST_ROWS = 30  # in a month and stage, below which nothing is said
HISTORY = 6  # earlier moves that tell what is usual
FAR, TIMES, SURE = 0.2, 2.0, 6.0  # a move that counts: its distance, times the largest before, standard errors
MOST_VALUES = 20  # of a category; the rest are not read
WINDOW_DAYS = 30  # looked back on by a signal without a window
DAY = pd.Timedelta(days=1)
MOVE_COLUMNS = ("as_of", "what", "view", "earlier", "before", "now", "distance", "from_training")


@dataclass(frozen=True)
class Move:
    """One column that moved in one period and stage: the share (`now`, and in the months `before`) that moved most.

    distance: between the two distributions; usual: the largest distance seen before; errors: standard errors of the
    difference, over accounts; from_training: distance from the training time; feeds: the tables that it is made of.
    """

    column: str
    stage: str
    as_of: pd.Timestamp
    what: str
    before: float
    now: float
    distance: float
    usual: float
    errors: float
    from_training: float
    feeds: tuple[str, ...]

    def __str__(self) -> str:
        return (
            f"{self.column} ({self.stage}): {percent(self.now)} {self.what}, {percent(self.before)} in the months"
            f" before (distance {decimal(self.distance)}, {decimal(self.usual)} at most until then)"
        )


def first_of_months(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of the first as_of of each calendar month: scoring the same accounts daily tells no more of them."""
    as_of = frame["as_of"]
    return frame[(as_of == as_of.groupby(as_of.dt.to_period("M")).transform("min")).to_numpy()]


def moves(
    frame: pd.DataFrame,
    signals: Sequence[SignalInfo],
    since: pd.Timestamp,
    version: str | None = None,
    cuts: Mapping[pd.Period, pd.Timestamp] | None = None,
    outages: Mapping[str, Sequence[Outage]] | None = None,
) -> pd.DataFrame:
    """Distances of every column, stage and month, from the months before and from the training time.

    frame: account_id, as_of, lifecycle_stage and the signals, one row an account and as_of; rows before `since` are the
    training time. version: a column that says by which model a month was scored; months are then compared with those
    of the same model. cuts: by calendar month, where the training time of the model that scored it ended (default:
    `since`), so that a month is far from its own model's training time only. outages: by feed; a move that one of them
    explains does not count as usual ever after. Returns column, stage, as_of, what, before, now, distance, usual (NaN:
    too few moves before), from_training, feeds, one row for each that has enough accounts. DataError without columns
    or without training time.
    """
    needed = ("account_id", "as_of", STAGE, *(info.name for info in signals), *([version] if version else ()))
    faults = [
        Fault(f"drift: {name}", "no such column", "a column of the frame", "build the signals again")
        for name in needed
        if name not in frame
    ]
    if faults:
        raise DataError(faults)
    frame = first_of_months(frame).reset_index(drop=True)
    trained = (frame["as_of"] < since).to_numpy()
    if not trained.any():
        raise DataError(
            Fault("drift", f"no rows before {since:%Y-%m-%d}", "rows of the training time", "give earlier ones")
        )
    months, first, month = np.unique(frame["as_of"].to_numpy(), return_index=True, return_inverse=True)
    model = frame[version].astype(str).to_numpy()[first] if version else np.full(len(months), "")
    own = [(cuts or {}).get(pd.Timestamp(day).to_period("M"), since) for day in months]
    until = np.array([max(1, int((months < cut).sum())) for cut in own])
    stages, stage = np.unique(frame[STAGE].astype(object).astype(str), return_inverse=True)
    names = (ALL, *stages)
    rows_moved: list[tuple[Any, ...]] = []
    down: set[tuple[str, pd.Timestamp]] = set()
    for info in signals:
        name, feeds, windows = info.name, info.tables, windows_of(info)
        shares, views = _shares(frame[name], trained)
        sums, rows = _sums(shares, stage, month, len(stages), len(months))
        gaps = list(of_feeds(outages or {}, feeds))
        down |= {(name, pd.Timestamp(day)) for day in months if gaps and _gap(windows, pd.Timestamp(day), gaps)}
        for stage_index, move in _moves_of(sums, rows, views, months, until, model):
            rows_moved.append((name, names[stage_index], *move, feeds))
    return _with_usual(pd.DataFrame(rows_moved, columns=["column", "stage", *MOVE_COLUMNS, "feeds"]), down)


def _shares(values: pd.Series, trained: Array) -> tuple[Array, list[str]]:
    """(n, views) of 0 and 1, and the description of each view: the cuts of the distribution that are compared."""
    missing = values.isna().to_numpy()
    views, descriptions = [missing], ["missing"]
    if pd.api.types.is_numeric_dtype(values):
        value = values.to_numpy(dtype=float, na_value=np.nan)
        known = value[trained & ~missing]
        if known.size:
            deciles = np.unique(np.quantile(known, np.arange(1, 10) / 10, method="inverted_cdf"))
            views += [value <= decile for decile in deciles]
            descriptions += [f"at or below {decile:.4g}" for decile in deciles]
    else:
        text = values.astype(object).where(~missing, "").astype(str).to_numpy()
        often = pd.Series(text[~missing]).value_counts().sort_index().sort_values(ascending=False, kind="stable")
        views += [~missing & (text == category) for category in often.index[:MOST_VALUES]]
        descriptions += [str(category) for category in often.index[:MOST_VALUES]]
    return np.array(views, dtype=float).T, descriptions


def _sums(shares: Array, stage: Array, month: Array, stages: int, months: int) -> tuple[Array, Array]:
    """Sums of the views (1 + stages, months, views) and rows (1 + stages, months); all stages first."""
    cell = stage * months + month
    sums = np.column_stack([np.bincount(cell, view, stages * months) for view in shares.T])
    sums = sums.reshape(stages, months, -1)
    rows = np.bincount(cell, minlength=stages * months).reshape(stages, months)
    return np.concatenate([sums.sum(0, keepdims=True), sums]), np.concatenate([rows.sum(0, keepdims=True), rows])


def _moves_of(
    sums: Array, rows: Array, views: Sequence[str], months: Array, until: Array, model: Array
) -> Iterator[tuple[int, tuple[Any, ...]]]:
    """The moves of one column: the index of a stage (all stages first) and its moves in order of time, as MOVE_COLUMNS.

    sums: (1 + stages, months, views); rows: (1 + stages, months). until: (months,) how many of the first months are the
    training time of the model that scored each. Sums and rows are whole numbers, so that no order of adding matters.
    """
    earlier = [np.flatnonzero(model[:month] == model[month])[-BEFORE:] for month in range(len(months))]
    is_earlier = np.zeros((len(months), len(months)))
    for month, others in enumerate(earlier):
        is_earlier[month, others] = 1
    earlier_rows = rows @ is_earlier.T
    trained_sums, trained_rows = sums.cumsum(axis=1)[:, until - 1], rows.cumsum(axis=1)[:, until - 1]
    with np.errstate(divide="ignore", invalid="ignore"):  # where there are no rows; those are not looked at
        now, before = sums / rows[..., None], (is_earlier @ sums) / earlier_rows[..., None]
        far = np.abs(now - trained_sums / trained_rows[..., None]).max(axis=-1)
    enough = (rows >= LEAST_ROWS) & (earlier_rows >= LEAST_ROWS)
    far = np.where(trained_rows >= LEAST_ROWS, far, np.nan)
    moved = np.abs(now - before)
    most = np.argmax(np.where(enough[..., None], moved, 0.0), axis=-1)
    for stage, month in zip(*np.nonzero(enough), strict=True):
        at = (stage, month, most[stage, month])
        before_months = months[earlier[month]]
        figures = (before[at], now[at], moved[at], float(far[stage, month]))
        yield stage, (months[month], views[at[2]], int(at[2]), before_months, *figures)


def _with_usual(table: pd.DataFrame, down: set[tuple[str, pd.Timestamp]]) -> pd.DataFrame:
    """Adds the largest distance before each, those of `down` (column, as_of) left out; NaN with too short a history.

    What moves everybody in some season moves a stage as well: a stage's is at least that of all stages.
    """
    by = [table["column"], table["stage"]]
    outside = [move not in down for move in zip(table["column"], table["as_of"], strict=True)]
    known = table["distance"].astype(float).where(np.array(outside, dtype=bool))
    largest = known.groupby(by, sort=False).cummax().groupby(by, sort=False).ffill().groupby(by, sort=False).shift(1)
    usual = largest.where(table.groupby(by, sort=False).cumcount() >= HISTORY)
    whole = table[["column", "as_of"]].assign(usual=usual)[(table["stage"] == ALL).to_numpy()]
    everybody = table[["column", "as_of"]].merge(whole, on=["column", "as_of"], how="left")["usual"]
    return table.assign(usual=usual.clip(lower=everybody.set_axis(table.index)))


def counted(frame: pd.DataFrame, table: pd.DataFrame, since: pd.Timestamp) -> tuple[Move, ...]:
    """The moves of `table` (see `moves`) since the training time that count; the farthest first within a month."""
    large = (table["distance"] >= FAR) & (table["distance"] > TIMES * table["usual"]) & (table["as_of"] >= since)
    frame = first_of_months(frame)
    moved = []
    for row in table[large].to_dict("records"):
        errors = _errors(frame, row, since)
        if errors >= SURE:
            kept = {name: row[name] for name in Move.__dataclass_fields__ if name in row}
            moved.append(Move(**kept, errors=errors))
    return tuple(sorted(moved, key=lambda move: (move.as_of, -move.distance, move.column, move.stage)))


def _errors(frame: pd.DataFrame, move: Mapping[Hashable, Any], since: pd.Timestamp) -> float:
    """How many standard errors a share has moved, the accounts being what is drawn (linearised, as in a survey)."""
    shares, _ = _shares(frame[move["column"]], (frame["as_of"] < since).to_numpy())
    share = shares[:, move["view"]]
    inside = (
        np.full(len(frame), True)
        if move["stage"] == ALL
        else (frame[STAGE].astype(object).astype(str) == move["stage"]).to_numpy()
    )
    now = inside & (frame["as_of"] == move["as_of"]).to_numpy()
    before = inside & frame["as_of"].isin(move["earlier"]).to_numpy()
    account, names = pd.factorize(frame["account_id"])
    by_account = np.zeros(len(names))
    for sign, rows in ((1, now), (-1, before)):
        np.add.at(by_account, account[rows], sign * (share[rows] - share[rows].mean()) / rows.sum())
    # With a share of 0 or 1 on both sides nothing varies: half an account is the least that chance can move.
    error = np.sqrt((by_account**2).sum() + (0.5 / now.sum()) ** 2)
    return float(abs(share[now].mean() - share[before].mean()) / error)


def explained(move: Move, signal: SignalInfo, outages: Mapping[str, Sequence[Outage]]) -> tuple[str, Outage] | None:
    """The feed and its outage that a move of a signal is put down to, if there is one: the feed was down for a tenth
    and more of the time that the signal, or one that it is made of, looks back on, in the month or in those that it is
    compared with."""
    return _gap(windows_of(signal), move.as_of, list(of_feeds(outages, signal.tables)))


def _gap(windows: Sequence[int], as_of: pd.Timestamp, gaps: Sequence[tuple[str, Outage]]) -> tuple[str, Outage] | None:
    for feed, outage in gaps:
        first, last = pd.Timestamp(outage.first_day), pd.Timestamp(outage.last_day) + DAY
        for back in range(BEFORE + 1):
            until = as_of - pd.DateOffset(months=back)
            for window in windows:
                overlap = (min(last, until) - max(first, until - window * DAY)) / DAY
                if overlap >= 0.1 * window:
                    return feed, outage
    return None


def windows_of(signal: SignalInfo) -> tuple[int, ...]:
    """The days that a signal looks back on, and those of its parts; WINDOW_DAYS where none says."""
    return signal.windows_days or (WINDOW_DAYS,)


def of_feeds(outages: Mapping[str, Sequence[Outage]], feeds: Sequence[str]) -> Iterator[tuple[str, Outage]]:
    """Every outage of these feeds, the newest first."""
    yield from ((feed, outage) for feed in feeds for outage in reversed(outages.get(feed, ())))


FAR_OFF = 0.3  # distance from the training time from which a signal is far from it

FARTHEST = 10  # signals named as the farthest from it


def share_far_off(
    table: pd.DataFrame, since: pd.Timestamp, down: set[tuple[str, pd.Timestamp]]
) -> Iterator[tuple[pd.Timestamp, float]]:
    """By month, of the signals that no outage accounts for."""
    if table.empty:
        return
    rows = table[(table["stage"] == ALL) & (table["as_of"] >= since) & table["from_training"].notna()]
    for as_of in sorted(rows["as_of"].unique()):
        of_month = rows[(rows["as_of"] == as_of).to_numpy()]
        distance = of_month.loc[[(name, as_of) not in down for name in of_month["column"]], "from_training"]
        yield pd.Timestamp(as_of), float((distance > FAR_OFF).mean())


def farthest_signals(table: pd.DataFrame) -> Iterator[tuple[str, float]]:
    """The signals that stood farthest from the training time in the newest month."""
    if table.empty:
        return
    rows = table[(table["stage"] == ALL) & (table["as_of"] == table["as_of"].max()) & table["from_training"].notna()]
    rows = rows.sort_values(["from_training", "column"], ascending=[False, True]).head(FARTHEST)
    yield from zip(rows["column"].astype(str), rows["from_training"].astype(float), strict=True)
