"""What each source table holds and whether it still runs, in two scans: by account, and of activity tables by day."""

from __future__ import annotations

from dataclasses import dataclass

import ibis.expr.types as ir
import pandas as pd

from configs.tables import table
from features.sources import Sources
from features.timeline import Outage, daily_totals, outages

LATE_DAYS = 1
STALE_DAYS = 7


@dataclass(frozen=True)
class Feed:
    """One table: how much there is, from when to when, and what looks wrong with it.

    Attributes
    ----------
    table : str
        Its canonical name.
    rows, accounts : int
        All its rows, and the accounts that have any.
    first_day, last_day : str
        YYYY-MM-DD of the first and the last row.
    days_behind : int
        Whole days between the day of the last row and the data's end.
    has_stopped : bool
        For an activity table, whether its newest outage reaches up to the data's end, or `days_behind` is more than 7.
    outages : tuple of Outage
        Of activity tables, runs of days with next to no rows.
    late_share : float or None
        Share (0 to 1) of rows recorded more than a day after they happened; None without recorded_at. Of a fact with
        several versions the first counts: that one is corrected later says nothing of the feed.
    rows_of_unknown_accounts, rows_before_account, rows_after_end : int
        Rows of accounts not in accounts, from before their account's created_at, and at or after the data's end.
    """

    table: str
    rows: int
    accounts: int
    first_day: str
    last_day: str
    days_behind: int
    has_stopped: bool
    outages: tuple[Outage, ...]
    late_share: float | None
    rows_of_unknown_accounts: int
    rows_before_account: int
    rows_after_end: int


def account_facts(sources: Sources, name: str) -> pd.DataFrame:
    """Counts and dates of each account's rows in a table, from one scan.

    Columns rows, first and last (times), after_end and late (rows), indexed by account_id.
    `after_end` counts rows at or after the data's end, `late` those first recorded more than a day after they happened
    (0 without recorded_at).
    """
    rows = sources.tables[name]
    at = rows[table(name).time]
    facts = {"rows": rows.count(), "first": at.min(), "last": at.max()}
    facts["after_end"] = rows.count(where=at >= sources.data_end)
    first = sources.first_versions.get(name)
    if "recorded_at" in rows.columns and first is None:
        facts["late"] = _late(rows, name)
    frame = sources.engine.to_pandas(rows.group_by("account_id").aggregate(**facts)).set_index("account_id")
    if first is not None:
        late = sources.engine.to_pandas(first.group_by("account_id").aggregate(late=_late(first, name)))
        frame["late"] = late.set_index("account_id").late.reindex(frame.index).fillna(0).astype("int64")
    if "late" not in frame:
        frame["late"] = 0
    return frame.sort_index()


def _late(rows: ir.Table, name: str) -> ir.Value:
    """How many rows were recorded more than a day after they happened."""
    at = rows[table(name).time]
    return rows.count(where=rows.recorded_at.epoch_seconds() - at.epoch_seconds() > LATE_DAYS * 86_400)


def all_account_facts(sources: Sources) -> dict[str, pd.DataFrame]:
    """`account_facts` of every table that is mapped."""
    return {name: account_facts(sources, name) for name in sources.tables}


def feeds_of(sources: Sources) -> tuple[Feed, ...]:
    """Size, extent and outages of every table that is mapped.

    Parameters
    ----------
    sources : Sources
        Stay open.

    Returns
    -------
    tuple of Feed
        One a table, in the order of the sources.
    """
    facts = all_account_facts(sources)
    created_at = facts["accounts"]["first"].rename("created_at")
    return tuple(feed_of(sources, name, by_account, created_at) for name, by_account in facts.items())


def feed_of(sources: Sources, name: str, by_account: pd.DataFrame, created_at: pd.Series) -> Feed:
    """Size, extent and outages of one table, from its `account_facts`.

    `created_at` is that of every account, indexed by account_id.
    """
    rows = sources.tables[name]
    total, last = int(by_account.rows.sum()), by_account["last"].max()
    behind = max(0, (sources.data_end - last.floor("D")).days - 1)
    known = by_account.join(created_at, how="inner")
    early = bool((known["first"] < known.created_at).any())
    activity = table(name).activity
    runs = outages(daily_totals(sources, name), sources.data_end) if activity else ()
    open_ended = bool(runs) and runs[-1].last_day == f"{sources.data_end - pd.Timedelta(days=1):%Y-%m-%d}"
    return Feed(
        table=name,
        rows=total,
        accounts=len(by_account),
        first_day=f"{by_account['first'].min():%Y-%m-%d}",
        last_day=f"{last:%Y-%m-%d}",
        days_behind=behind,
        has_stopped=activity and (open_ended or behind > STALE_DAYS),
        outages=runs,
        late_share=round(float(by_account.late.sum()) / total, 4) if "recorded_at" in rows.columns else None,
        rows_of_unknown_accounts=total - int(known.rows.sum()),
        rows_before_account=_rows_before_account(sources, name) if early else 0,
        rows_after_end=int(by_account.after_end.sum()),
    )


def _rows_before_account(sources: Sources, name: str) -> int:
    rows = sources.tables[name]
    accounts = sources.tables["accounts"].select(known_id="account_id", began_at="created_at")
    joined = rows.join(accounts, rows.account_id == accounts.known_id)
    return int(joined.count(where=joined[table(name).time] < joined.began_at).execute())
