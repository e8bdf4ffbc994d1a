"""Relationship: the contacts who carry the account, whether they stay and take part, and what they say in surveys."""

from __future__ import annotations

from typing import Any

import ibis

from configs.tables import table
from features.signal import AggregateSignal, DerivedSignal, Signal
from features.signals.exposure import share
from features.signals.windows import COUNT
from features.timeline import days_between, ratio

PROMOTER_FROM, DETRACTOR_UP_TO = 9, 6  # answers to the NPS question, 0 to 10
ROLES = next(column.allowed_values for column in table("contacts").columns if column.name == "role")
UNTIL = ("contacts.until",)
SPOKE = ("interactions.contact_id", "interactions.initiated_by")

CONTACTS: dict[str, Any] = {"dimension": "relationship", "frame": "contacts"}
ROLES_AND_SIGNS: dict[str, Any] = {"dimension": "relationship", "frame": "contact_activity"}
SURVEYS: dict[str, Any] = {"dimension": "relationship", "frame": "surveys"}


def _nps(t: Any, days: int) -> Any:
    return (t.kind == "nps") & (t.age <= days)


def _where(condition: Any, value: Any) -> Any:
    """An aggregate where a condition on aggregates holds, missing elsewhere."""
    return condition.ifelse(value.cast("float64"), ibis.null("float64"))


def _gone_days(t: Any, role: str) -> Any:
    in_place = t.count(where=(t.role == role) & t.until.isnull())
    return (in_place > 0).ifelse(0.0, days_between(t.as_of, t.until).min(where=t.role == role))


def _successors(t: Any, role: str) -> Any:
    """Days in a year on which somebody took the role, but for the first who ever did."""
    came = t.count(where=(t.role == role) & t.is_first & (t.age <= 365))
    return came - (t.age.max(where=t.role == role) <= 365).ifelse(1, 0)


def _silent_days(t: Any, role: str) -> Any:
    """Where nobody of the account was ever seen to do anything, nobody is keeping a record, and nobody is silent."""
    since = ibis.coalesce(t.active_age, t.age).min(where=(t.role == role) & t.present)
    return _where(t.active_age.count() > 0, since)


def _left(t: Any, whose: Any, days: int) -> Any:
    """Contacts whose role ended within the days and who hold none any more: who took another role has not left."""
    return _where(t.role.count() > 0, t.count(where=whose & t.gone & (t.until_age <= days)))


def _share_of_present(t: Any, age: Any, days: int) -> Any:
    active = (age <= days).fill_null(False).ifelse(1.0, 0.0).mean(where=t.is_first & t.present)
    return _where(age.count() > 0, active)


def _present(t: Any) -> Any:
    return t.count(where=t.is_first & t.present)


def _role(role: str, words: str) -> tuple[Signal, ...]:
    """Present, gone, changed, silent: a role on which the account hangs."""
    return (
        AggregateSignal(
            name=f"{role}_present",
            unit="contacts",
            healthier=1,
            sentence=f"{words}s in place now",
            value=lambda t: t.count(where=(t.role == role) & t.until.isnull()),
            needs=UNTIL,
            empty=0.0,
            **CONTACTS,
        ),
        AggregateSignal(
            name=f"{role}_left_180d",
            unit="contacts",
            healthier=-1,
            sentence=f"{words}s who left in the last 180 days",
            value=lambda t: _left(t, (t.role == role) & t.is_first_of_role, 180),
            needs=UNTIL,
            window_days=180,
            empty=0.0,
            **ROLES_AND_SIGNS,
        ),
        AggregateSignal(
            name=f"{role}_gone_days",
            unit="days",
            healthier=-1,
            sentence=f"days that the account has been without the {words} it had",
            value=lambda t: _gone_days(t, role),
            needs=UNTIL,
            **CONTACTS,
        ),
        AggregateSignal(
            name=f"{role}_changes_365d",
            unit="changes",
            healthier=0,
            sentence=f"times in a year that a further {words} came in",
            value=lambda t: _successors(t, role),
            window_days=365,
            empty=0.0,
            **CONTACTS,
        ),
        AggregateSignal(
            name=f"days_since_{role.removeprefix('executive_')}_active",
            unit="days",
            healthier=-1,
            sentence=f"days since the {words} in place last did something, or came",
            value=lambda t: _silent_days(t, role),
            needs=SPOKE,
            outage="since",
            **ROLES_AND_SIGNS,
        ),
    )


