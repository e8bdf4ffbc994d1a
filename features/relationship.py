"""Relationship: the people who carry the account, whether they stay, and what they say in surveys."""

from __future__ import annotations

from features.signal import Signal
from features.windows import days_between, ratio

PEOPLE = "contacts"
SURVEYS = "surveys"
UNTIL = ("contacts.until",)


def _present(role: str, words: str) -> Signal:
    return Signal(
        f"{role}_present",
        "relationship",
        "people",
        1,
        f"{words}s in place now",
        lambda t: t.count(where=(t.role == role) & t.until.isnull()),
        fold=PEOPLE,
        needs=UNTIL,
        empty=0.0,
    )


def _left(role: str, words: str) -> Signal:
    return Signal(
        f"{role}_left_180d",
        "relationship",
        "people",
        -1,
        f"{words}s who left in the last 180 days",
        lambda t: t.count(where=(t.role == role) & (days_between(t.as_of, t.until) <= 180)),
        fold=PEOPLE,
        needs=UNTIL,
        window_days=180,
        empty=0.0,
    )


RELATIONSHIP: tuple[Signal, ...] = (
    _present("executive_sponsor", "executive sponsor"),
    _present("champion", "champion"),
    _left("executive_sponsor", "executive sponsor"),
    _left("champion", "champion"),
    Signal(
        "contacts_present",
        "relationship",
        "people",
        1,
        "known contacts in place now",
        lambda t: t.count(where=t.until.isnull()),
        fold=PEOPLE,
        needs=UNTIL,
        empty=0.0,
    ),
    Signal(
        "contacts_left_180d",
        "relationship",
        "people",
        -1,
        "known contacts who left in the last 180 days",
        lambda t: t.count(where=days_between(t.as_of, t.until) <= 180),
        fold=PEOPLE,
        needs=UNTIL,
        window_days=180,
        empty=0.0,
    ),
    Signal(
        "nps_last",
        "relationship",
        "0 to 10",
        1,
        "most recent recommendation score, mean of the last day surveyed",
        lambda t: t.score.mean(where=(t.kind == "nps") & t.latest),
        fold=SURVEYS,
    ),
    Signal(
        "nps_mean_365d",
        "relationship",
        "0 to 10",
        1,
        "mean recommendation score in a year",
        lambda t: t.score.mean(where=(t.kind == "nps") & (t.age <= 365)),
        fold=SURVEYS,
        window_days=365,
    ),
    Signal(
        "nps_low_365d",
        "relationship",
        "0 to 10",
        1,
        "lowest recommendation score in a year",
        lambda t: t.score.min(where=(t.kind == "nps") & (t.age <= 365)),
        fold=SURVEYS,
        window_days=365,
    ),
    Signal(
        "detractors_365d",
        "relationship",
        "answers",
        -1,
        "answers of 6 and below to the recommendation question in a year",
        lambda t: t.count(where=(t.kind == "nps") & (t.score <= 6) & (t.age <= 365)),
        fold=SURVEYS,
        window_days=365,
        empty=0.0,
    ),
    Signal(
        "survey_answers_365d",
        "relationship",
        "answers",
        1,
        "survey answers in a year",
        lambda t: t.count(where=t.age <= 365),
        fold=SURVEYS,
        window_days=365,
        empty=0.0,
    ),
    Signal(
        "nps_change",
        "relationship",
        "points",
        1,
        "most recent recommendation score against the year's mean",
        lambda t: t.nps_last - t.nps_mean_365d,
        window_days=365,
        of=("nps_last", "nps_mean_365d"),
    ),
    Signal(
        "contacts_left_share",
        "relationship",
        "share",
        -1,
        "share of known contacts who left in the last 180 days",
        lambda t: ratio(t.contacts_left_180d, t.contacts_left_180d + t.contacts_present),
        window_days=180,
        of=("contacts_left_180d", "contacts_present"),
    ),
)
