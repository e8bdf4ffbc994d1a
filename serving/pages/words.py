"""Values as a CSM says them: by unit, in points of probability, and parts that add up to what is shown."""

from __future__ import annotations

import math
from collections.abc import Sequence

from evaluation.formatting import money, percent

UNCHANGED = (" (1 is unchanged)", " (1 is the same)")
RATIOS = ("ratio", "share")
FLAG = "0 or 1"


def share_words(share: float) -> str:
    """A share in per cent that no line breaks.

    >>> share_words(0.5)
    '50\\xa0%'
    """
    return percent(share).replace(" ", "\u00a0")


def phrase(sentence: str) -> str:
    """What a signal is, to begin a sentence with.

    >>> phrase("usage against the account's own norm (1 is unchanged)")
    "Usage against the account's own norm"
    """
    for ending in UNCHANGED:
        sentence = sentence.removesuffix(ending)
    return sentence[:1].upper() + sentence[1:]


def name_words(name: str) -> str:
    """
    >>> name_words("value_realization")
    'value realization'
    """
    return name.replace("_", " ")


def number_words(value: float) -> str:
    """
    >>> number_words(1234.0), number_words(3.26), number_words(41.7), number_words(0.04), number_words(-0.0)
    ('1,234', '3.3', '42', '0.04', '0')
    """
    if value == round(value):
        return f"{round(value):,}"
    if abs(value) >= 10:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 0.1 else f"{value:.2g}"


def value_words(value: float | str | None, unit: str, currency: str, sentence: str = "") -> str:
    """A signal's value by its unit.

    >>> value_words(0.5, "ratio", "USD"), value_words(12.4, "days", "USD"), value_words(1.0, "0 or 1", "USD")
    ('50\\xa0%', '12 days', 'yes')
    >>> value_words(57.3, "days", "USD", "days since the last invoice"), value_words("mid_market", "", "USD")
    ('57', 'mid market')
    """
    if value is None:
        return "not known"
    if isinstance(value, str):
        return name_words(value)
    if unit == FLAG:
        return "yes" if value else "no"
    if unit in RATIOS:
        return share_words(value)
    if unit == "days":
        days = number_words(float(round(value)))
        return days if sentence.startswith("days") else f"{days} {'day' if days == '1' else 'days'}"
    if unit.startswith("money"):
        return money(value, currency)
    return number_words(value)


def points_words(tenths: int) -> str:
    """Points of probability, counted in tenths.

    >>> points_words(92), points_words(-10), points_words(0)
    ('adds 9.2 points', 'takes away 1.0 point', 'changes nothing')
    """
    if tenths == 0:
        return "changes nothing"
    verb = "adds" if tenths > 0 else "takes away"
    return f"{verb} {abs(tenths) / 10:.1f} {'point' if abs(tenths) == 10 else 'points'}"


def in_tenths(parts: Sequence[float], total: float) -> list[int]:
    """Parts of a probability in tenths of a point that add up to the total, itself rounded so: what rounding loses goes
    to the parts that it moved most.

    >>> in_tenths([0.0514, 0.0703, 0.0705], 0.1922)
    [51, 70, 71]
    """
    exact = [1000 * part for part in parts]
    found = [round(value) for value in exact]
    missing = round(1000 * total) - sum(found)
    step = 1 if missing > 0 else -1
    order = sorted(range(len(parts)), key=lambda place: step * (found[place] - exact[place]))
    for place in (order * (abs(missing) // max(1, len(order)) + 1))[: abs(missing)]:
        found[place] += step
    return found


def is_near(left: float, right: float, share: float = 0.1) -> bool:
    """Whether two values differ by at most a share of the larger one.

    >>> is_near(100.0, 95.0), is_near(1.0, 0.5), is_near(0.0, 0.0)
    (True, False, True)
    """
    return math.isclose(left, right, rel_tol=share, abs_tol=1e-12)
