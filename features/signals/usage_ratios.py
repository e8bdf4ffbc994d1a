"""Usage compared: with the account's own past, with its users and seats, with what it pays, with its peers."""

from __future__ import annotations

from typing import Any

import pandas as pd

from features.signal import DerivedSignal
from features.signals.exposure import (
    change,
    days_within,
    over_cut_window,
    pace,
    peers_median,
    per_window,
    prior_median,
    surely_at_most,
)
from features.timeline import ratio

EVENTS = "usage_events"
MIN_SLOPE_DAYS = 14.0
PRIOR_SLOPE_DAYS = 28.0  # a trend over so many days counts as much as what the peers' says


def _change(t: Any, newest: pd.Series, base: pd.Series, days: int, before: tuple[int, int]) -> pd.Series:
    return change(t, EVENTS, newest, base, days, before)


def _of_earlier(t: Any, newest: pd.Series, total: pd.Series) -> pd.Series:
    """Users or features of the last 30 days among those of 90, by how many of the 60 days before there were."""
    return over_cut_window(t, ratio(newest, total), days_within(t, EVENTS, 90, 30), 60)


def _of_month(t: Any, value: pd.Series) -> pd.Series:
    return over_cut_window(t, value, days_within(t, EVENTS, 30), 30)


def _last_month(t: Any) -> tuple[pd.Series, pd.Series]:
    """Usage of the last 30 days, and of the half year before them."""
    return t.usage_30d, (t.usage_180d - t.usage_30d).clip(lower=0.0)


def _benchmarked(t: Any) -> pd.Series:
    usage = per_window(t, EVENTS, t.usage_30d, 1.0, 30)
    return ratio(usage, peers_median(t, usage, ("segment",)))


def _slope(t: Any) -> pd.Series:
    """Least squares over the days that there were: with ages a = 1..e and volume q(a), slope = sum((mean(a) - a) q) /
    sum((a - mean(a))^2), which needs no more than the volume and its mean age. As a share of the daily mean a month."""
    days = days_within(t, EVENTS, 90)
    spread = days * (days**2 - 1.0) / 12.0
    slope = ratio(((days + 1.0) / 2.0 - t.usage_mean_age_90d) * days * 30.0, spread)
    usual = prior_median(t, slope.where(days >= MIN_SLOPE_DAYS)).fillna(0.0)
    prior = PRIOR_SLOPE_DAYS * (PRIOR_SLOPE_DAYS**2 - 1.0) / 12.0
    return ((slope * spread + usual * prior) / (spread + prior)).where(days >= MIN_SLOPE_DAYS)


