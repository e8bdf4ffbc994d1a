"""Several rows of one fact: versions of it, which their recorded_at puts in order, or a mistake.

A history table keeps every version of a row with the time at which it was recorded. At each as_of the newest version
known then counts. Rows of one key are versions of one fact; rows of one key and one recorded_at stand together where
nothing but a natural key names the fact, and cannot be told apart where an id does. A row that is there twice, alike in
every column, is a mistake: it would count twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import ibis
import ibis.expr.types as ir
import pandas as pd

from configs.errors import Fault
from configs.tables import Table
from features.sources.backends import Engine, one_time_type
from features.sources.mapping import Mapped

SUPERSEDED = "superseded"
FIRST = "first_version"
_ROW = "_row_"  # before the name of what is worked out beside a table's own columns
NAMED_BY, KNOWN, BY_ID, NEXT_TERM = f"{_ROW}_", f"{_ROW}_known", f"{_ROW}_id", f"{_ROW}_next"
SAME = f"{_ROW}_same"  # how many rows have its key


@dataclass(frozen=True)
class Versions:
    """What the rows of one table are to one another.

    Attributes
    ----------
    rows : ibis Table or None
        All rows with `superseded`, the first as_of (a midnight) that knows a later version (null: none does), and
        `first_version`; None where every row is a fact of its own.
    warnings : tuple of str
        Rows that were taken for versions by a natural key, and rows alike of which each may be true.
    faults : tuple of Fault
        Rows that are there twice, or that nothing puts in order.
    """

    rows: ir.Table | None = None
    warnings: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()


def versions_of(engine: Engine, mapped: Mapped, rows: ir.Table) -> Versions:
    """Finds which rows of a canonical table are versions of one fact, and which are there twice.

    Parameters
    ----------
    engine : Engine
        Keeps the rows with their versions, where there are any.
    mapped : Mapped
        The table, with its answers.
    rows : ibis Table
        Its canonical rows.

    Returns
    -------
    Versions
    """
    table, total = mapped.table, mapped.answers.rows
    key = table.key[0] if table.key and table.key[0] in rows.columns else None
    if key and mapped.answers.count(f"{key}|distinct") == total:
        return Versions()
    if table.name == "usage_events" and not key:
        return Versions()  # events alike may all be true, and they are many: `check` counts them
    keyed = rows.mutate(**_key_columns(rows, table, key))
    names = [name for name in keyed.columns if name.startswith(_ROW)]
    if engine.count(keyed.select(*names).distinct()) == total:
        return Versions()
    # Facts of several rows are few as a rule, and only they have to be looked at and put in order.
    counted = keyed.mutate(**{SAME: keyed.count().over(ibis.window(group_by=[keyed[name] for name in names]))})
    counted = engine.materialize(f"forewarn_{table.name}_counted", counted)
    several = counted.filter(counted[SAME] > 1)
    warnings, faults = _alike(engine, table, several, rows.columns)
    faults += _in_no_order(engine, table, several, key)
    if faults or "recorded_at" not in rows.columns:
        engine.drop(f"forewarn_{table.name}_counted")
        return Versions(warnings=tuple(warnings), faults=tuple(faults))
    versions = _alone(counted.filter(counted[SAME] == 1), rows.columns)
    versions = versions.union(_in_order(several, table, names, rows.columns))
    kept = engine.materialize(f"forewarn_{table.name}_versions", versions)
    engine.drop(f"forewarn_{table.name}_counted")
    asked = {
        "later": kept.count(where=kept[SUPERSEDED].notnull()),
        "natural": kept.count(where=kept[SUPERSEDED].notnull() & ~kept[BY_ID]),
        "example": kept.account_id.min(where=kept[SUPERSEDED].notnull() & ~kept[BY_ID]),
        "next_terms": kept.count(where=kept[NEXT_TERM]),
        "term": kept[key or "account_id"].min(where=kept[NEXT_TERM]),
    }
    answers = engine.to_pandas(kept.aggregate(**asked)).iloc[0]
    if answers.next_terms:
        found = f"{answers.next_terms:,} rows that begin when the version before them has ended"
        found += f", for example {answers.term!r}"
        do = "give every term an id of its own, with query: (contract_id || '-' || starts_at as contract_id, say)"
        return Versions(faults=(Fault(f"{table.name}.{key}", found, "versions of one term under one id", do),))
    if answers.natural:
        columns = ", ".join(table.natural_key)
        warnings.append(
            f"{table.name}: {answers.natural:,} rows were taken for earlier versions of another, since {columns} are "
            f"the same and recorded_at is not, for example of account {answers.example!r}" + _map_id(table)
        )
    if not answers.later:
        return Versions(warnings=tuple(warnings))
    return Versions(one_time_type(kept.drop(BY_ID, NEXT_TERM)), tuple(warnings))


def newest_versions(rows: ir.Table, at: pd.Timestamp) -> ir.Table:
    """Of each fact the version that is known at a moment, and of one that nobody knows by then the first.

    Parameters
    ----------
    rows : ibis Table
        As in `Versions.rows`.
    at : Timestamp
        A midnight.

    Returns
    -------
    ibis Table
        Without the columns that only versions have.
    """
    moment = ibis.literal(pd.Timestamp(at))
    counts = rows[SUPERSEDED].isnull() | (rows[SUPERSEDED] > moment)
    known = rows.recorded_at.isnull() | (rows.recorded_at <= moment)
    return rows.filter(counts & (known | rows[FIRST])).drop(SUPERSEDED, FIRST)


def _map_id(table: Table) -> str:
    return f"; map {table.key[0]} where they are facts of their own" if table.key else ""


def _key_columns(rows: ir.Table, table: Table, key: str | None) -> dict[str, ir.Value]:
    """What names the fact of each row: its id; without one, the natural key; without that, account and time."""
    no_id = rows[key].isnull() if key else ibis.literal(True)
    natural = _has_natural_key(rows, table)
    columns = dict.fromkeys((*(table.natural_key if set(table.natural_key) <= set(rows.columns) else ()), "account_id"))
    values: dict[str, ir.Value] = {
        NAMED_BY: no_id.ifelse(natural.ifelse(ibis.literal("natural"), ibis.literal("none")), ibis.literal("id"))
    }
    if key:
        values[f"{_ROW}_key"] = rows[key]
    for name in columns:
        values[f"{_ROW}{name}"] = no_id.ifelse(rows[name], ibis.null(rows[name].type()))
    if table.time not in columns:
        timed = no_id & ~natural
        values[f"{_ROW}_time"] = timed.ifelse(rows[table.time], ibis.null(rows[table.time].type()))
    return values


def _has_natural_key(rows: ir.Table, table: Table) -> ir.BooleanValue:
    """Where the natural key names one fact: all of it is there, and more than the day of a message is known."""
    if not table.natural_key or not set(table.natural_key) <= set(rows.columns):
        return ibis.literal(False)
    given = reduce(lambda left, right: left & right, (rows[name].notnull() for name in table.natural_key))
    return given & _is_one_of_its_day(rows, table) if table.name == "interactions" else given


def _is_one_of_its_day(rows: ir.Table, table: Table) -> ir.BooleanValue:
    """Of a day's rows one alone can be so: its time of the day is known, or it is an appointment or a text."""
    time = rows[table.time]
    alone = time != time.truncate("D")
    for column in ("attended", "text"):
        if column in rows.columns:
            alone |= rows[column].notnull()
    return alone


