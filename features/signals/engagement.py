"""Engagement: meetings, replies, contact that the customer starts, support tickets and milestones.

Only what the customer does counts as engagement. What we send, arrange or answer never makes a signal look healthier:
our own contacts are distinguished, and where nobody knows who began, there is no such signal.
"""

from __future__ import annotations

from typing import Any

import ibis

from features.signal import AggregateSignal, DerivedSignal, Signal
from features.signals.exposure import pace, share
from features.signals.support import SUPPORT
from features.signals.windows import COUNT, over_windows
from features.timeline import days_between

ATTENDED = ("interactions.attended",)
STARTED = ("interactions.initiated_by",)
REPLIED = ("interactions.responded_at", *STARTED)

INTERACTIONS: dict[str, Any] = {"dimension": "engagement", "frame": "interactions"}


def _reply_share(t: Any, within: Any) -> Any:
    return t.responded_at.notnull().ifelse(1.0, 0.0).mean(where=within & t.our_message)


# Changes compare with the rest of the year: against a year that holds them, one more unanswered mail or missed meeting
# of these days could look like a turn for the better.
def _rest_of_year(t: Any) -> Any:
    return (t.age > 90) & (t.age <= 365)


def _attended_before(t: Any) -> Any:
    held = t.appointments_held_365d - t.appointments_held_90d
    return share(t, held, held + t.appointments_missed_365d - t.appointments_missed_90d)


def _attendance(days: int, words: str) -> Signal:
    held, missed = f"appointments_held_{days}d", f"appointments_missed_{days}d"
    return DerivedSignal(
        name=f"attendance_share_{days}d",
        dimension="engagement",
        unit="share",
        healthier=1,
        sentence=f"share of appointments in {words} that the customer came to",
        value=lambda t: share(t, t[held], t[held] + t[missed]),
        of=(held, missed),
        window_days=days,
        peers=True,
    )


