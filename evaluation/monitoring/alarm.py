"""What an alarm is: its kind with the limit, the looks that passed it, and those that belong together as one alarm."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

MONTH_BETWEEN, QUARTERS_BETWEEN = 70, 190  # days from a trip to the next of the same alarm


@dataclass(frozen=True)
class Kind:
    """One kind of alarm: its limit, what that is, what to do when it goes off, and what holds while it does not."""

    name: str
    title: str
    limit: float
    means: str
    do: str
    quiet: str
    same_days: int = MONTH_BETWEEN


@dataclass(frozen=True)
class Trip:
    """A limit passed in the month of an as_of, in a scope (a feed or stage, or "": everything), with its figure.

    `message` is a sentence on it; `until` the day on which it ended, where that is another.
    """

    as_of: pd.Timestamp
    scope: str
    figure: float
    message: str
    until: pd.Timestamp | None = None


@dataclass(frozen=True)
class Alarm:
    """Trips of one kind and scope that belong together; figure and message are those of the first.

    Attributes
    ----------
    kind, title : str
        Key of the kind, and how a reader calls it.
    scope : str
        A feed or stage; "": everything.
    first, last : pd.Timestamp
        The first as_of at which it tripped, and the last, or the day on which it ended.
    is_active : bool
        Whether it has not been quiet for a quarter since the last.
    trips : int
        How many looks tripped it.
    figure, limit : float
        What was measured and from where on it is an alarm, in the unit of the kind.
    message : str
        What was found, as a sentence.
    do : str
        What to do about it.
    sentence : str
        All of this for a reader.
    """

    kind: str
    title: str
    scope: str
    first: pd.Timestamp
    last: pd.Timestamp
    is_active: bool
    trips: int
    figure: float
    limit: float
    message: str
    do: str
    sentence: str

    def __str__(self) -> str:
        return self.sentence
