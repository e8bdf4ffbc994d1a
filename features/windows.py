"""Point-in-time frames that signals aggregate: every row of a source beside the as_ofs able to see it.

The rule is stated once, here. A fact of the time t counts at as_of when t < as_of and when it was known by then
(`recorded_at` <= as_of). As as_ofs are midnights, the first one able to see a row is the later of the midnight after
t and the midnight at or after `recorded_at`: `visible_from`. A window of w days is [as_of - w, as_of), so a row lies in
it when its age, counted in whole days back from as_of for folded rows, is at most w.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
import pandas as pd

from configs.tables import TABLES
from features.sources import Sources

DAY_SECONDS = 86_400
FOLD_MAX_AGE_DAYS = 400
TIME = {table.name: table.time for table in TABLES}


def days_between(later: ir.Value, earlier: ir.Value) -> ir.Value:
    """Days from `earlier` to `later` as a float; null when either is."""
    return (later.epoch_seconds() - earlier.epoch_seconds()) / ibis.literal(float(DAY_SECONDS))


def known(value: ir.Value, as_of: ir.Value) -> ir.Value:
    """A time that is filled in later: null at every as_of before the moment that it names."""
    return (value < as_of).ifelse(value, ibis.null("timestamp"))


def ratio(top: ir.Value, bottom: ir.Value) -> ir.Value:
    """top / bottom as a float; null where the bottom is 0 or less."""
    return (bottom > 0).ifelse(top.cast("float64") / bottom.cast("float64"), ibis.null("float64"))


def visible_from(rows: ir.Table, time: str) -> ir.Value:
    """The first as_of (a midnight) able to see each row."""
    one_day = ibis.interval(days=1)
    after = rows[time].truncate("D") + one_day
    if "recorded_at" not in rows.columns:
        return after
    midnight = rows.recorded_at.truncate("D")
    arrived = (rows.recorded_at == midnight).ifelse(midnight, midnight + one_day)
    return ibis.greatest(after, ibis.coalesce(arrived, after))


def calendar(as_ofs: pd.DatetimeIndex, max_age_days: int) -> ir.Table:
    """(as_of, day, age): every day up to `max_age_days` before each as_of; its rows are an equi-join away."""
    ages = range(1, max_age_days + 1)
    frame = pd.DataFrame([(as_of, as_of - pd.Timedelta(days=age), age) for as_of in as_ofs for age in ages])
    frame.columns = pd.Index(["as_of", "day", "age"])
    return ibis.memtable(frame)


def seen_days(sources: Sources, name: str, as_ofs: pd.DatetimeIndex, by: str | None = None) -> ir.Table:
    """One row per (account, as_of, day, visible_from[, by]) with the day's rows, quantity and sums of measures."""
    rows = sources.tables[name]
    rows = rows.mutate(day=rows[TIME[name]].truncate("D"), visible=visible_from(rows, TIME[name]))
    if by is not None:
        rows = rows.filter(rows[by].notnull())
    quantity = rows.quantity.fill_null(1.0).sum() if "quantity" in rows.columns else rows.count().cast("float64")
    measures: dict[str, ir.Value] = {}
    for measure in sources.measures.get(name, ()) if by is None else ():
        measures[f"{measure}_sum"] = rows[measure].sum()
        measures[f"{measure}_n"] = rows[measure].count()
    keys = ["account_id", "day", "visible", *([by] if by else [])]
    days = rows.group_by(keys).aggregate(n=rows.count(), quantity=quantity, **measures)
    seen = days.join(calendar(as_ofs, FOLD_MAX_AGE_DAYS), "day")
    return seen.filter(seen.visible <= seen.as_of)


def seen_keys(sources: Sources, name: str, as_ofs: pd.DatetimeIndex, by: str) -> ir.Table:
    """One row per (account, as_of, key) with the ages of the key's first and last day and its volume in 90 days."""
    seen = seen_days(sources, name, as_ofs, by)
    return seen.group_by(["account_id", "as_of", by]).aggregate(
        last_age=seen.age.min(),
        first_age=seen.age.max(),
        quantity_90d=seen.quantity.sum(where=seen.age <= 90),
        days_30d=seen.day.nunique(where=seen.age <= 30),
    )