ENGAGEMENT: tuple[Signal, ...] = (
    *over_windows(
        (30, 90, 365),
        name="appointments_held_{days}d",
        unit="appointments",
        healthier=1,
        sentence="appointments held {window}",
        value=lambda t, days: t.count(where=(t.age <= days) & t.came),
        needs=ATTENDED,
        **INTERACTIONS,
        **COUNT,
    ),
    *over_windows(
        (30, 90, 365),
        name="appointments_missed_{days}d",
        unit="appointments",
        healthier=-1,
        sentence="appointments missed {window}",
        value=lambda t, days: t.count(where=(t.age <= days) & t.missed),
        needs=ATTENDED,
        **INTERACTIONS,
        **COUNT,
    ),
    _attendance(90, "90 days"),
    _attendance(365, "a year"),
    DerivedSignal(
        name="attendance_change",
        dimension="engagement",
        unit="difference of shares",
        healthier=1,
        sentence="share of appointments kept in 90 days, less that of the rest of the year",
        value=lambda t: t.attendance_share_90d - _attended_before(t),
        of=(
            "attendance_share_90d",
            *(f"appointments_{word}_{days}d" for word in ("held", "missed") for days in (90, 365)),
        ),
        window_days=365,
        peers=True,
    ),
    AggregateSignal(
        name="days_since_attended",
        unit="days",
        healthier=-1,
        sentence="days since the customer last came to an appointment",
        value=lambda t: t.age.min(where=t.came),
        needs=ATTENDED,
        outage="since",
        **INTERACTIONS,
    ),
    AggregateSignal(
        name="trainings_attended_365d",
        unit="trainings",
        healthier=1,
        sentence="trainings and webinars that the customer came to in a year",
        value=lambda t: t.count(where=(t.age <= 365) & t.came & t.training),
        needs=ATTENDED,
        window_days=365,
        **INTERACTIONS,
        **COUNT,
    ),
    AggregateSignal(
        name="qbrs_attended_365d",
        unit="reviews",
        healthier=1,
        sentence="business reviews that the customer came to in a year",
        value=lambda t: t.count(where=(t.age <= 365) & t.came & t.qbr),
        needs=ATTENDED,
        window_days=365,
        **INTERACTIONS,
        **COUNT,
    ),
    AggregateSignal(
        name="days_since_qbr",
        unit="days",
        healthier=-1,
        sentence="days since the last business review, whether or not the customer came",
        value=lambda t: t.age.min(where=t.qbr),
        outage="since",
        **INTERACTIONS,
    ),
    # We set the dates: many of them say nothing until somebody comes, so no direction is healthier.
    AggregateSignal(
        name="meetings_90d",
        unit="meetings",
        healthier=0,
        sentence="meetings, reviews and trainings set for the last 90 days, whether or not the customer came",
        value=lambda t: t.count(where=(t.age <= 90) & t.appointment),
        window_days=90,
        **INTERACTIONS,
        **COUNT,
    ),
    *over_windows(
        (30, 90),
        name="customer_contacts_{days}d",
        unit="contacts",
        healthier=1,
        sentence="contacts that the customer began {window}",
        value=lambda t, days: t.count(where=(t.age <= days) & t.theirs),
        needs=STARTED,
        **INTERACTIONS,
        **COUNT,
    ),
    DerivedSignal(
        name="customer_contacts_change_30d",
        dimension="engagement",
        unit="ratio",
        healthier=1,
        sentence="contacts that the customer began in 30 days against its own 90-day pace (1 is unchanged)",
        value=lambda t: pace(t, "interactions", t.customer_contacts_30d, t.customer_contacts_90d, 30, 90),
        of=("customer_contacts_30d", "customer_contacts_90d"),
        window_days=90,
        peers=True,
    ),
    AggregateSignal(
        name="days_since_customer_contact",
        unit="days",
        healthier=-1,
        sentence="days since the customer last began a contact",
        value=lambda t: t.age.min(where=t.theirs),
        needs=STARTED,
        outage="since",
        **INTERACTIONS,
    ),
    AggregateSignal(
        name="days_since_heard",
        unit="days",
        healthier=-1,
        sentence="days since the customer last wrote, called, answered or came",
        value=lambda t: t.did.ifelse(t.age, days_between(t.as_of, t.responded_at)).min(),
        needs=(*REPLIED, *ATTENDED),
        outage="since",
        **INTERACTIONS,
    ),
    # How much we reach out follows how worried we are: known, and no engagement of theirs.
    AggregateSignal(
        name="our_contacts_90d",
        unit="contacts",
        healthier=0,
        sentence="contacts that we began in the last 90 days",
        value=lambda t: t.count(where=(t.age <= 90) & t.ours),
        needs=STARTED,
        window_days=90,
        **INTERACTIONS,
        **COUNT,
    ),
    AggregateSignal(
        name="community_posts_90d",
        unit="posts",
        healthier=1,
        sentence="posts of the customer in the community in the last 90 days",
        value=lambda t: t.count(where=(t.age <= 90) & t.theirs & (t.kind == "community")),
        needs=STARTED,
        window_days=90,
        **INTERACTIONS,
        **COUNT,
    ),
    AggregateSignal(
        name="reply_share_90d",
        unit="share",
        healthier=1,
        sentence="share of our messages in 90 days that the customer answered",
        value=lambda t: _reply_share(t, t.age <= 90),
        trials=lambda t: t.count(where=(t.age <= 90) & t.our_message),
        needs=REPLIED,
        window_days=90,
        **INTERACTIONS,
    ),
    AggregateSignal(
        name="reply_share_change",
        unit="difference of shares",
        healthier=1,
        sentence="share of our messages answered in 90 days, less that of the rest of the year",
        value=lambda t: _reply_share(t, t.age <= 90) - _reply_share(t, _rest_of_year(t)),
        trials=lambda t: ibis.least(
            t.count(where=(t.age <= 90) & t.our_message), t.count(where=_rest_of_year(t) & t.our_message)
        ),
        needs=REPLIED,
        window_days=365,
        **INTERACTIONS,
    ),
    AggregateSignal(
        name="reply_days_90d",
        unit="days",
        healthier=-1,
        sentence="mean days that the customer took to answer our messages of the last 90 days",
        value=lambda t: days_between(t.responded_at, t.occurred_at).mean(where=(t.age <= 90) & t.our_message),
        needs=REPLIED,
        window_days=90,
        **INTERACTIONS,
    ),
    # The tone of what we wrote ourselves is ours.
    AggregateSignal(
        name="interaction_sentiment_90d",
        unit="-1 to 1",
        healthier=1,
        sentence="mean tone of conversations, and of messages that the customer wrote, in the last 90 days",
        value=lambda t: t.sentiment.mean(where=(t.age <= 90) & (t.theirs | ~t.message)),
        needs=("interactions.sentiment", *STARTED),
        window_days=90,
        **INTERACTIONS,
    ),
    *SUPPORT,
    AggregateSignal(
        name="milestones_reached",
        dimension="engagement",
        unit="milestones",
        healthier=1,
        sentence="onboarding milestones reached",
        value=lambda t: t.count(where=t.is_first),
        frame="milestones",
        empty=0.0,
    ),
    AggregateSignal(
        name="milestones_overdue",
        dimension="engagement",
        unit="milestones",
        healthier=-1,
        sentence="expected onboarding milestones past their day and not reached",
        value=lambda t: t.overdue.sum(),
        frame="onboarding",
    ),
)
