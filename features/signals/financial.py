"""Financial: what the account pays, how punctually, on what terms, and how that has changed."""

from __future__ import annotations

from typing import Any

import ibis

from features.signal import AggregateSignal, DerivedSignal, Signal
from features.signals.exposure import days_within
from features.signals.payments import PAYMENTS
from features.timeline import days_between, ratio

ARR = ("contracts.arr",)
SEATS = ("contracts.seats",)
ENDS = ("contracts.ends_at",)
ARR_CHANGE = ("outcomes.arr_change",)

CONTRACTS: dict[str, Any] = {"dimension": "financial", "frame": "contracts"}


def _changes(kind: str, healthier: int) -> tuple[AggregateSignal, AggregateSignal]:
    """How often revenue was changed in a year, and by how much; contractions may come with a minus or without."""

    def chosen(t: Any) -> Any:
        return (t.kind == kind) & (t.age <= 365)

    same: dict[str, Any] = {"frame": "outcomes", "needs": ARR_CHANGE, "window_days": 365, "empty": 0.0}
    return (
        AggregateSignal(
            name=f"{kind}s_365d",
            dimension="financial",
            unit="changes",
            healthier=healthier,
            sentence=f"{kind}s in a year",
            value=lambda t: t.count(where=chosen(t)),
            **same,
        ),
        AggregateSignal(
            name=f"{kind}_arr_365d",
            dimension="financial",
            unit="money a year",
            healthier=healthier,
            sentence=f"yearly recurring revenue changed by {kind}s in a year",
            value=lambda t: t.arr_change.abs().sum(where=chosen(t)),
            **same,
        ),
    )


def _arr(t: Any, where: Any) -> Any:
    """The sum of the ARR of these contracts; not known where that of one of them is not."""
    return (t.count(where=where & t.arr.isnull()) > 0).ifelse(ibis.null("float64"), t.arr.sum(where=where))


def _days_to_renewal(t: Any) -> Any:
    """0 where the end has passed, and nobody knows yet what follows."""
    days = days_between(t.ends_at.min(where=t.matters), t.as_of.max())
    return (days < 0).ifelse(ibis.literal(0.0), days)


