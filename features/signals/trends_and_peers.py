"""Signals across dimensions: how health moved, how long the stage has lasted, how peers and the family fare.

They are worked out from columns of the frame, after lifecycle stage and health scores. What looks a month back reads
the frame's own row of then, which holds what was known then. Peers are the accounts in play at the same as_of.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from configs.framework import DIMENSIONS
from features.health import stage_months
from features.signal import DerivedSignal
from features.signals.exposure import peers_median, per_window

MONTHS_BACK = (1, 3)  # calendar months, so that monthly snapshots serve as each other's past


def days_back(as_ofs: pd.DatetimeIndex, months: int) -> pd.DatetimeIndex:
    """The midnights so many calendar months before.

    Parameters
    ----------
    as_ofs : DatetimeIndex
        (n,) midnights.
    months : int
        Calendar months; a day that the earlier month lacks becomes its last.

    Returns
    -------
    DatetimeIndex, (n,)

    Examples
    --------
    >>> [f"{day:%m-%d}" for day in days_back(pd.DatetimeIndex(["2025-03-31", "2025-04-01"]), 1)]
    ['02-28', '03-01']
    """
    return pd.DatetimeIndex([day - pd.DateOffset(months=months) for day in as_ofs]).as_unit("us")


def before(t: Any, name: str, months: int) -> pd.Series:
    """The column's value in the same account's row of so many months before, in the same spell; missing without one."""
    return t[name].reindex(t[f"row_{months}mo_ago"]).set_axis(t[name].index)


def _change(name: str, dimension: str, months: int, words: str) -> DerivedSignal:
    return DerivedSignal(
        name=f"{name}_change_{months}mo",
        dimension=dimension,
        unit="points",
        healthier=1,
        sentence=f"change of {words} over {'a month' if months == 1 else f'{months} months'}",
        value=lambda t: t[name] - before(t, name, months),
        of=(name,),
    )


def _of_family(t: Any, name: str) -> pd.Series:
    """Mean of a column over the other accounts in play of the same family (parent and its children) at that as_of."""
    values = t[name].where(t.in_play)
    grouped = values.groupby(t.codes("as_of", "family"))
    total, count = grouped.transform("sum"), grouped.transform("count")
    others = count - values.notna()
    return ((total - values.fillna(0.0)) / others).where(others > 0)


def _of_parent(t: Any, name: str) -> pd.Series:
    at = pd.MultiIndex.from_arrays([t.account_id, t.as_of])
    values = pd.Series(t[name].where(t.in_play).to_numpy(), index=at)
    asked = pd.MultiIndex.from_arrays([t.parent_account_id.astype(object), t.as_of])
    return pd.Series(values.reindex(asked).to_numpy(), index=t[name].index)


def _against_peers(
    name: str, dimension: str, healthier: int, words: str, of: Callable[[Any], pd.Series] | None = None
) -> DerivedSignal:
    """The signal, or what `of` makes of the frame in its place, less that of its peers."""

    def value(t: Any) -> pd.Series:
        own = t[name] if of is None else of(t)
        return own - peers_median(t, own, ("segment", "lifecycle_stage"))

    return DerivedSignal(
        name=f"{name}_against_peers",
        dimension=dimension,
        unit="difference",
        healthier=healthier,
        sentence=f"{words}, less the median of accounts of its segment and stage",
        value=value,
        of=(name,),
        peers=True,
    )


TRENDS_AND_PEERS: tuple[DerivedSignal, ...] = (
    _change("health_score", "account", 1, "the health score"),
    _change("health_score", "account", 3, "the health score"),
    *(_change(f"health_{name}", name, 3, f"the score for {name}") for name in DIMENSIONS),
    DerivedSignal(
        name="stage_months",
        dimension="account",
        unit="months",
        healthier=0,
        sentence="full months (0, 1 or 3, as far as looked back) that the lifecycle stage has lasted",
        value=lambda t: stage_months(
            t.lifecycle_stage, before(t, "lifecycle_stage", 1), before(t, "lifecycle_stage", 3)
        ),
    ),
    _against_peers("usage_change_14d", "usage", 1, "change of usage over 14 days"),
    _against_peers("usage_against_norm_30d", "usage", 1, "usage against the account's own norm"),
    _against_peers("attendance_share_90d", "engagement", 1, "share of appointments kept"),
    _against_peers(
        "tickets_90d",
        "engagement",
        0,
        "tickets in 90 days (as if all had as many)",
        lambda t: per_window(t, "tickets", t.tickets_90d, 1.0, 90),
    ),
    DerivedSignal(
        name="usage_of_all_change_30d",
        dimension="usage",
        unit="ratio",
        healthier=0,
        sentence="how the usage of all customers stands against their own norm (the season)",
        value=lambda t: peers_median(t, t.usage_against_norm_30d, ()),
        of=("usage_against_norm_30d",),
        window_days=90,
        peers=True,
    ),
    DerivedSignal(
        name="family_health_score",
        dimension="relationship",
        unit="0 to 100",
        healthier=1,
        sentence="mean health score of the other accounts of the same family",
        value=lambda t: _of_family(t, "health_score"),
        needs=("accounts.parent_account_id",),
        of=("health_score",),
        peers=True,
    ),
    DerivedSignal(
        name="parent_sponsor_present",
        dimension="relationship",
        unit="contacts",
        healthier=1,
        sentence="executive sponsors in place now at the parent account",
        value=lambda t: _of_parent(t, "executive_sponsor_present"),
        needs=("accounts.parent_account_id",),
        of=("executive_sponsor_present",),
        peers=True,
    ),
)
