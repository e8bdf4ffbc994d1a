"""Every error that forewarn raises on purpose.

    ForewarnError
    ├── InputError            exit 2: something that the user gave is wrong; carries every fault found
    │   ├── ConfigError       a configuration file or one of its settings
    │   ├── SourceError       a source table, its mapping or its rows
    │   ├── DataError         the data cannot support what was asked (one class, too few churns, as_of in the future)
    │   └── UsageError        a command or request was put wrongly (unknown account, no champion yet)
    └── Refused               exit 1: the question was understood and the answer is no (a gate, a check)

What only one room raises stands there, below one of these. A fault holds what was found, what was expected and what to
do next.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import ClassVar


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong, where it is, and the fix.

    Attributes
    ----------
    where : str
        The setting, column, file or option.
    found, expected : str
        What was given, and what could have been.
    do : str
        What to do next.

    Examples
    --------
    >>> print(Fault("accounts.created_at", "no such column", "a column of times", "map it under columns:"))
    accounts.created_at: found no such column; expected a column of times; to do: map it under columns:
    """

    where: str
    found: str
    expected: str
    do: str

    def __str__(self) -> str:
        return f"{self.where}: found {self.found}; expected {self.expected}; to do: {self.do}"


class ForewarnError(Exception):
    """Base of all errors raised on purpose; `exit_code` is what the command line ends with."""

    exit_code: ClassVar[int] = 2
    title: ClassVar[str] = "something is wrong"

    def __init__(self, faults: Fault | Iterable[Fault]) -> None:
        self.faults: tuple[Fault, ...] = (faults,) if isinstance(faults, Fault) else tuple(faults)
        super().__init__(str(self))

    def __str__(self) -> str:
        count = len(self.faults)
        lines = [f"{self.title} ({count} fault{'s' if count != 1 else ''})"]
        return "\n".join(lines + [f"  - {fault}" for fault in self.faults])


class InputError(ForewarnError):
    """Something that the user gave is wrong; every fault that was found comes with it."""

    title = "bad input"


class ConfigError(InputError):
    """A configuration file, or one of its settings, cannot be used."""

    title = "the configuration cannot be used"


class SourceError(InputError):
    """A source table, its mapping or its rows cannot be used."""

    title = "the source tables cannot be used"


class DataError(InputError):
    """The data cannot support what was asked: one class, too few churns, a day in the future."""

    title = "the data cannot answer this"


class UsageError(InputError):
    """A command or request was put wrongly: an unknown account, no champion yet."""

    title = "this cannot be done as asked"


class Refused(ForewarnError):
    """The question was understood, and the answer is no: a gate, a check."""

    exit_code = 1
    title = "refused"


def nearest(word: str, known: Sequence[str]) -> str:
    """A half-sentence that names the nearest known word, or all of them when none is near.

    Parameters
    ----------
    word : str
        What was written.
    known : sequence of str
        What could have been meant.

    Returns
    -------
    str
        For the `expected` or `do` of a fault.

    Examples
    --------
    >>> nearest("acount_id", ["account_id", "created_at"])
    "did you mean 'account_id'?"
    >>> nearest("zzz", ["a", "b"])
    'known: a, b'
    """
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else "known: " + ", ".join(known)
