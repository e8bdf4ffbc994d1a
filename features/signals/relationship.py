"""Relationship: the people who carry the account, whether they stay and take part, and what they say in surveys."""

from __future__ import annotations

from typing import Any

import ibis

from configs.tables import table
from features.signal import Signal
from features.timeline import days_between, ratio

PROMOTER_FROM, DETRACTOR_UP_TO = 9, 6  # answers to the recommendation question, 0 to 10
ROLES = next(column.words for column in table("contacts").columns if column.name == "role")
UNTIL = ("contacts.until",)
SPOKE = ("interactions.contact_id", "interactions.initiated_by")

COUNT: dict[str, Any] = {"empty": 0.0, "outage": "scale"}
NOW: dict[str, Any] = {"empty": 0.0}


def _contact(name: str, unit: str, healthier: int, sentence: str, value: Any, **more: Any) -> Signal:
    return Signal(name, "relationship", unit, healthier, sentence, value, fold="contacts", **more)


def _person(name: str, unit: str, healthier: int, sentence: str, value: Any, **more: Any) -> Signal:
    return Signal(name, "relationship", unit, healthier, sentence, value, fold="people", **more)


def _survey(name: str, unit: str, healthier: int, sentence: str, value: Any, **more: Any) -> Signal:
    return Signal(name, "relationship", unit, healthier, sentence, value, fold="surveys", **more)


def _follows(name: str, unit: str, healthier: int, sentence: str, value: Any, *of: str, **more: Any) -> Signal:
    return Signal(name, "relationship", unit, healthier, sentence, value, of=of, **more)


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


def _share_of_present(t: Any, age: Any, days: int) -> Any:
    share = (age <= days).fill_null(False).ifelse(1.0, 0.0).mean(where=t.once & t.present)
    return _where(age.count() > 0, share)


def _role(role: str, words: str) -> tuple[Signal, ...]:
    """Present, gone, changed, silent: a role on which the account hangs."""
    return (
        _contact(
            f"{role}_present",
            "people",
            1,
            f"{words}s in place now",
            lambda t: t.count(where=(t.role == role) & t.until.isnull()),
            needs=UNTIL,
            **NOW,
        ),
        _contact(
            f"{role}_left_180d",
            "people",
            -1,
            f"{words}s who left in the last 180 days",
            lambda t: t.count(where=(t.role == role) & (days_between(t.as_of, t.until) <= 180)),
            needs=UNTIL,
            window_days=180,
            **NOW,
        ),
        _contact(
            f"{role}_gone_days",
            "days",
            -1,
            f"days that the account has been without the {words} it had",
            lambda t: _gone_days(t, role),
            needs=UNTIL,
        ),
        _contact(
            f"{role}_changes_365d",
            "changes",
            0,
            f"times in a year that a further {words} came in",
            lambda t: _successors(t, role),
            window_days=365,
            **NOW,
        ),
        _person(
            f"days_since_{role.removeprefix('executive_')}_active",
            "days",
            -1,
            f"days since the {words} in place last did something, or came",
            lambda t: _silent_days(t, role),
            needs=SPOKE,
            outage="since",
        ),
    )


