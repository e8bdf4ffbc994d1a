"""Columns that sources overwrite in place, tested by what they say about who left; one scan of a table or two.

Which columns those are is marked in `configs.tables` (`rewritten`). Where a table keeps several versions of a row, each
with its own `recorded_at`, the first is looked at: what was rewritten later is known from then on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import ibis
import ibis.expr.types as ir
import pandas as pd

from configs.tables import TABLES, Column, Table, table
from features.checks.comparisons import compared
from features.checks.suspicions import Suspicion
from features.sources import Sources
from features.timeline import of_accounts

MONTHS_BEFORE_END = 3
FREQUENT_TEXTS = 8  # of a text column, each looked at by the share of rows that have it
BY_THEMSELVES = ("accounts", "contracts", "outcomes", "interventions")  # looked at elsewhere, or no signal
QUARTER = 3  # months


def rewritten_names(name: str) -> tuple[str, ...]:
    """The columns of a table that sources overwrite in place."""
    return tuple(column.name for column in table(name).columns if column.rewritten)


def last_contracts(sources: Sources, fate: pd.DataFrame) -> Iterator[Suspicion]:
    """The last contract of each account that left, held against contracts of others that began in the same quarter."""
    if not sources.has("contracts"):
        return
    rows = sources.tables["contracts"]
    names = [name for name in rewritten_names("contracts") if name in rows.columns and name != "ends_at"]
    further = (*sources.measures.get("contracts", ()), *sources.contract_attributes)
    names += [name for name in dict.fromkeys(further) if name not in names]
    if not names:
        return
    frame = sources.engine.to_pandas(rows.select("account_id", *names, at=rows[table("contracts").time]))
    frame = frame[frame["at"] < sources.data_end].sort_values(["account_id", "at"], kind="stable", ignore_index=True)
    frame["stratum"] = frame["at"].dt.to_period("Q").astype("str")
    frame["chosen"] = ~frame.duplicated("account_id", keep="last")
    newest = ~frame.duplicated(["account_id", "stratum"], keep="last")  # one row an account and quarter
    yield from compared("contracts.{}", frame[newest], fate, names, "the last contracts of accounts that left")


def measures(sources: Sources, fate: pd.DataFrame) -> Iterator[Suspicion]:
    """Measures of activity tables; one scan of each table that has some."""
    left = fate[fate.end_at.notna()].set_index("account_id")
    end, middle = left.end_at, left.created_at + (left.end_at - left.created_at) / 2
    month = _month(middle).clip(upper=_month(end) - MONTHS_BEFORE_END)
    for table_name, names in sources.measures.items():
        if table_name == "contracts" or not names:
            continue
        rows = sources.tables[table_name]
        at = rows[table(table_name).time]
        keys = {"account_id": rows.account_id, "stratum": at.year() * 12 + at.month()}
        means = rows.group_by(**keys).aggregate(**{name: rows[name].mean() for name in names})
        frame = sources.engine.to_pandas(means).sort_values(["account_id", "stratum"], ignore_index=True)
        frame["chosen"] = frame.stratum == of_accounts(month, frame.account_id)
        yield from compared(f"{table_name}.{{}}", frame, fate, list(names), "accounts half-way to their end")


def _month(at: pd.Series) -> pd.Series:
    return at.dt.year * 12 + at.dt.month


def rewritten_columns(sources: Sources, fate: pd.DataFrame) -> Iterator[Suspicion]:
    """Rewritten columns of the other tables, by their mean in a quarter of the account's life.

    Of an account that left it is the quarter with rows that lies nearest to the middle of its life, at least three
    months before its end: what is merely seen coming fades with distance, what was rewritten in old rows does not.
    """
    for known in TABLES:
        if known.name in BY_THEMSELVES or known.name not in sources.tables:
            continue
        columns = [column for column in known.columns if column.rewritten and sources.has(known.name, column.name)]
        if columns:
            yield from _of_table(sources, known, columns, fate)


def _of_table(sources: Sources, known: Table, columns: list[Column], fate: pd.DataFrame) -> Iterator[Suspicion]:
    rows = sources.tables[known.name]
    at = rows[known.time]
    parts = {f"{index}": part for index, part in enumerate(p for c in columns for p in _parts(sources, rows, at, c))}
    keys = {"account_id": rows.account_id, "stratum": at.year() * 4 + (at.month() - 1) // QUARTER}
    means = rows.group_by(**keys).aggregate(**{index: value.mean() for index, (_, value) in parts.items()})
    frame = sources.engine.to_pandas(means).sort_values(["account_id", "stratum"], ignore_index=True)
    frame["chosen"] = _nearest_to_the_middle(frame, fate)
    seen = set()
    for suspicion in compared("{}", frame, fate, [*parts], "rows of accounts half-way to their end"):
        name, _ = parts[suspicion.column]
        if name not in seen:
            yield replace(suspicion, column=f"{known.name}.{name}")
        seen.add(name)


def _parts(sources: Sources, rows: ir.Table, at: ir.Value, column: Column) -> list[tuple[str, ir.Value]]:
    """Numbers whose means say what a column holds, and whether it is empty."""
    value = rows[column.name]
    if column.kind == "text":
        texts = sources.engine.to_pandas(value.topk(FREQUENT_TEXTS)).iloc[:, 0].dropna()
        numbers = [_one_where(value == text) for text in sorted(texts)]
    elif column.kind == "flag":
        numbers = [_one_where(value)]
    elif column.kind == "time":
        numbers = [(value.epoch_seconds() - at.epoch_seconds()) / ibis.literal(86_400.0)]
    else:
        numbers = [value]
    return [(column.name, number) for number in (*numbers, _one_where(value.isnull()))]


def _one_where(condition: ir.Value) -> ir.Value:
    """1 or 0, null where the condition is null."""
    return ibis.cases((condition, 1.0), (~condition, 0.0), else_=ibis.null("float64"))


def _nearest_to_the_middle(frame: pd.DataFrame, fate: pd.DataFrame) -> pd.Series:
    left = fate[fate.end_at.notna()].set_index("account_id")
    middle = left.created_at + (left.end_at - left.created_at) / 2
    last = left.end_at - pd.DateOffset(months=MONTHS_BEFORE_END + QUARTER - 1)  # the quarter is over by then, nearly
    middle, last = (of_accounts(_quarter(at), frame.account_id) for at in (middle, last))
    distance = (frame.stratum - middle).abs().where(frame.stratum <= last)
    nearest = distance.groupby(frame.account_id).transform("min")
    chosen = distance.notna() & (distance == nearest)
    return chosen & ~frame.assign(chosen=chosen)[chosen].duplicated("account_id").reindex(frame.index, fill_value=False)


def _quarter(at: pd.Series) -> pd.Series:
    return at.dt.year * 4 + (at.dt.month - 1) // QUARTER
