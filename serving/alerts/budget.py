"""The budget: at most so many alerts for an owner and week leave one by one, those with most at stake; others wait for
the digest."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

ALERT, DIGEST = "alert", "digest"
DAYS_A_WEEK = 7


@dataclass(frozen=True)
class Claim:
    """One alert that asks for a place: whose it is, and what is at stake (ARR that it may save, then probability)."""

    owner: str | None
    stake: tuple[float, float]


def week_of(moment: datetime, zone: ZoneInfo) -> str:
    """The ISO week of a moment where the receivers live.

    >>> week_of(datetime(2026, 11, 29, 23, 30, tzinfo=ZoneInfo("UTC")), ZoneInfo("Europe/Berlin"))
    '2026-W49'
    """
    year, week, _ = moment.astimezone(zone).isocalendar()
    return f"{year}-W{week:02d}"


def allowance(limit: int, day_of_week: int, days_between: int) -> int:
    """How many of a week's `limit` may have left by the end of this day.

    Who is scored daily gets the places of a week one after the other, so that Monday's alerts do not take those of a
    worse Friday; who is scored weekly or less often gets them at once.

    Parameters
    ----------
    limit : int
        Alerts an owner and week.
    day_of_week : int
        0: Monday.
    days_between : int
        Days from the scoring before to this one.

    Returns
    -------
    int

    Examples
    --------
    >>> [allowance(3, day, 1) for day in range(7)], allowance(3, 0, 7)
    ([1, 1, 2, 2, 3, 3, 3], 3)
    """
    reached = min(1.0, (day_of_week + max(days_between, 1)) / DAYS_A_WEEK)
    return math.ceil(limit * reached)


def allot(claims: Sequence[Claim], used: Mapping[str | None, int], allowed: int) -> list[str]:
    """ALERT or DIGEST for each claim: of each owner those with most at stake, as long as there are places.

    Parameters
    ----------
    claims : sequence of Claim
    used : mapping of owner to int
        Places taken in this week already.
    allowed : int
        Places an owner may have taken by now.

    Returns
    -------
    list of str
        In the order of `claims`.
    """
    routes, taken = [DIGEST] * len(claims), dict(used)
    for index in sorted(range(len(claims)), key=lambda index: claims[index].stake, reverse=True):
        owner = claims[index].owner
        if taken.get(owner, 0) < allowed:
            taken[owner] = taken.get(owner, 0) + 1
            routes[index] = ALERT
    return routes
