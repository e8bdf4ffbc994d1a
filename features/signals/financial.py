"""Financial: what the account pays, how punctually, on what terms, and how that has changed."""

from __future__ import annotations

from typing import Any

from features.signal import Signal
from features.timeline import days_between, ratio

ARR = ("contracts.arr",)
SEATS = ("contracts.seats",)
ENDS = ("contracts.ends_at",)
AMOUNT = ("invoices.amount",)
DUE = ("invoices.due_at", "invoices.paid_at")
ARR_CHANGE = ("outcomes.arr_change",)
LATE_FROM_DAYS = 1.0  # a payment in the course of its due day is in time

COUNT: dict[str, Any] = {"empty": 0.0, "outage": "scale"}
NOW: dict[str, Any] = {"empty": 0.0}


def _contract(name: str, unit: str, healthier: int, sentence: str, value: Any, **more: Any) -> Signal:
    return Signal(name, "financial", unit, healthier, sentence, value, fold="contracts", **more)


def _invoice(name: str, unit: str, healthier: int, sentence: str, value: Any, **more: Any) -> Signal:
    return Signal(name, "financial", unit, healthier, sentence, value, fold="invoices", **more)


def _follows(name: str, unit: str, healthier: int, sentence: str, value: Any, *of: str, **more: Any) -> Signal:
    return Signal(name, "financial", unit, healthier, sentence, value, of=of, **more)


def _invoices(days: int) -> Signal:
    return _invoice(
        f"invoices_{days}d",
        "invoices",
        1,
        f"invoices in the last {days} days",
        lambda t: t.count(where=t.billed & (t.age <= days)),
        window_days=days,
        **COUNT,
    )


def _amount(days: int) -> Signal:
    return _invoice(
        f"amount_{days}d",
        "money",
        1,
        f"amount invoiced in the last {days} days",
        lambda t: t.amount.sum(where=t.billed & (t.age <= days)),
        needs=AMOUNT,
        window_days=days,
        **COUNT,
    )


def _late(days: int) -> Signal:
    return _invoice(
        f"days_late_{days}d",
        "days",
        -1,
        f"mean days that invoices due in the last {days} days were, or are, late",
        lambda t: t.late_days.mean(where=_fell_due(t, days)),
        needs=DUE,
        window_days=days,
    )


def _changes(kind: str, healthier: int) -> tuple[Signal, Signal]:
    """How often revenue was changed in a year, and by how much; contractions may come with a minus or without."""

    def chosen(t: Any) -> Any:
        return (t.kind == kind) & (t.age <= 365)

    more: dict[str, Any] = {"fold": "outcomes", "needs": ARR_CHANGE, "window_days": 365, "empty": 0.0}
    return (
        Signal(
            f"{kind}s_365d",
            "financial",
            "changes",
            healthier,
            f"{kind}s in a year",
            lambda t: t.count(where=chosen(t)),
            **more,
        ),
        Signal(
            f"{kind}_arr_365d",
            "financial",
            "money a year",
            healthier,
            f"yearly recurring revenue changed by {kind}s in a year",
            lambda t: t.arr_change.abs().sum(where=chosen(t)),
            **more,
        ),
    )


def _fell_due(t: Any, days: int) -> Any:
    return t.billed & (t.due_age > 0) & (t.due_age <= days)


def _unpaid(t: Any) -> Any:
    return t.billed & (t.due_age > 0) & t.paid_at.isnull()


def _covered(t: Any, days: int) -> Any:
    """In force so many days before as_of."""
    return (t.age > days) & (t.ends_at.isnull() | (days_between(t.as_of, t.ends_at) <= days))


