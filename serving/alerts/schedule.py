"""When a message may leave: the wait after a failure, and a receiver's quiet hours. The same input, the same answer."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

from configs.alerts import QuietHours, Retries

MOST_RETRY_AFTER = timedelta(days=1)  # a receiver that asks for more is asked again after a day
SATURDAY = 5


def next_attempt(retries: Retries, message_id: str, attempt: int, now: datetime) -> datetime | None:
    """When a message is tried again after its failed attempt of that number (1: the first); None: never.

    >>> from configs.alerts import Retries
    >>> at = datetime(2026, 11, 29, tzinfo=UTC)
    >>> next_attempt(Retries(delays_seconds=(60,), jitter=0), "m", 1, at).isoformat()
    '2026-11-29T00:01:00+00:00'
    >>> next_attempt(Retries(delays_seconds=(60,), jitter=0), "m", 2, at) is None
    True
    """
    if attempt > len(retries.delays_seconds):
        return None
    drawn = random.Random(f"{retries.seed} {message_id} {attempt}").uniform(-retries.jitter, retries.jitter)
    return now + timedelta(seconds=retries.delays_seconds[attempt - 1] * (1 + drawn))


def retry_after(header: str | None, now: datetime) -> datetime | None:
    """The moment that a Retry-After header names, in seconds or as a date.

    Parameters
    ----------
    header : str or None
    now : datetime
        With a time zone.

    Returns
    -------
    datetime or None
        No more than a day after `now`; None where the header names no moment.

    Examples
    --------
    >>> retry_after("120", datetime(2026, 11, 29, tzinfo=UTC)).isoformat()
    '2026-11-29T00:02:00+00:00'
    >>> retry_after("soon", datetime(2026, 11, 29, tzinfo=UTC)) is None
    True
    """
    if header is None:
        return None
    try:
        until = now + timedelta(seconds=min(int(header), MOST_RETRY_AFTER.total_seconds()))
    except ValueError:
        try:
            until = parsedate_to_datetime(header)
        except ValueError:
            return None
        until = until.replace(tzinfo=until.tzinfo or UTC)
    return min(max(until, now), now + MOST_RETRY_AFTER)


def quiet_until(quiet: QuietHours | None, now: datetime) -> datetime | None:
    """When the quiet hours that hold now end, in UTC; None where none hold.

    Wall time decides, so that a day of 23 or 25 hours is quiet from and to the same times on the clock.
    """
    if quiet is None:
        return None
    zone, at = ZoneInfo(quiet.timezone), now
    for _ in range(8):  # a weekend may follow a night, and a night a weekend
        end = _end_of(quiet, at.astimezone(zone))
        if end is None:
            break
        at = end
    return None if at == now else at.astimezone(UTC)


def _end_of(quiet: QuietHours, local: datetime) -> datetime | None:
    """The end of the night or the weekend that holds at a local moment; None where neither does."""
    if quiet.weekends and local.weekday() >= SATURDAY:
        monday = local.date() + timedelta(days=7 - local.weekday())
        return datetime.combine(monday, datetime.min.time(), local.tzinfo)
    clock, day = local.time(), local.date()
    if quiet.from_ < quiet.to:
        if not quiet.from_ <= clock < quiet.to:
            return None
    elif clock >= quiet.from_:
        day += timedelta(days=1)
    elif clock >= quiet.to:
        return None
    return _first_at(datetime.combine(day, quiet.to, local.tzinfo), local)


def _first_at(wall: datetime, after: datetime) -> datetime:
    """The first moment after another at which the clock on the wall shows a time of its day, or has passed it.

    An hour that comes twice shows it twice; one that is left out never does, and ends when the next begins.
    """
    early, late = sorted(wall.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    is_left_out = late.astimezone(wall.tzinfo).replace(tzinfo=None) != wall.replace(tzinfo=None)
    if not is_left_out:
        return early if early > after.astimezone(UTC) else late
    while early.astimezone(wall.tzinfo).replace(tzinfo=None) < wall.replace(tzinfo=None):
        early += timedelta(minutes=1)
    return early
