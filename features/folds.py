"""The frames that signals aggregate, one a source table or view of it, as one literal tuple."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir

from configs.framework import Milestone
from features import daily
from features.onboarding import onboarding
from features.people import people, talks
from features.sources import Sources
from features.windows import days_between, seen_rows


@dataclass(frozen=True)
class Seen:
    """What a fold may look at for a run of as_ofs: their snapshots, and usage as folded before.

    `snapshots` has account_id, account (its number), as_of and row. A frame that keeps `row` is grouped by it.

    `usage` has one table for each of usage_days, usage_users, usage_features that exists, with the ages of its
    segments at these as_ofs. `milestones` are those that every account is expected to reach.
    """

    snapshots: ir.Table
    usage: dict[str, tuple[ir.Table, ir.Table]]
    milestones: tuple[Milestone, ...]


@dataclass(frozen=True)
class Fold:
    """A frame with columns account_id and as_of that signals aggregate; exists when all of `needs` is mapped."""

    name: str
    table: str
    needs: tuple[str, ...]
    build: Callable[[Sources, Seen], ir.Table]


def _rows(name: str, latest: bool = False) -> Fold:
    def build(sources: Sources, seen: Seen) -> ir.Table:
        return seen_rows(sources, name, seen.snapshots, latest or _measured(sources, name))

    return Fold(name, name, (), build)


def _measured(sources: Sources, name: str) -> bool:
    return bool(sources.measures.get(name))


def _usage_days(sources: Sources, seen: Seen) -> ir.Table:
    return daily.seen_days(*seen.usage["usage_days"], tuple(sources.measures.get(daily.EVENTS, ())))


def seen_contracts(sources: Sources, seen: Seen) -> ir.Table:
    """Contracts as seen, with whether each covers the snapshot's day, and covered the same day a year before."""
    rows = seen_rows(sources, "contracts", seen.snapshots, latest=True)
    if "ends_at" not in rows.columns:
        rows = rows.mutate(ends_at=ibis.null("timestamp"))
    year_ago = rows.as_of - ibis.interval(days=365)
    return rows.mutate(
        covers=rows.ends_at.isnull() | (rows.ends_at >= rows.as_of),
        covered_year_ago=(rows.starts_at < year_ago) & (rows.ends_at.isnull() | (rows.ends_at >= year_ago)),
    )


def seen_invoices(sources: Sources, seen: Seen) -> ir.Table:
    """Invoices as seen, with `billed` (credit notes and failed payments apart), days past due, and days late so far."""
    told = sources.tables["invoices"]
    billed = (told.kind.fill_null("invoice") == "invoice") if "kind" in told.columns else ibis.literal(True)
    told = replace(sources, tables={**sources.tables, "invoices": told.mutate(billed=billed)})
    rows = seen_rows(told, "invoices", seen.snapshots, _measured(sources, "invoices"))
    if "due_at" not in rows.columns or "paid_at" not in rows.columns:
        return rows
    late = days_between(ibis.coalesce(rows.paid_at, rows.as_of), rows.due_at)
    return rows.mutate(due_age=days_between(rows.as_of, rows.due_at), late_days=ibis.greatest(late, ibis.literal(0.0)))


FOLDS: tuple[Fold, ...] = (
    Fold("usage_days", daily.EVENTS, (), _usage_days),
    Fold("usage_users", daily.EVENTS, ("user_id",), lambda _, seen: daily.seen_keys(*seen.usage["usage_users"])),
    Fold("usage_features", daily.EVENTS, ("feature",), lambda _, seen: daily.seen_keys(*seen.usage["usage_features"])),
    Fold(
        "interactions",
        "interactions",
        (),
        lambda sources, seen: talks(sources, seen.snapshots, _measured(sources, "interactions")),
    ),
    _rows("tickets"),
    _rows("milestones"),
    Fold("onboarding", "milestones", (), lambda sources, seen: onboarding(sources, seen.snapshots, seen.milestones)),
    Fold("contracts", "contracts", (), seen_contracts),
    Fold("invoices", "invoices", (), seen_invoices),
    _rows("outcomes"),
    _rows("contacts"),
    Fold("people", "contacts", (), lambda sources, seen: people(sources, seen.snapshots)),
    _rows("surveys", latest=True),
    _rows("interventions"),
)


def fold_named(name: str) -> Fold:
    return next(fold for fold in FOLDS if fold.name == name)