def _alike(engine: Engine, table: Table, keyed: ir.Table, columns: Sequence[str]) -> tuple[list[str], list[Fault]]:
    """Rows without an id that are there before, alike in every column: a fault, or a warning where all may be true."""
    certain = ibis.literal(True)
    if table.name in ("interactions", "surveys"):
        certain = keyed[NAMED_BY] == "natural"
    elif table.name == "tickets":
        certain = _is_one_of_its_day(keyed, table)
    rows = keyed.filter(keyed[NAMED_BY] != "id").mutate(certain=certain)
    groups = rows.group_by([*columns, "certain"]).aggregate(n=rows.count())
    again = groups.filter(groups.n > 1)
    again = again.mutate(more=again.n - 1)
    asked = {
        "certain": again.more.sum(where=again.certain),
        "doubtful": again.more.sum(where=~again.certain),
        "account": again.account_id.min(where=again.certain),
        "time": again[table.time].min(where=again.certain),
        "doubtful_account": again.account_id.min(where=~again.certain),
    }
    answers = engine.to_pandas(again.aggregate(**asked)).iloc[0].dropna()
    warnings, faults = [], []
    if answers.get("doubtful", 0):
        count = int(answers.doubtful)
        warnings.append(
            f"{table.name}: {count:,} rows are there before, alike in every column, for example of account "
            f"{answers.doubtful_account!r}: all count" + (f"; map {table.key[0]} to be sure" if table.key else "")
        )
    if answers.get("certain", 0):
        count = int(answers.certain)
        found = f"{count:,} row{'s' if count != 1 else ''} that are there before, alike in every column, "
        found += f"for example of account {answers.account!r}, {table.time} {pd.Timestamp(answers.time):%Y-%m-%d %H:%M}"
        do = "remove duplicates (select distinct with query:), or fix the join in query:"
        faults.append(Fault(table.name, found, "every fact once", do + _map_id(table)))
    return warnings, faults


