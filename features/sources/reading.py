"""Reads every table that a mapping names, each once: rows, types, faults, the accounts of its rows, its versions."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import ibis.expr.types as ir
import pandas as pd

from configs.errors import Fault, SourceError
from configs.helper_tables import CANONICAL_KEYS, HEALTH_SCORES, MERGES, helper_table
from configs.settings import Settings, TableSource
from configs.tables import TABLES, Table, table
from features.sources.backends import Engine, SourceRows, ragged_fault, ragged_row
from features.sources.currencies import converted, currency_faults
from features.sources.links import Links, canonical_links, helper_links, linked, lost
from features.sources.mapping import Mapped, resolve
from features.sources.merges import survivors
from features.sources.opened_before import OpenedBefore
from features.sources.time_forms import with_time_forms
from features.sources.validation import examine, unread
from features.sources.versions import Versions, versions_of


@dataclass
class TableReader:
    """The tables of one mapping as far as they have been read.

    Attributes
    ----------
    engine : Engine
    settings : Settings
    now : Timestamp or None
        Naive UTC; no fact may be dated more than two days later.
    mapped, tables, versions : dict by canonical table
        Where its columns come from, its rows under canonical names, and what these are to one another.
    helpers : dict of str to (Mapped, ibis Table)
        The same of the tables that others go through, of merges and of health_scores.
    before, found : OpenedBefore
        What is known of the tables from when they were opened last, and what is known of them now.
    warnings : list of str
    faults : list of Fault
        Everything that is wrong so far.
    """

    engine: Engine
    settings: Settings
    now: pd.Timestamp | None = None
    before: OpenedBefore = field(default_factory=OpenedBefore)
    found: OpenedBefore = field(default_factory=OpenedBefore)
    mapped: dict[str, Mapped] = field(default_factory=dict)
    tables: dict[str, ir.Table] = field(default_factory=dict)
    versions: dict[str, Versions] = field(default_factory=dict)
    helpers: dict[str, tuple[Mapped, ir.Table]] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    _links: dict[str, Links | None] = field(default_factory=dict)
    _open: list[str] = field(default_factory=list)

    def read_all(self) -> None:
        """Reads every canonical table, and what these go through; whatever is wrong is added to the faults."""
        for canonical in TABLES:
            self._table(canonical.name)

    def merges(self) -> pd.DataFrame | None:
        """Of each merged account the one that is left (`features.sources.merges.survivors`); None without merges."""
        source = self.settings.tables.get(MERGES.name)
        rows = self._rows(MERGES, source) if source is not None else None
        if rows is None:
            return None
        found, faults = survivors(self.engine.to_pandas(rows))
        self.faults += faults
        return found

    def health_scores(self) -> ir.Table | None:
        """What another platform thought of the accounts; None where no such table is mapped, or it has faults."""
        source = self.settings.tables.get(HEALTH_SCORES.name)
        return self._rows(HEALTH_SCORES, source) if source is not None else None

    def _table(self, name: str) -> ir.Table | None:
        """The rows of a canonical table; None where it is not mapped, has none, or has faults."""
        source = self.settings.tables.get(name)
        if name in self.mapped or source is None:
            return self.tables.get(name)
        canonical = table(name)
        return self._rows(canonical, source)

    def _rows(self, wanted: Table, source: TableSource) -> ir.Table | None:
        """The rows of any table under our names, settled; None where there are none, or they cannot be read."""
        links = self._links_through(wanted.name, source)
        raw = None
        try:
            raw = self.engine.read(self.settings, wanted.name, source)
            resolved = resolve(wanted, self._with_key(wanted, source, raw), raw, self.settings)
            readable = with_time_forms(_read_once(self.engine, resolved, self.settings.timezone))
            known, faults = examine(readable, self.settings, self.now, self.before.answers.get(wanted.name))
            if known.is_plain:
                self.found.answers[wanted.name] = known.answers
            # Before what was read is given back.
            faults = faults or currency_faults(readable, self.settings)
            rows = self._kept(known.without_deleted(), source, links)
            self.faults += faults
            return rows
        except SourceError as error:
            ragged = ragged_row(raw.files) if raw is not None else None
            self.faults += [ragged_fault(f"tables.{wanted.name}.from", ragged)] if ragged else error.faults
            return None

    def _kept(self, known: Mapped, source: TableSource, links: Links | None) -> ir.Table | None:
        """Settles the rows, and notes them with what they are to one another."""
        name = known.table.name
        is_canonical = known.table in TABLES
        if is_canonical:
            self.mapped[name] = known
        if not known.answers.rows or (source.via and links is None):
            return None
        rows = self._settle(known, links)
        if is_canonical:
            self.tables[name] = rows
            versions = Versions() if name in self.before.single else versions_of(self.engine, known, rows)
            if versions.rows is None and not versions.warnings and not versions.faults:
                self.found.single.add(name)
            self.versions[name] = versions
            self.faults += versions.faults
        else:
            self.helpers[name] = known, rows
        return rows

    def _settle(self, known: Mapped, links: Links | None) -> ir.Table:
        """The rows in the reported currency and under their accounts, stored or not as the engine sees fit."""
        cheap = links is None and all(part.stored is not None for part in known.parts)
        rows = converted(known.canonical(self.settings.timezone), self.settings)
        name = known.table.name
        if links is not None and known.table in (
            *TABLES,
            HEALTH_SCORES,
        ):  # a helper's links are followed when they are made
            warnings, faults = lost(self.engine, name, rows, links)
            self.warnings += warnings
            self.faults += faults
            rows = linked(rows, links, known.table.time)
        return self.engine.settle(f"forewarn_{name}", rows, known.raw, cheap)

    def _with_key(self, wanted: Table, source: TableSource, raw: SourceRows) -> TableSource:
        """A helper that names no key has it under the name that those who go through it use."""
        names = [given[wanted.name] for other in self.settings.tables.values() if wanted.name in (given := other.via)]
        name = next((name for name in names if name in raw.table.columns), None)
        if wanted in TABLES or "key" in (*source.columns, *raw.table.columns) or name is None:
            return source
        return source.model_copy(update={"columns": {**source.columns, "key": name}})

    def _links_through(self, name: str, source: TableSource) -> Links | None:
        """What the table that `source` goes through says; None without one, or where that has faults."""
        helper = next(iter(source.via), None)
        if helper is None:
            return None
        if helper in (*self._open, name):
            circle = " -> ".join((*self._open, name, helper))
            do = "let one of them name its accounts itself"
            self.faults.append(Fault(f"tables.{name}.via", circle, "a way that ends at accounts", do))
            return None
        if helper in self._links:
            return self._links[helper]
        given = self.settings.tables[helper]
        self._open.append(name)
        self._links[helper] = None
        if helper in {canonical.name for canonical in TABLES}:
            rows = self._table(helper)
            if rows is not None and not self._lacks_key(name, helper, rows):
                self._links[helper] = canonical_links(self.engine, helper, rows)
        elif (rows := self._rows(helper_table(helper), given)) is not None:
            parent = self._links_through(helper, given)
            self._links[helper], faults = helper_links(self.engine, helper, rows, parent)
            self.faults += faults
        self._open.pop()
        return self._links[helper]

    def _lacks_key(self, name: str, helper: str, rows: ir.Table) -> bool:
        key = CANONICAL_KEYS[helper]
        if key in rows.columns:
            return False
        do = f"map {key} under tables.{helper}.columns"
        self.faults.append(Fault(f"tables.{name}.via", f"{helper} without a {key}", "a table with a key", do))
        return True


def _read_once(engine: Engine, mapped: Mapped, zone: str) -> Mapped:
    """The used columns of a text file, raw and cleaned, in a temporary table.

    Reading text is dear, and two queries follow.
    """
    raw = mapped.raw
    if not raw.textual:
        return mapped
    numbers = {part.name: number for number, part in enumerate(mapped.parts)}
    settled = {part.name for part in mapped.parts if not part.undecided}
    columns = {f"raw_{numbers[part.name]}": part.raw for part in mapped.parts}
    columns |= {f"clean_{numbers[part.name]}": part.cleaned(zone) for part in mapped.parts if part.name in settled}
    temporary = f"forewarn_raw_{mapped.table.name}"
    try:
        rows = engine.materialize(temporary, raw.table.select(**columns))
    except Exception as error:
        raise SourceError(unread(mapped, error)) from None
    parts = tuple(
        replace(
            part,
            raw=rows[f"raw_{numbers[part.name]}"],
            stored=rows[f"clean_{numbers[part.name]}"] if part.name in settled else None,
        )
        for part in mapped.parts
    )
    return replace(mapped, raw=SourceRows(rows, raw.origin, raw.files, True, temporary), parts=parts)
