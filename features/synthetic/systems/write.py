"""Writes the synthetic company into the schemas of systems, one folder a system, with the traps that each has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from configs.errors import Fault, UsageError, nearest
from configs.tables import TABLE_NAMES
from features.synthetic.systems.hubspot import company_id, hubspot_tables
from features.synthetic.systems.pendo import pendo_tables
from features.synthetic.systems.rows import Identities, SystemTables, salesforce_id
from features.synthetic.systems.salesforce import account_id, salesforce_tables
from features.synthetic.systems.stripe import customer_id, stripe_tables
from features.synthetic.systems.zendesk import zendesk_tables

Writer = Callable[[Mapping[str, pd.DataFrame], Identities, pd.Timestamp], SystemTables]
WRITERS: Mapping[str, Writer] = {
    "stripe": stripe_tables,
    "salesforce": salesforce_tables,
    "hubspot": hubspot_tables,
    "zendesk": zendesk_tables,
    "pendo": pendo_tables,
}
# The first of these that is written has the ids by which the others know an account.
LEADERS: Mapping[str, Callable[[str, int], str]] = {
    "salesforce": account_id,
    "hubspot": company_id,
    "stripe": lambda account, number: customer_id(account),
}


@dataclass(frozen=True)
class WrittenSystems:
    """What was written.

    Attributes
    ----------
    who : Identities
        Who an account is in the systems.
    planted : mapping of str to dict of str to int
        By system and trap, how many rows.
    rows : mapping of str to int
        By file.
    """

    who: Identities
    planted: Mapping[str, dict[str, int]]
    rows: Mapping[str, int]


def refuse_unknown(systems: Sequence[str]) -> None:
    """Refuses systems into which the company cannot be written.

    Parameters
    ----------
    systems : sequence of str

    Raises
    ------
    UsageError
        With each of them.
    """
    unknown = [name for name in systems if name not in WRITERS]
    if unknown:
        expected = f"of {', '.join(WRITERS)}"
        raise UsageError([Fault("--as", repr(name), expected, nearest(name, list(WRITERS))) for name in unknown])


def write_systems(company: Path, folder: Path, systems: Sequence[str], end: date) -> WrittenSystems:
    """Writes the tables of a company, as `make_company` made it, as folder/{system}/{table}.csv.

    Parameters
    ----------
    company : Path
        The canonical tables.
    folder : Path
    systems : sequence of str
        Of `WRITERS`.
    end : date
        The first day that the company's data do not cover.

    Returns
    -------
    WrittenSystems
    """
    frames = {name: pd.read_parquet(company / f"{name}.parquet") for name in TABLE_NAMES}
    who = identities(frames, systems)
    planted, rows = {}, {}
    for name in dict.fromkeys(systems):
        written = WRITERS[name](frames, who, pd.Timestamp(end))
        planted[name] = written.planted
        (folder / name).mkdir(parents=True, exist_ok=True)
        for table, frame in written.tables.items():
            frame.to_csv(folder / name / f"{table}.csv", index=False)
            rows[f"{name}/{table}"] = len(frame)
    return WrittenSystems(who, planted, rows)


def identities(frames: Mapping[str, pd.DataFrame], systems: Sequence[str]) -> Identities:
    """Who accounts and contacts are in the system that leads.

    Parameters
    ----------
    frames : mapping of str to DataFrame
    systems : sequence of str

    Returns
    -------
    Identities
    """
    leads = next((name for name in LEADERS if name in systems), systems[0])
    named = LEADERS.get(leads, lambda account, number: account)
    accounts = {one: named(one, number) for number, one in enumerate(frames["accounts"].account_id)}
    people = dict.fromkeys([*frames["contacts"].contact_id, *_named_elsewhere(frames)])
    contacts = {
        one: salesforce_id("003", number) if leads == "salesforce" else one for number, one in enumerate(people)
    }
    return Identities(leads, accounts, contacts)


def _named_elsewhere(frames: Mapping[str, pd.DataFrame]) -> list[str]:
    """Contacts that talks and surveys name and the table of contacts does not."""
    return [one for name in ("interactions", "surveys") for one in frames[name].contact_id.dropna().unique()]


def as_known_there(
    frames: Mapping[str, pd.DataFrame], who: Identities, key: Callable[[str], str]
) -> dict[str, pd.DataFrame]:
    """The company's own tables with the accounts' and contacts' ids of the system that leads.

    Parameters
    ----------
    frames : mapping of str to DataFrame
    who : Identities
    key : callable
        The form to which a template brings an account's id.

    Returns
    -------
    dict of str to DataFrame
    """
    renamed = {}
    for name, frame in frames.items():
        columns = {
            column: frame[column].astype(object).map({ours: key(theirs) for ours, theirs in who.accounts.items()})
            for column in ("account_id", "parent_account_id")
            if column in frame
        }
        if "contact_id" in frame:
            columns["contact_id"] = frame.contact_id.astype(object).map(who.contacts)
        renamed[name] = frame.assign(**columns)
    return renamed
