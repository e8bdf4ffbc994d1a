"""Engagement: meetings, replies, contact that the customer starts, support tickets and milestones.

Only what the customer does counts as engagement. What we send, arrange or answer never makes a signal look healthier:
our own contacts are told apart, and where nobody knows who began, there is no such signal.
"""

from __future__ import annotations

from typing import Any

from features.signal import Signal
from features.timeline import days_between, ratio

URGENT = ("urgent", "high", "critical", "p1", "p2")
POOR_RATING = 2  # of 5, and below

ATTENDED = ("interactions.attended",)
STARTED = ("interactions.initiated_by",)
REPLIED = ("interactions.responded_at", *STARTED)
RESOLVED = ("tickets.resolved_at",)
PRIORITY = ("tickets.priority",)
RATED = ("tickets.satisfaction", *RESOLVED)

COUNT: dict[str, Any] = {"empty": 0.0, "outage": "scale"}
SINCE: dict[str, Any] = {"outage": "since"}
NOW: dict[str, Any] = {"empty": 0.0}


def _talks(name: str, unit: str, healthier: int, sentence: str, value: Any, **more: Any) -> Signal:
    return Signal(name, "engagement", unit, healthier, sentence, value, fold="interactions", **more)


def _tickets(name: str, unit: str, healthier: int, sentence: str, value: Any, **more: Any) -> Signal:
    return Signal(name, "engagement", unit, healthier, sentence, value, fold="tickets", **more)


def _follows(name: str, unit: str, healthier: int, sentence: str, value: Any, *of: str, **more: Any) -> Signal:
    return Signal(name, "engagement", unit, healthier, sentence, value, of=of, **more)


def _open(t: Any) -> Any:
    return t.resolved_at.isnull()


def _urgent(t: Any) -> Any:
    return t.priority.lower().isin(URGENT)


def _reply_share(t: Any, within: Any) -> Any:
    return t.responded_at.notnull().ifelse(1.0, 0.0).mean(where=within & t.our_message)


# Changes compare with the rest of the year: against a year that holds them, one more unanswered mail or missed meeting
# of these days could look like a turn for the better.
def _rest_of_year(t: Any) -> Any:
    return (t.age > 90) & (t.age <= 365)


def _attended_before(t: Any) -> Any:
    held = t.appointments_held_365d - t.appointments_held_90d
    return ratio(held, held + t.appointments_missed_365d - t.appointments_missed_90d)


def _appointments(days: int, held: bool) -> Signal:
    word = "held" if held else "missed"
    return _talks(
        f"appointments_{word}_{days}d",
        "appointments",
        1 if held else -1,
        f"appointments {word} in the last {days} days",
        lambda t: t.count(where=(t.age <= days) & (t.came if held else t.missed)),
        needs=ATTENDED,
        window_days=days,
        **COUNT,
    )


def _attendance(days: int, words: str) -> Signal:
    held, missed = f"appointments_held_{days}d", f"appointments_missed_{days}d"
    return _follows(
        f"attendance_share_{days}d",
        "share",
        1,
        f"share of appointments in {words} that the customer came to",
        lambda t: ratio(t[held], t[held] + t[missed]),
        held,
        missed,
        window_days=days,
    )


def _contacts(days: int) -> Signal:
    return _talks(
        f"customer_contacts_{days}d",
        "contacts",
        1,
        f"contacts that the customer began in the last {days} days",
        lambda t: t.count(where=(t.age <= days) & t.theirs),
        needs=STARTED,
        window_days=days,
        **COUNT,
    )


def _opened(days: int) -> Signal:
    return _tickets(
        f"tickets_{days}d",
        "tickets",
        0,
        f"support tickets opened in the last {days} days",
        lambda t: t.count(where=t.age <= days),
        window_days=days,
        **COUNT,
    )


