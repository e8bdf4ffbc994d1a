"""Quiet hours by the clock on the wall, on days of 23 and 25 hours too; waits that are the same for the same seed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from configs.alerts import QuietHours, Retries
from serving.alerts.schedule import next_attempt, quiet_until, retry_after

BERLIN = {"timezone": "Europe/Berlin"}
NIGHT = QuietHours.model_validate({"from": "19:00", "to": "08:00", **BERLIN})
SMALL_HOURS = QuietHours.model_validate({"from": "00:00", "to": "02:30", **BERLIN})
WEEKEND = QuietHours.model_validate({"from": "19:00", "to": "08:00", "weekends": True, **BERLIN})
LUNCH = QuietHours.model_validate({"from": "12:00", "to": "13:00", **BERLIN})


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("quiet", "now", "until"),
    [
        (NIGHT, "2026-01-13T10:00", None),
        (NIGHT, "2026-01-13T17:59", None),  # 18:59 in Berlin
        (NIGHT, "2026-01-13T18:00", "2026-01-14T07:00"),
        (NIGHT, "2026-01-14T06:59", "2026-01-14T07:00"),
        (NIGHT, "2026-01-14T07:00", None),
        (NIGHT, "2026-07-14T17:00", "2026-07-15T06:00"),  # summer: an hour earlier in UTC
        # 29 March 2026: at 2 it is 3, the night is an hour shorter
        (NIGHT, "2026-03-28T18:00", "2026-03-29T06:00"),
        (NIGHT, "2026-03-29T06:00", None),
        # 25 October 2026: at 3 it is 2 again, the night is an hour longer
        (NIGHT, "2026-10-24T17:00", "2026-10-25T07:00"),
        (NIGHT, "2026-10-25T06:59", "2026-10-25T07:00"),
        # an end that the clock leaves out, and one that it shows twice
        (SMALL_HOURS, "2026-03-29T00:30", "2026-03-29T01:00"),
        (SMALL_HOURS, "2026-10-25T00:00", "2026-10-25T00:30"),
        (SMALL_HOURS, "2026-10-25T01:00", "2026-10-25T01:30"),
        (SMALL_HOURS, "2026-10-25T01:30", None),
        (LUNCH, "2026-01-13T11:30", "2026-01-13T12:00"),
        (LUNCH, "2026-01-13T12:00", None),
        # from Friday evening to Monday morning at a stretch
        (WEEKEND, "2026-01-16T18:00", "2026-01-19T07:00"),
        (WEEKEND, "2026-01-17T11:00", "2026-01-19T07:00"),
        (WEEKEND, "2026-01-19T07:00", None),
        (None, "2026-01-13T22:00", None),
    ],
)
def test_quiet_hours(quiet, now, until):
    assert quiet_until(quiet, utc(now)) == (None if until is None else utc(until))


@pytest.mark.parametrize("quiet", [NIGHT, SMALL_HOURS, WEEKEND, LUNCH])
def test_quiet_hours_end_when_they_say(quiet):
    """Through two changes of the clock: what is quiet ends at a later moment, which is not quiet."""
    at = utc("2026-03-27T00:00")
    while at < utc("2026-10-27T00:00"):
        end = quiet_until(quiet, at)
        if end is not None:
            assert end > at
            assert quiet_until(quiet, end) is None
            assert quiet_until(quiet, end - timedelta(seconds=1)) == end
        at += timedelta(minutes=31 if at.month in (3, 10) else 1501)


def test_the_wait_grows_over_days_and_is_the_same_for_the_same_seed():
    now, retries = utc("2026-01-13T10:00"), Retries()
    due = [next_attempt(retries, "msg_1", attempt, now) for attempt in range(1, 10)]
    assert due == [next_attempt(Retries(), "msg_1", attempt, now) for attempt in range(1, 10)]
    assert next_attempt(retries, "msg_1", 10, now) is None
    assert sum(((at - now) for at in due), timedelta()) > timedelta(days=2)
    for wait, at in zip(retries.delays_seconds, due, strict=True):
        assert 0.8 * wait <= (at - now).total_seconds() <= 1.2 * wait
    assert due != [next_attempt(retries, "msg_2", attempt, now) for attempt in range(1, 10)]  # not all at once
    assert due != [next_attempt(Retries(seed=8), "msg_1", attempt, now) for attempt in range(1, 10)]


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("60", 60),
        ("0", 0),
        ("-5", 0),
        ("Tue, 13 Jan 2026 10:02:00 GMT", 120),
        ("Tue, 13 Jan 2026 09:00:00 GMT", 0),  # gone already
        ("999999999999", 86_400),  # nobody is asked to wait for longer than a day
        ("tomorrow", None),
        (None, None),
    ],
)
def test_retry_after(header, seconds):
    now = utc("2026-01-13T10:00")
    assert retry_after(header, now) == (None if seconds is None else now + timedelta(seconds=seconds))
