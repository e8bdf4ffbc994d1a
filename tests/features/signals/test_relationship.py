"""Relationship, counted by hand: who had left by then, who does something and who is only written to, who answers."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from features.dataset import Dataset
from features.signals.catalogue import made_of
from features.signals.relationship import RELATIONSHIP
from tests.features.by_hand import (
    FIRST,
    GONE,
    SECOND,
    Case,
    build,
    check,
    frame_of,
    no_signal_without_case,
    rows,
    value,
)

TALKS = "account_id occurred_at contact_id kind initiated_by attended responded_at recorded_at"
ACCOUNTS = ("busy", "quiet", "absent", "unrecorded", "unheard")
TABLES = {
    "accounts": rows("account_id created_at", *((name, 700) for name in ACCOUNTS)),
    "contacts": rows(
        "account_id contact_id role since until recorded_at",
        ("busy", "p1", "executive_sponsor", 500, 100, None),
        ("busy", "p2", "executive_sponsor", 60, None, None),
        ("busy", "p3", "champion", 400, 50, None),  # in place at the first as_of
        ("busy", "p4", "admin", 300, None, None),
        ("busy", "p4", "user", 250, None, None),  # one person in two roles
        ("busy", "p5", "user", 200, -5, None),  # leaves after the second as_of
        ("busy", "p6", "user", 120, None, None),
        ("busy", "p7", "champion", 20, None, -1),  # known a day too late
        ("busy", "p8", "champion", -1, None, None),
        ("quiet", "z1", "user", 600, 400, None),
        ("unrecorded", "r1", "executive_sponsor", 300, None, None),
        ("unheard", "h1", "executive_sponsor", 300, None, None),
        ("unheard", "h2", "user", 300, None, None),
    ),
    "interactions": rows(
        TALKS,
        ("busy", 150, "p4", "meeting", "us", True, None, None),
        ("busy", 130, "p4", "email", "customer", None, None, None),
        ("busy", 110, "p5", "email", "us", None, 93, None),
        ("busy", 100, "p3", "email", "us", True, None, None),  # opened: no sign of a person
        ("busy", 75, None, "email", "us", None, None, None),  # the feed works between 100 and 50 days ago
        ("busy", 45, "p2", "call", "us", True, None, None),
        ("busy", 40, "p6", "email", "us", None, None, None),  # never answered
        ("busy", 30, "p4", "email", "customer", None, 29, None),
        ("busy", 25, "p4", "meeting", "us", True, None, None),
        ("busy", 20, "x9", "email", "customer", None, None, None),  # in no list of contacts
        ("busy", 12, None, "email", "customer", None, None, None),
        ("busy", 10, "p6", "meeting", "us", False, None, None),
        ("busy", 8, "p6", "email", "customer", None, None, -1),  # known a day too late
        ("busy", 7, "p6", "email", "us", None, -1, None),  # answered after the second as_of
        ("busy", -1, "p6", "email", "customer", None, None, None),
        ("unheard", 100, "h2", "email", "customer", None, None, None),
        ("unheard", 50, "h1", "email", "us", None, None, None),
    ),
    "surveys": rows(
        "account_id occurred_at kind score contact_id recorded_at",
        ("busy", 460, "nps", 2, "p4", None),
        ("busy", 250, "nps", 9, "p4", None),
        ("busy", 240, "nps", 5, "p5", None),
        ("busy", 110, "nps", 7, "p4", None),
        ("busy", 95, "csat", 4, "p6", None),
        ("busy", 60, "nps", 10, "p5", None),
        ("busy", 60, "nps", 6, "p6", None),
        ("busy", 15, "csat", 2, None, None),
        ("busy", 5, "nps", 0, "p2", -1),  # known a day too late
        ("busy", -1, "nps", 0, "p2", None),
        ("quiet", 500, "nps", 8, None, None),
    ),
}
CASES: dict[str, Case] = {
    "executive_sponsor_present": (0, 1, 0, GONE),
    "executive_sponsor_left_180d": (1, 1, 0, GONE),
    "executive_sponsor_gone_days": (9, 0, GONE, GONE),
    "executive_sponsor_changes_365d": (0, 1, 0, GONE),
    "days_since_sponsor_active": (GONE, 45, GONE, GONE),
    "champion_present": (1, 0, 0, GONE),
    "champion_left_180d": (0, 1, 0, GONE),
    "champion_gone_days": (0, 50, GONE, GONE),
    "champion_changes_365d": (0, 0, 0, GONE),
    "days_since_champion_active": (309, GONE, GONE, GONE),  # never active: since they came
    "contacts_present": (4, 4, 0, GONE),
    "roles_present": (3, 3, 0, GONE),
    "contacts_left_180d": (1, 2, 0, GONE),
    "contacts_left_share": (1 / 5, 2 / 6, GONE, GONE),
    "contacts_active_90d": (3, 5, GONE, GONE),
    "contacts_active_share_90d": (3 / 4, 4 / 4, GONE, GONE),
    "top_person_share_90d": (2 / 3, 2 / 4, GONE, GONE),
    "nps_last": (7, 8, 8, GONE),
    "nps_mean_365d": (7, 37 / 5, GONE, GONE),
    "nps_low_365d": (5, 5, GONE, GONE),
    "nps_spread_365d": (4, 5, GONE, GONE),
    "nps_change": (0, 8 - 37 / 5, GONE, GONE),
    "nps_trend_180d": (0, 1, GONE, GONE),
    "promoters_365d": (1, 2, 0, GONE),
    "detractors_365d": (1, 2, 0, GONE),
    "csat_mean_365d": (4, 3, GONE, GONE),
    "survey_answers_365d": (4, 7, 0, GONE),
    "days_since_survey_answer": (4, 15, 500, GONE),
    "survey_response_share_180d": (3 / 4, 3 / 4, GONE, GONE),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return build(tmp_path_factory.mktemp("relationship"), TABLES)


@pytest.mark.parametrize("name", CASES)
def test_counted_by_hand(data: Dataset, name: str) -> None:
    check(data, name, CASES[name])


def test_no_signal_without_a_case() -> None:
    no_signal_without_case(RELATIONSHIP, CASES)


def test_a_sponsor_is_silent_only_where_somebody_keeps_a_record(data: Dataset) -> None:
    """Nothing is known of anybody's doings at one account; at the other a user wrote, and the sponsor never did."""
    assert pd.isna(value(data, "unrecorded", SECOND, "days_since_sponsor_active"))
    assert pd.isna(value(data, "unrecorded", SECOND, "contacts_active_90d"))
    assert value(data, "unheard", SECOND, "days_since_sponsor_active") == 300
    assert value(data, "unheard", FIRST, "contacts_active_90d") == 1
    assert value(data, "unheard", SECOND, "contacts_active_90d") == 0
    assert value(data, "unheard", SECOND, "contacts_active_share_90d") == 0


