"""Usage: how much, how often, how broadly and by how many the product is used, and where that is heading."""

from __future__ import annotations

import ibis

from features.signal import Signal
from features.signals.trends_and_peers import peers_median
from features.timeline import ratio

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
        outage="scale",
        empty=0.0,
    )


def _sessions(days: int) -> Signal:
    return Signal(
        f"sessions_{days}d",
        "usage",
        "sessions",
        1,
        f"recorded uses, however large, in the last {days} days",
        lambda t: t.n.sum(where=t.age <= days),
        fold=DAYS,
        needs=("usage_events.quantity",),
        window_days=days,
        outage="scale",
        empty=0.0,
    )


def _active_days(days: int) -> Signal:
    return Signal(
        f"active_days_{days}d",
        "usage",
        "days",
        1,
        f"days with any use in the last {days} days",
        lambda t: t.days.sum(where=t.age <= days),
        fold=DAYS,
        window_days=days,
        outage="scale",
        empty=0.0,
    )


def _active_users(days: int) -> Signal:
    said = "on the last day" if days == 1 else f"in the last {days} days"
    return Signal(
        f"active_users_{days}d",
        "usage",
        "users",
        1,
        f"people who used the product {said}",
        lambda t: t.count(where=t.last_age <= days),
        fold=USERS,
        needs=USER,
        outage="void",
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
        outage="void",
        window_days=days,
        empty=0.0,
    )


def _of(name: str, unit: str, healthier: int, sentence: str, value, *of: str, days: int, peers: bool = False) -> Signal:  # type: ignore[no-untyped-def]
    return Signal(name, "usage", unit, healthier, sentence, value, window_days=days, of=of, peers=peers)


def _week_used(t, week: int):  # type: ignore[no-untyped-def]
    """1 when the account used the product in that week, counted back from as_of (1: the last seven days)."""
    within = (t.age <= 7 * week) & (t.age > 7 * (week - 1))
    return (t.days.sum(where=within).fill_null(0.0) > 0).ifelse(ibis.literal(1.0), ibis.literal(0.0))


def _weeks_in_a_row(t):  # type: ignore[no-untyped-def]
    streak = ibis.literal(0.0)
    for week in (4, 3, 2, 1):
        streak = _week_used(t, week) * (streak + 1.0)
    return streak


def _trend(t):  # type: ignore[no-untyped-def]
    """Slope of the daily volume over 90 days by least squares, in shares of its mean a month; days without use count.

    With ages a = 1..90 and volume q(a): slope = sum((mean(a) - a) q) / sum((a - mean(a))^2), which needs no more than
    sum(q) and sum(a q).
    """
    days = 90
    middle, spread = (days + 1) / 2, days * (days**2 - 1) / 12
    inside = t.age <= days
    total, aged = t.quantity.sum(where=inside), t.aged.sum(where=inside)
    return (total > 0).ifelse((middle * total - aged) / spread * days * 30.0 / total, ibis.null("float64"))


