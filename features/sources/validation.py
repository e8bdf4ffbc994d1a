"""Everything that is wrong with the rows of a mapped table; one aggregate query a table answers every question.

Values are only cleaned where a first, cheap look finds that some may have to be.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce

import ibis
import ibis.expr.types as ir
import pandas as pd

from configs.errors import Fault
from configs.settings import Settings
from configs.tables import Column, Kind, Table
from features.sources.backends import reason
from features.sources.casting import has_odd_sign, looks_like, present, too_late, unreadable
from features.sources.mapping import DO, EXPECTED, Mapped, Part
from features.sources.row_answers import RowAnswers
from features.sources.time_forms import form_seen

FEW_ROWS = 20_000  # of which each is looked at as fast as their distinct words are found
TOLERANCE = pd.Timedelta(days=2)  # clocks differ, and so do time zones
KINDS_OF_TEXT: tuple[Kind, ...] = ("number", "flag")  # what an attribute that came as text may turn out to be


def examine(
    mapped: Mapped, settings: Settings, now: pd.Timestamp | None = None, before: RowAnswers | None = None
) -> tuple[Mapped, list[Fault]]:
    """Finds every fault in a table's rows, and settles the kinds of attributes that came as text.

    Typed sources are asked first, in one cheap pass, whether any value is odd at all: as a rule none is, and then no
    value has to be cleaned, here or later. Otherwise one aggregate query asks for every fault with its example.

    Parameters
    ----------
    mapped : Mapped
        As `resolve` returns it.
    settings : Settings
        `timezone` is that of times without one, `data_end` the day that no fact may reach.
    now : Timestamp, optional
        Naive UTC; no fact lies more than two days after it.
    before : RowAnswers, optional
        What the same rows answered when none of their values was odd; they are asked nothing then.

    Returns
    -------
    Mapped
        The same table with its answers, and its parts as they are to be read.
    list of Fault
        Empty for a sound table.
    """
    if before is not None:
        as_found = tuple(_as_plain(part, mapped, settings.timezone) for part in mapped.parts)
        return replace(mapped, parts=as_found, answers=before, is_plain=True), []
    try:
        plain = _all_plain(mapped, settings, now)
    except Exception as error:
        return mapped, [unread(mapped, error)]
    if plain is not None:
        return plain, []
    zone = settings.timezone
    cleaned = {part.name: part.cleaned(zone) for part in mapped.parts}
    questions = _extent(mapped, cleaned) | _row_questions(mapped, cleaned, settings, now)
    for part in mapped.parts:
        questions |= _questions(mapped.table, part, mapped.raw.table, zone)
    try:
        answers = RowAnswers.of(_ask(mapped.raw.table, questions))
    except Exception as error:
        return mapped, [unread(mapped, error)]
    parts, faults = [], []
    if not answers.rows:
        do = "take the table out of the mapping, or give it rows"
        faults.append(Fault(mapped.table.name, f"no rows in {mapped.raw.origin}", "at least one row", do))
    for part in mapped.parts:
        settled, kind_faults = _settled(mapped, part, answers)
        parts.append(settled)
        faults += kind_faults + _value_faults(mapped.table, settled, answers)
    return replace(mapped, parts=tuple(parts), answers=answers), faults + _row_faults(mapped, answers, settings)


def unread(mapped: Mapped, error: Exception) -> Fault:
    """The fault of a source that the engine gives up on half-way."""
    do = "check the source; it cannot be read to its end"
    return Fault(mapped.table.name, f"{mapped.raw.origin}: {reason(error)}", "rows that can be read", do)


def _all_plain(mapped: Mapped, settings: Settings, now: pd.Timestamp | None) -> Mapped | None:
    """The table with all its parts plain; None where anything is odd, or where only cleaning shows it.

    Three questions, each put only as far as the one before leaves it open: of first and last values and numbers of
    values, which columnar files know without being read; of the rows; of distinct words.
    """
    undecided = [part for part in mapped.parts if part.undecided]
    decided = [part for part in mapped.parts if not part.undecided]
    if mapped.raw.textual or any(part.odd is None for part in decided):
        return None
    rows, zone = mapped.raw.table, settings.timezone
    harmless = [part.name for part in decided if _is_read_as_it_comes(part, mapped)]
    plain = [_as_plain(part, mapped, zone) for part in decided]
    times = [part for part in plain if part.column.kind == "time"]
    texts = [part for part in plain if part.raw.type().is_string() and part.name not in harmless]
    others = [part for part in plain if part not in times and not part.raw.type().is_string()]
    cleaned = {part.name: part.stored for part in plain}
    questions = _extent(mapped, cleaned) | {f"{part.name}|odd": too_late(part.raw.max()) for part in times}
    questions |= {f"{part.name}|given": part.raw.count() for part in plain if part.column.required}
    answers = RowAnswers.of(_ask(rows, questions))
    gaps = any(count < answers.rows for key, count in answers.counts.items() if key.endswith("|given"))
    if not answers.rows or answers.is_odd or gaps:
        return None
    questions = _row_questions(mapped, cleaned, settings, now, answers.newest)
    questions |= {f"{part.name}|odd": rows.count(where=part.odd) for part in others}
    # Accounts and words are few, and their distinct values soon found; other keys may be as many as the rows. Where the
    # rows are few as well, each is looked at in the same query.
    if answers.rows <= FEW_ROWS:
        questions |= {f"{part.name}|odd": rows.count(where=part.odd) for part in texts}
        texts = []
    keys = [part for part in texts if part.is_key and part.name != "account_id"]
    questions |= {f"{part.name}|may": rows.count(where=has_odd_sign(part.raw)) for part in keys}
    for part in plain:
        if mapped.table.key == (part.name,):
            questions[f"{part.name}|distinct"] = part.raw.nunique()
    for part in undecided:
        questions |= _questions(mapped.table, part, rows, zone)
    answers = answers.also(_ask(rows, questions))
    # Keys without any sign of oddness need no second look.
    texts = [part for part in texts if answers.counts.get(f"{part.name}|may", 1)]
    answers = answers.also(pd.Series({"words|odd": _odd_words(texts)}))
    by_name = {part.name: part for part in plain}
    for part in undecided:
        by_name[part.name], faults = _settled(mapped, part, answers)
        if faults:
            return None
    parts = tuple(by_name[part.name] for part in mapped.parts)
    settled = replace(mapped, parts=parts, answers=answers, is_plain=True)
    return None if answers.is_odd or _row_faults(settled, answers, settings) else settled


def _is_read_as_it_comes(part: Part, mapped: Mapped) -> bool:
    """Users may be as many as the rows: to read them twice would cost more than to look at each when it is read."""
    return part.is_harmless and mapped.table.key != (part.name,)


def _as_plain(part: Part, mapped: Mapped, zone: str) -> Part:
    """The column of a table of which no value is odd; in typed sources attributes that came as text are text."""
    if part.undecided:
        return Part(Column(part.name, "text"), part.raw)
    return part.cleaned_where_odd(zone) if _is_read_as_it_comes(part, mapped) else part.plain(zone)


def _ask(rows: ir.Table, questions: Mapping[str, ir.Value]) -> pd.Series:
    """The answers of one aggregate query, by the names of its questions."""
    return rows.aggregate(**questions).to_pandas().iloc[0] if questions else pd.Series(dtype="object")


def _odd_words(parts: Sequence[Part]) -> int:
    """How many distinct values of text columns are odd: columnar files list them faster than they are read."""
    counts = []
    for part in parts:
        distinct = part.raw.name("raw").as_table().distinct()
        counts.append(distinct.aggregate(odd=distinct.count(where=replace(part, raw=distinct.raw).odd)))
    if not counts:
        return 0
    return int(reduce(lambda left, right: left.union(right), counts).odd.sum().to_pandas())


def _extent(mapped: Mapped, cleaned: Mapping[str, ir.Value]) -> dict[str, ir.Value]:
    rows, time = {"rows": mapped.raw.table.count()}, cleaned.get(mapped.table.time)
    return rows if time is None else rows | {"newest": time.max(), "oldest": time.min()}


def _row_questions(
    mapped: Mapped,
    cleaned: Mapping[str, ir.Value],
    settings: Settings,
    now: pd.Timestamp | None,
    newest: pd.Timestamp | None = None,
) -> dict[str, ir.Value]:
    """How many rows contradict the data's end, today or one another; nothing of the end where the newest lies before
    it."""
    rows, time = mapped.raw.table, cleaned.get(mapped.table.time)
    questions: dict[str, ir.Value] = {}
    if time is None:  # only a helper may have none
        return questions
    if settings.data_end is not None and not (newest is not None and newest < pd.Timestamp(settings.data_end)):
        questions["after_end"] = rows.count(where=time >= ibis.literal(pd.Timestamp(settings.data_end)))
    for name in (mapped.table.time, "recorded_at"):
        # A contract may be signed ahead of its start.
        if now is not None and name in cleaned and name != "starts_at":
            future = cleaned[name] > ibis.literal(now + TOLERANCE)
            questions[f"{name}|future"] = rows.count(where=future)
            questions[f"{name}|future|example"] = cleaned[name].max(where=future).cast("string")
    if "ends_at" in cleaned:
        backwards = cleaned["ends_at"] < time
        questions["backwards"] = rows.count(where=backwards)
        questions["backwards|example"] = cleaned["account_id"].min(where=backwards)
    return questions


def _questions(table: Table, part: Part, rows: ir.Table, zone: str) -> dict[str, ir.Value]:
    name, column, raw = part.name, part.column, part.raw
    questions: dict[str, ir.Value] = {}
    if part.undecided:
        questions[f"{name}|given"] = rows.count(where=present(raw).notnull())
        kinds: tuple[Kind, ...] = ("number", "flag", "time")
        return questions | {f"{name}|{kind}": rows.count(where=looks_like(raw, kind)) for kind in kinds}
    value = part.cleaned(zone)

    def count(key: str, condition: ir.Value) -> None:
        questions[f"{name}|{key}"] = rows.count(where=condition)
        questions[f"{name}|{key}|example"] = raw.cast("string").min(where=condition)

    count("bad", unreadable(raw, value, column.kind))
    if column.required:
        questions[f"{name}|null"] = rows.count(where=~present(raw, column.kind).notnull())
    if column.low is not None:
        count("low", value < column.low)
    if column.high is not None:
        count("high", value > column.high)
    if column.allowed_values:
        count("not_allowed", value.notnull() & value.notin(column.allowed_values))
    if table.key == (name,):
        questions[f"{name}|distinct"] = value.nunique()
    return questions


def _settled(mapped: Mapped, part: Part, answers: RowAnswers) -> tuple[Part, list[Fault]]:
    """An attribute that came as text is a number or a flag when all of its values are, in a file of text alone."""
    if not part.undecided:
        return part, []
    name, given = part.name, answers.count(f"{part.name}|given")
    if given and answers.count(f"{name}|time") == given:
        do = "leave it out, or turn it into a number with query: (days before created_at, say)"
        return part, [Fault(f"{mapped.table.name}.{name}", "times", "text, numbers or flags in an attribute", do)]
    kind: Kind = "text"
    if mapped.raw.textual and given:
        kind = next((kind for kind in KINDS_OF_TEXT if answers.count(f"{name}|{kind}") == given), "text")
    return Part(Column(name, kind), part.raw), []


def _rows(count: int) -> str:
    return f"{count:,} row{'s' if count != 1 else ''}"


def _value_faults(table: Table, part: Part, answers: RowAnswers) -> list[Fault]:
    name, column = part.name, part.column
    where = f"{table.name}.{name}"

    def fault(key: str, what: str, expected: str, do: str) -> list[Fault]:
        count = answers.count(f"{name}|{key}")
        if not count:
            return []
        example = answers.examples.get(f"{name}|{key}")
        shown = f", for example {example[:60]!r}" if example is not None else ""
        return [Fault(where, f"{_rows(count)} {what}{shown}", expected, do)]

    bounds = f"{'' if column.low is None else f'{column.low:g}'} to {'' if column.high is None else f'{column.high:g}'}"
    choice = f"map them with query:, or leave the rows out ({', '.join(column.allowed_values)})"
    scale = "fix the source, or rescale with query:"
    seen = form_seen(answers.examples.get(f"{name}|bad", "")) if column.kind == "time" else None
    bad, do = "that cannot be read", DO[column.kind]
    if seen is not None:
        bad = f"that cannot be read ({seen[0]})"
        do = f"write query: select ..., {seen[1].format(part.theirs or name)} as {name} (DuckDB's SQL)"
    return [
        *fault("bad", bad, EXPECTED[column.kind], do),
        *fault("null", "without a value", "a value in every row", "fill it, or leave the rows out with query:"),
        *fault("low", "below the range", bounds.strip(), scale),
        *fault("high", "above the range", bounds.strip(), scale),
        *fault("not_allowed", "with another word", "one of " + ", ".join(column.allowed_values), choice),
    ]


def _row_faults(mapped: Mapped, answers: RowAnswers, settings: Settings) -> list[Fault]:
    table, faults = mapped.table, []
    if backwards := answers.count("backwards"):
        example = answers.examples.get("backwards")
        found = f"{_rows(backwards)} that end before they start, for example account {example!r}"
        faults.append(Fault(f"{table.name}.ends_at", found, "ends_at at or after starts_at", "fix the rows"))
    for name in (table.time, "recorded_at"):
        if later := answers.count(f"{name}|future"):
            found = f"{_rows(later)} dated after today, the last on {answers.examples[f'{name}|future'][:16]}"
            do = "fix the date, or leave those rows out with query: (what is planned is no fact yet)"
            faults.append(Fault(f"{table.name}.{name}", found, "facts that have happened", do))
    # A contract may be signed ahead of its start; any other fact after the end contradicts the end.
    after_end = answers.count("after_end")
    if after_end and table.name != "contracts":
        found = f"{_rows(after_end)} at or after it, the newest at {answers.newest:%Y-%m-%d %H:%M}"
        do = f"raise data_end ({settings.data_end}), or leave those rows out with query:"
        faults.append(Fault(f"{table.name}.{table.time}", found, f"facts before data_end {settings.data_end}", do))
    return faults