@pytest.mark.parametrize("left_out", ["interactions", "surveys", "contact_id"])
def test_people_are_told_apart_as_far_as_the_tables_do(data: Dataset, tmp_path: Path, left_out: str) -> None:
    """Without a table, or without knowing whose a row is, those signals are missing that need it; others stay."""
    tables = {name: table for name, table in TABLES.items() if name != left_out}
    if left_out == "contact_id":
        tables |= {name: TABLES[name].drop(columns=left_out) for name in ("interactions", "surveys")}
    result = build(tmp_path, tables)
    spoke = {signal.name for signal in RELATIONSHIP if "interactions.contact_id" in signal.needs}
    answered = {"survey_response_share_180d"}
    lost = {"interactions": spoke, "surveys": answered, "contact_id": spoke | answered}[left_out]
    own = {signal.name for signal in RELATIONSHIP if frame_of(signal) == "surveys" or "nps_last" in made_of(signal)}
    lost = lost | own if left_out == "surveys" else lost
    assert {signal.name for signal in RELATIONSHIP} - set(result.schema.names) == lost
    for signal in RELATIONSHIP:
        if signal.name not in lost and frame_of(signal) == "contacts":
            assert value(result, "busy", SECOND, signal.name) == value(data, "busy", SECOND, signal.name), signal.name
    if left_out == "surveys":  # p5 and p6 were only heard of in surveys
        assert value(result, "busy", SECOND, "contacts_active_90d") == 3
    if left_out == "interactions":
        assert value(result, "busy", SECOND, "survey_response_share_180d") == 3 / 4
