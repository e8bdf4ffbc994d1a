"""The columns of the portfolio's table: what each is called, how it reads, how it sorts, what a spreadsheet gets."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from evaluation.formatting import money, percent
from serving.api import Snapshot
from serving.pages.selection import final_level
from serving.pages.wording import days, points, tone
from serving.pages.words import name_words
from serving.prepared import Summary

RISKY_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")


@dataclass(frozen=True)
class Cell:
    """A cell: its text, whether it is a level, and the tone of a change."""

    text: str
    is_level: bool = False
    tone: str = ""


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Attributes
    ----------
    name : str
        In the address.
    label : str
    kind : str
        text or number.
    value : callable
        What is sorted by and what a spreadsheet gets: a number, text or None.
    words : callable
        The cell, of a snapshot and a summary.
    is_shown : bool
        Unless other columns are chosen.
    largest_first : bool
        How it is sorted at first, beside numbers.
    """

    name: str
    label: str
    kind: str
    value: Callable[[Snapshot, Summary], Any]
    words: Callable[[Snapshot, Summary], Cell]
    is_shown: bool = False
    largest_first: bool = False


def _text(name: str) -> tuple[Callable[[Snapshot, Summary], Any], Callable[[Snapshot, Summary], Cell]]:
    return lambda _, one: getattr(one, name), lambda _, one: Cell(name_words(getattr(one, name) or "-"))


def _money(name: str) -> tuple[Callable[[Snapshot, Summary], Any], Callable[[Snapshot, Summary], Cell]]:
    def words(snapshot: Snapshot, one: Summary) -> Cell:
        value = getattr(one, name)
        return Cell("-" if value is None else money(value, snapshot.day.header.currency))

    return lambda _, one: getattr(one, name), words


def _days(name: str) -> tuple[Callable[[Snapshot, Summary], Any], Callable[[Snapshot, Summary], Cell]]:
    return lambda _, one: getattr(one, name), lambda _, one: Cell(days(getattr(one, name)))


def _as_is(name: str) -> tuple[Callable[[Snapshot, Summary], Any], Callable[[Snapshot, Summary], Cell]]:
    return lambda _, one: getattr(one, name), lambda _, one: Cell(getattr(one, name) or "-")


def _name(_: Snapshot, one: Summary) -> str:
    return one.name or one.account_id


def change_of(one: Summary) -> float | None:
    """How far the probability moved since the score before."""
    return None if one.p_before is None else one.p_churn - one.p_before


def _level_place(snapshot: Snapshot, one: Summary) -> int | None:
    levels, level = snapshot.day.header.levels, final_level(snapshot, one)
    return levels.index(level) if level in levels else None


def _level(snapshot: Snapshot, one: Summary) -> Cell:
    return Cell(final_level(snapshot, one), is_level=True)


COLUMNS: tuple[Column, ...] = (
    Column("name", "Account", "text", _name, lambda of, one: Cell(_name(of, one)), True),
    Column("level", "Level", "text", _level_place, _level, True, largest_first=True),
    Column("risk", "Risk", "number", lambda _, one: one.p_churn, lambda _, one: Cell(percent(one.p_churn)), True),
    Column(
        "change",
        "Change",
        "number",
        lambda _, one: change_of(one),
        lambda _, one: Cell(points(change_of(one)) or "-", tone=tone(change_of(one))),
        True,
    ),
    Column("arr", "ARR", "number", *_money("arr"), True),
    Column("loss", "Expected ARR loss", "number", *_money("expected_arr_loss"), True),
    Column("renewal", "Renewal in", "number", *_days("days_to_renewal"), True),
    Column("stage", "Stage", "text", *_text("lifecycle_stage"), True),
    Column("owner", "Owner", "text", *_as_is("owner"), True),
    Column("segment", "Segment", "text", *_text("segment")),
    Column(
        "health",
        "Health",
        "number",
        lambda _, one: one.health_score,
        lambda _, one: Cell("-" if one.health_score is None else f"{one.health_score:.0f}"),
    ),
    Column("coverage", "Coverage", "number", lambda _, one: one.coverage, lambda _, one: Cell(percent(one.coverage))),
    Column("saves", "Can be saved", "number", *_money("saves")),
    Column("action", "Next action", "text", *_as_is("action_title")),
    Column("due", "By", "text", *_as_is("due_on")),
    Column("why", "Why", "text", *_as_is("why_words")),
    Column("happened", "What happened", "text", *_as_is("happened")),
    Column("in_stage", "In its stage", "number", *_days("stage_days")),
    Column("stuck", "Stuck at", "text", *_text("stuck_at")),
    Column(
        "triggers",
        "Triggers",
        "text",
        lambda _, one: ", ".join(one.triggers) or None,
        lambda _, one: Cell(", ".join(map(name_words, one.triggers)) or "-"),
    ),
)
BY_NAME = {column.name: column for column in COLUMNS}
SHOWN = tuple(column.name for column in COLUMNS if column.is_shown)


def chosen_columns(names: Iterable[str]) -> tuple[Column, ...]:
    """The columns of these names in their order, the account first; those usually shown where no name is one."""
    asked = {name for name in names if name in BY_NAME} or set(SHOWN)
    return tuple(column for column in COLUMNS if column.name in {*asked, "name"})


def harmless(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula: text that begins like one gets an apostrophe before it.

    References
    ----------
    OWASP, CSV Injection.

    Examples
    --------
    >>> harmless("=HYPERLINK(1)"), harmless(" +1"), harmless(-5.0), harmless("Acme"), harmless(None)
    ("'=HYPERLINK(1)", "' +1", -5.0, 'Acme', '')
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        return value
    return f"'{value}" if value.lstrip(" \u00a0\ufeff").startswith(RISKY_STARTS) else value


def as_csv(snapshot: Snapshot, accounts: Iterable[Summary], columns: Sequence[Column]) -> bytes:
    """The accounts as a CSV file with a column for the id; numbers as they are, in UTF-8 with the mark Excel wants."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_MINIMAL)
    writer.writerow(["account_id", *(column.name for column in columns)])
    for one in accounts:
        cells = [
            final_level(snapshot, one) if column.name == "level" else column.value(snapshot, one) for column in columns
        ]
        writer.writerow([harmless(value) for value in (one.account_id, *cells)])
    return out.getvalue().encode("utf-8-sig")
