"""Payments: what is invoiced, how punctually it is paid, and what is due and unpaid now; part of financial."""

from __future__ import annotations

from typing import Any

import ibis

from features.signal import AggregateSignal, DerivedSignal, Signal
from features.signals.exposure import days_within
from features.signals.windows import COUNT, over_windows
from features.timeline import ratio

AMOUNT = ("invoices.amount",)
MONTH = 30.0  # most are billed once in it
DUE = ("invoices.due_at", "invoices.paid_at")
LATE_FROM_DAYS = 1.0  # a payment in the course of its due day is in time

INVOICES: dict[str, Any] = {"dimension": "financial", "frame": "invoices"}


def _fell_due(t: Any, days: int) -> Any:
    return t.asked & (t.due_age > 0) & (t.due_age <= days)


def _unpaid(t: Any) -> Any:
    return t.asked & (t.due_age > 0) & t.paid_at.isnull()


def _amount_change(t: Any) -> Any:
    """Amounts a day, of the days that there were; missing with less than a month of the 90 days before."""
    newest, before = days_within(t, "invoices", 90), days_within(t, "invoices", 180, 90)
    return ratio(t.amount_90d * before, (t.amount_180d - t.amount_90d) * newest).where(before >= MONTH)


PAYMENTS: tuple[Signal, ...] = (
    *over_windows(
        (30, 90, 180, 365),
        name="invoices_{days}d",
        unit="invoices",
        healthier=1,
        sentence="invoices {window}",
        value=lambda t, days: t.count(where=t.billed & (t.age <= days)),
        **INVOICES,
        **COUNT,
    ),
    *over_windows(
        (30, 90, 180, 365),
        name="amount_{days}d",
        unit="money",
        healthier=1,
        sentence="amount invoiced {window}",
        value=lambda t, days: t.amount.sum(where=t.billed & (t.age <= days)),
        needs=AMOUNT,
        **INVOICES,
        **COUNT,
    ),
    DerivedSignal(
        name="amount_change_90d",
        dimension="financial",
        unit="ratio",
        healthier=1,
        sentence="amount invoiced in 90 days against the 90 before (1 is unchanged)",
        value=_amount_change,
        of=("amount_90d", "amount_180d"),
        window_days=180,
    ),
    AggregateSignal(
        name="days_since_invoice",
        unit="days",
        healthier=0,
        sentence="days since the last invoice",
        value=lambda t: t.age.min(where=t.billed),
        outage="since",
        **INVOICES,
    ),
    AggregateSignal(
        name="first_invoice_age_days",
        unit="days",
        healthier=0,
        sentence="days since the first invoice",
        value=lambda t: t.age.max(where=t.billed),
        **INVOICES,
    ),
    AggregateSignal(
        name="invoice_days",
        unit="days",
        healthier=0,
        sentence="days with an invoice so far",
        value=lambda t: t.count(where=t.billed & t.is_first),
        empty=0.0,
        **INVOICES,
    ),
    DerivedSignal(
        name="invoice_gap_days",
        dimension="financial",
        unit="days",
        healthier=0,
        sentence="usual number of days between invoices",
        value=lambda t: ratio(t.first_invoice_age_days - t.days_since_invoice, t.invoice_days - 1.0),
        of=("first_invoice_age_days", "days_since_invoice", "invoice_days"),
    ),
    DerivedSignal(
        name="invoice_overdue_ratio",
        dimension="financial",
        unit="ratio",
        healthier=-1,
        sentence="days since the last invoice against the usual gap between invoices",
        value=lambda t: ratio(t.days_since_invoice, t.invoice_gap_days),
        of=("days_since_invoice", "invoice_gap_days"),
    ),
    AggregateSignal(
        name="invoices_next_90d_last_year",
        unit="invoices",
        healthier=0,
        sentence="invoices a year ago in the 90 days that lie ahead now",
        value=lambda t: t.count(where=t.billed & (t.age <= 365) & (t.age > 275)),
        window_days=365,
        window_from_days=275,
        **INVOICES,
        **COUNT,
    ),
    *over_windows(
        (90, 365),
        name="days_late_{days}d",
        unit="days",
        healthier=-1,
        sentence="mean days that invoices due {window} were, or are, late",
        value=lambda t, days: t.late_days.mean(where=_fell_due(t, days)),
        trials=lambda t, days: t.count(where=_fell_due(t, days)),
        needs=DUE,
        **INVOICES,
    ),
    AggregateSignal(
        name="days_late_change",
        unit="days",
        healthier=-1,
        sentence="mean days late of invoices due in 90 days, less that of the rest of the year",
        value=lambda t: (
            t.late_days.mean(where=_fell_due(t, 90)) - t.late_days.mean(where=_fell_due(t, 365) & (t.due_age > 90))
        ),
        trials=lambda t: ibis.least(
            t.count(where=_fell_due(t, 90)), t.count(where=_fell_due(t, 365) & (t.due_age > 90))
        ),
        needs=DUE,
        window_days=365,
        **INVOICES,
    ),
    AggregateSignal(
        name="paid_late_share_365d",
        unit="share",
        healthier=-1,
        sentence="share of invoices due in a year that were, or are, more than a day late",
        value=lambda t: (t.late_days > LATE_FROM_DAYS).ifelse(1.0, 0.0).mean(where=_fell_due(t, 365)),
        trials=lambda t: t.count(where=_fell_due(t, 365)),
        needs=DUE,
        window_days=365,
        **INVOICES,
    ),
    AggregateSignal(
        name="invoices_overdue",
        unit="invoices",
        healthier=-1,
        sentence="invoices due and unpaid now",
        value=lambda t: t.count(where=_unpaid(t)),
        needs=DUE,
        empty=0.0,
        **INVOICES,
    ),
    AggregateSignal(
        name="overdue_days",
        unit="days",
        healthier=-1,
        sentence="days that the oldest unpaid invoice is past due",
        value=lambda t: t.due_age.max(where=_unpaid(t)),
        needs=DUE,
        empty=0.0,
        **INVOICES,
    ),
    AggregateSignal(
        name="amount_overdue",
        unit="money",
        healthier=-1,
        sentence="amount due and unpaid now",
        value=lambda t: t.owed.sum(where=_unpaid(t)),
        needs=(*DUE, *AMOUNT),
        empty=0.0,
        **INVOICES,
    ),
    DerivedSignal(
        name="amount_overdue_per_arr",
        dimension="financial",
        unit="ratio",
        healthier=-1,
        sentence="amount due and unpaid now against the yearly revenue",
        value=lambda t: ratio(t.amount_overdue, t.arr),
        of=("amount_overdue", "arr"),
    ),
    AggregateSignal(
        name="failed_payments_90d",
        unit="payments",
        healthier=-1,
        sentence="failed payments in the last 90 days",
        value=lambda t: t.count(where=(t.kind == "failed_payment") & (t.age <= 90)),
        needs=("invoices.kind",),
        window_days=90,
        **INVOICES,
        **COUNT,
    ),
)
