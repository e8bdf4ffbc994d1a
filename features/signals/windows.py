"""One signal over several windows: the same aggregate of the last 7, 30, 90 ... days."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from features.signal import AggregateSignal

# What most aggregates over a window are: zero without a row, and scaled to the days on which their feed worked.
COUNT: dict[str, Any] = {"empty": 0.0, "outage": "scale"}


def over_windows(
    days: Sequence[int],
    *,
    name: str,
    sentence: str,
    value: Callable[[Any, int], Any],
    trials: Callable[[Any, int], Any] | None = None,
    **same: Any,
) -> tuple[AggregateSignal, ...]:
    """One `AggregateSignal` for each window, in their order.

    Parameters
    ----------
    days : sequence of int
        Lengths of the windows, which end at as_of.
    name, sentence : str
        Of each signal: `{days}` stands for the days, and `{window}` for "in the last 30 days" ("on the last day").
    value : Callable
        Takes the frame and the days, and returns the aggregate.
    trials : Callable, optional
        Likewise, of a share or mean: what it is one of (`AggregateSignal.trials`).
    **same
        The other fields of `AggregateSignal`, the same for all.

    Returns
    -------
    tuple of AggregateSignal

    Examples
    --------
    >>> def opened(t, days):
    ...     return t.count(where=t.age <= days)
    >>> same = {"dimension": "engagement", "unit": "tickets", "healthier": 0, "frame": "tickets"}
    >>> week, month = over_windows((7, 30), name="tickets_{days}d", sentence="tickets {window}", value=opened, **same)
    >>> week.name, month.sentence, month.window_days
    ('tickets_7d', 'tickets in the last 30 days', 30)
    """

    def over(length: int) -> AggregateSignal:
        words = {"days": length, "window": "on the last day" if length == 1 else f"in the last {length} days"}
        return AggregateSignal(
            name=name.format(**words),
            sentence=sentence.format(**words),
            value=lambda t: value(t, length),
            trials=None if trials is None else lambda t: trials(t, length),
            window_days=length,
            **same,
        )

    return tuple(over(length) for length in days)
