"""From a source as it is found to a canonical table: which column becomes which, and as what it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from configs.errors import Fault, SourceError, nearest
from configs.settings import Settings, TableSource
from configs.tables import Column, Kind, Table
from features.sources.backends import SourceRows
from features.sources.casting import clean, clean_plain, may_be_odd, maybe_odd, unreadable_type
from features.sources.leaky_names import known_only_later

EXPECTED: Mapping[Kind, str] = {
    "text": "text",
    "time": "times such as 2024-01-31 or 2024-01-31 13:00:00+01:00",
    "number": "numbers such as 1234.5, smaller than 1e15",
    "flag": "true or false",
}
DO: Mapping[Kind, str] = {
    "text": "map another column, or turn it into text with query:",
    "time": "mend the source, or convert the column with query:",
    "number": "mend the source, or convert the column with query:",
    "flag": "mend the source, or convert the column with query:",
}
CONSTANT = "forewarn_constant_{}"


@dataclass(frozen=True)
class Part:
    """One column of a canonical table: where it comes from, what it shall be."""

    column: Column
    raw: ir.Value
    undecided: bool = False  # an attribute that came as text: its kind depends on its values
    stored: ir.Value | None = None  # the cleaned value, where it has been worked out and stored beside the raw one

    @property
    def name(self) -> str:
        return self.column.name

    @property
    def is_key(self) -> bool:
        return self.name.endswith("_id")

    def cleaned(self, zone: str) -> ir.Value:
        return self.stored if self.stored is not None else clean(self.raw, self.column.kind, zone, self.is_key)

    @property
    def odd(self) -> ir.Value | None:
        """True where the value may need cleaning or break a rule; None where it takes cleaning to tell."""
        column = self.column
        found = None if self.undecided else maybe_odd(self.raw, column.kind, self.is_key)
        if found is None:
            return None
        if column.required:
            found |= self.raw.isnull()
        if column.low is not None:
            found |= self.raw < column.low
        if column.high is not None:
            found |= self.raw > column.high
        return found | (self.raw.notnull() & self.raw.notin(column.words)) if column.words else found

    @property
    def is_harmless(self) -> bool:
        """Whether it is text of which nothing is a fault: a name of somebody, which may be missing."""
        return self.is_key and self.raw.type().is_string() and not (self.undecided or self.column.required)

    def mended(self, zone: str) -> Part:
        """The same text, of which those values are cleaned that may be odd whenever they are read."""
        return replace(self, stored=may_be_odd(self.raw).ifelse(self.cleaned(zone), self.raw))

    def plain(self, zone: str) -> Part:
        """The same column once it is known that no value of it is odd."""
        return replace(self, stored=clean_plain(self.raw, self.column.kind, zone))


@dataclass(frozen=True)
class Mapped:
    """A table with its parts resolved; `facts` hold what the aggregate query answered."""

    table: Table
    raw: SourceRows
    parts: tuple[Part, ...]
    attributes: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def newest(self) -> pd.Timestamp | None:
        """The latest time of the table's facts, naive UTC."""
        found = self.facts.get("newest")
        return None if found is None or pd.isna(found) else pd.Timestamp(found)

    def canonical(self, zone: str) -> ir.Table:
        """The rows under canonical names and types; mrr becomes arr, a missing quantity 1."""
        columns = {part.name: part.cleaned(zone) for part in self.parts}
        if (mrr := columns.pop("mrr", None)) is not None:
            yearly = mrr * ibis.literal(12.0)
            columns["arr"] = ibis.coalesce(columns["arr"], yearly) if "arr" in columns else yearly
        if "quantity" in columns:
            columns["quantity"] = ibis.coalesce(columns["quantity"], ibis.literal(1.0))
        return self.raw.table.select(**columns)


def resolve(table: Table, source: TableSource, raw: SourceRows, settings: Settings) -> Mapped:
    """Which source column each canonical one comes from; SourceError with every column for which it cannot be said."""
    faults: list[Fault] = []
    parts: list[Part] = []
    if source.constants:
        added = {CONSTANT.format(name): ibis.literal(value) for name, value in source.constants.items()}
        raw = replace(raw, table=raw.table.mutate(**added))
    for column in table.columns:
        part, fault = _canonical_part(table, column, source, raw)
        parts += [part] if part else []
        faults += [fault] if fault else []
    attributes, attribute_faults = _further(table, source.attributes, "attributes", raw, parts, settings)
    measures, measure_faults = _further(table, source.measures, "measures", raw, parts, settings)
    faults += attribute_faults + measure_faults
    parts += attributes + measures
    if faults:
        raise SourceError(faults)
    return Mapped(table, raw, tuple(parts), source.attributes, source.measures)


def _canonical_part(
    table: Table, column: Column, source: TableSource, raw: SourceRows
) -> tuple[Part | None, Fault | None]:
    where, known = f"{table.name}.{column.name}", raw.table.columns
    theirs = source.columns.get(column.name)
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
    return Part(column, value), None


def _further(
    table: Table, names: tuple[str, ...], kind: str, raw: SourceRows, taken: list[Part], settings: Settings
) -> tuple[list[Part], list[Fault]]:
    """Attributes and measures: source columns kept under their own names."""
    allowed = table.name == "accounts" if kind == "attributes" else table.activity or table.name == "contracts"
    if names and not allowed:
        belongs = "accounts" if kind == "attributes" else "an activity table or contracts"
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
            faults.append(Fault(where, found, "facts known when the account began", do))
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


def _kind_of(value: ir.Value) -> Kind | None:
    kind = value.type()
    if kind.is_boolean():
        return "flag"
    if kind.is_numeric():
        return "number"
    return None if kind.is_temporal() else "text"
