"""How long work reports its progress: a function that takes a message, and steps of which the time left is told."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

Progress = Callable[[str], None]
"""Called with a short message at each step; the command line shows it, `silent` drops it."""

MINUTE, SOON = 60, 5  # seconds; below SOON nobody needs to be told how long


def silent(_message: str) -> None:
    """Drops a message."""


class Steps:
    """Steps whose sizes are known, told as they are done, each with the time left at the pace so far.

    Parameters
    ----------
    tell : callable
        As `Progress`.
    sizes : sequence of float
        How much work each step is, in their order, in any unit.
    clock : callable, optional
        Seconds from any fixed moment on.

    Examples
    --------
    >>> ticks = iter((0.0, 30.0, 45.0))
    >>> steps = Steps(print, (2.0, 1.0, 3.0), lambda: next(ticks))
    >>> steps.done("fitted as of 2025-10-01")
    fitted as of 2025-10-01 (1 of 3, about 1 min left)
    >>> steps.done("fitted as of 2025-07-01")
    fitted as of 2025-07-01 (2 of 3, about 45 s left)
    """

    def __init__(self, tell: Progress, sizes: Sequence[float], clock: Callable[[], float] = time.monotonic) -> None:
        self._tell, self._sizes, self._clock = tell, list(sizes), clock
        self._begun, self._done = clock(), 0

    def done(self, message: str) -> None:
        """Tells that the next step is done."""
        self._done += 1
        behind, ahead = sum(self._sizes[: self._done]), sum(self._sizes[self._done :])
        left = (self._clock() - self._begun) / behind * ahead if behind > 0 else 0.0
        told = f", about {_words(left)} left" if left >= SOON else ""
        self._tell(f"{message} ({self._done} of {len(self._sizes)}{told})")


def _words(seconds: float) -> str:
    return f"{round(seconds / MINUTE)} min" if seconds >= MINUTE else f"{5 * round(seconds / 5)} s"
