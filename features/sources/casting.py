"""How a source column of any type becomes text, a UTC time, a number or a flag, the same on every engine.

A value that cannot be read becomes null, and is a fault: `clean` of a value that was there is null exactly where the
value is unreadable. Text is read by patterns that DuckDB (RE2) and PostgreSQL understand alike, so that a file and a
server give the same table, and no cast can fail inside a query.
"""

from __future__ import annotations

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir

from configs.tables import Kind

# The Gregorian calendar as a pattern: PostgreSQL 15 has no cast that gives null instead of an error on 30 February.
_LEAP_YEAR = "([12][0-9](0[48]|[2468][048]|[13579][26])|(1[26]|2[048])00)"
_DAY = (
    "([12][0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    f"|02-(0[1-9]|1[0-9]|2[0-8]))|{_LEAP_YEAR}-02-29)"
)
_CLOCK = "([T ]([01]?[0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?"
_NAIVE = f"^{_DAY}{_CLOCK})?$"
_ZONED = f"^{_DAY}{_CLOCK} ?(Z|UTC|[+-][01][0-9](:?[0-5][0-9])?))$"
_NUMBER = "^[+-]?([0-9]{1,40}([.][0-9]{0,40})?|[.][0-9]{1,40})([eE][+-]?[0-9]{1,2})?$"
_PLAIN_NUMBER = "^-?(0|[1-9][0-9]{0,14})([.][0-9]{1,20})?$"  # no leading zero: '01234' is a code, not a number
_YES = ("true", "t", "yes", "y", "1", "1.0")
_NO = ("false", "f", "no", "n", "0", "0.0")
_FOREVER = "9999-"  # 9999-12-31 and PostgreSQL's infinity mean "no end": null
_BLANKS = " \t\n\r\v\f"  # what stripping takes off
_EXACT = 9e15  # whole floats below this are exact, and fit 64 bits
LARGEST = 1e15  # no quantity or amount is as large; what is cannot be added up exactly

_UTC = dt.Timestamp(timezone="UTC")
_AT = dt.Timestamp()


@ibis.udf.scalar.builtin(name="timezone", signature=((dt.string, _AT), _UTC))
def _from_zone(zone, at):  # type: ignore[no-untyped-def]
    """The moment at which clocks in `zone` show `at`."""


@ibis.udf.scalar.builtin(name="timezone", signature=((dt.string, _UTC), _AT))
def _clock_in(zone, at):  # type: ignore[no-untyped-def]
    """What clocks in `zone` show at that moment."""


def as_moment(utc: ir.Value) -> ir.Value:
    """Naive UTC times as moments, which carry their zone."""
    return _from_zone("UTC", utc)


def unreadable_type(value: ir.Value) -> bool:
    """Nested and binary columns have no meaning as a text, a time, a number or a flag."""
    kind = value.type()
    return kind.is_nested() or kind.is_binary() or kind.is_interval()


def present(value: ir.Value, kind: Kind = "text") -> ir.Value:
    """The value with blank text, NaN and, among times, the end of the calendar as null; text is stripped."""
    given = value.type()
    if given.is_string():
        text = value.strip().nullif("")
        return text.startswith(_FOREVER).ifelse(ibis.null("string"), text) if kind == "time" else text
    if given.is_floating():
        return value.isnan().ifelse(ibis.null(given), value)
    if given.is_timestamp() or given.is_date():
        return (value.year() >= 9000).ifelse(ibis.null(given), value)
    return value


def clean(value: ir.Value, kind: Kind, zone: str, is_key: bool = False) -> ir.Value:
    """`value` as canonical text, naive UTC timestamp, float64 or boolean; null where it cannot be read.

    `zone` is the time zone of times and dates without one. `is_key`: an identifier, so that '123.0' is '123' also
    where a tool had written a whole number as text with a fraction.
    """
    value = present(value, kind)
    if kind == "time":
        return _time(value, zone)
    if kind == "number":
        return _number(value)
    if kind == "flag":
        return _flag(value)
    return _text(value, is_key)


# Of times written as whole numbers: how many microseconds one of them is.
_MICROSECONDS = {"unix seconds": 1_000_000, "unix milliseconds": 1_000, "unix microseconds": 1}
_EIGHT_DIGITS = "^([0-9]{4})([0-9]{2})([0-9]{2})$"
_EXCEL_1970, _SECONDS_A_DAY = 25_569, 86_400  # the serial of 1970-01-01


