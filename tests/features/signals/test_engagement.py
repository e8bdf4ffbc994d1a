"""Engagement, counted by hand: late records, answers that had not come yet, and mails of ours that mean nothing."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from features.dataset import Dataset
from features.signals.engagement import ENGAGEMENT
from tests.features.by_hand import GONE, SECOND, Case, build, check, no_signal_without_case, rows, value

TALKS = "account_id occurred_at kind initiated_by attended responded_at sentiment recorded_at"
TABLES = {
    "accounts": rows("account_id created_at", ("busy", 150), ("quiet", 400), ("absent", 200)),
    "interactions": rows(
        TALKS,
        ("busy", 320, "email", "us", None, 315, None, None),
        ("busy", 300, "meeting", "us", True, None, 0.2, None),
        ("busy", 200, "QBR", "us", True, None, 0.4, None),
        ("busy", 180, "training", "us", False, None, None, None),
        ("busy", 170, "email", "us", None, 168, 0.9, None),  # the tone is ours
        ("busy", 160, "email", "us", None, 88, None, None),  # answered between the two as_ofs
        ("busy", 120, "email", "customer", None, 119, -0.5, None),  # the answer is ours
        ("busy", 95, "webinar", "us", True, None, None, None),
        ("busy", 70, "email", "us", None, 66, None, None),
        ("busy", 60, "email", "us", None, None, 1.0, None),
        ("busy", 50, "community", "customer", None, None, 0.6, None),
        ("busy", 40, "call", "us", True, None, 0.1, None),
        ("busy", 35, "meeting", "us", False, None, None, None),
        ("busy", 25, "meeting", "us", False, None, -0.2, None),
        ("busy", 20, "email", "us", True, None, None, None),  # opened: nobody came to anything
        ("busy", 15, "meeting", "us", True, None, 1.0, -1),  # known a day too late
        ("busy", 10, "email", "us", None, -1, None, None),  # answered after the second as_of
        ("busy", 5, "email", "customer", None, None, -0.3, 0),  # known at the as_of itself
        ("busy", -2, "qbr", "customer", True, None, 1.0, None),
        ("quiet", 380, "email", "us", None, 370, None, None),
    ),
    "tickets": rows(
        "account_id opened_at ticket_id resolved_at reopened_at priority satisfaction sentiment recorded_at",
        ("busy", 250, "1", 245, None, "Urgent", 2, -0.4, None),
        ("busy", 120, "2", 100, None, "normal", 4, 0.2, None),
        ("busy", 96, "3", 60, 80, "High", 1, -0.6, None),  # resolved and reopened between the as_ofs
        ("busy", 60, "4", 50, 55, "low", None, None, None),
        ("busy", 25, "5", None, -2, "p2", None, 0.1, None),  # reopened after the second as_of
        ("busy", 6, "6", -3, None, "low", 5, -0.3, None),  # resolved and rated after it
        ("busy", 3, "7", None, None, "urgent", None, -1.0, -1),  # known a day too late
        ("busy", -1, "8", None, None, "urgent", None, -1.0, None),
        ("quiet", 300, "9", 290, None, "normal", 3, 0.5, None),
    ),
    "milestones": rows(
        "account_id milestone reached_at recorded_at",
        ("busy", "kickoff", 140, None),
        ("busy", "kickoff", 130, None),
        ("busy", "data_import", 85, None),
        ("busy", "first_workflow", 20, -1),
        ("busy", "team_trained", -5, None),
        *(
            ("quiet", name, 300, None)
            for name in ("kickoff", "data_import", "first_workflow", "team_trained", "first_business_outcome", "party")
        ),
    ),
}
EXPECTED = {
    "milestones": [
        {"name": "kickoff", "due_days": 14},
        {"name": "data_import", "due_days": 30},
        {"name": "first_workflow", "due_days": 60},
        {"name": "team_trained", "due_days": 90},
        {"name": "first_business_outcome", "due_days": 120},
    ]
}


def pace(newest: float, total: float, days: int) -> float:
    """30 days against the `days` (of 90) that hold them; five events and three busy days more, as if unchanged."""
    before = days - 30
    k = 5 + 3 * 60 / before * max(newest / 30, (total - newest) / before)
    change = (newest + k * 30 / days) / (total - newest + k * before / days) * before / 30
    return change * days / (change * 30 + before)


CASES: dict[str, Case] = {
    "appointments_held_30d": (1, 0, 0, GONE),
    "appointments_held_90d": (1, 1, 0, GONE),
    "appointments_held_365d": (3, 4, 0, GONE),
    "appointments_missed_30d": (0, 1, 0, GONE),
    "appointments_missed_90d": (1, 2, 0, GONE),
    "appointments_missed_365d": (1, 3, 0, GONE),
    "attendance_share_90d": (1 / 2, 1 / 3, GONE, GONE),
    "attendance_share_365d": (3 / 4, 4 / 7, GONE, GONE),
    "attendance_change": (1 / 2 - 2 / 2, 1 / 3 - 3 / 4, GONE, GONE),
    "days_since_attended": (4, 40, GONE, GONE),
    "trainings_attended_365d": (1, 1, 0, GONE),
    "qbrs_attended_365d": (1, 1, 0, GONE),
    "days_since_qbr": (109, 200, GONE, GONE),
    "meetings_90d": (2, 2, 0, GONE),
    "customer_contacts_30d": (1, 1, 0, GONE),
    "customer_contacts_90d": (1, 2, 0, GONE),
    "customer_contacts_change_30d": (pace(1, 1, 59), pace(1, 2, 90), GONE, GONE),
    "days_since_customer_contact": (29, 5, GONE, GONE),
    "days_since_heard": (4, 5, 370, GONE),
    "our_contacts_90d": (4, 7, 0, GONE),
    "community_posts_90d": (0, 1, 0, GONE),
    "reply_share_90d": (1 / 2, 1 / 4, GONE, GONE),
    "reply_share_change": (1 / 2 - 1, 1 / 4 - 3 / 3, GONE, GONE),
    "reply_days_90d": (2, 4, GONE, GONE),
    "interaction_sentiment_90d": (-0.5, (0.6 + 0.1 - 0.2 - 0.3) / 4, GONE, GONE),
    "tickets_7d": (1, 1, 0, GONE),
    "tickets_30d": (2, 2, 0, GONE),
    "tickets_90d": (2, 3, 0, GONE),
    "tickets_change_30d": (pace(2, 2, 59), pace(2, 3, 90), GONE, GONE),
    "urgent_tickets_90d": (1, 1, 0, GONE),
    "tickets_open": (1, 2, 0, GONE),
    "urgent_tickets_open": (1, 1, 0, GONE),
    "oldest_open_ticket_days": (5, 25, 0, GONE),
    "tickets_reopened_180d": (0, 2, 0, GONE),
    "resolve_days_90d": (20, 10, GONE, GONE),
    "ticket_satisfaction_180d": (3, 5 / 2, GONE, GONE),
    "poor_ratings_180d": (1, 1, 0, GONE),
    "ticket_sentiment_90d": (-0.2, -0.1, GONE, GONE),
    "milestones_reached": (1, 2, 6, GONE),
    "milestones_overdue": (1, 3, 0, GONE),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return build(tmp_path_factory.mktemp("engagement"), TABLES, framework=EXPECTED)


@pytest.mark.parametrize("name", CASES)
def test_counted_by_hand(data: Dataset, name: str) -> None:
    check(data, name, CASES[name])


def test_no_signal_without_a_case() -> None:
    no_signal_without_case(ENGAGEMENT, CASES)


OURS = ("our_contacts_90d", "reply_share_90d", "reply_share_change")


@pytest.mark.parametrize("opened", [None, True])
def test_our_own_mails_do_not_look_like_engagement(data: Dataset, tmp_path: Path, opened: bool | None) -> None:
    """Ten more mails of ours, opened or not, make nothing look healthier; only what counts them moves at all."""
    mails = rows(TALKS, *(("busy", 3 + day, "Email", "us", opened, None, 1.0, None) for day in range(10)))
    more = {**TABLES, "interactions": pd.concat([TABLES["interactions"], mails], ignore_index=True)}
    written = build(tmp_path, more, framework=EXPECTED)
    moved = {}
    for signal in ENGAGEMENT:
        before, after = (value(result, "busy", SECOND, signal.name) for result in (data, written))
        if before != after:
            moved[signal.name] = (after - before) * signal.healthier
    assert set(moved) == set(OURS)
    assert moved["our_contacts_90d"] == 0  # known, and neither good nor bad
    assert max(moved.values()) <= 0


def test_without_knowing_who_began_nothing_is_said_of_contact_and_replies(tmp_path: Path) -> None:
    talks = TABLES["interactions"].drop(columns="initiated_by")
    names = build(tmp_path, {**TABLES, "interactions": talks}, framework=EXPECTED).schema.names
    begun = {signal.name for signal in ENGAGEMENT if "interactions.initiated_by" in signal.needs}
    assert {"reply_share_90d", "customer_contacts_90d", "days_since_heard", "interaction_sentiment_90d"} <= begun
    assert not begun & set(names)
    assert {"meetings_90d", "attendance_share_90d", "days_since_qbr"} <= set(names)


def test_a_milestone_is_due_by_the_configured_day(tmp_path: Path) -> None:
    """Sign-up was 59 and 150 days before: one that is due at 59 days is not overdue then, and 91 days later it is."""
    framework = {"milestones": [{"name": "party", "due_days": 59}, {"name": "kickoff", "due_days": 1}]}
    result = build(tmp_path, TABLES, framework=framework)
    check(result, "milestones_overdue", (0, 1, 0, GONE))
