"""Rows that name a subscription, a user or a device instead of an account: whose they are, and since when we know.

A link says that a key belongs to an account, perhaps from `valid_from` to `valid_to`, perhaps known only since its
`recorded_at`. A row counts for the account that its key had at the row's own time, as the links stood then; where they
knew none, for the one that was recorded first afterwards, and then it is known no sooner than that. A link that is
corrected later counts for rows from then on. So no row changes its account when further links come.
"""

from __future__ import annotations

from dataclasses import dataclass

import ibis
import ibis.expr.types as ir
import pandas as pd

from configs.errors import Fault
from configs.helper_tables import CANONICAL_KEYS
from configs.tables import table
from features.sources.backends import Engine, one_time_type

FEW = 0.05  # share of keys that lead to an account, up to which the join is a mistake
SHOWN = 3
ALWAYS, NEVER = "1800-01-01 00:00:00", "8999-12-31 00:00:00"
LINK = ("key", "account_id", "valid_from", "valid_to", "known_at", "superseded_at", "begins")


@dataclass(frozen=True)
class Links:
    """Which account each key belongs to, and when.

    Attributes
    ----------
    name : str
        The table that says so.
    rows : ibis Table
        `LINK`: a row a key, account and stretch of time; times are never null. `superseded_at` is when another version
        of the same link became known, `begins` the `valid_from` that it has of its own.
    segments : ibis Table
        key, account_id, since, until and known_at: at each time a key has at most one account.
    timed : bool
        Whether a time is needed to tell, or to know.
    """

    name: str
    rows: ir.Table
    segments: ir.Table
    timed: bool


def canonical_links(engine: Engine, name: str, rows: ir.Table) -> Links:
    """Links that a canonical table gives: from its id to its account, known once its row is.

    Parameters
    ----------
    engine : Engine
    name : str
        One of `CANONICAL_KEYS`.
    rows : ibis Table
        Its canonical rows.

    Returns
    -------
    Links
    """
    key, time = CANONICAL_KEYS[name], rows[table(name).time]
    known = ibis.coalesce(rows.recorded_at, time) if "recorded_at" in rows.columns else time
    begins = time if name == "contacts" else _moment(ALWAYS)
    links = rows.select(key=rows[key], account_id=rows.account_id, valid_from=begins, known_at=known)
    return _links(engine, name, links.filter(links.key.notnull()))


def helper_links(engine: Engine, name: str, rows: ir.Table, parent: Links | None) -> tuple[Links | None, list[Fault]]:
    """Links that a helper gives, of itself or through a further table.

    Parameters
    ----------
    engine : Engine
    name : str
    rows : ibis Table
        key and account_id, with valid_from, valid_to and recorded_at where it has them.
    parent : Links or None
        Where `account_id` holds a key of another table: what that leads to.

    Returns
    -------
    Links or None
        None with faults.
    list of Fault
        Where a key has several accounts and nothing says when.
    """
    timed = {"valid_from", "recorded_at"} & set(rows.columns)
    if not timed:
        each = rows.group_by("key").aggregate(accounts=rows.account_id.nunique())
        several = each.filter(each.accounts > 1)
        counts = engine.to_pandas(several.aggregate(n=several.count(), example=several.key.min())).iloc[0]
        if counts.n:
            found = f"{int(counts.n):,} keys with more than one account, for example {counts.example!r}"
            do = f"map valid_from (and valid_to) or recorded_at under tables.{name}.columns, or choose another key"
            return None, [Fault(f"tables.{name}.key", found, "one account a key, or when each was its account", do)]
    begins = ibis.coalesce(rows.valid_from, _moment(ALWAYS)) if "valid_from" in rows.columns else _moment(ALWAYS)
    ends = ibis.coalesce(rows.valid_to, _moment(NEVER)) if "valid_to" in rows.columns else _moment(NEVER)
    known = ibis.coalesce(rows.recorded_at, begins) if "recorded_at" in rows.columns else begins
    links = rows.select("key", "account_id", valid_from=begins, valid_to=ends, known_at=known)
    return _links(engine, name, links, parent), []


def linked(rows: ir.Table, links: Links, time: str) -> ir.Table:
    """A canonical table whose account_id holds keys of `links`, with the accounts that these lead to.

    Parameters
    ----------
    rows : ibis Table
    links : Links
    time : str
        The column that says when the fact of a row happened.

    Returns
    -------
    ibis Table
        Without the rows that lead to no account; with `recorded_at` where a link is known later than its row.
    """
    segments = links.segments.rename(link_key="key", link_account="account_id")
    joined = rows.join(segments, rows.account_id == segments.link_key)
    if not links.timed:
        return joined.mutate(account_id=joined.link_account).select(*rows.columns)
    joined = joined.filter((joined[time] >= joined.since) & (joined[time] < joined.until))
    known = joined.recorded_at if "recorded_at" in rows.columns else ibis.null("timestamp")
    later = joined.known_at > ibis.coalesce(known, joined[time])
    columns = dict.fromkeys((*rows.columns, "recorded_at"))
    return joined.mutate(
        account_id=joined.link_account, recorded_at=later.ifelse(joined.known_at, known).cast("timestamp")
    ).select(*columns)


