"""Usage: how much, how often, how broadly and by how many users the product is used, and where that is heading."""

from __future__ import annotations

from typing import Any

import ibis

from features.signal import AggregateSignal, Signal
from features.signals.usage_ratios import USAGE_RATIOS
from features.signals.windows import COUNT, over_windows
from features.timeline import days_between, ratio

USER, FEATURE = ("usage_events.user_id",), ("usage_events.feature",)
# The frames of usage, and what the signals of each have in common: days are counted, users and features distinct.
DAYS: dict[str, Any] = {"dimension": "usage", "frame": "usage_days"}
USERS: dict[str, Any] = {"dimension": "usage", "frame": "usage_users", "needs": USER, "outage": "void"}
FEATURES: dict[str, Any] = {"dimension": "usage", "frame": "usage_features", "needs": FEATURE, "outage": "void"}


def _week_used(t, week: int):  # type: ignore[no-untyped-def]
    """1 when the account used the product in that week, counted back from as_of (1: the last seven days)."""
    within = (t.age <= 7 * week) & (t.age > 7 * (week - 1))
    return (t.days.sum(where=within).fill_null(0.0) > 0).ifelse(ibis.literal(1.0), ibis.literal(0.0))


def _weeks_in_a_row(t):  # type: ignore[no-untyped-def]
    streak = ibis.literal(0.0)
    for week in (4, 3, 2, 1):
        streak = _week_used(t, week) * (streak + 1.0)
    return streak


def _mean_seats(t):  # type: ignore[no-untyped-def]
    """Seats of today for the days since the newest term began, those of a month ago (where there were some) before."""
    since = ibis.least(t.age.min(where=t.covers), ibis.literal(30.0))
    a_month_ago = t.seats.sum(where=(t.age > 30) & (t.ends_at.isnull() | (days_between(t.as_of, t.ends_at) <= 30)))
    now = t.seats.sum(where=t.covers)
    then = ibis.coalesce(a_month_ago, now)
    return (now * since + then * (ibis.literal(30.0) - since)) / ibis.literal(30.0)


