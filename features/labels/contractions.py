"""Contractions: an account that stays and pays less, as recorded, or as its contracts tell.

A contract that follows another may begin some days after it (the allowed gap) or some days before it ends. Neither the
pause nor the overlap is a change of revenue, so the level before a contract's end is the lowest one of the gap before
it, and the level after it the highest one of the gap after it.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from pandas.api.typing import NaTType

from configs.settings import Settings
from features.sources import Sources
from features.timeline import MOMENT, churn_rows, contract_rows

CENTS = 2  # sums of ARR are rounded to these decimals: what is left of adding and taking away is no change


def contraction_rows(sources: Sources, settings: Settings) -> tuple[pd.DataFrame, pd.Timestamp | NaTType]:
    """account_id, at of every contraction; and until when they are known, NaT where no table tells of any.

    Outcomes of the kind contraction, known until the settling days before the data's end, and falls of ARR under
    contract by `churn.contraction_share` and more, known until the allowed gap (or the pause, if longer) before it.
    """
    rule = settings.churn
    parts, until = [], []
    if sources.has("outcomes"):
        parts.append(churn_rows(sources, "contraction")[["account_id", "at"]])
        until.append(sources.data_end - pd.Timedelta(days=rule.settling_days))
    if sources.has("contracts", "arr"):
        gap = pd.Timedelta(days=rule.allowed_gap_days)
        parts.append(arr_falls(contract_rows(sources, rule), rule.contraction_share, gap))
        until.append(sources.data_end - pd.Timedelta(days=rule.absence_days))
    if not parts:
        return pd.DataFrame({"account_id": pd.Series(dtype="str"), "at": pd.Series(dtype=MOMENT)}), pd.NaT
    rows = pd.concat([part.astype({"at": MOMENT}) for part in parts], ignore_index=True)
    return rows, min(until)


def arr_falls(contracts: pd.DataFrame, share: float, gap: pd.Timedelta) -> pd.DataFrame:
    """Moments (account_id, at) at which a contract ends and the ARR of those that cover is lower by `share` and more.

    contracts: account_id, at, ends_at (NaT: open), arr. An end after which nothing is left is no contraction. While a
    contract of unknown ARR covers, what the account's ARR adds up to is not known, and no fall is seen.
    """
    rows = contracts.assign(unknown=contracts.arr.isna().astype("int64"), change=contracts.arr.fillna(0.0))
    starts = rows[["account_id", "at", "change", "unknown"]]
    ends = rows.assign(at=rows.ends_at, change=-rows.change, unknown=-rows.unknown)[list(starts)].dropna()
    steps = pd.concat([starts, ends]).astype({"at": MOMENT, "change": "float64"})
    steps = steps.groupby(["account_id", "at"], sort=True)[["change", "unknown"]].sum().reset_index()
    sums = steps.groupby("account_id")[["change", "unknown"]].cumsum()
    level = sums["change"].round(CENTS).where(sums["unknown"] == 0).to_numpy()
    falls = np.flatnonzero(steps["change"].to_numpy() < 0)
    account = pd.factorize(steps.account_id)[0]
    at = steps["at"].to_numpy()
    before = _extreme(level, account, at, falls, gap.to_timedelta64(), -1)
    after = _extreme(level, account, at, falls, gap.to_timedelta64(), 1)
    fell = np.isfinite(before) & (after > 0) & (after <= (1 - share) * before)
    return steps.loc[falls[fell], ["account_id", "at"]].reset_index(drop=True)


def _extreme(
    level: np.ndarray, account: np.ndarray, at: np.ndarray, falls: np.ndarray, gap: np.timedelta64, way: int
) -> np.ndarray:
    """The lowest level above 0 within the gap before each fall (way -1), or the highest within the gap after it (1).

    `level` holds from its step to the account's next one. Steps are walked one by one away from the falls, all falls at
    a time: as many rounds as one account has steps within a gap.
    """
    extreme = level[falls] if way > 0 else np.full(len(falls), np.inf)
    going = np.arange(len(falls))
    step = falls.copy()
    while len(going):
        fall, here = falls[going], step[going]
        neighbour = np.clip(here + way, 0, len(level) - 1)
        near = (neighbour != here) & (account[neighbour] == account[fall])
        # Backwards, a level lies within the gap when the step that ended it does; the fall's own level always counts.
        near &= (at[neighbour] <= at[fall] + gap) if way > 0 else (here == fall) | (at[here] > at[fall] - gap)
        going, neighbour = going[near], neighbour[near]
        step[going] = neighbour
        if way > 0:
            extreme[going] = np.maximum(extreme[going], level[neighbour])
        else:
            extreme[going] = np.where(
                level[neighbour] > 0, np.minimum(extreme[going], level[neighbour]), extreme[going]
            )
    return extreme