def lost(engine: Engine, table_name: str, rows: ir.Table, links: Links) -> tuple[list[str], list[Fault]]:
    """What is to be said of rows whose keys lead to no account: a fault where that is nearly all of them.

    Parameters
    ----------
    engine : Engine
    table_name : str
    rows : ibis Table
        As `linked` takes them.
    links : Links

    Returns
    -------
    warnings : list of str
    faults : list of Fault
    """
    counts = engine.to_pandas(rows.group_by("account_id").aggregate(n=rows.count()))
    known = engine.to_pandas(links.segments.select("key").distinct()).key
    keyed = counts.dropna()
    unknown = keyed[~keyed.account_id.isin(known).to_numpy(copy=True)]
    without = int(counts.n.sum() - keyed.n.sum())
    share = 1 - len(unknown) / len(keyed) if len(keyed) else 0.0
    if share > FEW and not len(unknown) and not without:
        return [], []
    examples = ", ".join(map(repr, sorted(map(str, unknown.account_id), key=lambda name: (len(name), name))[:SHOWN]))
    told = f"{int(unknown.n.sum()):,} of {int(counts.n.sum()):,} rows, of {len(unknown):,} of {len(keyed):,} keys"
    told += f", lead to no account through {links.name}" + (f", for example {examples}" if examples else "")
    told += f"; {without:,} rows have no key" if without else ""
    if share > FEW:
        return [f"{table_name}: {told} (not used)"], []
    of_links = f" ({links.name} has {known.min()!r})" if len(known) else ""
    do = (
        f"name the column with the key of {links.name} in via:, and its key under tables.{links.name}.columns{of_links}"
    )
    return [], [Fault(f"tables.{table_name}.via", told, f"keys of {links.name}", do)]


def _moment(text: str) -> ir.Value:
    return ibis.timestamp(text)


def _links(engine: Engine, name: str, links: ir.Table, parent: Links | None = None) -> Links:
    ends = links.valid_to if "valid_to" in links.columns else _moment(NEVER)
    known = ibis.greatest(links.known_at, links.valid_from)
    links = links.mutate(valid_to=ends, known_at=known, begins=links.valid_from).distinct()
    versions = ibis.window(group_by=[links.key, links.begins], order_by=[links.known_at, links.account_id])
    links = links.mutate(superseded_at=ibis.coalesce(links.known_at.lead().over(versions), _moment(NEVER)))
    if parent is not None:
        links = _through(links, parent)
    rows = one_time_type(engine.materialize(f"forewarn_links_{name}", links.select(*LINK)))
    timed = engine.to_pandas(
        rows.aggregate(timed=((rows.known_at > _moment(ALWAYS)) | (rows.valid_to < _moment(NEVER))).any())
    ).timed.iloc[0]
    if pd.isna(timed) or not timed:
        return Links(name, rows, rows.select("key", "account_id").distinct(), False)
    segments = engine.materialize(f"forewarn_segments_{name}", _segments(rows))
    return Links(name, rows, one_time_type(segments), True)


def _through(links: ir.Table, parent: Links) -> ir.Table:
    """Links to keys of another table, as links to the accounts that these lead to, while both hold."""
    onward = parent.segments.rename(onward_key="key", onward_account="account_id")
    if parent.timed:
        onward = onward.rename(onward_known="known_at")
        joined = links.join(onward, links.account_id == onward.onward_key)
        joined = joined.filter((joined.since < joined.valid_to) & (joined.valid_from < joined.until))
        return joined.mutate(
            account_id=joined.onward_account,
            valid_from=ibis.greatest(joined.valid_from, joined.since),
            valid_to=ibis.least(joined.valid_to, joined.until),
            known_at=ibis.greatest(joined.known_at, joined.onward_known),
        )
    joined = links.join(onward, links.account_id == onward.onward_key)
    return joined.mutate(account_id=joined.onward_account)


def _segments(links: ir.Table) -> ir.Table:
    """Of each key, between every two moments at which anything changes, the account that rows of then count for."""
    moments = [links.valid_from, links.valid_to, links.known_at, _moment(ALWAYS)]
    points = ibis.union(*(links.select("key", at=moment.cast("timestamp")) for moment in moments), distinct=True)
    points = points.mutate(
        until=ibis.coalesce(
            points["at"].lead().over(ibis.window(group_by=points.key, order_by=points["at"])), _moment(NEVER)
        )
    )
    first = links.group_by("key").aggregate(first_from=links.valid_from.min()).rename(first_key="key")
    points = points.join(first, points.key == first.first_key).select("key", "at", "until", "first_from")
    pairs = points.rename(point_key="key").join(links, links.key == points.key)
    at = pairs["at"]
    holds = (pairs.valid_from <= at) & (at < pairs.valid_to) & (pairs.known_at <= at) & (at < pairs.superseded_at)
    before = (at < pairs.first_from) | (pairs.valid_from <= at)
    later = (pairs.known_at > at) & before & (at < pairs.valid_to)
    pairs = pairs.mutate(holds=holds).filter(holds | later)
    none = ibis.null("timestamp")
    order = [
        pairs.holds.ifelse(0, 1),
        pairs.holds.ifelse(pairs.begins, none).desc(),
        pairs.holds.ifelse(pairs.known_at, none).desc(),
        pairs.known_at,
        pairs.valid_from,
        pairs.account_id,
    ]
    ranked = pairs.mutate(rank=ibis.row_number().over(ibis.window(group_by=[pairs.key, pairs["at"]], order_by=order)))
    chosen = ranked.filter(ranked["rank"] == 0)
    return chosen.select("key", "account_id", since=chosen["at"], until=chosen.until, known_at=chosen.known_at)
