"""The rows of a month and of three months before, beside the snapshots asked for."""

from __future__ import annotations

import numpy as np
import pandas as pd

from configs.settings import Settings
from features.signals import MONTHS_BACK, days_back
from features.sources import Sources
from features.timeline import snapshots


def with_lagged_rows(sources: Sources, settings: Settings, days: pd.DatetimeIndex) -> pd.DataFrame:
    """Snapshots in play at the days and at those so many months before; and the lagged rows of accounts that were not
    in play then though they had begun.

    Columns: account_id, as_of, spell_start, in_play, asked, and row_{m}mo_ago, the row of then (-1: none, or another
    spell). The snapshots asked for come first, by as_of, then account.
    """
    lagged = {months: days_back(days, months) for months in MONTHS_BACK}
    every = pd.DatetimeIndex(np.unique(np.concatenate([days, *lagged.values()]))).as_unit("us")
    pairs = snapshots(sources, settings, every).assign(in_play=True)
    wanted = pairs[pairs.as_of.isin(days)]
    for months in MONTHS_BACK:
        then = wanted.assign(as_of=_back(wanted.as_of, months), in_play=False)
        then = then[then.spell_start < then.as_of]
        pairs = pd.concat([pairs, then])
    code = pd.factorize(pairs.account_id, sort=True)[0].astype("int64")
    key = every.get_indexer(pd.Index(pairs.as_of)) * np.int64(code.max(initial=0) + 1) + code
    _, first = np.unique(key, return_index=True)  # rows in play come first; sorted by as_of, then account
    pairs, key, code = pairs.iloc[first].reset_index(drop=True), key[first], code[first]
    for months in MONTHS_BACK:
        day = every.get_indexer(_back(pairs.as_of, months))
        then_key = day * np.int64(code.max(initial=0) + 1) + code
        row = np.minimum(np.searchsorted(key, then_key), max(len(key) - 1, 0))
        exists = (day >= 0) & (key[row] == then_key) if len(key) else np.empty(0, bool)
        starts = pairs.spell_start.to_numpy()
        pairs[f"row_{months}mo_ago"] = np.where(exists & (starts[row] == starts), row, -1)
    return _asked_first(pairs, days)


def _asked_first(pairs: pd.DataFrame, days: pd.DatetimeIndex) -> pd.DataFrame:
    asked = (pairs.in_play & pairs.as_of.isin(days)).to_numpy()
    order = np.argsort(~asked, kind="stable")
    new_row = np.empty(len(order) + 1, dtype="int64")
    new_row[order], new_row[-1] = np.arange(len(order)), -1
    pairs = pairs.assign(asked=asked).iloc[order].reset_index(drop=True)
    for months in MONTHS_BACK:
        pairs[f"row_{months}mo_ago"] = new_row[pairs[f"row_{months}mo_ago"]]
    return pairs


def _back(as_ofs: pd.Series, months: int) -> pd.DatetimeIndex:
    distinct = pd.DatetimeIndex(as_ofs.unique())
    codes = distinct.get_indexer(pd.Index(as_ofs))
    return days_back(distinct, months).take(codes)
