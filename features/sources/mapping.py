"""From a source under its own names to a canonical table: which column becomes which, and as what it is read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import ibis
import ibis.expr.types as ir

from configs.errors import Fault, SourceError, nearest
from configs.settings import Settings, TableSource
from configs.tables import Column, Kind, Table
from features.sources.backends import SourceRows
from features.sources.casting import (
    clean,
    clean_number_as_time,
    clean_plain,
    has_odd_sign,
    odd_condition,
    unreadable_type,
)
from features.sources.leaky_names import known_only_later
from features.sources.row_answers import RowAnswers

EXPECTED: Mapping[Kind, str] = {
    "text": "text",
    "time": "times such as 2024-01-31 or 2024-01-31 13:00:00+01:00",
    "number": "numbers such as 1234.5, smaller than 1e15",
    "flag": "true or false",
}
DO: Mapping[Kind, str] = {
    "text": "map another column, or turn it into text with query:",
    "time": "fix the source, or convert the column with query:",
    "number": "fix the source, or convert the column with query:",
    "flag": "fix the source, or convert the column with query:",
}
CONSTANT = "forewarn_constant_{}"
TAKEN_OF_CONTRACTS = ("age_days",)  # contract_<attribute> becomes a signal, and contract_age_days is one
DELETED = "deleted"  # the flag of rows that do not count, which is no canonical column


@dataclass(frozen=True)
class Part:
    """One column of a canonical table, and the source's value that it is made from.

    Attributes
    ----------
    column : Column
        Its name, kind and rules.
    raw : ibis.expr.types.Value
        What the source has.
    undecided : bool
        Whether it is an attribute that came as text, whose kind depends on its values.
    stored : ibis.expr.types.Value or None
        The cleaned value, where it has been worked out already.
    theirs : str
        The name of the source's column, where it has one.
    form : str or None
        Of a time that is written as a number throughout: how (`time_forms.FORMS`).
    """

    column: Column
    raw: ir.Value
    undecided: bool = False
    stored: ir.Value | None = None
    theirs: str = ""
    form: str | None = None

    @property
    def name(self) -> str:
        """The canonical name."""
        return self.column.name

    @property
    def is_key(self) -> bool:
        """Whether it identifies something, as account_id does."""
        return self.name.endswith("_id")

    def cleaned(self, zone: str) -> ir.Value:
        """The canonical value; `zone` is the time zone of times that carry none."""
        if self.form is not None:
            return clean_number_as_time(self.raw, self.form, zone)
        return self.stored if self.stored is not None else clean(self.raw, self.column.kind, zone, self.is_key)

    @property
    def odd(self) -> ir.Value | None:
        """True where the value may need cleaning or break a rule; None where only cleaning shows it."""
        column = self.column
        odd = None if self.undecided else odd_condition(self.raw, column.kind, self.is_key)
        if odd is None:
            return None
        if column.required:
            odd |= self.raw.isnull()
        if column.low is not None:
            odd |= self.raw < column.low
        if column.high is not None:
            odd |= self.raw > column.high
        return odd | (self.raw.notnull() & self.raw.notin(column.allowed_values)) if column.allowed_values else odd

    @property
    def is_harmless(self) -> bool:
        """Whether no value of it can be a fault: an optional key that came as text, such as a user's id."""
        return self.is_key and self.raw.type().is_string() and not (self.undecided or self.column.required)

    def cleaned_where_odd(self, zone: str) -> Part:
        """The same text, of which only values that may be odd are cleaned, each time that it is read."""
        return replace(self, stored=has_odd_sign(self.raw).ifelse(self.cleaned(zone), self.raw))

    def plain(self, zone: str) -> Part:
        """The same column once it is known that no value of it is odd."""
        return replace(self, stored=clean_plain(self.raw, self.column.kind, zone))


