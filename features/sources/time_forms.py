"""Times that are written as numbers: seconds since 1970, dates of eight digits, the serial numbers of Excel.

A number alone does not say what it means, so a column is read as one of these only where all of its values agree;
otherwise each is a fault that names the form it looks like, and what to write.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir

from features.sources.casting import present
from features.sources.mapping import Mapped, Part

SAMPLE = 100  # values looked at before a column of text is read to its end
_DIGITS = "^[0-9]{5,19}(?:[.][0-9]{1,12})?$"


@dataclass(frozen=True)
class TimeForm:
    """One way to write a time as a number.

    Attributes
    ----------
    name : str
        How messages call it.
    low, high : float
        Between which all values lie: to 2100 or so, unix times from 1973, dates from 1900, serials from 1941.
    whole : bool
        Whether they are whole numbers.
    sql : str
        What turns a column {} into a time in DuckDB's SQL.
    """

    name: str
    low: float
    high: float
    whole: bool
    sql: str

    def fits(self, low: float, high: float, whole: bool) -> bool:
        """Whether a column between these is written so."""
        return self.low <= low and high < self.high and (whole or not self.whole)


FORMS: tuple[TimeForm, ...] = (
    TimeForm("Excel serials", 15_000, 80_000, False, "date '1899-12-30' + {}::int"),
    TimeForm("dates of eight digits", 19_000_101, 21_010_101, True, "strptime({}::varchar, '%Y%m%d')"),
    TimeForm("unix seconds", 1e8, 4.2e9, True, "to_timestamp({}::bigint)"),
    TimeForm("unix milliseconds", 1e11, 4.2e12, True, "epoch_ms({}::bigint)"),
    TimeForm("unix microseconds", 1e14, 4.2e15, True, "make_timestamp({}::bigint)"),
    TimeForm("unix nanoseconds", 1e17, 4.2e18, True, "make_timestamp({}::bigint // 1000)"),
)
# Times in words, which mean one thing in one country and another elsewhere, or are read by no engine of itself.
_WRITTEN: tuple[tuple[str, str, str], ...] = (
    (
        r"\d{1,2}/\d{1,2}/\d{4}\b",
        "day and month with slashes",
        "strptime({}, '%d/%m/%Y') or '%m/%d/%Y', as meant",
    ),
    (r"\d{1,2}/\d{1,2}/\d{2}\b", "a year of two digits", "strptime({}, '%d/%m/%y') or '%m/%d/%y', as meant"),
    (r"\d{1,2}[.]\d{1,2}[.]\d{4}", "day.month.year", "strptime({}, '%d.%m.%Y')"),
    (r"\d{1,2}-\d{1,2}-\d{4}", "a year at the end", "strptime({}, '%d-%m-%Y') or '%m-%d-%Y', as meant"),
    (r"\d{4}/\d{1,2}/\d{1,2}", "a date with slashes", "strptime({}, '%Y/%m/%d')"),
    (r"\d{4}-\d-|\d{4}-\d{1,2}-\d\b", "a month or day of one digit", "strptime({}, '%Y-%m-%d')"),
    (r"\d{1,2}[- ][A-Za-z]{3}[- ]\d{4}", "a month as a word", "strptime({}, '%d-%b-%Y')"),
    (r"[A-Za-z]{3,9} \d{1,2},? \d{4}", "a month as a word", "strptime({}, '%B %d, %Y')"),
    (r".*\d [AaPp][Mm]$", "a clock of twelve hours", "strptime({}, '%Y-%m-%d %I:%M:%S %p')"),
)


def with_time_forms(mapped: Mapped) -> Mapped:
    """The table with those of its times read as numbers that are written so throughout.

    Parameters
    ----------
    mapped : Mapped
        Whose values can be looked at.

    Returns
    -------
    Mapped
    """
    return replace(mapped, parts=tuple(_with_form(mapped.raw.table, part) for part in mapped.parts))


def written_as(low: float, high: float, whole: bool = True) -> TimeForm | None:
    """The form of a column of numbers between these; None where they are none.

    Parameters
    ----------
    low, high : float
    whole : bool
        Whether all of them are whole.

    Returns
    -------
    TimeForm or None
    """
    return next((form for form in FORMS if form.fits(low, high, whole)), None)


def form_seen(value: str) -> tuple[str, str] | None:
    """The form that one unreadable value looks like, and the SQL that reads it; None where it looks like none.

    Parameters
    ----------
    value : str

    Returns
    -------
    tuple of str or None

    Examples
    --------
    >>> form_seen("31/12/2024")
    ('day and month with slashes', "strptime({}, '%d/%m/%Y') or '%m/%d/%Y', as meant")
    >>> form_seen("1700000000")
    ('unix seconds', 'to_timestamp({}::bigint)')
    """
    if re.search(_DIGITS, value):
        number = float(value)
        form = written_as(number, number, number.is_integer())
        return None if form is None else (form.name, form.sql)
    return next(((name, sql) for pattern, name, sql in _WRITTEN if re.match(pattern, value)), None)


def _with_form(rows: ir.Table, part: Part) -> Part:
    kind = part.raw.type()
    if part.column.kind != "time" or not (kind.is_string() or (kind.is_numeric() and not kind.is_boolean())):
        return part
    given = present(part.raw)
    if kind.is_string():
        sample = rows.select(given=given).filter(ibis._.given.notnull()).limit(SAMPLE).to_pandas().given
        if not sample.str.contains(_DIGITS).any():
            return part
    number = _as_number(given)
    asked = {"given": given.count(), "read": number.count(), "low": number.min(), "high": number.max()}
    found = rows.aggregate(**asked, whole=(number == number.floor()).all()).to_pandas().iloc[0]
    if not found.given or found.read < found.given:
        return part
    form = written_as(float(found.low), float(found.high), bool(found.whole))
    return part if form is None else replace(part, form=form.name, stored=None)


def _as_number(value: ir.Value) -> ir.Value:
    if value.type().is_string():
        value = value.re_search(_DIGITS).ifelse(value, ibis.null("string"))
    return value.cast("float64")
