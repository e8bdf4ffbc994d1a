"""Accounts that were merged into others: their facts count for the survivor once that is known, and no account is there
twice.

The merged account has no snapshots of its own. Before the merge was known, its facts were another account's: the
survivor knows them from the merge on, the older ones too.
"""

from __future__ import annotations

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir
import pandas as pd

from configs.errors import Fault
from features.sources.backends import Engine

SHOWN = 3
_AT = ("merged_account", "survivor", "known_at", "merged_at")


def survivors(merges: pd.DataFrame) -> tuple[pd.DataFrame, list[Fault]]:
    """Of each merged account the one that is left in the end, and when all of that was known.

    Parameters
    ----------
    merges : pd.DataFrame
        account_id, into_account_id, merged_at and recorded_at, where there is one.

    Returns
    -------
    pd.DataFrame
        merged_account, survivor, known_at and merged_at.
    list of Fault
        Accounts that were merged twice, or in a circle.

    Examples
    --------
    >>> day = pd.Timestamp
    >>> rows = [("a", "b", day("2024-01-05")), ("b", "c", day("2024-02-05"))]
    >>> frame, faults = survivors(pd.DataFrame(rows, columns=["account_id", "into_account_id", "merged_at"]))
    >>> frame[["merged_account", "survivor"]].values.tolist(), faults
    ([['a', 'c'], ['b', 'c']], [])
    """
    rows = merges.drop_duplicates()
    twice = sorted(set(rows.account_id[rows.account_id.duplicated()]))
    if twice:
        found = f"{len(twice):,} accounts merged more than once, for example {twice[0]!r}"
        do = "keep the merge that holds, with query:"
        return _no_merges(), [Fault("tables.merges.account_id", found, "one row a merged account", do)]
    known = rows.merged_at
    if "recorded_at" in rows:
        known = known.where(rows.recorded_at.isna() | (rows.recorded_at < known), rows.recorded_at)
    into = dict(zip(rows.account_id, zip(rows.into_account_id, known, strict=True), strict=True))
    survived: list[tuple[str, str, pd.Timestamp, pd.Timestamp]] = []
    circle: list[str] = []
    for account, merged_at in zip(rows.account_id, rows.merged_at, strict=True):
        last, at = into[account]
        passed = {account}
        while last in into and last not in passed:
            passed.add(last)
            last, next_at = into[last]
            at = max(at, next_at)
        if last in passed:
            circle.append(account)
        survived.append((account, last, at, merged_at))
    if circle:
        names = ", ".join(map(repr, sorted(circle)[:SHOWN]))
        do = "say which account is left, or leave those rows out with query:"
        return _no_merges(), [
            Fault("tables.merges.into_account_id", f"a circle: {names}", "an account that is left in the end", do)
        ]
    return pd.DataFrame(survived, columns=list(_AT)), []


def _no_merges() -> pd.DataFrame:
    return pd.DataFrame({"merged_account": [], "survivor": [], "known_at": [], "merged_at": []})


def merged(engine: Engine, tables: Mapping[str, ir.Table], into: pd.DataFrame) -> tuple[dict[str, ir.Table], list[str]]:
    """The tables with the facts of merged accounts under their survivors.

    Parameters
    ----------
    engine : Engine
    tables : mapping of str to ibis Table
        Canonical tables, with every version of a fact.
    into : pd.DataFrame
        As `survivors` gives it.

    Returns
    -------
    tables : dict of str to ibis Table
        Such a fact is known no sooner than the merge. Accounts are without the merged ones; so are outcomes without
        the churn that a merge was booked as: one of the merged account on the day of the merge or later.
    warnings : list of str
    """
    if not len(into):
        return dict(tables), []
    mapping = engine.upload("forewarn_survivors", into)
    accounts = tables["accounts"]
    gone = accounts.account_id.isin(mapping.merged_account)
    names = [name for name in tables if name != "accounts"]
    count = engine.count(accounts.filter(gone))
    warning = f"merges: {len(into):,} accounts count for the one they were merged into; {count:,} of them are taken out"
    moved = {name: _moved(name, tables[name], mapping) for name in names}
    return {"accounts": accounts.filter(~gone), **moved}, [f"{warning} of accounts"]


def _moved(name: str, rows: ir.Table, mapping: ir.Table) -> ir.Table:
    joined = rows.left_join(mapping, rows.account_id == mapping.merged_account)
    if name == "outcomes":
        booked = (joined.kind == "churn") & (joined.occurred_at >= joined.merged_at.truncate("D"))
        joined = joined.filter(~booked.fill_null(False))
    known = joined.recorded_at if "recorded_at" in rows.columns else ibis.null("timestamp")
    is_merged = joined.survivor.notnull()
    recorded = is_merged.ifelse(ibis.greatest(ibis.coalesce(known, joined.known_at), joined.known_at), known)
    columns = dict.fromkeys((*rows.columns, "recorded_at"))
    return joined.mutate(
        account_id=ibis.coalesce(joined.survivor, joined.account_id), recorded_at=recorded.cast("timestamp")
    ).select(*columns)
