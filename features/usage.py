"""Usage: how much, how often, how broadly and by how many the product is used, and where that is heading."""

from __future__ import annotations

from features.signal import Signal
from features.windows import ratio

DAYS = "usage_days"
USERS = "usage_users"
FEATURES = "usage_features"
USER = ("usage_events.user_id",)
FEATURE = ("usage_events.feature",)


def _volume(days: int) -> Signal:
    return Signal(
        f"usage_{days}d",
        "usage",
        "events",
        1,
        f"use of the product in the last {days} days",
        lambda t: t.quantity.sum(where=t.age <= days),
        fold=DAYS,
        window_days=days,
        empty=0.0,
    )


def _active_days(days: int) -> Signal:
    return Signal(
        f"active_days_{days}d",
        "usage",
        "days",
        1,
        f"days with any use in the last {days} days",
        lambda t: t.day.nunique(where=t.age <= days),
        fold=DAYS,
        window_days=days,
        empty=0.0,
    )


def _active_users(days: int) -> Signal:
    return Signal(
        f"active_users_{days}d",
        "usage",
        "users",
        1,
        f"people who used the product in the last {days} days",
        lambda t: t.count(where=t.last_age <= days),
        fold=USERS,
        needs=USER,
        window_days=days,
        empty=0.0,
    )


def _features(days: int) -> Signal:
    return Signal(
        f"features_used_{days}d",
        "usage",
        "features",
        1,
        f"features in use in the last {days} days",
        lambda t: t.count(where=t.last_age <= days),
        fold=FEATURES,
        needs=FEATURE,
        window_days=days,
        empty=0.0,
    )


USAGE: tuple[Signal, ...] = (
    _volume(7),
    _volume(14),
    _volume(30),
    _volume(90),
    _volume(180),
    Signal(
        "usage_before_14d",
        "usage",
        "events",
        1,
        "use of the product in the 14 days before the last 14",
        lambda t: t.quantity.sum(where=(t.age > 14) & (t.age <= 28)),
        fold=DAYS,
        window_days=28,
        empty=0.0,
    ),
    Signal(
        "usage_last_year_30d",
        "usage",
        "events",
        0,
        "use of the product in the same 30 days a year ago",
        lambda t: t.quantity.sum(where=(t.age > 365) & (t.age <= 395)),
        fold=DAYS,
        window_days=395,
        empty=0.0,
    ),
    Signal(
        "days_since_use",
        "usage",
        "days",
        -1,
        "days since the product was last used",
        lambda t: t.age.min(),
        fold=DAYS,
    ),
    _active_days(14),
    _active_days(30),
    _active_days(90),
    _active_users(7),
    _active_users(30),
    _active_users(90),
    Signal(
        "user_days_30d",
        "usage",
        "user-days",
        1,
        "days of use summed over people in the last 30 days",
        lambda t: t.days_30d.sum(),
        fold=USERS,
        needs=USER,
        window_days=30,
        empty=0.0,
    ),
    Signal(
        "users_lost_30d",
        "usage",
        "users",
        -1,
        "people who used the product 30 to 90 days ago and no longer do",
        lambda t: t.count(where=(t.last_age > 30) & (t.last_age <= 90)),
        fold=USERS,
        needs=USER,
        window_days=90,
        empty=0.0,
    ),
    Signal(
        "top_user_share_90d",
        "usage",
        "share",
        0,
        "share of the use in 90 days that came from one person",
        lambda t: ratio(t.quantity_90d.max(), t.quantity_90d.sum()),
        fold=USERS,
        needs=USER,
        window_days=90,
    ),
    _features(30),
    _features(90),
    Signal(
        "features_dropped_30d",
        "usage",
        "features",
        -1,
        "features used 30 to 90 days ago and not since",
        lambda t: t.count(where=(t.last_age > 30) & (t.last_age <= 90)),
        fold=FEATURES,
        needs=FEATURE,
        window_days=90,
        empty=0.0,
    ),
    Signal(
        "features_new_30d",
        "usage",
        "features",
        1,
        "features taken up for the first time in the last 30 days",
        lambda t: t.count(where=t.first_age <= 30),
        fold=FEATURES,
        needs=FEATURE,
        window_days=30,
        empty=0.0,
    ),
    Signal(
        "usage_change_14d",
        "usage",
        "ratio",
        1,
        "use in the last 14 days against the 14 before (1 is unchanged)",
        lambda t: ratio(t.usage_14d, t.usage_before_14d),
        window_days=28,
        of=("usage_14d", "usage_before_14d"),
    ),
    Signal(
        "usage_against_norm_30d",
        "usage",
        "ratio",
        1,
        "use in the last 30 days against the account's own months before (1 is unchanged)",
        lambda t: ratio(t.usage_30d * 2.0, t.usage_90d - t.usage_30d),
        window_days=90,
        of=("usage_30d", "usage_90d"),
    ),
    Signal(
        "usage_trend_90d",
        "usage",
        "ratio",
        1,
        "use in the last 90 days against the 90 before (1 is unchanged)",
        lambda t: ratio(t.usage_90d, t.usage_180d - t.usage_90d),
        window_days=180,
        of=("usage_90d", "usage_180d"),
    ),
    Signal(
        "usage_against_last_year_30d",
        "usage",
        "ratio",
        1,
        "use in the last 30 days against the same days a year ago (1 is unchanged)",
        lambda t: ratio(t.usage_30d, t.usage_last_year_30d),
        window_days=395,
        of=("usage_30d", "usage_last_year_30d"),
    ),
    Signal(
        "active_days_change_30d",
        "usage",
        "ratio",
        1,
        "days with use in the last 30 days against the account's own 90-day pace (1 is unchanged)",
        lambda t: ratio(t.active_days_30d * 3.0, t.active_days_90d),
        window_days=90,
        of=("active_days_30d", "active_days_90d"),
    ),
    Signal(
        "active_users_change_30d",
        "usage",
        "ratio",
        1,
        "people active in the last 30 days as a share of those active in 90",
        lambda t: ratio(t.active_users_30d, t.active_users_90d),
        window_days=90,
        of=("active_users_30d", "active_users_90d"),
    ),
    Signal(
        "features_change_30d",
        "usage",
        "ratio",
        1,
        "features used in the last 30 days as a share of those used in 90",
        lambda t: ratio(t.features_used_30d, t.features_used_90d),
        window_days=90,
        of=("features_used_30d", "features_used_90d"),
    ),
    Signal(
        "seats_used_share",
        "usage",
        "share",
        1,
        "people active in the last 30 days as a share of the seats bought",
        lambda t: ratio(t.active_users_30d, t.seats),
        window_days=30,
        of=("active_users_30d", "seats"),
    ),
    Signal(
        "usage_per_arr_90d",
        "usage",
        "events per 1,000 of ARR",
        1,
        "use in 90 days for each 1,000 of yearly price",
        lambda t: ratio(t.usage_90d * 1000.0, t.arr),
        window_days=90,
        of=("usage_90d", "arr"),
    ),
)
