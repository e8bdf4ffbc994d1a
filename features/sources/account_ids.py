"""Which accounts the rows of other tables belong to: none or few known is a fault, and two spellings of one id are one.

The same holds of other ids by which rows are joined (`JOINS`), contacts' and invoices' among them.

Salesforce writes an id with 15 characters in which case counts, or with 18, of which the last three say which of the
others are capital letters. Where accounts are written in one way and another table in the other, both are the same.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

import ibis
import ibis.expr.types as ir
import pandas as pd

from configs.errors import Fault
from features.sources.backends import Engine

FEW, MANY = 0.05, 0.5  # shares of a table's accounts that are known, up to which that is a fault, or worth a warning
SHOWN = 3
LENGTHS = (15, 18)  # of a Salesforce id
# Columns that name a row of another table (or of their own), and the column that says how it is spelt.
JOINS: tuple[tuple[str, str, str, str], ...] = (
    ("accounts", "parent_account_id", "accounts", "account_id"),
    ("interactions", "contact_id", "contacts", "contact_id"),
    ("surveys", "contact_id", "contacts", "contact_id"),
    ("invoices", "credits_invoice_id", "invoices", "invoice_id"),
)
_SALESFORCE = re.compile(r"^[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?$")
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def salesforce_id(text: str) -> str | None:
    """The 15 characters in which case counts; None where the text is no such id.

    >>> salesforce_id("0015e00000AbCdEAAV"), salesforce_id("0015e00000AbCdE"), salesforce_id("0015e00000AbCdEAAA")
    ('0015e00000AbCdE', '0015e00000AbCdE', None)
    """
    if not _SALESFORCE.match(text) or not any(sign.isdigit() for sign in text):
        return None
    short = text[:15]
    capitals = [sum(sign.isupper() << place for place, sign in enumerate(short[at : at + 5])) for at in (0, 5, 10)]
    return short if text[15:].upper() in ("", "".join(_CHECK[bits] for bits in capitals)) else None


def with_known_accounts(
    engine: Engine, tables: Mapping[str, ir.Table], matched: Collection[str] = ()
) -> tuple[dict[str, ir.Table], list[str], list[Fault]]:
    """The tables with the ids of accounts as accounts spells them, and those of JOINS as the table that they name does.

    Parameters
    ----------
    engine : Engine
        Takes the spellings, where there are two.
    tables : mapping of str to ibis Table
        Canonical tables, accounts among them.
    matched : collection of str, optional
        Those of which it is known that all is spelt so.

    Returns
    -------
    tables : dict of str to ibis Table
    warnings : list of str
        Of tables of whose accounts less than half are known.
    faults : list of Fault
        Of those of whose accounts next to none are.
    """
    known = engine.to_pandas(tables["accounts"].select("account_id").distinct()).account_id
    found, warnings, faults = dict(tables), [], []
    for name, rows in tables.items():
        if name == "accounts" or name in matched:
            continue
        counts = engine.to_pandas(rows.group_by("account_id").aggregate(n=rows.count())).dropna()
        is_known = counts.account_id.isin(known).to_numpy(copy=True)
        spelt = _other_spelling(counts.account_id[~is_known], known)
        if len(spelt):
            found[name] = _respelt(engine, name, "account_id", rows, spelt)
            is_known |= counts.account_id.isin(spelt.theirs).to_numpy()
        share = float(is_known.mean()) if len(counts) else 1.0
        if share > MANY:
            continue
        unknown = counts[~is_known]
        examples = sorted(map(str, unknown.account_id), key=lambda name: (len(name), name))[:SHOWN]
        told = (
            f"{int(unknown.n.sum()):,} of {int(counts.n.sum()):,} rows, of {len(unknown):,} of {len(counts):,} accounts"
            f", belong to accounts that accounts does not have, for example {', '.join(map(repr, examples))}"
        )
        if share > FEW:
            warnings.append(f"{name}: {told} (not used)")
        else:
            do = f"map the account's own id, or join to it with query: (accounts has {known.min()!r})"
            faults.append(Fault(f"{name}.account_id", told, "rows of the accounts in accounts", do))
    for name, column, of, key in JOINS:
        if name in matched:
            continue
        if name in found and of in found and column in found[name].columns and key in found[of].columns:
            found[name] = _joined(engine, (name, column), found[name], found[of][key])
    return found, warnings, faults


def _joined(engine: Engine, of: tuple[str, str], rows: ir.Table, key: ir.Value) -> ir.Table:
    """The rows with a column's ids as the key that they name is spelt; as they are where no key is Salesforce's."""
    name, column = of
    ids = key.name("id").as_table()
    known = engine.to_pandas(ids.filter(ids.id.length().isin(LENGTHS)).distinct()).id
    if known.empty or known.map(salesforce_id).isna().all():
        return rows
    named = rows.select(id=rows[column])
    named = engine.to_pandas(named.filter(named.id.length().isin(LENGTHS)).distinct()).id
    spelt = _other_spelling(named[~named.isin(known)], known)
    return _respelt(engine, name, column, rows, spelt) if len(spelt) else rows


def _other_spelling(unknown: pd.Series, known: pd.Series) -> pd.DataFrame:
    """`theirs` and `spelt`: as the known ones spell the same Salesforce id."""
    short = unknown.map(salesforce_id)
    if short.isna().all():
        return pd.DataFrame({"theirs": [], "spelt": []}, dtype=object)
    by_short = known.set_axis(known.map(salesforce_id))
    by_short = by_short[by_short.index.notna() & ~by_short.index.duplicated(keep=False)]
    spelt = pd.DataFrame({"theirs": unknown, "spelt": short.map(by_short)})
    return spelt.dropna().reset_index(drop=True)


def _respelt(engine: Engine, name: str, column: str, rows: ir.Table, spelt: pd.DataFrame) -> ir.Table:
    spellings = engine.upload(f"forewarn_spellings_{name}_{column}", spelt)
    joined = rows.left_join(spellings, rows[column] == spellings.theirs)
    return joined.mutate(**{column: ibis.coalesce(joined.spelt, joined[column])}).select(*rows.columns)