@dataclass(frozen=True)
class Mapped:
    """A canonical table, and the source's rows and columns that it is made from.

    Attributes
    ----------
    table : Table
        The canonical table.
    raw : SourceRows
        The source.
    parts : tuple of Part
        One for each canonical column that the source has, each attribute and each measure.
    attributes, measures : tuple of str
        Names of those among the parts.
    known_from : mapping of str to str
        By measure, the column whose moment it is known from; others are known when their row is.
    answers : RowAnswers
        What the aggregate query over its rows answered; nothing before `examine`.
    is_plain : bool
        Whether none of its values is odd, as `examine` has found.
    """

    table: Table
    raw: SourceRows
    parts: tuple[Part, ...]
    attributes: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    known_from: Mapping[str, str] = field(default_factory=dict)
    answers: RowAnswers = field(default_factory=RowAnswers)
    is_plain: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the canonical columns that it has."""
        return tuple(dict.fromkeys("arr" if part.name == "mrr" else part.name for part in self.parts))

    def without_deleted(self) -> Mapped:
        """The same table without the flag of deleted rows, once its values have been examined."""
        return replace(self, parts=tuple(part for part in self.parts if part.name != DELETED))

    def canonical(self, zone: str) -> ir.Table:
        """The rows under canonical names and types; mrr becomes arr, a missing quantity 1."""
        columns = {part.name: part.cleaned(zone) for part in self.parts}
        if (mrr := columns.pop("mrr", None)) is not None:
            yearly = mrr * ibis.literal(12.0)
            columns["arr"] = ibis.coalesce(columns["arr"], yearly) if "arr" in columns else yearly
        if "quantity" in columns:
            columns["quantity"] = ibis.coalesce(columns["quantity"], ibis.literal(1.0))
        if "billing_period" in columns and "ends_at" not in columns:  # contracts without an end have terms by it
            columns["ends_at"] = ibis.null("timestamp")
        return self.raw.table.select(**columns)


def resolve(table: Table, source: TableSource, raw: SourceRows, settings: Settings) -> Mapped:
    """Decides which source column each canonical one comes from.

    Parameters
    ----------
    table : Table
        The canonical table.
    source : TableSource
        Its mapping in the settings: columns, constants, attributes and measures.
    raw : SourceRows
        What the mapping names.
    settings : Settings
        `allow_leaking` lets attributes through whose names sound like the future.

    Returns
    -------
    Mapped
        With its rows not yet examined.

    Raises
    ------
    SourceError
        With every column that is missing, of a type that cannot be read, or mapped twice.
    """
    faults: list[Fault] = []
    parts: list[Part] = []
    if source.deleted is not None:
        part, fault, raw = _without_deleted(table, source.deleted, raw)
        parts += [part] if part else []
        faults += [fault] if fault else []
    if source.constants:
        added = {CONSTANT.format(name): ibis.literal(value) for name, value in source.constants.items()}
        raw = replace(raw, table=raw.table.mutate(**added))
    for column in table.columns:
        part, fault = _canonical_part(table, column, source, raw)
        parts += [part] if part else []
        faults += [fault] if fault else []
    attributes, attribute_faults = _extra_parts(table, source.attributes, "attributes", raw, parts, settings)
    measures, measure_faults = _extra_parts(table, source.measures, "measures", raw, parts, settings)
    faults += attribute_faults + measure_faults
    faults += _tie_faults(table, source, {part.name for part in parts})
    parts += attributes + measures
    if faults:
        raise SourceError(faults)
    return Mapped(table, raw, tuple(parts), source.attributes, source.measures, source.known_from)


def _without_deleted(table: Table, name: str, raw: SourceRows) -> tuple[Part | None, Fault | None, SourceRows]:
    """The rows whose flag is not set; a flag that cannot be read stays among them, so that it is a fault."""
    where = f"tables.{table.name}.deleted"
    if name not in raw.table.columns:
        found = f"no column {name!r} in {raw.origin}"
        return None, Fault(where, found, "a column of the source", nearest(name, raw.table.columns)[:400]), raw
    value = raw.table[name]
    if not (value.type().is_boolean() or value.type().is_string() or value.type().is_integer()):
        do = f"turn it into a flag with query: ({name} is not null as is_deleted)"
        return None, Fault(where, f"{name!r} of type {value.type()}", "true or false", do), raw
    kept = raw.table.filter(~clean(value, "flag", "UTC").fill_null(False))
    return Part(Column(DELETED, "flag"), kept[name]), None, replace(raw, table=kept)


def _canonical_part(
    table: Table, column: Column, source: TableSource, raw: SourceRows
) -> tuple[Part | None, Fault | None]:
    where, known = f"{table.name}.{column.name}", raw.table.columns
    theirs = source.columns.get(column.name)
    if column.name == "account_id" and source.via:
        if theirs is not None or column.name in source.constants:
            found, expected = "both via: and an account_id", "one way to the account"
            return None, Fault(where, found, expected, "take account_id out of columns, or take via: out")
        (theirs,) = source.via.values()
        column = replace(column, required=False)  # rows without a key are counted where the keys are followed
    if column.name in source.constants:
        if theirs is not None:
            do = "keep one of them"
            return None, Fault(where, "both a column and a constant", "one of them", do)
        return Part(column, raw.table[CONSTANT.format(column.name)]), None
    if theirs is None and column.name not in known:
        if not column.required:
            return None, None
        do = f"map it under tables.{table.name}.columns; {nearest(column.name, known)}"
        return None, Fault(
            where, f"no column of that name in {raw.origin}", f"a required column ({column.kind})", do[:400]
        )
    theirs = theirs or column.name
    if theirs not in known:
        found = f"no column {theirs!r} in {raw.origin}"
        return None, Fault(where, found, "a column of the source", nearest(theirs, known)[:400])
    value = raw.table[theirs]
    if unreadable_type(value):
        return None, Fault(where, f"{theirs!r} of type {value.type()}", EXPECTED[column.kind], DO[column.kind])
    return Part(column, value, theirs=theirs), None


def _extra_parts(
    table: Table, names: tuple[str, ...], kind: str, raw: SourceRows, taken: list[Part], settings: Settings
) -> tuple[list[Part], list[Fault]]:
    """Attributes and measures: source columns kept under their own names."""
    may_have = ("accounts", "contracts") if kind == "attributes" else ("contracts",)
    if names and not (table.name in may_have or (kind == "measures" and table.activity)):
        belongs = "accounts or contracts" if kind == "attributes" else "an activity table or contracts"
        found = f"{kind} of {table.name}"
        return [], [Fault(f"tables.{table.name}.{kind}", found, f"{kind} of {belongs}", "take them out")]
    parts: list[Part] = []
    faults: list[Fault] = []
    mapped = {part.name: part.column.kind for part in taken}
    for name in names:
        where = f"{table.name}.{name}"
        if name not in raw.table.columns:
            found = f"no column {name!r} in {raw.origin}"
            faults.append(Fault(where, found, f"a column named under {kind}", nearest(name, raw.table.columns)[:400]))
            continue
        if kind == "attributes" and known_only_later(name) and where not in settings.allow_leaking:
            do = f"take it out of attributes; or, if it was known all along, write allow_leaking: [{where}]"
            found = "a name that sounds like knowledge from after the fact"
            expected = f"facts known when the {table.name.removesuffix('s')} began"
            faults.append(Fault(where, found, expected, do))
            continue
        if table.name == "contracts" and kind == "attributes" and name in TAKEN_OF_CONTRACTS:
            do = f"rename it with query: ({name} as {name}_of_contract, say)"
            faults.append(Fault(where, f"a name that the signal contract_{name} has", "a name of its own", do))
            continue
        value, readable = raw.table[name], ("number", "flag", "text") if kind == "attributes" else ("number",)
        given = _kind_of(value) if kind == "attributes" else "number"
        refused = unreadable_type(value) or (kind == "measures" and value.type().is_temporal())
        if given is None or refused or mapped.get(name, given) not in readable:
            do = "leave it out, or turn it into one of these with query:"
            faults.append(Fault(where, f"a column of type {mapped.get(name, value.type())}", " or ".join(readable), do))
        elif name not in mapped:
            parts.append(Part(Column(name, given), value, undecided=kind == "attributes" and value.type().is_string()))
    return parts, faults


def _tie_faults(table: Table, source: TableSource, mapped: set[str]) -> Iterator[Fault]:
    """Of measures tied to a later moment: both have to be there, and the moment be one that is filled in later."""
    moments = [column.name for column in table.columns if column.filled_later and column.name in mapped]
    may = table.activity and moments
    for name, moment in source.known_from.items():
        where = f"tables.{table.name}.known_from.{name}"
        if name not in source.measures:
            do = f"list it under measures; {nearest(name, source.measures)}"
            yield Fault(where, f"{name!r} is no measure of {table.name}", "one of its measures", do[:400])
        if not may or moment not in moments:
            expected = "a mapped column that is filled in later: " + (", ".join(moments) if may else "none here")
            do = "map its moment under columns, or leave the measure out"
            yield Fault(where, repr(moment), expected, do)


def _kind_of(value: ir.Value) -> Kind | None:
    kind = value.type()
    if kind.is_boolean():
        return "flag"
    if kind.is_numeric():
        return "number"
    return None if kind.is_temporal() else "text"
