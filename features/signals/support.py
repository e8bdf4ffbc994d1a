"""Support: tickets opened, open now, reopened, and how the customer rates what became of them; part of engagement."""

from __future__ import annotations

from typing import Any

from features.signal import AggregateSignal, DerivedSignal, Signal
from features.signals.exposure import pace
from features.signals.windows import COUNT, over_windows
from features.timeline import days_between

URGENT = ("urgent", "high", "critical", "p1", "p2")
POOR_RATING = 2  # of 5, and below
RESOLVED = ("tickets.resolved_at",)
PRIORITY = ("tickets.priority",)
RATED = ("tickets.satisfaction", *RESOLVED)
TICKETS: dict[str, Any] = {"dimension": "engagement", "frame": "tickets"}


def _open(t: Any) -> Any:
    return t.resolved_at.isnull()


def _urgent(t: Any) -> Any:
    return t.priority.lower().isin(URGENT)


SUPPORT: tuple[Signal, ...] = (
    *over_windows(
        (7, 30, 90),
        name="tickets_{days}d",
        unit="tickets",
        healthier=0,
        sentence="support tickets opened {window}",
        value=lambda t, days: t.count(where=t.age <= days),
        **TICKETS,
        **COUNT,
    ),
    DerivedSignal(
        name="tickets_change_30d",
        dimension="engagement",
        unit="ratio",
        healthier=0,
        sentence="tickets of the last 30 days against the account's own 90-day pace (1 is unchanged)",
        value=lambda t: pace(t, "tickets", t.tickets_30d, t.tickets_90d, 30, 90),
        of=("tickets_30d", "tickets_90d"),
        window_days=90,
        peers=True,
    ),
    AggregateSignal(
        name="urgent_tickets_90d",
        unit="tickets",
        healthier=-1,
        sentence="urgent or high-priority tickets in the last 90 days",
        value=lambda t: t.count(where=(t.age <= 90) & _urgent(t)),
        needs=PRIORITY,
        window_days=90,
        **TICKETS,
        **COUNT,
    ),
    AggregateSignal(
        name="tickets_open",
        unit="tickets",
        healthier=-1,
        sentence="tickets open now",
        value=lambda t: t.count(where=_open(t)),
        needs=RESOLVED,
        empty=0.0,
        **TICKETS,
    ),
    AggregateSignal(
        name="urgent_tickets_open",
        unit="tickets",
        healthier=-1,
        sentence="urgent or high-priority tickets open now",
        value=lambda t: t.count(where=_open(t) & _urgent(t)),
        needs=(*PRIORITY, *RESOLVED),
        empty=0.0,
        **TICKETS,
    ),
    AggregateSignal(
        name="oldest_open_ticket_days",
        unit="days",
        healthier=-1,
        sentence="age of the oldest open ticket",
        value=lambda t: t.age.max(where=_open(t)),
        needs=RESOLVED,
        empty=0.0,
        **TICKETS,
    ),
    AggregateSignal(
        name="tickets_reopened_180d",
        unit="tickets",
        healthier=-1,
        sentence="tickets reopened in the last 180 days",
        value=lambda t: t.count(where=days_between(t.as_of, t.reopened_at) <= 180),
        needs=("tickets.reopened_at",),
        window_days=180,
        **TICKETS,
        **COUNT,
    ),
    AggregateSignal(
        name="resolve_days_90d",
        unit="days",
        healthier=-1,
        sentence="mean days to resolve tickets opened in the last 90 days",
        value=lambda t: days_between(t.resolved_at, t.opened_at).mean(where=t.age <= 90),
        needs=RESOLVED,
        window_days=90,
        **TICKETS,
    ),
    # A rating is given when a ticket is closed; until then a value in the row would be one filled in later.
    AggregateSignal(
        name="ticket_satisfaction_180d",
        unit="1 to 5",
        healthier=1,
        sentence="mean satisfaction with tickets resolved, opened in the last 180 days",
        value=lambda t: t.satisfaction.mean(where=(t.age <= 180) & t.resolved_at.notnull()),
        needs=RATED,
        window_days=180,
        **TICKETS,
    ),
    AggregateSignal(
        name="poor_ratings_180d",
        unit="ratings",
        healthier=-1,
        sentence="ratings of 1 or 2 for tickets resolved, opened in the last 180 days",
        value=lambda t: t.count(where=(t.age <= 180) & t.resolved_at.notnull() & (t.satisfaction <= POOR_RATING)),
        needs=RATED,
        window_days=180,
        **TICKETS,
        **COUNT,
    ),
    AggregateSignal(
        name="ticket_sentiment_90d",
        unit="-1 to 1",
        healthier=1,
        sentence="mean tone of tickets opened in the last 90 days",
        value=lambda t: t.sentiment.mean(where=t.age <= 90),
        needs=("tickets.sentiment",),
        window_days=90,
        **TICKETS,
    ),
)
