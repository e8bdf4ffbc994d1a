"""What speaks against a mapped column, with its figure and examples, and what can be mapped in its place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from configs.tables import table

Measure = Literal["auc", "share"]
SHOWN_EXAMPLES = 5
VERSIONS = "every version of its rows, each with its recorded_at"

# What to map in the place of a column that cannot be believed, by table and column; `*` is any other of the table.
INSTEAD: Mapping[str, str] = {
    "accounts.*": "what it was when the account began, or " + VERSIONS,
    "contracts.ends_at": "the end that was agreed as ends_at, and the day of an early end as terminated_at",
    "contracts.auto_renews": "what was agreed when the term began, with a cancellation as cancelled_at, or " + VERSIONS,
    "contracts.*": "what was agreed when the row began, with a new row for each change, or " + VERSIONS,
    "tickets.satisfaction": "the answers as surveys of kind csat, each on its own day, or " + VERSIONS,
    "tickets.*": "what it was when the ticket was opened, or " + VERSIONS,
    "contacts.role": "a row for each role, with since and until, or " + VERSIONS,
    "invoices.due_at": "the day that was due when the invoice was issued, or " + VERSIONS,
    "*": "what was known when the row was written, or " + VERSIONS,
}


@dataclass(frozen=True)
class Figure:
    """What was measured of a suspected column.

    Attributes
    ----------
    measure : {"auc", "share"}
        How well the column alone separates accounts that left from others, 0.5 to 1; or the share (0 to 1) of what left
        for which something suspicious holds.
    value : float
        The measurement.
    against : float or None
        The same share among those that stayed; None where it is compared with nothing.
    left, stayed : int
        How many of each kind were compared: accounts, terms or rows, as the sentence beside it says.
    p_value : float or None
        The chance of such a difference where there is none, one-sided; None where it was not worked out.
    """

    measure: Measure
    value: float
    against: float | None = None
    left: int = 0
    stayed: int = 0
    p_value: float | None = None


@dataclass(frozen=True)
class Suspicion:
    """One thing that speaks against one column.

    Attributes
    ----------
    column : str
        As table.column.
    why : str
        A sentence without a full stop.
    figure : Figure or None
        Its figure; None where the sentence says it all, as of a name, a date or a clock.
    examples : tuple of str
        Up to five accounts.
    instead : str
        What to map in its place; that of `INSTEAD` where empty.
    known_from : str
        Of a measure the mapped column whose moment it is known from; empty where there is none.
    """

    column: str
    why: str
    figure: Figure | None = None
    examples: tuple[str, ...] = ()
    instead: str = ""
    known_from: str = ""


@dataclass(frozen=True)
class Suspect:
    """A column that may know the future.

    Attributes
    ----------
    column : str
        As table.column.
    why, do : str
        All that speaks against it, and what to do about it.
    allowed : bool
        Whether the setting `allow_leaking` names it, so that it is used nevertheless.
    figures : tuple of Figure
        What was measured, in the order of the sentences; of a name, a date or a clock there is none.
    examples : tuple of str
        Up to five accounts that show it.
    instead : str
        What to map in its place.
    known_from : str
        Of a measure the mapped column that it can be tied to with `known_from`; empty where there is none.
    """

    column: str
    why: str
    do: str
    allowed: bool
    figures: tuple[Figure, ...] = ()
    examples: tuple[str, ...] = ()
    instead: str = ""
    known_from: str = ""


def suspects_of(suspicions: Iterable[Suspicion], allowed: Iterable[str]) -> tuple[Suspect, ...]:
    """Every suspected column once, with all that speaks against it.

    >>> suspects_of([Suspicion("tickets.priority", "a reason"), Suspicion("tickets.priority", "another")], ())[0].why
    'a reason; another'
    """
    by_column: dict[str, list[Suspicion]] = {}
    for suspicion in suspicions:
        by_column.setdefault(suspicion.column, []).append(suspicion)
    return tuple(_suspect(column, reasons, column in allowed) for column, reasons in by_column.items())


def _suspect(column: str, reasons: list[Suspicion], allowed: bool) -> Suspect:
    examples = dict.fromkeys(account for reason in reasons for account in reason.examples)
    instead = next((reason.instead for reason in reasons if reason.instead), "") or _instead_of(column)
    return Suspect(
        column=column,
        why="; ".join(dict.fromkeys(reason.why for reason in reasons)),
        do=_to_do(column, instead),
        allowed=allowed,
        figures=tuple(reason.figure for reason in reasons if reason.figure is not None),
        examples=tuple(examples)[:SHOWN_EXAMPLES],
        instead=instead,
        known_from=next((reason.known_from for reason in reasons if reason.known_from), ""),
    )


def _instead_of(column: str) -> str:
    name = column.split(".", 1)[0]
    return next(INSTEAD[key] for key in (column, f"{name}.*", "*") if key in INSTEAD)


def _to_do(column: str, instead: str) -> str:
    name, part = column.split(".", 1)
    if name != "accounts" and part == table(name).time:
        return f"fix the time of the churns or the table, or, if both are right, write allow_leaking: [{column}]"
    return f"map {instead}; or leave it out; or, if it was known all along, write allow_leaking: [{column}]"


def first_accounts(accounts: pd.Series) -> tuple[str, ...]:
    """Up to five of these accounts, each once, in order of their ids."""
    return tuple(sorted(set(accounts.astype("str")))[:SHOWN_EXAMPLES])