def clean_number_as_time(value: ir.Value, form: str, zone: str) -> ir.Value:
    """Naive UTC timestamps from numbers, or text of numbers, that are times of one form (`time_forms.FORMS`)."""
    value = present(value, "number")
    if form == "dates of eight digits":
        whole = value.cast("string") if value.type().is_string() else value.cast("int64").cast("string")
        return _time(whole.re_replace("[.]0+$", "").re_replace(_EIGHT_DIGITS, r"\1-\2-\3"), zone)
    if form == "Excel serials":
        days = value.cast("float64") - ibis.literal(float(_EXCEL_1970))
        seconds = (days * ibis.literal(float(_SECONDS_A_DAY))).round().cast("int64")
        return _to_utc(_since_1970(seconds * 1_000_000), zone)
    whole = value.re_replace("[.]0+$", "").cast("int64") if value.type().is_string() else value.cast("int64")
    if form == "unix nanoseconds":
        return _since_1970((whole // 1000).cast("int64"))
    return _since_1970(whole * _MICROSECONDS[form])


def _since_1970(microseconds: ir.Value) -> ir.Value:
    return (ibis.timestamp("1970-01-01 00:00:00") + microseconds.as_interval("us")).cast(_AT)


def odd_condition(value: ir.Value, kind: Kind, is_key: bool) -> ir.Value | None:
    """A cheap condition that is true wherever `clean` would change more than a value's type, or could not read it.

    None for types of which only cleaning shows it.
    """
    given = value.type()
    if kind == "text" and given.is_string():
        odd = (value != value.strip()) | (value == "")
        return odd | value.contains(".") if is_key else odd
    if kind == "text" and given.is_integer():
        return ibis.literal(False)
    if kind == "time" and ((given.is_timestamp() and given.timezone is None) or given.is_date()):
        return too_late(value)
    if kind == "number" and given.is_floating():
        return value.isnan() | (value.abs() >= LARGEST)
    if (kind == "number" and given.is_integer()) or (kind == "flag" and given.is_boolean()):
        return ibis.literal(False)
    return None


def too_late(value: ir.Value) -> ir.Value:
    """Of times (or the last of them) without a zone: beyond what a calendar is kept for, and so no time.

    Compared in the resolution that we use: nanoseconds do not reach that far.
    """
    return value.cast(_AT) >= ibis.timestamp("9000-01-01 00:00:00")


def has_odd_sign(key: ir.Value) -> ir.Value:
    """Of text: true wherever `odd_condition` is, and for some more; several times as fast."""
    odd = key == ""
    for sign in _BLANKS + ".":
        odd |= key.contains(sign)
    return odd


def clean_plain(value: ir.Value, kind: Kind, zone: str) -> ir.Value:
    """What `clean` gives for a column none of whose values is odd, without looking at each."""
    if kind == "text":
        return value if value.type().is_string() else value.cast("string")
    if kind == "time":
        return _to_utc(value.cast(_AT), zone)
    return value.cast("float64") if kind == "number" else value


def unreadable(value: ir.Value, cleaned: ir.Value, kind: Kind) -> ir.Value:
    """True where there was a value and nothing could be made of it."""
    return present(value, kind).notnull() & cleaned.isnull()


def looks_like(value: ir.Value, kind: Kind) -> ir.Value:
    """True where a text is plainly a number, a time, or a flag written as true or false."""
    text = present(value)
    if kind == "number":
        return text.re_search(_PLAIN_NUMBER)
    if kind == "time":
        return text.re_search(_NAIVE) | text.re_search(_ZONED)
    return text.lower().isin(("true", "false"))


def _text(value: ir.Value, is_key: bool) -> ir.Value:
    kind = value.type()
    if kind.is_floating() or kind.is_decimal():
        number = value.cast("float64")
        whole = (number.abs() < _EXACT).ifelse(number, ibis.literal(0.5))
        return (whole == whole.floor()).ifelse(whole.floor().cast("int64").cast("string"), value.cast("string"))
    if not kind.is_string():
        return value.cast("string")
    return value.re_replace("^(-?[0-9]+)[.]0+$", r"\1") if is_key else value


def _number(value: ir.Value) -> ir.Value:
    kind = value.type()
    if kind.is_string():
        return _bounded(value.re_search(_NUMBER).ifelse(value, ibis.null("string")).cast("float64"))
    if kind.is_boolean():
        return value.cast("int64").cast("float64")
    if kind.is_integer():
        return value.cast("float64")
    return _bounded(value.cast("float64")) if kind.is_numeric() else ibis.null("float64")


def _bounded(number: ir.Value) -> ir.Value:
    return (number.abs() < LARGEST).ifelse(number, ibis.null("float64"))


def _flag(value: ir.Value) -> ir.Value:
    kind = value.type()
    if kind.is_boolean():
        return value
    if not (kind.is_string() or kind.is_numeric()):
        return ibis.null("boolean")
    word = value.lower() if kind.is_string() else value
    yes, no = (_YES, _NO) if kind.is_string() else ((1,), (0,))
    return ibis.cases((word.isin(yes), True), (word.isin(no), False), else_=ibis.null("boolean"))


def _time(value: ir.Value, zone: str) -> ir.Value:
    kind = value.type()
    if kind.is_timestamp() and kind.timezone is not None:
        return _clock_in("UTC", value).cast(_AT)
    if kind.is_timestamp() or kind.is_date():
        return _to_utc(value.cast(_AT), zone)
    if not kind.is_string():
        return ibis.null(_AT)
    micros = value.re_replace(
        "([.][0-9]{6})[0-9]+", r"\1"
    )  # finer digits would be rounded by one engine, cut by another
    naive = micros.re_search(_NAIVE).ifelse(micros, ibis.null("string")).cast(_AT)
    zoned = (
        micros.re_search(_ZONED)
        .ifelse(micros, ibis.null("string"))
        .re_replace(" ?UTC$", "Z")
        .re_replace(" (Z|[+-])", r"\1")
    )
    moment = zoned.re_replace("([+-][0-9]{2})([0-9]{2})$", r"\1:\2").cast(_UTC)
    return ibis.coalesce(_to_utc(naive, zone), _clock_in("UTC", moment))


def _to_utc(at: ir.Value, zone: str) -> ir.Value:
    return at if zone == "UTC" else _clock_in("UTC", _from_zone(zone, at))