def seen_rows(sources: Sources, name: str, snapshots: ir.Table) -> ir.Table:
    """Every row of a table beside each snapshot of its account able to see it, with its `age` in days (a float)."""
    time = TIME[name]
    rows = sources.tables[name]
    rows = rows.mutate(visible=visible_from(rows, time))
    seen = rows.join(snapshots.select("account_id", "as_of"), "account_id")
    seen = seen.filter((seen.visible <= seen.as_of) & (seen[time] < seen.as_of))
    later = [column.name for table in TABLES if table.name == name for column in table.columns if column.filled_later]
    masked = {column: known(seen[column], seen.as_of) for column in later if column in seen.columns}
    seen = seen.mutate(age=days_between(seen.as_of, seen[time]), **masked)
    keys = ["account_id", "as_of", *(["kind"] if "kind" in seen.columns else [])]
    return seen.mutate(latest=seen.age == seen.age.min().over(ibis.window(group_by=keys)))


def seen_contracts(sources: Sources, snapshots: ir.Table) -> ir.Table:
    """Contracts as seen, with whether each covers the snapshot's day, and covered the same day a year before."""
    seen = seen_rows(sources, "contracts", snapshots)
    if "ends_at" not in seen.columns:
        seen = seen.mutate(ends_at=ibis.null("timestamp"))
    year_ago = seen.as_of - ibis.interval(days=365)
    return seen.mutate(
        covers=seen.ends_at.isnull() | (seen.ends_at >= seen.as_of),
        covered_year_ago=(seen.starts_at < year_ago) & (seen.ends_at.isnull() | (seen.ends_at >= year_ago)),
    )


def seen_invoices(sources: Sources, snapshots: ir.Table) -> ir.Table:
    """Invoices as seen, with `billed` (credit notes and failed payments apart), days past due, and days late so far."""
    seen = seen_rows(sources, "invoices", snapshots)
    billed = (seen.kind.fill_null("invoice") == "invoice") if "kind" in seen.columns else ibis.literal(True)
    seen = seen.mutate(billed=billed)
    if "due_at" not in seen.columns or "paid_at" not in seen.columns:
        return seen
    late = days_between(ibis.coalesce(seen.paid_at, seen.as_of), seen.due_at)
    return seen.mutate(due_age=days_between(seen.as_of, seen.due_at), late_days=ibis.greatest(late, ibis.literal(0.0)))


@dataclass(frozen=True)
class Fold:
    """A frame with columns account_id and as_of that signals aggregate; exists when all of `needs` is mapped."""

    name: str
    table: str
    needs: tuple[str, ...]
    build: Callable[[Sources, ir.Table, pd.DatetimeIndex], Any]


FOLDS: tuple[Fold, ...] = (
    Fold("usage_days", "usage_events", (), lambda s, _, days: seen_days(s, "usage_events", days)),
    Fold("usage_users", "usage_events", ("user_id",), lambda s, _, days: seen_keys(s, "usage_events", days, "user_id")),
    Fold(
        "usage_features", "usage_events", ("feature",), lambda s, _, days: seen_keys(s, "usage_events", days, "feature")
    ),
    Fold("interactions", "interactions", (), lambda s, snaps, _: seen_rows(s, "interactions", snaps)),
    Fold("tickets", "tickets", (), lambda s, snaps, _: seen_rows(s, "tickets", snaps)),
    Fold("milestones", "milestones", (), lambda s, snaps, _: seen_rows(s, "milestones", snaps)),
    Fold("contracts", "contracts", (), lambda s, snaps, _: seen_contracts(s, snaps)),
    Fold("invoices", "invoices", (), lambda s, snaps, _: seen_invoices(s, snaps)),
    Fold("outcomes", "outcomes", (), lambda s, snaps, _: seen_rows(s, "outcomes", snaps)),
    Fold("contacts", "contacts", (), lambda s, snaps, _: seen_rows(s, "contacts", snaps)),
    Fold("surveys", "surveys", (), lambda s, snaps, _: seen_rows(s, "surveys", snaps)),
)