RELATIONSHIP: tuple[Signal, ...] = (
    *_role("executive_sponsor", "executive sponsor"),
    *_role("champion", "champion"),
    AggregateSignal(
        name="contacts_present",
        unit="contacts",
        healthier=1,
        sentence="known contacts in place now",
        value=lambda t: _where(t.role.count() > 0, t.count(where=t.is_first & t.present)),
        needs=UNTIL,
        empty=0.0,
        **ROLES_AND_SIGNS,
    ),
    AggregateSignal(
        name="roles_present",
        unit="roles",
        healthier=1,
        sentence="different roles (sponsor, champion, admin, user) with somebody in place",
        value=lambda t: sum(
            (t.count(where=(t.role == role) & t.until.isnull()) > 0).ifelse(1.0, 0.0) for role in ROLES
        ),
        needs=UNTIL,
        empty=0.0,
        **CONTACTS,
    ),
    AggregateSignal(
        name="contacts_left_180d",
        unit="contacts",
        healthier=-1,
        sentence="known contacts who left in the last 180 days",
        value=lambda t: _left(t, t.is_first, 180),
        needs=UNTIL,
        window_days=180,
        empty=0.0,
        **ROLES_AND_SIGNS,
    ),
    DerivedSignal(
        name="contacts_left_share",
        dimension="relationship",
        unit="share",
        healthier=-1,
        sentence="share of known contacts who left in the last 180 days",
        value=lambda t: share(t, t.contacts_left_180d, t.contacts_left_180d + t.contacts_present),
        of=("contacts_left_180d", "contacts_present"),
        window_days=180,
        peers=True,
    ),
    AggregateSignal(
        name="contacts_active_90d",
        unit="contacts",
        healthier=1,
        sentence="contacts of the customer who did something in the last 90 days",
        value=lambda t: _where(t.active_age.count() > 0, t.count(where=t.is_first & (t.active_age <= 90))),
        needs=SPOKE,
        window_days=90,
        outage="void",
        **ROLES_AND_SIGNS,
    ),
    AggregateSignal(
        name="contacts_active_share_90d",
        unit="share",
        healthier=1,
        sentence="share of the contacts in place who did something in the last 90 days",
        value=lambda t: _share_of_present(t, t.active_age, 90),
        trials=_present,
        needs=SPOKE,
        window_days=90,
        outage="void",
        **ROLES_AND_SIGNS,
    ),
    AggregateSignal(
        name="top_person_share_90d",
        unit="share",
        healthier=-1,
        sentence="share of what the customer did with us in 90 days that one contact did (1 is single-threaded)",
        value=lambda t: ratio(t.signs_90d.max(), t.signs_90d.sum(where=t.is_first)),
        trials=lambda t: t.signs_90d.sum(where=t.is_first),
        needs=SPOKE,
        window_days=90,
        outage="void",
        **ROLES_AND_SIGNS,
    ),
    AggregateSignal(
        name="nps_last",
        unit="0 to 10",
        healthier=1,
        sentence="most recent NPS, mean of the last day surveyed",
        value=lambda t: t.score.mean(where=(t.kind == "nps") & t.latest),
        **SURVEYS,
    ),
    AggregateSignal(
        name="nps_mean_365d",
        unit="0 to 10",
        healthier=1,
        sentence="mean NPS in a year",
        value=lambda t: t.score.mean(where=_nps(t, 365)),
        window_days=365,
        **SURVEYS,
    ),
    AggregateSignal(
        name="nps_low_365d",
        unit="0 to 10",
        healthier=1,
        sentence="lowest NPS in a year",
        value=lambda t: t.score.min(where=_nps(t, 365)),
        window_days=365,
        **SURVEYS,
    ),
    AggregateSignal(
        name="nps_spread_365d",
        unit="points",
        healthier=0,
        sentence="highest less lowest NPS in a year",
        value=lambda t: t.score.max(where=_nps(t, 365)) - t.score.min(where=_nps(t, 365)),
        window_days=365,
        **SURVEYS,
    ),
    DerivedSignal(
        name="nps_change",
        dimension="relationship",
        unit="points",
        healthier=1,
        sentence="most recent NPS against the year's mean",
        value=lambda t: t.nps_last - t.nps_mean_365d,
        of=("nps_last", "nps_mean_365d"),
        window_days=365,
    ),
    AggregateSignal(
        name="nps_trend_180d",
        unit="points",
        healthier=1,
        sentence="mean NPS of 90 days, less that of the 90 before",
        value=lambda t: t.score.mean(where=_nps(t, 90)) - t.score.mean(where=_nps(t, 180) & (t.age > 90)),
        window_days=180,
        **SURVEYS,
    ),
    AggregateSignal(
        name="promoters_365d",
        unit="answers",
        healthier=1,
        sentence="answers of 9 and 10 to the NPS question in a year",
        value=lambda t: t.count(where=_nps(t, 365) & (t.score >= PROMOTER_FROM)),
        window_days=365,
        **SURVEYS,
        **COUNT,
    ),
    AggregateSignal(
        name="detractors_365d",
        unit="answers",
        healthier=-1,
        sentence="answers of 6 and below to the NPS question in a year",
        value=lambda t: t.count(where=_nps(t, 365) & (t.score <= DETRACTOR_UP_TO)),
        window_days=365,
        **SURVEYS,
        **COUNT,
    ),
    AggregateSignal(
        name="csat_mean_365d",
        unit="points",
        healthier=1,
        sentence="mean answer to satisfaction surveys in a year",
        value=lambda t: t.score.mean(where=(t.kind == "csat") & (t.age <= 365)),
        window_days=365,
        **SURVEYS,
    ),
    AggregateSignal(
        name="survey_answers_365d",
        unit="answers",
        healthier=1,
        sentence="survey answers in a year",
        value=lambda t: t.count(where=t.age <= 365),
        window_days=365,
        **SURVEYS,
        **COUNT,
    ),
    AggregateSignal(
        name="days_since_survey_answer",
        unit="days",
        healthier=-1,
        sentence="days since anybody answered a survey",
        value=lambda t: t.age.min(),
        outage="since",
        **SURVEYS,
    ),
    AggregateSignal(
        name="survey_response_share_180d",
        unit="share",
        healthier=1,
        sentence="share of the contacts in place who answered a survey in the last 180 days",
        value=lambda t: _share_of_present(t, t.answered_age, 180),
        trials=_present,
        needs=("surveys.contact_id",),
        window_days=180,
        outage="void",
        **ROLES_AND_SIGNS,
    ),
)