USAGE_RATIOS: tuple[DerivedSignal, ...] = (
    DerivedSignal(
        name="usage_change_14d",
        dimension="usage",
        unit="ratio",
        healthier=1,
        sentence="usage in the last 14 days against the 14 before (1 is unchanged)",
        value=lambda t: _change(t, t.usage_14d, t.usage_before_14d, 14, (14, 28)),
        of=("usage_14d", "usage_before_14d"),
        window_days=28,
        peers=True,
    ),
    DerivedSignal(
        name="usage_14d_against_norm",
        dimension="usage",
        unit="ratio",
        healthier=1,
        sentence="usage in the last 14 days against the account's own 90-day norm (1 is unchanged)",
        value=lambda t: pace(t, EVENTS, t.usage_14d, t.usage_90d, 14, 90),
        of=("usage_14d", "usage_90d"),
        window_days=90,
        peers=True,
    ),
    DerivedSignal(
        name="usage_against_norm_30d",
        dimension="usage",
        unit="ratio",
        healthier=1,
        sentence="usage in the last 30 days against the account's own months before (1 is unchanged)",
        value=lambda t: _change(t, t.usage_30d, t.usage_90d - t.usage_30d, 30, (30, 90)),
        of=("usage_30d", "usage_90d"),
        window_days=90,
        peers=True,
    ),
    DerivedSignal(
        name="usage_trend_90d",
        dimension="usage",
        unit="ratio",
        healthier=1,
        sentence="usage in the last 90 days against the 90 before (1 is unchanged)",
        value=lambda t: _change(t, t.usage_90d, t.usage_180d - t.usage_90d, 90, (90, 180)),
        of=("usage_90d", "usage_180d"),
        window_days=180,
        peers=True,
    ),
    DerivedSignal(
        name="usage_against_last_year_30d",
        dimension="usage",
        unit="ratio",
        healthier=1,
        sentence="usage in the last 30 days against the same days a year ago (1 is unchanged)",
        value=lambda t: _change(t, t.usage_30d, t.usage_last_year_30d, 30, (365, 395)),
        of=("usage_30d", "usage_last_year_30d"),
        window_days=395,
        peers=True,
    ),
    DerivedSignal(
        name="active_days_change_30d",
        dimension="usage",
        unit="ratio",
        healthier=1,
        sentence="days with usage in the last 30 days against the account's own 90-day pace (1 is unchanged)",
        value=lambda t: pace(t, EVENTS, t.active_days_30d, t.active_days_90d, 30, 90),
        of=("active_days_30d", "active_days_90d"),
        window_days=90,
        peers=True,
    ),
    DerivedSignal(
        name="usage_per_session_30d",
        dimension="usage",
        unit="events a session",
        healthier=1,
        sentence="depth: volume for each recorded use in the last 30 days",
        value=lambda t: ratio(t.usage_30d, t.sessions_30d),
        of=("usage_30d", "sessions_30d"),
        window_days=30,
    ),
    DerivedSignal(
        name="stickiness_daily",
        dimension="usage",
        unit="share",
        healthier=1,
        sentence="users active on the last day as a share of those active in 30",
        value=lambda t: _of_month(t, ratio(t.active_users_1d, t.active_users_30d)),
        of=("active_users_1d", "active_users_30d"),
        window_days=30,
        peers=True,
    ),
    DerivedSignal(
        name="stickiness_weekly",
        dimension="usage",
        unit="share",
        healthier=1,
        sentence="users active in the last week as a share of those active in 30 days",
        value=lambda t: _of_month(t, ratio(t.active_users_7d, t.active_users_30d)),
        of=("active_users_7d", "active_users_30d"),
        window_days=30,
        peers=True,
    ),
    DerivedSignal(
        name="active_users_change_30d",
        dimension="usage",
        unit="share",
        healthier=1,
        sentence="users active in the last 30 days as a share of those active in 90",
        value=lambda t: _of_earlier(t, t.active_users_30d, t.active_users_90d),
        of=("active_users_30d", "active_users_90d"),
        window_days=90,
        peers=True,
    ),
    DerivedSignal(
        name="usage_per_user_30d",
        dimension="usage",
        unit="events a user",
        healthier=1,
        sentence="usage for each active user in the last 30 days",
        value=lambda t: per_window(t, EVENTS, t.usage_30d, t.active_users_30d, 30),
        of=("usage_30d", "active_users_30d"),
        window_days=30,
        peers=True,
    ),
    DerivedSignal(
        name="features_change_30d",
        dimension="usage",
        unit="share",
        healthier=1,
        sentence="features used in the last 30 days as a share of those used in 90",
        value=lambda t: _of_earlier(t, t.features_used_30d, t.features_used_90d),
        of=("features_used_30d", "features_used_90d"),
        window_days=90,
        peers=True,
    ),
    DerivedSignal(
        name="adoption_stalled",
        dimension="usage",
        unit="0 or 1",
        healthier=-1,
        sentence="fewer than three features in use and none taken up in 30 days",
        value=lambda t: (
            ((t.features_used_30d < 3) & (t.features_new_30d == 0)).astype(float).where(t.features_used_30d.notna())
        ),
        of=("features_used_30d", "features_new_30d"),
        window_days=90,
    ),
    DerivedSignal(
        name="seats_used_share",
        dimension="usage",
        unit="share",
        healthier=1,
        sentence="users active in the last 30 days as a share of the seats that there were in them",
        value=lambda t: _of_month(t, ratio(t.active_users_30d, t.seats_mean_30d)),
        of=("active_users_30d", "seats_mean_30d"),
        window_days=30,
        peers=True,
    ),
    DerivedSignal(
        name="usage_per_seat_30d",
        dimension="usage",
        unit="events a seat",
        healthier=1,
        sentence="usage in the last 30 days for each seat that there was in them",
        value=lambda t: per_window(t, EVENTS, t.usage_30d, t.seats_mean_30d, 30),
        of=("usage_30d", "seats_mean_30d"),
        window_days=30,
        peers=True,
    ),
    DerivedSignal(
        name="usage_per_arr_90d",
        dimension="usage",
        unit="events per 1,000 of ARR",
        healthier=1,
        sentence="usage in 90 days for each 1,000 of yearly price",
        value=lambda t: per_window(t, EVENTS, t.usage_90d * 1000.0, t.arr, 90),
        of=("usage_90d", "arr"),
        window_days=90,
        peers=True,
    ),
    DerivedSignal(
        name="usage_benchmark_ratio",
        dimension="usage",
        unit="ratio",
        healthier=1,
        sentence="usage in the last 30 days against the median account of the segment (1 is the same)",
        value=_benchmarked,
        of=("usage_30d",),
        window_days=30,
        peers=True,
    ),
    DerivedSignal(
        name="usage_slope_90d",
        dimension="usage",
        unit="share a month",
        healthier=1,
        sentence="trend of daily usage over 90 days, as a share of its mean a month",
        value=_slope,
        of=("usage_mean_age_90d",),
        window_days=90,
        peers=True,
    ),
    DerivedSignal(
        name="usage_at_most_30d",
        dimension="usage",
        unit="ratio",
        healthier=1,
        sentence="usage in the last 30 days against the account's half year and what its peers moved, at the most",
        value=lambda t: surely_at_most(t, EVENTS, *_last_month(t), 30, (30, 180)),
        of=("usage_30d", "usage_180d"),
        window_days=180,
        peers=True,
    ),
    DerivedSignal(
        name="features_explored_30d",
        dimension="usage",
        unit="features",
        healthier=1,
        sentence="features taken up in the last 30 days by an account that could have used them in the 60 before",
        value=lambda t: t.features_new_30d.where(days_within(t, EVENTS, 90, 30) >= 60),
        of=("features_new_30d",),
        window_days=90,
    ),
)
