"""A project's mapping put together from the templates of several systems: who leads, who fills what, and the YAML."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from configs.errors import Fault, SourceError, UsageError
from configs.tables import TABLE_NAMES
from features.sources.templates.landed import Landed, every_table, landed_in, tables_of, told_from
from features.sources.templates.sql import AccountIds, FilledQuery, filled
from features.sources.templates.staging import DIALECTS
from features.sources.templates.template import AREAS, SYSTEMS, Area, Fill, Template, template

# Which sort of system a table is taken from, where several could fill it; the others follow in the order of AREAS.
FILLED_BY: Mapping[str, tuple[Area, ...]] = {
    "accounts": ("crm", "billing", "support", "product"),
    "contracts": ("billing", "crm"),
    "invoices": ("billing",),
    "tickets": ("support", "crm"),
    "usage_events": ("product",),
    "interactions": ("crm", "support"),
    "contacts": ("crm", "support"),
    "surveys": ("survey", "product", "support"),
    "outcomes": ("crm", "billing"),
}


@dataclass(frozen=True)
class MappedTable:
    """One canonical table of the mapping.

    Attributes
    ----------
    table : str
    system : str
        Whose tables it is made from.
    fill : Fill
    query : FilledQuery
    """

    table: str
    system: str
    fill: Fill
    query: FilledQuery


@dataclass(frozen=True)
class SourceMapping:
    """The mapping of several systems' tables onto the canonical ones.

    Attributes
    ----------
    systems : tuple of str
        In the order in which they were named.
    leads : str
        The one whose accounts the customers are.
    tables : tuple of MappedTable
        In the order of the canonical tables.
    notes : tuple of str
        What was not used, and what to look at.
    """

    systems: tuple[str, ...]
    leads: str
    tables: tuple[MappedTable, ...]
    notes: tuple[str, ...]

    def body(self) -> dict[str, dict[str, object]]:
        """`tables:` of a forewarn.yaml.

        Returns
        -------
        dict
            By canonical table: query, attributes, measures.
        """
        found: dict[str, dict[str, object]] = {}
        for mapped in self.tables:
            found[mapped.table] = {"query": mapped.query.sql}
            for name in ("attributes", "measures"):
                more = [column for column in getattr(mapped.fill, name) if column in mapped.query.columns]
                if more:
                    found[mapped.table][name] = more
        return found

    @property
    def churn(self) -> Literal["contract_end", "outcome", "silence"]:
        """The definition of churn that the tables allow, the most certain first: contracts before outcomes, since a
        template makes these of renewals that were lost, of which a CRM knows only some."""
        ends = {"ends_at", "terminated_at", "cancelled_at"}
        names = {mapped.table: set(mapped.query.columns) for mapped in self.tables}
        if names.get("contracts", set()) & ends:
            return "contract_end"
        return "outcome" if "outcomes" in names else "silence"

    def yaml(self, connection: str = "duckdb://") -> str:
        """The text of a forewarn.yaml.

        Parameters
        ----------
        connection : str

        Returns
        -------
        str
        """
        return _yaml(self, connection)


def mapping_for(
    systems: Sequence[str], landed: Sequence[Landed] | None = None, dialect: str = "duckdb"
) -> SourceMapping:
    """Maps the tables of some systems.

    Parameters
    ----------
    systems : sequence of str
        Of `SYSTEMS`.
    landed : sequence of Landed, optional
        The tables that there are; by default every table and column that the templates know, each system's in a schema
        of its name.
    dialect : {"duckdb", "postgres", "spark", "snowflake", "bigquery"}
        Whose SQL it is.

    Returns
    -------
    SourceMapping

    Raises
    ------
    UsageError
        For a system or a dialect that is not known.
    SourceError
        When a system's tables are not there, or none of them has accounts.
    """
    if dialect not in DIALECTS:
        raise UsageError(Fault("dialect", repr(dialect), " or ".join(DIALECTS), "choose one of them"))
    known = {name: template(name) for name in dict.fromkeys(systems)}
    there = {
        name: every_table(system) if landed is None else tables_of(system, landed) for name, system in known.items()
    }
    faults = [_nothing_of(known[name], landed or ()) for name, tables in there.items() if not tables]
    if faults:
        raise SourceError(faults)
    leads = _leader(known, there, dialect)
    mapped, notes = [], []
    for table in TABLE_NAMES:
        chosen = None
        for name in _in_order(table, known):
            fill = known[name].fill(table)
            ids = AccountIds(name == leads, known[leads].account_key)
            if fill is None or (table == "accounts" and name != leads):
                continue
            query = filled(known[name], fill, there[name], dialect, ids)
            if query is None:
                notes.append(f"{table} of {known[name].title}: its tables are not all there")
            elif chosen:
                notes.append(f"{table} of {known[name].title}: {known[chosen.system].title} fills it")
            else:
                chosen = MappedTable(table, name, fill, query)
        mapped += [chosen] if chosen else []
    return SourceMapping(tuple(known), leads, tuple(mapped), tuple(notes))


def mapping_of_folder(folder: str | Path, systems: Sequence[str]) -> SourceMapping:
    """Maps the files of a folder; `("auto",)` tells the systems from their names and columns.

    Parameters
    ----------
    folder : str or Path
    systems : sequence of str

    Returns
    -------
    SourceMapping
        Whose queries name files relative to the folder.

    Raises
    ------
    SourceError
        When no system can be told, or the files of one that was named are not there.
    """
    landed = landed_in(folder)
    names = told_from(landed) if tuple(systems) == ("auto",) else tuple(systems)
    if not names:
        found = ", ".join(table.origin for table in landed) or "no data files"
        do = f"name the systems (--source {SYSTEMS[0]}), or leave --source out"
        raise SourceError(Fault(str(folder), found[:300], "tables of a system that has a template", do))
    return mapping_for(names, landed)


def _nothing_of(system: Template, landed: Sequence[Landed]) -> Fault:
    names = ", ".join(system.reads)
    found = ", ".join(table.origin for table in landed) or "no tables"
    do = f"name them so, in a folder {system.name}/ or beside the settings; docs/sources/{system.name}.md says which"
    return Fault(f"--source {system.name}", found[:300], f"tables of {system.title}: {names}"[:300], do)


def _leader(known: Mapping[str, Template], there: Mapping[str, Mapping[str, Landed]], dialect: str) -> str:
    for name in _in_order("accounts", known):
        fill = known[name].fill("accounts")
        if fill and filled(known[name], fill, there[name], dialect, AccountIds()):
            return name
    found = ", ".join(system.title for system in known.values())
    do = "add the system that holds your customers: a CRM or billing"
    raise SourceError(Fault("--source", found, "a system with accounts, whose tables are there", do))


def _in_order(table: str, known: Mapping[str, Template]) -> list[str]:
    order = (*FILLED_BY.get(table, ()), *AREAS)
    return sorted(known, key=lambda name: order.index(known[name].area))


def _yaml(mapping: SourceMapping, connection: str) -> str:
    titles = ", ".join(template(name).title for name in mapping.systems)
    lines = [
        f"# Made by `forewarn init --source {','.join(mapping.systems)}` from the templates of {titles}.",
        "# Read what each table says of itself, change what is otherwise with you, then run `forewarn check`.",
        "extends: default",
        f"connection: {connection}",
        "timezone: UTC                      # of times that carry no zone of their own",
        "",
        f"# Accounts are those of {template(mapping.leads).title}.",
    ]
    for name in mapping.systems:
        lines += _comment(f"{template(name).title}: {template(name).account}")
    lines.append("tables:")
    body = mapping.body()
    for mapped in mapping.tables:
        lines += [
            f"  {mapped.table}:",
            *_comment(f"From {template(mapped.system).title}. {mapped.fill.recorded_at}", 4),
        ]
        if mapped.query.missing:
            lines += _comment(f"Not landed: {', '.join(mapped.query.missing)}.", 4)
        lines += ["    query: |-", textwrap.indent(mapped.query.sql, "      ")]
        for name in ("attributes", "measures"):
            if name in body[mapped.table]:
                lines.append(f"    {name}: [{', '.join(map(str, body[mapped.table][name]))}]")  # type: ignore[call-overload]
    lines += ["", *_churn_lines(mapping), "snapshots: {every: month}", "horizons_days: [30, 60, 90, 180]"]
    lines.append("main_horizon_days: 90")
    if mapping.notes:
        lines += ["", "# Not used:", *(f"#   {note}" for note in mapping.notes)]
    for name in mapping.systems:
        lines += ["", f"# What {template(name).title} cannot know:"]
        lines += [line for sentence in template(name).unknown for line in _comment(f"- {sentence}", 0)]
        lines += [f"# What is left out of {template(name).title}:"]
        lines += [line for sentence in template(name).left_out for line in _comment(f"- {sentence}", 0)]
    return "\n".join(lines) + "\n"


def _churn_lines(mapping: SourceMapping) -> list[str]:
    if mapping.churn == "contract_end":
        return [
            "churn:",
            "  kind: contract_end               # a contract ends and no other starts within the gap",
            "  allowed_gap_days: 30",
        ]
    if mapping.churn == "outcome":
        return ["churn:", "  kind: outcome                    # a row of outcomes of the kind churn"]
    of = next((mapped.table for mapped in mapping.tables if mapped.table in ("usage_events", "invoices")), "tickets")
    return [
        "churn:",
        "  kind: silence                    # no row for `days`; in play while the last lies within active_days",
        f"  silence: {{of: {of}, days: 90, active_days: 180}}",
    ]


def _comment(text: str, indent: int = 0) -> list[str]:
    return textwrap.wrap(
        text, 116 - indent, initial_indent=" " * indent + "# ", subsequent_indent=" " * indent + "#   "
    )
