"""The frame of contracts: what each snapshot knows of them, what is under contract, and which renewal matters."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir
import pandas as pd

from configs.settings import Churn
from features.sources import Sources
from features.timeline import contract_cover, days_between, seen_at

COVER = "forewarn_contract_cover"  # a temporary table; whoever builds the frame drops it
ENOUGH = 2  # times what ends on a day must reach what is under contract, for that to be a renewal of the account


def seen_contracts(sources: Sources, snapshots: ir.Table, churn: Churn) -> ir.Table:
    """Contracts as each snapshot knows them (`features.timeline.contract_cover`), a row a contract.

    Parameters
    ----------
    sources : Sources
        Their contracts have `account`, the number of the account, as well.
    snapshots : ibis Table
        row, account and as_of.
    churn : Churn
        What is under contract.

    Returns
    -------
    ibis Table
        The columns of contracts, `row`, `as_of`, `age` and `term_age` (days since it and its current term began),
        `covers`, `covered_90d_ago` and `covered_year_ago` (those days, as far as is known now), `terms`, `latest` (one
        that began last), `is_first` (one of those that begin at the same time) and `matters`: of the dates on which
        contracts end, the one on which most ARR does, where that is half of what is under contract and more.
    """
    cover = sources.engine.upload(COVER, contract_cover(sources, churn))
    known = cover.join(snapshots.select("row", "account", "as_of"), "account")
    known = known.filter(
        (known.visible <= known.as_of) & (known.superseded.isnull() | (known.superseded > known.as_of))
    )
    same_start = ibis.window(group_by=[known.row, known.starts_at], order_by=[known.terms.desc(), known.visible])
    of_snapshot = ibis.window(group_by=known.row)
    rows = known.mutate(
        age=days_between(known.as_of, known.starts_at),
        term_age=days_between(known.as_of, known.term_starts_at),
        covers=_covers(known, 0),
        covered_90d_ago=_covers(known, 90),
        covered_year_ago=_covers(known, 365),
        is_first=ibis.row_number().over(same_start) == 0,
        latest=known.starts_at == known.starts_at.max().over(of_snapshot),
    )
    return _with_renewal(rows)


def contract_ends(sources: Sources, churn: Churn, account_id: str, as_of: pd.Timestamp) -> pd.DataFrame:
    """The dates on which what an account has under contract ends, as known on a day.

    Parameters
    ----------
    sources : Sources
        The project's tables.
    churn : Churn
        What is under contract.
    account_id : str
        The account.
    as_of : Timestamp
        A UTC midnight.

    Returns
    -------
    DataFrame
        ends_at and arr (the sum of what ends then; NaN where that of a contract is not known), the earliest first;
        empty without contracts that end.
    """
    if not sources.has("contracts"):
        return pd.DataFrame({"ends_at": pd.Series(dtype="datetime64[us]"), "arr": pd.Series(dtype="float64")})
    rows = contract_cover(sources, churn)
    rows = seen_at(rows[rows.account_id == account_id], as_of)
    covers = (rows.starts_at < as_of) & (rows.covers_until.isna() | (rows.covers_until >= as_of))
    rows = rows[covers & rows.ends_at.notna()]
    rows = rows.assign(arr=rows.arr if "arr" in sources.tables["contracts"].columns else float("nan"))
    return rows.groupby("ends_at").arr.agg(lambda arr: arr.sum(skipna=False)).reset_index()


def _covers(rows: ir.Table, days: int) -> ir.BooleanValue:
    """Under contract so many days before the as_of: at the last moment before that day."""
    day = rows.as_of - ibis.interval(days=days) if days else rows.as_of
    return (rows.starts_at < day) & (rows.covers_until.isnull() | (rows.covers_until >= day))


def _with_renewal(rows: ir.Table) -> ir.Table:
    """Adds `matters`; where an ARR is not known, every contract weighs the same."""
    arr = rows.arr if "arr" in rows.columns else ibis.literal(1.0)
    cents = (
        (arr.fill_null(0.0) * ibis.literal(100.0)).round().cast("int64")
    )  # whole numbers add up the same in any order
    rows = rows.mutate(cents=rows.covers.ifelse(cents, 0), blank=(rows.covers & arr.isnull()).ifelse(1, 0))
    of_snapshot = ibis.window(group_by=rows.row)
    rows = rows.mutate(weighed=(rows.blank.sum().over(of_snapshot) == 0) & (rows.cents.sum().over(of_snapshot) > 0))
    rows = rows.mutate(weight=rows.weighed.ifelse(rows.cents, rows.covers.ifelse(1, 0)))
    same_day = ibis.window(group_by=[rows.row, rows.ends_at])
    under_contract = rows.weight.sum().over(ibis.window(group_by=rows.row))
    rows = rows.mutate(ending=rows.weight.sum().over(same_day), under_contract=under_contract)
    ends = rows.covers & rows.ends_at.notnull()
    rows = rows.mutate(ending=ends.ifelse(rows.ending, ibis.null("int64")))
    largest = rows.ending.max().over(ibis.window(group_by=rows.row))
    enough = rows.ending * ENOUGH >= rows.under_contract
    rows = rows.mutate(matters=((rows.ending == largest) & enough).fill_null(False))
    return rows.drop("cents", "blank", "weighed", "weight", "ending", "under_contract")