def _in_no_order(engine: Engine, table: Table, keyed: ir.Table, key: str | None) -> list[Fault]:
    """Rows of one id that no recorded_at puts in order."""
    if key is None:
        return []
    rows = keyed.filter(keyed[key].notnull())
    groups = rows.group_by([key, *(["recorded_at"] if "recorded_at" in rows.columns else [])]).aggregate(n=rows.count())
    again = groups.filter(groups.n > 1)
    answers = engine.to_pandas(again.aggregate(more=(again.n - 1).sum(), example=again[key].min())).iloc[0]
    if pd.isna(answers.more) or not answers.more:
        return []
    count, ordered = int(answers.more), "recorded_at" in rows.columns
    found = f"{count:,} row{'s' if count != 1 else ''} with a key already taken"
    found += " and the same recorded_at" if ordered else ""
    do = "remove duplicates, or fix the join in query:"
    if not ordered:
        do = "map recorded_at if the table keeps history; otherwise " + do
    expected = "a key that is unique, or a recorded_at for each version of it"
    return [Fault(f"{table.name}.{key}", f"{found}, for example {answers.example!r}", expected, do)]


def _alone(rows: ir.Table, columns: Sequence[str]) -> ir.Table:
    """What `_in_order` gives of rows that have their key for themselves: nothing supersedes them."""
    beside = {
        BY_ID: rows[NAMED_BY] == "id",
        NEXT_TERM: ibis.literal(False),
        SUPERSEDED: ibis.null("timestamp"),
        FIRST: ibis.literal(True),
    }
    return rows.select(*columns, **beside)


def _in_order(keyed: ir.Table, table: Table, names: Sequence[str], columns: Sequence[str]) -> ir.Table:
    """The table's columns with `superseded`, `first_version`, whether an id names the fact, and whether a contract is
    the term that follows on the version before it. A version without recorded_at was always known."""
    one_day = ibis.interval(days=1)
    known = keyed.mutate(**{KNOWN: ibis.coalesce(keyed.recorded_at, ibis.timestamp("1900-01-01 00:00:00"))})
    at = known[KNOWN]
    order = ibis.window(group_by=[known[name] for name in names], order_by=[at, known[table.time]])
    ended = known.ends_at.lag().over(order) if table.name == "contracts" and "ends_at" in columns else None
    follows = (known[table.time] >= ended).fill_null(False) if ended is not None else ibis.literal(False)
    beside = {"_next_known": at.lead().over(order), "_before": at.lag().over(order), "_follows": follows}
    rows = known.mutate(**{f"{_ROW}{name}": value for name, value in beside.items()})
    # Rows of one recorded_at are one version: the next is that of the last of them.
    batch = ibis.window(group_by=[rows[name] for name in (*names, KNOWN)])
    later = rows[f"{_ROW}_next_known"].max().over(batch).nullif(rows[KNOWN])
    has_key = rows[NAMED_BY] != "none"
    by_id = rows[NAMED_BY] == "id"
    midnight = later.truncate("D")
    return rows.select(
        *columns,
        **{
            BY_ID: by_id,
            NEXT_TERM: rows[f"{_ROW}_follows"] & by_id,
            SUPERSEDED: has_key.ifelse(
                (later == midnight).ifelse(midnight, midnight + one_day), ibis.null("timestamp")
            ),
            FIRST: ~has_key
            | (rows[f"{_ROW}_before"].isnull() | (rows[f"{_ROW}_before"].min().over(batch) == rows[KNOWN])),
        },
    )