FINANCIAL: tuple[Signal, ...] = (
    AggregateSignal(
        name="arr",
        unit="money a year",
        healthier=0,
        sentence="yearly recurring revenue under contract",
        value=lambda t: _arr(t, t.covers),
        needs=ARR,
        **CONTRACTS,
    ),
    AggregateSignal(
        name="arr_year_ago",
        unit="money a year",
        healthier=0,
        sentence="yearly recurring revenue under contract a year ago",
        value=lambda t: _arr(t, t.covered_year_ago),
        needs=ARR,
        window_days=365,
        **CONTRACTS,
    ),
    DerivedSignal(
        name="arr_growth_365d",
        dimension="financial",
        unit="ratio",
        healthier=1,
        sentence="yearly recurring revenue against a year ago (1 is unchanged)",
        value=lambda t: ratio(t.arr, t.arr_year_ago),
        of=("arr", "arr_year_ago"),
        window_days=365,
    ),
    AggregateSignal(
        name="arr_growth_90d",
        unit="ratio",
        healthier=1,
        sentence="yearly recurring revenue against 90 days ago (1 is unchanged)",
        value=lambda t: ratio(_arr(t, t.covers), _arr(t, t.covered_90d_ago)),
        needs=ARR,
        window_days=90,
        **CONTRACTS,
    ),
    AggregateSignal(
        name="seats",
        unit="seats",
        healthier=0,
        sentence="seats bought",
        value=lambda t: t.seats.sum(where=t.covers),
        needs=SEATS,
        **CONTRACTS,
    ),
    AggregateSignal(
        name="seats_growth_365d",
        unit="ratio",
        healthier=1,
        sentence="seats bought against a year ago (1 is unchanged)",
        value=lambda t: ratio(t.seats.sum(where=t.covers), t.seats.sum(where=t.covered_year_ago)),
        needs=SEATS,
        window_days=365,
        **CONTRACTS,
    ),
    DerivedSignal(
        name="arr_per_seat",
        dimension="financial",
        unit="money a year",
        healthier=0,
        sentence="yearly price of a seat",
        value=lambda t: ratio(t.arr, t.seats),
        of=("arr", "seats"),
    ),
    DerivedSignal(
        name="price_change_365d",
        dimension="financial",
        unit="ratio",
        healthier=0,
        sentence="price of a seat against a year ago (1 is unchanged)",
        value=lambda t: ratio(t.arr_growth_365d, t.seats_growth_365d),
        of=("arr_growth_365d", "seats_growth_365d"),
        window_days=365,
    ),
    DerivedSignal(
        name="arr_per_active_user",
        dimension="financial",
        unit="money a year",
        healthier=0,
        sentence="yearly price for each user active in 90 days",
        value=lambda t: ratio(t.arr, t.active_users_90d).where(days_within(t, "usage_events", 90) >= 30),
        of=("arr", "active_users_90d"),
        window_days=90,
    ),
    AggregateSignal(
        name="days_to_renewal",
        unit="days",
        healthier=0,
        sentence="days until the contract, or most of what is under contract, ends or renews",
        value=_days_to_renewal,
        needs=ENDS,
        **CONTRACTS,
    ),
    AggregateSignal(
        name="term_days",
        unit="days",
        healthier=0,
        sentence="length of the term that ends or renews next",
        value=lambda t: days_between(t.ends_at, t.term_starts_at).max(where=t.matters),
        needs=ENDS,
        **CONTRACTS,
    ),
    AggregateSignal(
        name="contract_age_days",
        unit="days",
        healthier=0,
        sentence="days since the current term began",
        value=lambda t: t.term_age.min(where=t.covers),
        **CONTRACTS,
    ),
    AggregateSignal(
        name="first_contract_age_days",
        unit="days",
        healthier=0,
        sentence="days since the first term began",
        value=lambda t: t.age.max(),
        **CONTRACTS,
    ),
    DerivedSignal(
        name="signup_lead_days",
        dimension="financial",
        unit="days, negative when the term began first",
        healthier=0,
        sentence="days between signing up and the start of the first term",
        value=lambda t: t.tenure_days - t.first_contract_age_days,
        of=("tenure_days", "first_contract_age_days"),
    ),
    AggregateSignal(
        name="terms_begun",
        unit="terms",
        healthier=0,
        sentence="contract terms begun so far: renewals passed, and the first",
        value=lambda t: t.terms.sum(where=t.is_first),
        empty=0.0,
        **CONTRACTS,
    ),
    AggregateSignal(
        name="auto_renews",
        unit="0 or 1",
        healthier=0,
        sentence="whether the contract renews by itself",
        value=lambda t: t.auto_renews.ifelse(1.0, 0.0).max(where=t.covers & t.auto_renews.notnull()),
        needs=("contracts.auto_renews",),
        **CONTRACTS,
    ),
    AggregateSignal(
        name="contracts_under_notice",
        unit="contracts",
        healthier=-1,
        sentence="running contracts that the customer has given notice of",
        value=lambda t: t.count(where=t.covers & t.cancelled_at.notnull()),
        needs=("contracts.cancelled_at",),
        empty=0.0,
        **CONTRACTS,
    ),
    AggregateSignal(
        name="plan",
        unit="plan",
        healthier=0,
        sentence="plan bought",
        value=lambda t: t.plan.max(where=t.latest),
        needs=("contracts.plan",),
        kind="category",
        **CONTRACTS,
    ),
    AggregateSignal(
        name="billing_period",
        unit="period",
        healthier=0,
        sentence="how often the account is billed",
        value=lambda t: t.billing_period.max(where=t.latest),
        needs=("contracts.billing_period",),
        kind="category",
        **CONTRACTS,
    ),
    *PAYMENTS,
    *_changes("contraction", -1),
    *_changes("expansion", 1),
)
