"""What lists of accounts say: changes in points, days, how many."""

from __future__ import annotations

from datetime import date, timedelta

from serving.pages.charts import day_words

LEAST_POINTS = 0.05  # of a hundred, below which a change reads as none


def points(change: float | None) -> str:
    """A change of a probability.

    >>> points(0.042), points(-0.2), points(0.0001), points(None)
    ('+4.2 points', '-20 points', 'unchanged', '')
    """
    if change is None:
        return ""
    hundredths = 100 * change
    if abs(hundredths) < LEAST_POINTS:
        return "unchanged"
    return f"{hundredths:+.1f} points" if abs(hundredths) < 9.95 else f"{hundredths:+.0f} points"


def tone(change: float | None) -> str:
    """Whether a change of risk is better or worse, for the colour beside the words.

    >>> tone(0.1), tone(-0.1), tone(None)
    ('worse', 'better', 'same')
    """
    if change is None or abs(100 * change) < LEAST_POINTS:
        return "same"
    return "worse" if change > 0 else "better"


def days(count: int | None) -> str:
    """A number of days; a dash for none.

    >>> days(1), days(42), days(-3), days(None)
    ('1 day', '42 days', '3 days ago', '-')
    """
    if count is None:
        return "-"
    return f"{abs(count):,} day{'' if abs(count) == 1 else 's'}{' ago' if count < 0 else ''}"


def many(count: int, what: str) -> str:
    """A number of things.

    >>> many(1, "account"), many(1200, "account")
    ('1 account', '1,200 accounts')
    """
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def day_after(day: str, count: int) -> str:
    """The day so many days after one, as a reader sees it.

    >>> day_after("2026-01-01", 31)
    '1 Feb 2026'
    """
    return day_words((date.fromisoformat(day) + timedelta(days=count)).isoformat())