USAGE: tuple[Signal, ...] = (
    _volume(7),
    _volume(14),
    _volume(30),
    _volume(90),
    _volume(180),
    _sessions(7),
    _sessions(14),
    _sessions(30),
    _sessions(90),
    _sessions(180),
    Signal(
        "usage_before_14d",
        "usage",
        "events",
        1,
        "use of the product in the 14 days before the last 14",
        lambda t: t.quantity.sum(where=(t.age > 14) & (t.age <= 28)),
        fold=DAYS,
        window_days=28,
        window_from_days=14,
        outage="scale",
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
        window_from_days=365,
        outage="scale",
        empty=0.0,
    ),
    Signal(
        "days_since_use",
        "usage",
        "days",
        -1,
        "days since the product was last used",
        lambda t: t.last_age.min(),
        fold=DAYS,
        outage="since",
    ),
    _active_days(7),
    _active_days(14),
    _active_days(30),
    _active_days(90),
    Signal(
        "weeks_in_a_row",
        "usage",
        "weeks",
        1,
        "weeks with use, counted back from today without a break (at most 4)",
        _weeks_in_a_row,
        fold=DAYS,
        outage="void",
        window_days=28,
        empty=0.0,
    ),
    Signal(
        "weekend_share_90d",
        "usage",
        "share",
        0,
        "share of the use in 90 days that fell on weekends",
        lambda t: ratio(t.weekend.sum(where=t.age <= 90), t.quantity.sum(where=t.age <= 90)),
        fold=DAYS,
        outage="void",
        window_days=90,
    ),
    Signal(
        "usage_slope_90d",
        "usage",
        "share a month",
        1,
        "trend of daily use over 90 days, as a share of its mean a month",
        _trend,
        fold=DAYS,
        outage="void",
        window_days=90,
    ),
    _active_users(1),
    _active_users(7),
    _active_users(30),
    _active_users(90),
    Signal(
        "users_lost_30d",
        "usage",
        "users",
        -1,
        "people who used the product 30 to 90 days ago and no longer do",
        lambda t: t.count(where=(t.last_age > 30) & (t.last_age <= 90)),
        fold=USERS,
        needs=USER,
        outage="void",
        window_days=90,
        empty=0.0,
    ),
    Signal(
        "users_new_30d",
        "usage",
        "users",
        1,
        "people who used the product in the last 30 days and not in the 60 before",
        lambda t: t.count(where=t.first_within <= 30),
        fold=USERS,
        needs=USER,
        outage="void",
        window_days=90,
        empty=0.0,
    ),
    Signal(
        "power_use_lost_30d",
        "usage",
        "share",
        -1,
        "share of the use 30 to 60 days ago that came from people who have not come back since",
        lambda t: ratio(t.quantity_before_30d.sum(where=t.last_age > 30).fill_null(0.0), t.quantity_before_30d.sum()),
        fold=USERS,
        needs=USER,
        outage="void",
        window_days=60,
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
        outage="void",
        window_days=90,
    ),
    _features(7),
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
        outage="void",
        window_days=90,
        empty=0.0,
    ),
    Signal(
        "features_new_30d",
        "usage",
        "features",
        1,
        "features taken up in the last 30 days, not in use in the 60 before",
        lambda t: t.count(where=t.first_within <= 30),
        fold=FEATURES,
        needs=FEATURE,
        outage="void",
        window_days=90,
        empty=0.0,
    ),
    Signal(
        "top_feature_share_90d",
        "usage",
        "share",
        0,
        "share of the use in 90 days that went to one feature",
        lambda t: ratio(t.quantity_90d.max(), t.quantity_90d.sum()),
        fold=FEATURES,
        needs=FEATURE,
        outage="void",
        window_days=90,
    ),
    _of(
        "usage_change_14d",
        "ratio",
        1,
        "use in the last 14 days against the 14 before (1 is unchanged)",
        lambda t: ratio(t.usage_14d, t.usage_before_14d),
        "usage_14d",
        "usage_before_14d",
        days=28,
    ),
    _of(
        "usage_14d_against_norm",
        "ratio",
        1,
        "use in the last 14 days against the account's own 90-day norm (1 is unchanged)",
        lambda t: ratio(t.usage_14d * 90.0, t.usage_90d * 14.0),
        "usage_14d",
        "usage_90d",
        days=90,
    ),
    _of(
        "usage_against_norm_30d",
        "ratio",
        1,
        "use in the last 30 days against the account's own months before (1 is unchanged)",
        lambda t: ratio(t.usage_30d * 2.0, t.usage_90d - t.usage_30d),
        "usage_30d",
        "usage_90d",
        days=90,
    ),
    _of(
        "usage_trend_90d",
        "ratio",
        1,
        "use in the last 90 days against the 90 before (1 is unchanged)",
        lambda t: ratio(t.usage_90d, t.usage_180d - t.usage_90d),
        "usage_90d",
        "usage_180d",
        days=180,
    ),
    _of(
        "usage_against_last_year_30d",
        "ratio",
        1,
        "use in the last 30 days against the same days a year ago (1 is unchanged)",
        lambda t: ratio(t.usage_30d, t.usage_last_year_30d),
        "usage_30d",
        "usage_last_year_30d",
        days=395,
    ),
    _of(
        "active_days_change_30d",
        "ratio",
        1,
        "days with use in the last 30 days against the account's own 90-day pace (1 is unchanged)",
        lambda t: ratio(t.active_days_30d * 3.0, t.active_days_90d),
        "active_days_30d",
        "active_days_90d",
        days=90,
    ),
    _of(
        "usage_per_session_30d",
        "events a session",
        1,
        "depth: volume for each recorded use in the last 30 days",
        lambda t: ratio(t.usage_30d, t.sessions_30d),
        "usage_30d",
        "sessions_30d",
        days=30,
    ),
    _of(
        "stickiness_daily",
        "share",
        1,
        "people active on the last day as a share of those active in 30",
        lambda t: ratio(t.active_users_1d, t.active_users_30d),
        "active_users_1d",
        "active_users_30d",
        days=30,
    ),
    _of(
        "stickiness_weekly",
        "share",
        1,
        "people active in the last week as a share of those active in 30 days",
        lambda t: ratio(t.active_users_7d, t.active_users_30d),
        "active_users_7d",
        "active_users_30d",
        days=30,
    ),
    _of(
        "active_users_change_30d",
        "share",
        1,
        "people active in the last 30 days as a share of those active in 90",
        lambda t: ratio(t.active_users_30d, t.active_users_90d),
        "active_users_30d",
        "active_users_90d",
        days=90,
    ),
    _of(
        "usage_per_user_30d",
        "events a person",
        1,
        "use for each active person in the last 30 days",
        lambda t: ratio(t.usage_30d, t.active_users_30d),
        "usage_30d",
        "active_users_30d",
        days=30,
    ),
    _of(
        "features_change_30d",
        "share",
        1,
        "features used in the last 30 days as a share of those used in 90",
        lambda t: ratio(t.features_used_30d, t.features_used_90d),
        "features_used_30d",
        "features_used_90d",
        days=90,
    ),
    _of(
        "adoption_stalled",
        "0 or 1",
        -1,
        "fewer than three features in use and none taken up in 30 days",
        lambda t: (
            ((t.features_used_30d < 3) & (t.features_new_30d == 0)).astype(float).where(t.features_used_30d.notna())
        ),
        "features_used_30d",
        "features_new_30d",
        days=90,
    ),
    _of(
        "seats_used_share",
        "share",
        1,
        "people active in the last 30 days as a share of the seats bought",
        lambda t: ratio(t.active_users_30d, t.seats),
        "active_users_30d",
        "seats",
        days=30,
    ),
    _of(
        "usage_per_seat_30d",
        "events a seat",
        1,
        "use in the last 30 days for each seat bought",
        lambda t: ratio(t.usage_30d, t.seats),
        "usage_30d",
        "seats",
        days=30,
    ),
    _of(
        "usage_per_arr_90d",
        "events per 1,000 of ARR",
        1,
        "use in 90 days for each 1,000 of yearly price",
        lambda t: ratio(t.usage_90d * 1000.0, t.arr),
        "usage_90d",
        "arr",
        days=90,
    ),
    _of(
        "usage_benchmark_ratio",
        "ratio",
        1,
        "use in the last 30 days against the median account of the segment (1 is the same)",
        lambda t: ratio(t.usage_30d, peers_median(t, t.usage_30d, ("segment",))),
        "usage_30d",
        days=30,
        peers=True,
    ),
)