ENGAGEMENT: tuple[Signal, ...] = (
    *(_appointments(days, held) for held in (True, False) for days in (30, 90, 365)),
    _attendance(90, "90 days"),
    _attendance(365, "a year"),
    _follows(
        "attendance_change",
        "difference of shares",
        1,
        "share of appointments kept in 90 days, less that of the rest of the year",
        lambda t: t.attendance_share_90d - _attended_before(t),
        "attendance_share_90d",
        *(f"appointments_{word}_{days}d" for word in ("held", "missed") for days in (90, 365)),
        window_days=365,
    ),
    _talks(
        "days_since_attended",
        "days",
        -1,
        "days since the customer last came to an appointment",
        lambda t: t.age.min(where=t.came),
        needs=ATTENDED,
        **SINCE,
    ),
    _talks(
        "trainings_attended_365d",
        "trainings",
        1,
        "trainings and webinars that the customer came to in a year",
        lambda t: t.count(where=(t.age <= 365) & t.came & t.training),
        needs=ATTENDED,
        window_days=365,
        **COUNT,
    ),
    _talks(
        "qbrs_attended_365d",
        "reviews",
        1,
        "business reviews that the customer came to in a year",
        lambda t: t.count(where=(t.age <= 365) & t.came & t.qbr),
        needs=ATTENDED,
        window_days=365,
        **COUNT,
    ),
    _talks(
        "days_since_qbr",
        "days",
        -1,
        "days since the last business review, whether or not the customer came",
        lambda t: t.age.min(where=t.qbr),
        **SINCE,
    ),
    # We set the dates: many of them say nothing until somebody comes, so no direction is healthier.
    _talks(
        "meetings_90d",
        "meetings",
        0,
        "meetings, reviews and trainings set for the last 90 days, whether or not the customer came",
        lambda t: t.count(where=(t.age <= 90) & t.appointment),
        window_days=90,
        **COUNT,
    ),
    _contacts(30),
    _contacts(90),
    _follows(
        "customer_contacts_change_30d",
        "ratio",
        1,
        "contacts that the customer began in 30 days against its own 90-day pace (1 is unchanged)",
        lambda t: ratio(t.customer_contacts_30d * 3.0, t.customer_contacts_90d),
        "customer_contacts_30d",
        "customer_contacts_90d",
        window_days=90,
    ),
    _talks(
        "days_since_customer_contact",
        "days",
        -1,
        "days since the customer last began a contact",
        lambda t: t.age.min(where=t.theirs),
        needs=STARTED,
        **SINCE,
    ),
    _talks(
        "days_since_heard",
        "days",
        -1,
        "days since the customer last wrote, called, answered or came",
        lambda t: t.did.ifelse(t.age, days_between(t.as_of, t.responded_at)).min(),
        needs=(*REPLIED, *ATTENDED),
        **SINCE,
    ),
    # How much we reach out follows how worried we are: known, and no engagement of theirs.
    _talks(
        "our_contacts_90d",
        "contacts",
        0,
        "contacts that we began in the last 90 days",
        lambda t: t.count(where=(t.age <= 90) & t.ours),
        needs=STARTED,
        window_days=90,
        **COUNT,
    ),
    _talks(
        "community_posts_90d",
        "posts",
        1,
        "posts of the customer in the community in the last 90 days",
        lambda t: t.count(where=(t.age <= 90) & t.theirs & (t.kind == "community")),
        needs=STARTED,
        window_days=90,
        **COUNT,
    ),
    _talks(
        "reply_share_90d",
        "share",
        1,
        "share of our messages in 90 days that the customer answered",
        lambda t: _reply_share(t, t.age <= 90),
        needs=REPLIED,
        window_days=90,
    ),
    _talks(
        "reply_share_change",
        "difference of shares",
        1,
        "share of our messages answered in 90 days, less that of the rest of the year",
        lambda t: _reply_share(t, t.age <= 90) - _reply_share(t, _rest_of_year(t)),
        needs=REPLIED,
        window_days=365,
    ),
    _talks(
        "reply_days_90d",
        "days",
        -1,
        "mean days that the customer took to answer our messages of the last 90 days",
        lambda t: days_between(t.responded_at, t.occurred_at).mean(where=(t.age <= 90) & t.our_message),
        needs=REPLIED,
        window_days=90,
    ),
    # The tone of what we wrote ourselves is ours.
    _talks(
        "interaction_sentiment_90d",
        "-1 to 1",
        1,
        "mean tone of conversations, and of messages that the customer wrote, in the last 90 days",
        lambda t: t.sentiment.mean(where=(t.age <= 90) & (t.theirs | ~t.message)),
        needs=("interactions.sentiment", *STARTED),
        window_days=90,
    ),
    _opened(7),
    _opened(30),
    _opened(90),
    _follows(
        "tickets_change_30d",
        "ratio",
        0,
        "tickets of the last 30 days against the account's own 90-day pace (1 is unchanged)",
        lambda t: ratio(t.tickets_30d * 3.0, t.tickets_90d),
        "tickets_30d",
        "tickets_90d",
        window_days=90,
    ),
    _tickets(
        "urgent_tickets_90d",
        "tickets",
        -1,
        "urgent or high-priority tickets in the last 90 days",
        lambda t: t.count(where=(t.age <= 90) & _urgent(t)),
        needs=PRIORITY,
        window_days=90,
        **COUNT,
    ),
    _tickets(
        "tickets_open", "tickets", -1, "tickets open now", lambda t: t.count(where=_open(t)), needs=RESOLVED, **NOW
    ),
    _tickets(
        "urgent_tickets_open",
        "tickets",
        -1,
        "urgent or high-priority tickets open now",
        lambda t: t.count(where=_open(t) & _urgent(t)),
        needs=(*PRIORITY, *RESOLVED),
        **NOW,
    ),
    _tickets(
        "oldest_open_ticket_days",
        "days",
        -1,
        "age of the oldest open ticket",
        lambda t: t.age.max(where=_open(t)),
        needs=RESOLVED,
        **NOW,
    ),
    _tickets(
        "tickets_reopened_180d",
        "tickets",
        -1,
        "tickets reopened in the last 180 days",
        lambda t: t.count(where=days_between(t.as_of, t.reopened_at) <= 180),
        needs=("tickets.reopened_at",),
        window_days=180,
        **COUNT,
    ),
    _tickets(
        "resolve_days_90d",
        "days",
        -1,
        "mean days to resolve tickets opened in the last 90 days",
        lambda t: days_between(t.resolved_at, t.opened_at).mean(where=t.age <= 90),
        needs=RESOLVED,
        window_days=90,
    ),
    # A rating is given when a ticket is closed; until then a value in the row would be one filled in later.
    _tickets(
        "ticket_satisfaction_180d",
        "1 to 5",
        1,
        "mean satisfaction with tickets resolved, opened in the last 180 days",
        lambda t: t.satisfaction.mean(where=(t.age <= 180) & t.resolved_at.notnull()),
        needs=RATED,
        window_days=180,
    ),
    _tickets(
        "poor_ratings_180d",
        "ratings",
        -1,
        "ratings of 1 or 2 for tickets resolved, opened in the last 180 days",
        lambda t: t.count(where=(t.age <= 180) & t.resolved_at.notnull() & (t.satisfaction <= POOR_RATING)),
        needs=RATED,
        window_days=180,
        **COUNT,
    ),
    _tickets(
        "ticket_sentiment_90d",
        "-1 to 1",
        1,
        "mean tone of tickets opened in the last 90 days",
        lambda t: t.sentiment.mean(where=t.age <= 90),
        needs=("tickets.sentiment",),
        window_days=90,
    ),
    Signal(
        "milestones_reached",
        "engagement",
        "milestones",
        1,
        "onboarding milestones reached",
        lambda t: t.count(where=t.is_first),
        fold="milestones",
        **NOW,
    ),
    Signal(
        "milestones_overdue",
        "engagement",
        "milestones",
        -1,
        "expected onboarding milestones past their day and not reached",
        lambda t: t.overdue.sum(),
        fold="onboarding",
    ),
)
