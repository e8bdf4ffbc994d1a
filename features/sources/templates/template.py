"""What a template says of its system: which tables it reads, which canonical ones it fills, and what it cannot know."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from configs.errors import Fault, UsageError, nearest
from configs.yaml_file import read_yaml

Area = Literal["billing", "crm", "support", "product", "survey"]
AREAS: tuple[Area, ...] = ("billing", "crm", "support", "product", "survey")
# In the order in which `--source auto` and the pages of the docs list them.
SYSTEMS: tuple[str, ...] = (
    "stripe",
    "chargebee",
    "recurly",
    "zuora",
    "salesforce",
    "hubspot",
    "zendesk",
    "intercom",
    "jira",
    "servicenow",
    "pendo",
    "amplitude",
    "mixpanel",
    "segment",
    "qualtrics",
    "delighted",
)
FOLDER = Path(__file__).resolve().parents[3] / "configs" / "sources"


@dataclass(frozen=True)
class SourceColumn:
    """A column of a system's table: what it is read as, and whether the mapping works without it.

    Attributes
    ----------
    name : str
        What the SQL of the template calls it.
    kind : {"key", "text", "time", "number", "cents", "flag"}
        Keys are text; cents are the currency's smallest unit and become the unit itself.
    required : bool
        Whether a table without it cannot be used.
    inside : str or None
        The JSON column that holds it under its name, where it is no column of its own.
    alias : str or None
        What the SQL calls it instead, where its name is a word of SQL.
    """

    name: str
    kind: str
    required: bool
    inside: str | None = None
    alias: str | None = None


@dataclass(frozen=True)
class Part:
    """One SELECT in DuckDB's SQL over a system's tables; the parts that can be used are put together.

    Attributes
    ----------
    sql : str
        Names tables and columns as `Template.reads` does, and `account_of` for the accounts' ids.
    unless : tuple of str
        Tables that, if they are there, make another part the better one.
    """

    sql: str
    unless: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fill:
    """How a canonical table is filled.

    Attributes
    ----------
    table : str
        The canonical table.
    parts : tuple of Part
    recorded_at : str
        A sentence: where the time at which a fact became known comes from.
    attributes, measures : tuple of str
        Further columns that the parts select.
    """

    table: str
    parts: tuple[Part, ...]
    recorded_at: str
    attributes: tuple[str, ...] = ()
    measures: tuple[str, ...] = ()


@dataclass(frozen=True)
class Template:
    """A system, as configs/sources/{name}.yaml describes it.

    Attributes
    ----------
    name, title : str
        As settings and as sentences call it.
    area : {"billing", "crm", "support", "product", "survey"}
        Which of several systems fills a table is decided by it.
    landed_by : str
        Whose columns these are.
    account : str
        A sentence: what an account is there, and how it is told from the other systems.
    own_ids, shared_ids : str
        SELECTs of own_id and account_id: the system's own, or those of the system that leads.
    account_key : str
        SQL of `{id}` that brings an account's id to one form, as Salesforce's 15 characters.
    reads : mapping of str to tuple of SourceColumn
        By the system's table.
    optional : frozenset of str
        Tables that are as good as empty where they were not landed.
    fills : tuple of Fill
        The canonical tables.
    unknown, left_out : tuple of str
        Sentences: what the system cannot know, and what is left out because it is rewritten in place.
    """

    name: str
    title: str
    area: Area
    landed_by: str
    account: str
    own_ids: str
    shared_ids: str
    account_key: str
    reads: Mapping[str, tuple[SourceColumn, ...]]
    optional: frozenset[str]
    fills: tuple[Fill, ...]
    unknown: tuple[str, ...]
    left_out: tuple[str, ...]

    def fill(self, table: str) -> Fill | None:
        """How it fills a canonical table; None where it does not."""
        return next((fill for fill in self.fills if fill.table == table), None)


@cache
def template(name: str) -> Template:
    """The template of a system.

    Parameters
    ----------
    name : str
        One of `SYSTEMS`.

    Returns
    -------
    Template

    Raises
    ------
    UsageError
        When there is none of that name.
    """
    if name not in SYSTEMS:
        do = nearest(name, SYSTEMS)
        raise UsageError(Fault("--source", repr(name), f"auto, or of {', '.join(SYSTEMS)}", do))
    body = read_yaml(FOLDER / f"{name}.yaml")
    return Template(
        name=name,
        title=body["title"],
        area=body["area"],
        landed_by=body["landed_by"],
        account=body["account"],
        own_ids=body["own_ids"],
        shared_ids=body["shared_ids"],
        account_key=body.get("account_key", "{id}"),
        reads={
            table.rstrip("?"): tuple(_column(column, kind) for column, kind in columns.items())
            for table, columns in body["reads"].items()
        },
        optional=frozenset(table.rstrip("?") for table in body["reads"] if table.endswith("?")),
        fills=tuple(_fill(table, fill) for table, fill in body["fills"].items()),
        unknown=tuple(body["unknown"]),
        left_out=tuple(body["left_out"]),
    )


def _column(name: str, kind: str) -> SourceColumn:
    inside, _, own = name.rpartition(".")
    kind, _, alias = kind.partition(" as ")
    return SourceColumn(own, kind.rstrip("?"), not kind.endswith("?"), inside or None, alias or None)


def _fill(table: str, body: Mapping[str, Any]) -> Fill:
    parts = tuple(Part(part["sql"], tuple(part.get("unless", ()))) for part in body["parts"])
    more = {name: tuple(body.get(name, ())) for name in ("attributes", "measures")}
    return Fill(table, parts, body["recorded_at"], **more)
