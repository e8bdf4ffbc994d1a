"""What the health score has meant so far, by stage and band of scores, and whose level other weights would change.

Rows are snapshots; intervals are over accounts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from configs.framework import Level
from configs.settings import Settings
from evaluation.metrics import Interval, share_interval
from features.health import STAGE
from training.health import health_levels

BAND_POINTS = 5
BAND_ACCOUNTS = 30  # with fewer, a band is pooled with the next one


@dataclass(frozen=True)
class LevelMove:
    """How many accounts would move from one health level to another."""

    level_before: str
    level_after: str
    accounts: int


@dataclass(frozen=True)
class MovedAccount:
    """An account whose health score (0-100) would stand in another level."""

    account_id: str
    before: float
    after: float
    level_before: str
    level_after: str


@dataclass(frozen=True)
class LevelChanges:
    """Accounts whose health score would stand in another level under other weights.

    Attributes
    ----------
    as_of : str
        ISO day.
    scored, changed : int
        Accounts with a score, and those whose level changes.
    moves : tuple of LevelMove
        The most frequent first.
    accounts : tuple of MovedAccount
        The largest change of score first.
    """

    as_of: str
    scored: int
    changed: int
    moves: tuple[LevelMove, ...]
    accounts: tuple[MovedAccount, ...]


@dataclass(frozen=True)
class ScoreBand:
    """The share of a stage's scorings with a health score in [health_from, health_to) that churned; 100 is in the last.

    Attributes
    ----------
    stage : str
        Lifecycle stage.
    health_from, health_to : int
        Ends of the band, 0-100.
    rows, accounts, churned_accounts : int
        What it holds.
    share : Interval
        Of its rows that churned within the main horizon, 0-1.
    """

    stage: str
    health_from: int
    health_to: int
    rows: int
    accounts: int
    churned_accounts: int
    share: Interval


@dataclass(frozen=True)
class RefusedBands:
    """A stage without score bands, and why it has none.

    Attributes
    ----------
    stage : str
        Lifecycle stage.
    refused : str
        The reason, with the numbers.
    """

    stage: str
    refused: str


def level_changes(frame: pd.DataFrame, before: np.ndarray, after: np.ndarray, levels: Sequence[Level]) -> LevelChanges:
    """Which accounts' health score would stand in another level, the largest changes of score first.

    Parameters
    ----------
    frame : pd.DataFrame
        account_id and as_of of n accounts.
    before, after : array, (n,)
        Health scores, 0-100; NaN: none.
    levels : sequence of Level
        The health levels.

    Returns
    -------
    LevelChanges
    """
    rows = pd.DataFrame({"account_id": frame.account_id.to_numpy(), "before": before, "after": after})
    rows["level_before"], rows["level_after"] = health_levels(before, levels), health_levels(after, levels)
    moved = rows[rows.level_before.notna() & (rows.level_before != rows.level_after)]
    order = (moved.after - moved.before).abs().sort_values(ascending=False, kind="stable").index
    table = moved.value_counts(["level_before", "level_after"]).reset_index(name="accounts")
    shown = moved.loc[order].round({"before": 1, "after": 1})
    return LevelChanges(
        as_of=f"{frame.as_of.max():%Y-%m-%d}",
        scored=int(np.isfinite(before).sum()),
        changed=len(moved),
        moves=tuple(LevelMove(*move) for move in table.itertuples(index=False)),
        accounts=tuple(MovedAccount(*row) for row in shown.itertuples(index=False)),
    )


def score_bands(rows: pd.DataFrame, settings: Settings) -> tuple[ScoreBand | RefusedBands, ...]:
    """What share of the accounts of a stage with such a health score really left within the main horizon.

    Parameters
    ----------
    rows : pd.DataFrame
        Snapshots whose window has passed: account_id, lifecycle_stage, health (0-100) and y (0 or 1).
    settings : Settings
        Stages, and `evaluation.min_churned_accounts`.

    Returns
    -------
    tuple of ScoreBand or RefusedBands
        Bands of BAND_POINTS are pooled from the lowest up until each has BAND_ACCOUNTS accounts; a stage with fewer of
        these, or with too few churned ones, has RefusedBands instead.
    """
    bands: list[ScoreBand | RefusedBands] = []
    least = settings.evaluation.min_churned_accounts
    for stage in settings.framework.stages:
        own = rows[(rows[STAGE] == stage.name) & rows.health.notna()]
        accounts, churned = own.account_id.nunique(), own.account_id[own.y == 1].nunique()
        if accounts < BAND_ACCOUNTS or churned < least:
            refused = f"{churned} churned of {accounts} accounts; at least {least} of {BAND_ACCOUNTS} needed"
            bands.append(RefusedBands(stage.name, refused))
            continue
        band = (own.health // BAND_POINTS).clip(upper=100 // BAND_POINTS - 1)
        for first, last in _pooled(band, own.account_id):
            inside = own[(band >= first) & (band <= last)]
            low, high = share_interval(inside.y.to_numpy(), inside.account_id.to_numpy())
            bands.append(
                ScoreBand(
                    stage=stage.name,
                    health_from=first * BAND_POINTS,
                    health_to=(last + 1) * BAND_POINTS,
                    rows=len(inside),
                    accounts=int(inside.account_id.nunique()),
                    churned_accounts=int(inside.account_id[inside.y == 1].nunique()),
                    share=Interval(float(inside.y.mean()), low, high),
                )
            )
    return tuple(bands)


def _pooled(band: pd.Series, account: pd.Series) -> list[tuple[int, int]]:
    """(first, last) of each run of bands that has BAND_ACCOUNTS accounts; what is left over joins the last run."""
    runs: list[tuple[int, int]] = []
    start = 0
    for last in range(100 // BAND_POINTS):
        if account[(band >= start) & (band <= last)].nunique() >= BAND_ACCOUNTS:
            runs.append((start, last))
            start = last + 1
    if start < 100 // BAND_POINTS:
        runs[-1] = (runs[-1][0], 100 // BAND_POINTS - 1)
    return runs
