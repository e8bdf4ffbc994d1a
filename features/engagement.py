"""Engagement: meetings, replies, contact that the customer starts, support tickets and milestones."""

from __future__ import annotations

from features.signal import Signal
from features.windows import days_between, ratio

TALKS = "interactions"
TICKETS = "tickets"
MEETINGS = ("meeting", "qbr", "training", "webinar")
ATTENDED = ("interactions.attended",)
STARTED = ("interactions.initiated_by",)
REPLIED = ("interactions.responded_at",)


def _tickets(days: int) -> Signal:
    return Signal(
        f"tickets_{days}d",
        "engagement",
        "tickets",
        0,
        f"support tickets opened in the last {days} days",
        lambda t: t.count(where=t.age <= days),
        fold=TICKETS,
        window_days=days,
        empty=0.0,
    )


def _held(days: int, wanted: bool) -> Signal:
    word = "held" if wanted else "missed"
    return Signal(
        f"appointments_{word}_{days}d",
        "engagement",
        "appointments",
        1 if wanted else -1,
        f"appointments {word} in the last {days} days",
        lambda t: t.count(where=(t.age <= days) & (t.attended if wanted else ~t.attended)),
        fold=TALKS,
        needs=ATTENDED,
        window_days=days,
        empty=0.0,
    )


ENGAGEMENT: tuple[Signal, ...] = (
    _held(30, True),
    _held(90, True),
    _held(365, True),
    _held(30, False),
    _held(90, False),
    _held(365, False),
    Signal(
        "attendance_share_90d",
        "engagement",
        "share",
        1,
        "share of appointments in 90 days that the customer came to",
        lambda t: ratio(t.appointments_held_90d, t.appointments_held_90d + t.appointments_missed_90d),
        window_days=90,
        of=("appointments_held_90d", "appointments_missed_90d"),
    ),
    Signal(
        "attendance_share_365d",
        "engagement",
        "share",
        1,
        "share of appointments in a year that the customer came to",
        lambda t: ratio(t.appointments_held_365d, t.appointments_held_365d + t.appointments_missed_365d),
        window_days=365,
        of=("appointments_held_365d", "appointments_missed_365d"),
    ),
    Signal(
        "days_since_attended",
        "engagement",
        "days",
        -1,
        "days since the customer last came to an appointment",
        lambda t: t.age.min(where=t.attended),
        fold=TALKS,
        needs=ATTENDED,
    ),
    Signal(
        "customer_contacts_30d",
        "engagement",
        "contacts",
        1,
        "contacts that the customer began in the last 30 days",
        lambda t: t.count(where=(t.age <= 30) & (t.initiated_by == "customer")),
        fold=TALKS,
        needs=STARTED,
        window_days=30,
        empty=0.0,
    ),
    Signal(
        "customer_contacts_90d",
        "engagement",
        "contacts",
        1,
        "contacts that the customer began in the last 90 days",
        lambda t: t.count(where=(t.age <= 90) & (t.initiated_by == "customer")),
        fold=TALKS,
        needs=STARTED,
        window_days=90,
        empty=0.0,
    ),
    Signal(
        "reply_share_90d",
        "engagement",
        "share",
        1,
        "share of our messages in 90 days that were answered",
        lambda t: ratio(
            t.count(where=(t.age <= 90) & (t.kind == "email") & t.responded_at.notnull()),
            t.count(where=(t.age <= 90) & (t.kind == "email")),
        ),
        fold=TALKS,
        needs=REPLIED,
        window_days=90,
    ),
    Signal(
        "reply_days_90d",
        "engagement",
        "days",
        -1,
        "mean days that the customer took to answer in the last 90 days",
        lambda t: days_between(t.responded_at, t.occurred_at).mean(where=t.age <= 90),
        fold=TALKS,
        needs=REPLIED,
        window_days=90,
    ),
    Signal(
        "meetings_90d",
        "engagement",
        "meetings",
        1,
        "meetings, reviews and trainings in the last 90 days",
        lambda t: t.count(where=(t.age <= 90) & t.kind.isin(MEETINGS)),
        fold=TALKS,
        window_days=90,
        empty=0.0,
    ),
    Signal(
        "days_since_qbr",
        "engagement",
        "days",
        -1,
        "days since the last business review",
        lambda t: t.age.min(where=t.kind == "qbr"),
        fold=TALKS,
    ),
    Signal(
        "interaction_sentiment_90d",
        "engagement",
        "-1 to 1",
        1,
        "mean tone of contacts in the last 90 days",
        lambda t: t.sentiment.mean(where=t.age <= 90),
        fold=TALKS,
        needs=("interactions.sentiment",),
        window_days=90,
    ),
    _tickets(7),
    _tickets(30),
    _tickets(90),
    Signal(
        "urgent_tickets_90d",
        "engagement",
        "tickets",
        -1,
        "urgent or high-priority tickets in the last 90 days",
        lambda t: t.count(where=(t.age <= 90) & t.priority.lower().isin(("urgent", "high", "critical", "p1", "p2"))),
        fold=TICKETS,
        needs=("tickets.priority",),
        window_days=90,
        empty=0.0,
    ),
    Signal(
        "tickets_open",
        "engagement",
        "tickets",
        -1,
        "tickets open now",
        lambda t: t.count(where=t.resolved_at.isnull()),
        fold=TICKETS,
        needs=("tickets.resolved_at",),
        empty=0.0,
    ),
    Signal(
        "oldest_open_ticket_days",
        "engagement",
        "days",
        -1,
        "age of the oldest open ticket",
        lambda t: t.age.max(where=t.resolved_at.isnull()),
        fold=TICKETS,
        needs=("tickets.resolved_at",),
        empty=0.0,
    ),
    Signal(
        "resolve_days_90d",
        "engagement",
        "days",
        -1,
        "mean days to resolve tickets opened in the last 90 days",
        lambda t: days_between(t.resolved_at, t.opened_at).mean(where=t.age <= 90),
        fold=TICKETS,
        needs=("tickets.resolved_at",),
        window_days=90,
    ),
    # A rating is given when a ticket is closed; until then a value in the row would be one filled in later.
    Signal(
        "ticket_satisfaction_180d",
        "engagement",
        "1 to 5",
        1,
        "mean satisfaction with tickets resolved, opened in the last 180 days",
        lambda t: t.satisfaction.mean(where=(t.age <= 180) & t.resolved_at.notnull()),
        fold=TICKETS,
        needs=("tickets.satisfaction", "tickets.resolved_at"),
        window_days=180,
    ),
    Signal(
        "milestones_reached",
        "engagement",
        "milestones",
        1,
        "onboarding milestones reached",
        lambda t: t.milestone.nunique(),
        fold="milestones",
        empty=0.0,
    ),
)
