"""The tables of systems as they were landed in a folder of files, and which systems they are told to be."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import ibis
import ibis.expr.datatypes as dt

from features.sources.proposal import data_files, read_typed
from features.sources.templates.template import SYSTEMS, Template, template

PREFIXES = {"salesforce": ("sf", "sfdc"), "servicenow": ("snow", "sn")}
NEEDED_SHARE = 0.5  # of a template's tables that its files fill: below it, `auto` does not believe in the system


@dataclass(frozen=True)
class Landed:
    """A table of some system, as it lies in a folder or a warehouse.

    Attributes
    ----------
    origin : str
        What a query names: a file relative to the folder, or schema.table.
    columns : mapping of str to str
        By its own name, what a column holds: text, time, zoned (a time with its zone), number or flag.
    name : str
        The table's own name, lower case, without an ending or a system's prefix.
    folder : str
        The folder, schema or prefix that it stands in, if any; often the system's name.
    """

    origin: str
    columns: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    folder: str = ""


def landed_in(folder: str | Path) -> tuple[Landed, ...]:
    """The data files of a folder, with one level below, as tables.

    Parameters
    ----------
    folder : str or Path

    Returns
    -------
    tuple of Landed
        Files that cannot be read are left out.
    """
    folder = Path(folder)
    connection = ibis.duckdb.connect()
    found = []
    try:
        for origin, paths in sorted(data_files(folder).items()):
            try:
                schema = read_typed(connection, paths).schema()
            except Exception:
                continue  # what it is, `init` says of every file
            found.append(landed_table(origin, {name: _holds(kind) for name, kind in schema.items()}))
    finally:
        connection.disconnect()
    return tuple(found)


def landed_table(origin: str, columns: Mapping[str, str]) -> Landed:
    """A table by what a query names it.

    Parameters
    ----------
    origin : str
    columns : mapping of str to str

    Returns
    -------
    Landed

    Examples
    --------
    >>> landed_table("stripe/customer_data.csv", {}).name, landed_table("crm.sf_account", {}).name
    ('customer', 'account')
    """
    is_file = "/" in origin or re.search(r"\.(csv|tsv|jsonl?|ndjson|parquet|pq|xlsx)(\.(gz|zst))?$", origin)
    folder, _, stem = origin.rpartition("/") if is_file else origin.rpartition(".")
    stem = re.sub(r"\..*$", "", stem) if is_file else stem
    words = re.sub(r"[^a-z0-9]+", "_", stem.lower()).strip("_").removesuffix("_data")
    for system in SYSTEMS:
        for prefix in (system, *PREFIXES.get(system, ())):
            if words.startswith(f"{prefix}_"):
                return Landed(origin, columns, words.removeprefix(f"{prefix}_").strip("_"), system)
    return Landed(origin, columns, words, folder.lower())


def tables_of(system: Template, landed: Iterable[Landed], exclusive: bool = False) -> dict[str, Landed]:
    """Which landed table is which of a system's: by its name, its folder, and the columns that the template needs.

    Parameters
    ----------
    system : Template
    landed : iterable of Landed
    exclusive : bool
        Whether tables in a folder that another system gave its name to are taken too, if they fit.

    Returns
    -------
    dict of str to Landed
    """
    found: dict[str, Landed] = {}
    for name, columns in system.reads.items():
        fitting = [
            table
            for table in landed
            if table.name == name
            and not (exclusive and table.folder in SYSTEMS and table.folder != system.name)
            and {column.inside or column.name for column in columns if column.required} <= _lower(table)
        ]
        fitting.sort(key=lambda table: (table.folder != system.name, table.origin))
        if fitting and (fitting[0].folder in ("", system.name) or fitting[0].folder not in SYSTEMS):
            found[name] = fitting[0]
    return found


def every_table(system: Template) -> dict[str, Landed]:
    """The tables of a system with every column that its template knows, in a schema of its name.

    Parameters
    ----------
    system : Template

    Returns
    -------
    dict of str to Landed
    """
    holds = {"time": "time", "number": "number", "cents": "number", "flag": "flag"}
    return {
        name: Landed(
            f"{system.name}.{name}",
            {column.inside or column.name: holds.get(column.kind, "text") for column in columns},
            name,
            system.name,
        )
        for name, columns in system.reads.items()
    }


def told_from(landed: Sequence[Landed]) -> tuple[str, ...]:
    """The systems that landed tables are told to be of, by their names and columns.

    Parameters
    ----------
    landed : sequence of Landed

    Returns
    -------
    tuple of str
        Of `SYSTEMS`, in its order.
    """
    told = []
    for name in SYSTEMS:
        system = template(name)
        of_system = tables_of(system, landed, exclusive=True)
        named = any(table.folder == name for table in of_system.values())
        if named or len(of_system) >= max(2, NEEDED_SHARE * len(system.reads)):
            told.append(name)
    return tuple(told)


def _lower(table: Landed) -> set[str]:
    return {name.lower() for name in table.columns}


def _holds(kind: dt.DataType) -> str:
    if kind.is_timestamp():
        return "zoned" if kind.timezone else "time"
    if kind.is_date():
        return "time"
    if kind.is_boolean():
        return "flag"
    return "number" if kind.is_numeric() else "text"
