"""The synthetic company as a project over the systems that have it, mapped by their templates."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from configs.tables import TABLE_NAMES
from features.sources.templates import SourceMapping, mapping_of_folder, template
from features.synthetic.company import END, MONTHS, Company, company_config, make_company
from features.synthetic.scenario import Story
from features.synthetic.systems.stripe import credited
from features.synthetic.systems.write import WrittenSystems, as_known_there, refuse_unknown, write_systems

ORIGINAL = Path("truth") / "company"  # where no mapping points


@dataclass(frozen=True)
class SystemsProject:
    """What was made.

    Attributes
    ----------
    company : Company
        Under truth/company, as it is.
    written : WrittenSystems
    mapping : SourceMapping
    body : dict
        Settings over the systems' files, as YAML holds them.
    """

    company: Company
    written: WrittenSystems
    mapping: SourceMapping
    body: dict[str, Any]


def make_systems_project(
    folder: Path,
    systems: Sequence[str],
    accounts: int,
    months: int = MONTHS,
    end: date = END,
    story: Story | None = None,
) -> SystemsProject:
    """Makes the company, writes it into systems, and maps what was written; what no system holds stays as it is.

    Parameters
    ----------
    folder : Path
    systems : sequence of str
        Of `WRITERS`.
    accounts, months : int
    end : date
    story : Story, optional

    Returns
    -------
    SystemsProject

    Raises
    ------
    UsageError
        For a system into which the company cannot be written, and as `make_company`.
    """
    refuse_unknown(systems)
    company = make_company(folder / ORIGINAL, accounts, months=months, end=end, story=story)
    written = write_systems(folder / ORIGINAL, folder, systems, end)
    mapping = mapping_of_folder(folder, systems)
    body = company_config(months, end)
    known = known_tables(folder, written, mapping)
    for name in set(TABLE_NAMES) - {mapped.table for mapped in mapping.tables}:
        known[name].to_parquet(folder / f"{name}.parquet", index=False)
    tables = {**body["tables"], **mapping.body()}
    return SystemsProject(
        replace(company, folder=folder),
        written,
        mapping,
        {**body, "tables": {name: tables[name] for name in TABLE_NAMES}},
    )


def known_tables(folder: Path, written: WrittenSystems, mapping: SourceMapping) -> dict[str, pd.DataFrame]:
    """The company's own tables as exact as the systems can hold them, under the ids of the system that leads.

    Amounts are whole cents, in Salesforce a contact's role begins and ends by the day, and a credit note knows its
    invoice.

    Parameters
    ----------
    folder : Path
    written : WrittenSystems
    mapping : SourceMapping

    Returns
    -------
    dict of str to DataFrame
    """
    frames = {name: pd.read_parquet(folder / ORIGINAL / f"{name}.parquet") for name in TABLE_NAMES}
    invoices, contacts = frames["invoices"], frames["contacts"]
    filled = {mapped.table: mapped.system for mapped in mapping.tables}
    if "invoices" in filled:
        of = invoices.invoice_id.map(credited(invoices))
        frames["invoices"] = invoices.assign(amount=invoices.amount.round(2), credits_invoice_id=of)
    if filled.get("contacts") == "salesforce":
        frames["contacts"] = contacts.assign(since=contacts.since.dt.floor("D"), until=contacts.until.dt.floor("D"))
    return as_known_there(frames, written.who, _key_of(mapping))


def _key_of(mapping: SourceMapping) -> Callable[[str], str]:
    """The form to which the template of the system that leads brings an account's id."""
    return (lambda ident: ident[:15]) if template(mapping.leads).account_key != "{id}" else (lambda ident: ident)


def planted_lines(written: WrittenSystems) -> Mapping[str, str]:
    """By system, its traps in words.

    Parameters
    ----------
    written : WrittenSystems

    Returns
    -------
    mapping of str to str
    """
    return {
        name: ", ".join(f"{trap} {count:,}" for trap, count in traps.items()) for name, traps in written.planted.items()
    }
