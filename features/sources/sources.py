"""The source tables of a company, connected, mapped to the canonical ones, and checked.

Everything that a later part sees of the data comes through `Sources`: canonical names, text ids, naive UTC times,
float64 numbers. `known_at` is the same data as it stood at a moment.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import ibis
import ibis.expr.types as ir
import pandas as pd

from configs.errors import Fault, SourceError
from configs.settings import Settings
from configs.tables import table
from features.sources.account_ids import with_known_accounts
from features.sources.backends import Engine, connect, digest
from features.sources.leaky_names import kept_out
from features.sources.mapping import Mapped
from features.sources.merges import merged
from features.sources.opened_before import OpenedBefore
from features.sources.reading import TableReader
from features.sources.sentiment import with_sentiment
from features.sources.versions import FIRST, SUPERSEDED, newest_versions

# What a definition of churn reads: a table, and the columns of which it needs one.
CHURN_NEEDS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "contract_end": ("contracts", ("ends_at", "terminated_at", "cancelled_at")),
    "outcome": ("outcomes", ("kind",)),
}


@dataclass(frozen=True, eq=False)
class Sources:
    """The source tables of one company, under canonical names and types.

    Attributes
    ----------
    engine : Engine
        The open connection that reads them.
    tables : mapping of str to ir.Table
        The tables that were mapped, each with the columns that were: account_id as text, times as naive UTC
        timestamps, numbers as float64, flags as booleans; attributes and measures under their own names.
    data_end : Timestamp
        A UTC midnight: everything before it is covered by the data.
    attributes : tuple of str
        Further columns of accounts that are used; none that a score should not act on (`features.sources.leaky_names`).
    contract_attributes : tuple of str
        Further columns of contracts that are used as they stand in the newest contract.
    measures : mapping of str to tuple of str
        By table, further numbers that are used.
    known_from : mapping of str to mapping of str to str
        By table and measure, the column whose moment the measure is known from, where that is not its row's.
    fingerprint : str
        Sixteen hex digits that change with the content.
    versions : mapping of str to ir.Table
        Of tables in which one fact has several rows, all of these, each with `superseded`: the first as_of (a
        midnight) that knows a later version, null where none does. `tables` holds the newest of each.
    first_versions : mapping of str to ir.Table
        Of the same tables, each fact as it was first recorded.
    health_scores : ir.Table or None
        What another platform thought of the accounts, to be judged beside the model; no signal reads it.
    warnings : tuple of str
        What is worth a look in the rows, and is no fault.
    """

    engine: Engine
    tables: Mapping[str, ir.Table]
    data_end: pd.Timestamp
    attributes: tuple[str, ...]
    measures: Mapping[str, tuple[str, ...]]
    fingerprint: str
    versions: Mapping[str, ir.Table] = field(default_factory=dict)
    first_versions: Mapping[str, ir.Table] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    health_scores: ir.Table | None = None
    known_from: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    contract_attributes: tuple[str, ...] = ()

    def history(self) -> Sources:
        """The same sources with every version of a fact among their tables: for what looks at one as_of after another.

        Returns
        -------
        Sources
        """
        return replace(self, tables={**self.tables, **self.versions}, versions={}) if self.versions else self

    def as_first_recorded(self) -> Sources:
        """The same sources with each fact as it was first recorded: for what asks whether that knew the future.

        Returns
        -------
        Sources
        """
        return replace(self, tables={**self.tables, **self.first_versions}) if self.first_versions else self

    def has(self, name: str, *columns: str) -> bool:
        """Whether the table is there with all of these columns."""
        return name in self.tables and all(column in self.tables[name].columns for column in columns)

    def close(self) -> None:
        """Ends the connection; the tables cannot be read afterwards."""
        self.engine.close()


def open_sources(settings: Settings, now: datetime | None = None) -> Sources:
    """Connects to the data, and maps and checks every table.

    Parameters
    ----------
    settings : Settings
        `connection` says where the data are, `tables` how they are mapped.
    now : datetime, optional
        With a time zone: what is dated more than two days later is a fault, and nothing later says how far the data go.

    Returns
    -------
    Sources
        To be closed by the caller.

    Raises
    ------
    SourceError
        With every fault of all the tables at once; whether their accounts are known is asked once there is none.
    """
    engine = connect(settings)
    try:
        return _open(engine, settings, None if now is None else pd.Timestamp(now).tz_convert("UTC").tz_localize(None))
    except BaseException:
        engine.close()
        raise


def _open(engine: Engine, settings: Settings, now: pd.Timestamp | None) -> Sources:
    before = OpenedBefore.read(settings, now)
    reader = TableReader(engine, settings, now, before)
    reader.read_all()
    into, health_scores = reader.merges(), reader.health_scores()
    mapped, tables, found = reader.mapped, reader.tables, reader.versions
    faults = [*reader.faults, *_churn_faults(settings, mapped)]
    if faults:
        raise SourceError(faults)
    fingerprint = _fingerprint(engine, {**mapped, **{name: known for name, (known, _) in reader.helpers.items()}})
    versions = {name: several.rows for name, several in found.items() if several.rows is not None}
    every = {**tables, **versions}
    warnings = [*reader.warnings, *(warning for several in found.values() for warning in several.warnings)]
    if into is not None:
        every, of_merges = merged(engine, every, into)
        warnings += of_merges
    tables, of_accounts, faults = with_known_accounts(engine, every, before.matched)
    if faults:
        raise SourceError(faults)
    if not of_accounts:
        reader.found.matched = {name for name, rows in every.items() if tables[name] is rows}
    if reader.found != before:
        reader.found.keep(settings, now)
    if settings.sentiment != "off":
        tables = with_sentiment(engine, tables)
    data_end = _data_end(settings, mapped, now)
    attributes, of_people = kept_out(settings, {name: known.attributes for name, known in mapped.items()})
    versions = {name: tables[name] for name in versions}
    newest = {name: newest_versions(rows, data_end) for name, rows in versions.items()}
    return Sources(
        engine=engine,
        tables={**tables, **newest},
        data_end=data_end,
        attributes=attributes["accounts"],
        measures={name: known.measures for name, known in mapped.items() if known.measures},
        fingerprint=fingerprint,
        versions={name: rows.drop(FIRST) for name, rows in versions.items()},
        first_versions={name: rows.filter(rows[FIRST]).drop(SUPERSEDED, FIRST) for name, rows in versions.items()},
        warnings=(*of_accounts, *warnings, *of_people),
        health_scores=health_scores,
        known_from={name: known.known_from for name, known in mapped.items() if known.known_from},
        contract_attributes=attributes.get("contracts", ()),
    )


def known_at(sources: Sources, as_of: pd.Timestamp) -> Sources:
    """The sources as they stood on an earlier day.

    Parameters
    ----------
    sources : Sources
        The project's tables.
    as_of : Timestamp
        A UTC midnight.

    Returns
    -------
    Sources
        On the same connection: only facts of before `as_of` that were known by then, and what is filled in later
        (resolved_at, paid_at, until ..., and measures that are known from then) empty unless it had happened.
    """
    moment = pd.Timestamp(as_of)

    def known_rows(name: str, rows: ir.Table) -> ir.Table:
        return _known_rows(name, rows, moment, sources.known_from.get(name, {}))

    newest = {name: _newest(rows, moment) for name, rows in sources.versions.items()}
    tables = {name: known_rows(name, newest.get(name, rows)) for name, rows in sources.tables.items()}
    return replace(
        sources,
        tables=tables,
        versions={name: known_rows(name, rows) for name, rows in sources.versions.items()},
        first_versions={name: known_rows(name, rows) for name, rows in sources.first_versions.items()},
        data_end=min(sources.data_end, moment),
        fingerprint=_short(f"{sources.fingerprint}@{moment.isoformat()}"),
    )


def _newest(rows: ir.Table, moment: pd.Timestamp) -> ir.Table:
    """Of each fact the version not superseded by then: those that nobody knew by then are dropped anyway."""
    superseded = rows[SUPERSEDED]
    return rows.filter(superseded.isnull() | (superseded > ibis.literal(moment))).drop(SUPERSEDED)


def _known_rows(name: str, rows: ir.Table, at: pd.Timestamp, ties: Mapping[str, str]) -> ir.Table:
    """Rows that happened before and were known by a moment, with what is filled in later empty unless it had come."""
    canonical, moment = table(name), ibis.literal(at)
    seen = rows[canonical.time] < moment
    if "recorded_at" in rows.columns:
        seen &= rows.recorded_at.isnull() | (rows.recorded_at <= moment)
    later = [column.name for column in canonical.columns if column.filled_later and column.name in rows.columns]
    unfilled = {column: (rows[column] < moment).ifelse(rows[column], ibis.null("timestamp")) for column in later}
    unfilled |= {name: (rows[at] < moment).ifelse(rows[name], ibis.null("float64")) for name, at in ties.items()}
    return rows.filter(seen).mutate(**unfilled) if unfilled else rows.filter(seen)


def _churn_faults(settings: Settings, mapped: Mapping[str, Mapped]) -> list[Fault]:
    """The definition of churn needs a column that the schema leaves optional."""
    name, columns = CHURN_NEEDS.get(settings.churn.kind, ("", ()))
    if name not in mapped or {part.name for part in mapped[name].parts} & set(columns):
        return []
    column = columns[0]
    do = f"map it under tables.{name}.columns, or choose another churn.kind"
    return [Fault(f"{name}.{column}", "no such column", f"the column that churn.kind {settings.churn.kind} reads", do)]


def _data_end(settings: Settings, mapped: Mapping[str, Mapped], now: pd.Timestamp | None) -> pd.Timestamp:
    """The first UTC midnight not covered: as configured, or the one after the last fact, but none after today.

    Contracts may start ahead of today, so their starts only count where no activity or outcome shows how far data go.
    """
    if settings.data_end is not None:
        return pd.Timestamp(settings.data_end).as_unit("us")
    without_contracts = any(known.table.activity or name == "outcomes" for name, known in mapped.items())
    counted = [known for name, known in mapped.items() if not (without_contracts and name == "contracts")]
    newest = [known.answers.newest for known in counted if known.answers.newest is not None]
    last = max(newest) if now is None else min(max(newest), now)
    return (last.floor("D") + pd.Timedelta(days=1)).as_unit("us")


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _fingerprint(engine: Engine, mapped: Mapping[str, Mapped]) -> str:
    """Sixteen hex digits that change when the content does.

    Made from the bytes of files, an order-free sum over the rows of DuckDB's tables and queries, and row counts with
    first and last times on a server (too dear to read whole).
    """
    contents: dict[str, str | list[int | str]] = {}
    for name, known in mapped.items():
        if known.raw.files:
            contents[name] = digest(known.raw.files)
        else:
            content = engine.content(f"forewarn_{name}", known.columns)
            extent: list[int | str] = [known.answers.rows, str(known.answers.oldest), str(known.answers.newest)]
            contents[name] = extent if content is None else content
    return _short(json.dumps(contents, sort_keys=True))
