"""The frame of onboarding: how many of the milestones that are due an account has not reached."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from configs.framework import Milestone
from features.sources import Sources
from features.timeline import SUPERSEDED, days_between, is_known, seen_rows, visible_from


def onboarding(sources: Sources, snapshots: ir.Table, expected: Sequence[Milestone]) -> ir.Table:
    """One row for each snapshot (its `row`) of which any milestone is known: how many are `overdue`.

    A milestone is overdue once more than its `due_days` have passed since sign-up and it is not known to be reached. An
    account of which no milestone is known has no row: nobody may be keeping track of it.
    """
    rows = seen_rows(sources, "milestones", snapshots)
    accounts = sources.tables["accounts"]
    signed_up = accounts.select("account_id", signed_up=accounts.created_at)
    if SUPERSEDED in accounts.columns:
        visible = visible_from(accounts, "created_at")
        signed_up = accounts.select("account_id", SUPERSEDED, signed_up=accounts.created_at, visible=visible)
        rows = rows.drop(*(name for name in ("visible", SUPERSEDED) if name in rows.columns))
    rows = rows.join(signed_up, "account_id")
    if SUPERSEDED in accounts.columns:
        rows = rows.filter(is_known(rows, rows.as_of))
    reached = {
        f"reached_{number}": rows.count(where=rows.milestone == milestone.name)
        for number, milestone in enumerate(expected)
    }
    since = days_between(rows.as_of, rows.signed_up).max()
    known = rows.group_by("row").aggregate(since_sign_up=since, **reached)
    overdue = ibis.literal(0.0)
    for number, milestone in enumerate(expected):
        late = (known.since_sign_up > float(milestone.due_days)) & (known[f"reached_{number}"] == 0)
        overdue = overdue + late.ifelse(ibis.literal(1.0), ibis.literal(0.0))
    return known.select("row", overdue=overdue)