FINANCIAL: tuple[Signal, ...] = (
    _contract(
        "arr",
        "money a year",
        0,
        "yearly recurring revenue under contract",
        lambda t: t.arr.sum(where=t.covers),
        needs=ARR,
    ),
    _contract(
        "arr_year_ago",
        "money a year",
        0,
        "yearly recurring revenue under contract a year ago",
        lambda t: t.arr.sum(where=t.covered_year_ago),
        needs=ARR,
        window_days=365,
    ),
    _follows(
        "arr_growth_365d",
        "ratio",
        1,
        "yearly recurring revenue against a year ago (1 is unchanged)",
        lambda t: ratio(t.arr, t.arr_year_ago),
        "arr",
        "arr_year_ago",
        window_days=365,
    ),
    _contract(
        "arr_growth_90d",
        "ratio",
        1,
        "yearly recurring revenue against 90 days ago (1 is unchanged)",
        lambda t: ratio(t.arr.sum(where=t.covers), t.arr.sum(where=_covered(t, 90))),
        needs=ARR,
        window_days=90,
    ),
    _contract("seats", "seats", 0, "seats bought", lambda t: t.seats.sum(where=t.covers), needs=SEATS),
    _contract(
        "seats_growth_365d",
        "ratio",
        1,
        "seats bought against a year ago (1 is unchanged)",
        lambda t: ratio(t.seats.sum(where=t.covers), t.seats.sum(where=t.covered_year_ago)),
        needs=SEATS,
        window_days=365,
    ),
    _follows(
        "arr_per_seat", "money a year", 0, "yearly price of a seat", lambda t: ratio(t.arr, t.seats), "arr", "seats"
    ),
    _follows(
        "price_change_365d",
        "ratio",
        0,
        "price of a seat against a year ago (1 is unchanged)",
        lambda t: ratio(t.arr_growth_365d, t.seats_growth_365d),
        "arr_growth_365d",
        "seats_growth_365d",
        window_days=365,
    ),
    _follows(
        "arr_per_active_user",
        "money a year",
        0,
        "yearly price for each person who used the product in 90 days",
        lambda t: ratio(t.arr, t.active_users_90d),
        "arr",
        "active_users_90d",
        window_days=90,
    ),
    _contract(
        "days_to_renewal",
        "days",
        0,
        "days until the contract ends or renews",
        lambda t: days_between(t.ends_at.max(where=t.covers), t.as_of.max()),
        needs=ENDS,
    ),
    _contract(
        "term_days",
        "days",
        0,
        "length of the contract's term",
        lambda t: days_between(t.ends_at, t.starts_at).max(where=t.covers),
        needs=ENDS,
    ),
    _contract("contract_age_days", "days", 0, "days since the current term began", lambda t: t.age.min(where=t.covers)),
    _contract("first_contract_age_days", "days", 0, "days since the first term began", lambda t: t.age.max()),
    _follows(
        "signup_lead_days",
        "days, negative when the term began first",
        0,
        "days between signing up and the start of the first term",
        lambda t: t.tenure_days - t.first_contract_age_days,
        "tenure_days",
        "first_contract_age_days",
    ),
    _contract(
        "terms_begun",
        "terms",
        0,
        "contract terms begun so far: renewals passed, and the first",
        lambda t: t.count(where=t.is_first),
        **NOW,
    ),
    _contract(
        "auto_renews",
        "0 or 1",
        0,
        "whether the contract renews by itself",
        lambda t: t.auto_renews.ifelse(1.0, 0.0).max(where=t.covers & t.auto_renews.notnull()),
        needs=("contracts.auto_renews",),
    ),
    _contract(
        "contracts_under_notice",
        "contracts",
        -1,
        "running contracts that the customer has given notice of",
        lambda t: t.count(where=t.covers & t.cancelled_at.notnull()),
        needs=("contracts.cancelled_at",),
        **NOW,
    ),
    _contract(
        "plan",
        "plan",
        0,
        "plan bought",
        lambda t: t.plan.max(where=t.latest),
        needs=("contracts.plan",),
        kind="category",
    ),
    _contract(
        "billing_period",
        "period",
        0,
        "how often the account is billed",
        lambda t: t.billing_period.max(where=t.latest),
        needs=("contracts.billing_period",),
        kind="category",
    ),
    *map(_invoices, (30, 90, 180, 365)),
    *map(_amount, (30, 90, 180, 365)),
    _follows(
        "amount_change_90d",
        "ratio",
        1,
        "amount invoiced in 90 days against the 90 before (1 is unchanged)",
        lambda t: ratio(t.amount_90d, t.amount_180d - t.amount_90d),
        "amount_90d",
        "amount_180d",
        window_days=180,
    ),
    _invoice(
        "days_since_invoice",
        "days",
        0,
        "days since the last invoice",
        lambda t: t.age.min(where=t.billed),
        outage="since",
    ),
    _invoice("first_invoice_age_days", "days", 0, "days since the first invoice", lambda t: t.age.max(where=t.billed)),
    _invoice(
        "invoice_days",
        "days",
        0,
        "days with an invoice so far",
        lambda t: t.count(where=t.billed & t.is_first),
        **NOW,
    ),
    _follows(
        "invoice_gap_days",
        "days",
        0,
        "usual number of days between invoices",
        lambda t: ratio(t.first_invoice_age_days - t.days_since_invoice, t.invoice_days - 1.0),
        "first_invoice_age_days",
        "days_since_invoice",
        "invoice_days",
    ),
    _follows(
        "invoice_overdue_ratio",
        "ratio",
        -1,
        "days since the last invoice against the usual gap between invoices",
        lambda t: ratio(t.days_since_invoice, t.invoice_gap_days),
        "days_since_invoice",
        "invoice_gap_days",
    ),
    _invoice(
        "invoices_next_90d_last_year",
        "invoices",
        0,
        "invoices a year ago in the 90 days that lie ahead now",
        lambda t: t.count(where=t.billed & (t.age <= 365) & (t.age > 275)),
        window_days=365,
        window_from_days=275,
        **COUNT,
    ),
    _late(90),
    _late(365),
    _invoice(
        "days_late_change",
        "days",
        -1,
        "mean days late of invoices due in 90 days, less that of the rest of the year",
        lambda t: (
            t.late_days.mean(where=_fell_due(t, 90)) - t.late_days.mean(where=_fell_due(t, 365) & (t.due_age > 90))
        ),
        needs=DUE,
        window_days=365,
    ),
    _invoice(
        "paid_late_share_365d",
        "share",
        -1,
        "share of invoices due in a year that were, or are, more than a day late",
        lambda t: (t.late_days > LATE_FROM_DAYS).ifelse(1.0, 0.0).mean(where=_fell_due(t, 365)),
        needs=DUE,
        window_days=365,
    ),
    _invoice(
        "invoices_overdue",
        "invoices",
        -1,
        "invoices due and unpaid now",
        lambda t: t.count(where=_unpaid(t)),
        needs=DUE,
        **NOW,
    ),
    _invoice(
        "overdue_days",
        "days",
        -1,
        "days that the oldest unpaid invoice is past due",
        lambda t: t.due_age.max(where=_unpaid(t)),
        needs=DUE,
        **NOW,
    ),
    _invoice(
        "amount_overdue",
        "money",
        -1,
        "amount due and unpaid now",
        lambda t: t.amount.sum(where=_unpaid(t)),
        needs=(*DUE, *AMOUNT),
        **NOW,
    ),
    _follows(
        "amount_overdue_per_arr",
        "ratio",
        -1,
        "amount due and unpaid now against the yearly revenue",
        lambda t: ratio(t.amount_overdue, t.arr),
        "amount_overdue",
        "arr",
    ),
    _invoice(
        "failed_payments_90d",
        "payments",
        -1,
        "failed payments in the last 90 days",
        lambda t: t.count(where=(t.kind == "failed_payment") & (t.age <= 90)),
        needs=("invoices.kind",),
        window_days=90,
        **COUNT,
    ),
    *_changes("contraction", -1),
    *_changes("expansion", 1),
)