USAGE: tuple[Signal, ...] = (
    *over_windows(
        (7, 14, 30, 90, 180),
        name="usage_{days}d",
        unit="events",
        healthier=1,
        sentence="usage {window}",
        value=lambda t, days: t.quantity.sum(where=t.age <= days),
        **DAYS,
        **COUNT,
    ),
    *over_windows(
        (7, 14, 30, 90, 180),
        name="sessions_{days}d",
        unit="sessions",
        healthier=1,
        sentence="recorded uses, however large, {window}",
        value=lambda t, days: t.n.sum(where=t.age <= days),
        needs=("usage_events.quantity",),
        **DAYS,
        **COUNT,
    ),
    AggregateSignal(
        name="usage_before_14d",
        unit="events",
        healthier=1,
        sentence="usage in the 14 days before the last 14",
        value=lambda t: t.quantity.sum(where=(t.age > 14) & (t.age <= 28)),
        window_days=28,
        window_from_days=14,
        **DAYS,
        **COUNT,
    ),
    AggregateSignal(
        name="usage_last_year_30d",
        unit="events",
        healthier=0,
        sentence="usage in the same 30 days a year ago",
        value=lambda t: t.quantity.sum(where=(t.age > 365) & (t.age <= 395)),
        window_days=395,
        window_from_days=365,
        **DAYS,
        **COUNT,
    ),
    AggregateSignal(
        name="days_since_use",
        unit="days",
        healthier=-1,
        sentence="days since the product was last used (396: longer ago); of seats never used, since there were both",
        value=lambda t: t.last_age.min(),
        outage="since",
        empty=396.0,
        **DAYS,
    ),
    *over_windows(
        (7, 14, 30, 90),
        name="active_days_{days}d",
        unit="days",
        healthier=1,
        sentence="days with any usage {window}",
        value=lambda t, days: t.days.sum(where=t.age <= days),
        **DAYS,
        **COUNT,
    ),
    AggregateSignal(
        name="weeks_in_a_row",
        unit="weeks",
        healthier=1,
        sentence="weeks with usage, counted back from today without a break (at most 4)",
        value=_weeks_in_a_row,
        outage="void",
        window_days=28,
        empty=0.0,
        **DAYS,
    ),
    AggregateSignal(
        name="weekend_share_90d",
        unit="share",
        healthier=0,
        sentence="share of usage in 90 days that fell on weekends",
        value=lambda t: ratio(t.weekend.sum(where=t.age <= 90), t.quantity.sum(where=t.age <= 90)),
        outage="void",
        trials=lambda t: t.days.sum(where=t.age <= 90),
        window_days=90,
        **DAYS,
    ),
    AggregateSignal(
        name="usage_mean_age_90d",
        unit="days",
        healthier=-1,
        sentence="mean days since the uses of the last 90 days",
        value=lambda t: ratio(t.aged.sum(where=t.age <= 90), t.quantity.sum(where=t.age <= 90)),
        outage="void",
        window_days=90,
        **DAYS,
    ),
    AggregateSignal(
        name="seats_mean_30d",
        dimension="usage",
        unit="seats",
        healthier=0,
        sentence="seats under contract in the last 30 days, on the mean",
        value=_mean_seats,
        frame="contracts",
        needs=("contracts.seats",),
        window_days=30,
    ),
    *over_windows(
        (1, 7, 30, 90),
        name="active_users_{days}d",
        unit="users",
        healthier=1,
        sentence="active users {window}",
        value=lambda t, days: t.count(where=t.last_age <= days),
        empty=0.0,
        **USERS,
    ),
    AggregateSignal(
        name="users_lost_30d",
        unit="users",
        healthier=-1,
        sentence="users active 30 to 90 days ago and no longer",
        value=lambda t: t.count(where=(t.last_age > 30) & (t.last_age <= 90)),
        window_days=90,
        empty=0.0,
        **USERS,
    ),
    AggregateSignal(
        name="users_new_30d",
        unit="users",
        healthier=1,
        sentence="users active in the last 30 days and not in the 60 before",
        value=lambda t: t.count(where=t.first_within <= 30),
        window_days=90,
        empty=0.0,
        **USERS,
    ),
    AggregateSignal(
        name="power_use_lost_30d",
        unit="share",
        healthier=-1,
        sentence="share of usage 30 to 60 days ago that came from users who have not come back since",
        value=lambda t: ratio(
            t.quantity_before_30d.sum(where=t.last_age > 30).fill_null(0.0), t.quantity_before_30d.sum()
        ),
        trials=lambda t: t.quantity_before_30d.sum(),
        window_days=60,
        **USERS,
    ),
    AggregateSignal(
        name="top_user_share_90d",
        unit="share",
        healthier=0,
        sentence="share of usage in 90 days that came from one user",
        value=lambda t: ratio(t.quantity_90d.max(), t.quantity_90d.sum()),
        trials=lambda t: t.quantity_90d.sum(),
        window_days=90,
        **USERS,
    ),
    *over_windows(
        (7, 30, 90),
        name="features_used_{days}d",
        unit="features",
        healthier=1,
        sentence="features in use {window}",
        value=lambda t, days: t.count(where=t.last_age <= days),
        empty=0.0,
        **FEATURES,
    ),
    AggregateSignal(
        name="features_dropped_30d",
        unit="features",
        healthier=-1,
        sentence="features used 30 to 90 days ago and not since",
        value=lambda t: t.count(where=(t.last_age > 30) & (t.last_age <= 90)),
        window_days=90,
        empty=0.0,
        **FEATURES,
    ),
    AggregateSignal(
        name="features_new_30d",
        unit="features",
        healthier=1,
        sentence="features taken up in the last 30 days, not in use in the 60 before",
        value=lambda t: t.count(where=t.first_within <= 30),
        window_days=90,
        empty=0.0,
        **FEATURES,
    ),
    AggregateSignal(
        name="top_feature_share_90d",
        unit="share",
        healthier=0,
        sentence="share of usage in 90 days that went to one feature",
        value=lambda t: ratio(t.quantity_90d.max(), t.quantity_90d.sum()),
        trials=lambda t: t.quantity_90d.sum(),
        window_days=90,
        **FEATURES,
    ),
    *USAGE_RATIOS,
)