RELATIONSHIP: tuple[Signal, ...] = (
    *_role("executive_sponsor", "executive sponsor"),
    *_role("champion", "champion"),
    _person(
        "contacts_present",
        "people",
        1,
        "known contacts in place now",
        lambda t: _where(t.role.count() > 0, t.count(where=t.once & t.present)),
        needs=UNTIL,
        **NOW,
    ),
    _contact(
        "roles_present",
        "roles",
        1,
        "different roles (sponsor, champion, admin, user) with somebody in place",
        lambda t: sum((t.count(where=(t.role == role) & t.until.isnull()) > 0).ifelse(1.0, 0.0) for role in ROLES),
        needs=UNTIL,
        **NOW,
    ),
    _contact(
        "contacts_left_180d",
        "people",
        -1,
        "known contacts who left in the last 180 days",
        lambda t: t.count(where=days_between(t.as_of, t.until) <= 180),
        needs=UNTIL,
        window_days=180,
        **NOW,
    ),
    _follows(
        "contacts_left_share",
        "share",
        -1,
        "share of known contacts who left in the last 180 days",
        lambda t: ratio(t.contacts_left_180d, t.contacts_left_180d + t.contacts_present),
        "contacts_left_180d",
        "contacts_present",
        window_days=180,
    ),
    _person(
        "people_active_90d",
        "people",
        1,
        "people of the customer who did something in the last 90 days",
        lambda t: _where(t.active_age.count() > 0, t.count(where=t.once & (t.active_age <= 90))),
        needs=SPOKE,
        window_days=90,
        outage="void",
    ),
    _person(
        "contacts_active_share_90d",
        "share",
        1,
        "share of the contacts in place who did something in the last 90 days",
        lambda t: _share_of_present(t, t.active_age, 90),
        needs=SPOKE,
        window_days=90,
        outage="void",
    ),
    _person(
        "top_person_share_90d",
        "share",
        -1,
        "share of what the customer did in contact with us in 90 days that one person did (1 is single-threaded)",
        lambda t: ratio(t.signs_90d.max(), t.signs_90d.sum(where=t.once)),
        needs=SPOKE,
        window_days=90,
        outage="void",
    ),
    _survey(
        "nps_last",
        "0 to 10",
        1,
        "most recent recommendation score, mean of the last day surveyed",
        lambda t: t.score.mean(where=(t.kind == "nps") & t.latest),
    ),
    _survey(
        "nps_mean_365d",
        "0 to 10",
        1,
        "mean recommendation score in a year",
        lambda t: t.score.mean(where=_nps(t, 365)),
        window_days=365,
    ),
    _survey(
        "nps_low_365d",
        "0 to 10",
        1,
        "lowest recommendation score in a year",
        lambda t: t.score.min(where=_nps(t, 365)),
        window_days=365,
    ),
    _survey(
        "nps_spread_365d",
        "points",
        0,
        "highest less lowest recommendation score in a year",
        lambda t: t.score.max(where=_nps(t, 365)) - t.score.min(where=_nps(t, 365)),
        window_days=365,
    ),
    _follows(
        "nps_change",
        "points",
        1,
        "most recent recommendation score against the year's mean",
        lambda t: t.nps_last - t.nps_mean_365d,
        "nps_last",
        "nps_mean_365d",
        window_days=365,
    ),
    _survey(
        "nps_trend_180d",
        "points",
        1,
        "mean recommendation score of 90 days, less that of the 90 before",
        lambda t: t.score.mean(where=_nps(t, 90)) - t.score.mean(where=_nps(t, 180) & (t.age > 90)),
        window_days=180,
    ),
    _survey(
        "promoters_365d",
        "answers",
        1,
        "answers of 9 and 10 to the recommendation question in a year",
        lambda t: t.count(where=_nps(t, 365) & (t.score >= PROMOTER_FROM)),
        window_days=365,
        **COUNT,
    ),
    _survey(
        "detractors_365d",
        "answers",
        -1,
        "answers of 6 and below to the recommendation question in a year",
        lambda t: t.count(where=_nps(t, 365) & (t.score <= DETRACTOR_UP_TO)),
        window_days=365,
        **COUNT,
    ),
    _survey(
        "csat_mean_365d",
        "points",
        1,
        "mean answer to satisfaction surveys in a year",
        lambda t: t.score.mean(where=(t.kind == "csat") & (t.age <= 365)),
        window_days=365,
    ),
    _survey(
        "survey_answers_365d",
        "answers",
        1,
        "survey answers in a year",
        lambda t: t.count(where=t.age <= 365),
        window_days=365,
        **COUNT,
    ),
    _survey(
        "days_since_survey_answer",
        "days",
        -1,
        "days since anybody answered a survey",
        lambda t: t.age.min(),
        outage="since",
    ),
    _person(
        "survey_response_share_180d",
        "share",
        1,
        "share of the contacts in place who answered a survey in the last 180 days",
        lambda t: _share_of_present(t, t.answered_age, 180),
        needs=("surveys.contact_id",),
        window_days=180,
        outage="void",
    ),
)
