"""What people do: who did something in an interaction, and everybody at an account with what was last seen of them.

Contacts say who is there, interactions and surveys who does something; only together do they tell a sponsor who is
engaged from one who is a name in a list. What we do ourselves (a mail that we sent, a meeting that nobody came to) is
no sign of a person.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import Any

import ibis
import ibis.expr.types as ir

from features.sources import Sources
from features.windows import days_between, seen_rows, visible_from

MESSAGES = ("email", "message", "chat")
PERSON = ("row", "contact_id")  # a person as seen by a snapshot


def talks(sources: Sources, snapshots: ir.Table, latest: bool = False) -> ir.Table:
    """Interactions as seen, with `kind` in lower case, and `message`: whether one writes it, and nobody comes to it."""
    told = replace(sources, tables={**sources.tables, "interactions": _told_apart(sources)})
    return seen_rows(told, "interactions", snapshots, latest)


def _told_apart(sources: Sources) -> ir.Table:
    """Worked out on the rows themselves, before each of them meets many as_ofs."""
    rows = sources.tables["interactions"]
    rows = rows.mutate(kind=rows.kind.lower())
    return rows.mutate(message=rows.kind.isin(MESSAGES))


def did(rows: ir.Table) -> ir.Value:
    """Whether the customer began an interaction, or came to it: a mail that was opened is no appointment.

    Reads `message`, and those of `initiated_by` and `attended` that `rows` has.
    """
    signs = []
    if "initiated_by" in rows.columns:
        signs.append((rows.initiated_by == "customer").fill_null(False))
    if "attended" in rows.columns:
        signs.append((rows.attended & ~rows.message).fill_null(False))
    return reduce(lambda one, other: one | other, signs) if signs else ibis.literal(False)


def people(sources: Sources, snapshots: ir.Table) -> ir.Table:
    """One row for each snapshot (its `row`) and part that a person plays there.

    Columns: row; `once` (on one row of each person, one in place if any is); `role`, `age` (days since they took it)
    and `present` (null for people who are in no list of contacts); `active_age` (days since they last did something),
    `answered_age` (since they last answered a survey), `signs_90d` (interactions of 90 days in which they did
    something).
    """
    roles = seen_rows(sources, "contacts", snapshots)
    there = roles.until.isnull() if "until" in roles.columns else ibis.literal(True)
    roles = roles.select(*PERSON, "role", "age", present=there)
    order = [roles.present.desc(), roles.age, roles.role]
    first = ibis.row_number().over(ibis.window(group_by=[roles[key] for key in PERSON], order_by=order)) == 0
    roles = roles.mutate(once=first)
    signs = [one for one in (_signs(sources), _answers(sources)) if one is not None]
    if not signs:
        nothing: dict[str, Any] = {name: ibis.null("float64") for name in ("active_age", "answered_age", "signs_90d")}
        return roles.mutate(**nothing)
    each = _last_seen(reduce(lambda one, other: one.union(other), signs), snapshots)
    joined = roles.outer_join(each, list(PERSON))
    return joined.select(
        "role",
        "age",
        "present",
        "active_age",
        "answered_age",
        "signs_90d",
        row=ibis.coalesce(joined["row"], joined.row_right),
        once=joined.once.fill_null(True),
    )


def _signs(sources: Sources) -> ir.Table | None:
    """Interactions in which a person did something: account_id, contact_id, at, visible (from which as_of), answer.

    An answer to what the customer began is ours, so such a row counts from its own time.
    """
    if not sources.has("interactions", "contact_id"):
        return None
    rows = _told_apart(sources)
    visible = visible_from(rows, "occurred_at")
    later = rows.responded_at if "responded_at" in rows.columns else ibis.null("timestamp")
    at = did(rows).ifelse(rows.occurred_at, later)
    visible = ibis.greatest(visible, at.truncate("D") + ibis.interval(days=1))
    signs = rows.select("account_id", "contact_id", at=at, visible=visible, answer=ibis.literal(False))
    return signs.filter(signs.contact_id.notnull() & signs["at"].notnull())


def _answers(sources: Sources) -> ir.Table | None:
    """Answers to surveys: a sign of the person too, though no contact of theirs with us."""
    if not sources.has("surveys", "contact_id"):
        return None
    rows = sources.tables["surveys"]
    rows = rows.filter(rows.contact_id.notnull())
    visible = visible_from(rows, "occurred_at")
    return rows.select("account_id", "contact_id", at=rows.occurred_at, visible=visible, answer=ibis.literal(True))


def _last_seen(signs: ir.Table, snapshots: ir.Table) -> ir.Table:
    """(row, contact_id) with active_age, answered_age, signs_90d.

    Of all that came before, only a person's last sign matters, and what lies within 90 days: a sign meets the as_ofs
    that see it up to the first that sees a later one, or within those days.
    """
    later = ibis.window(
        group_by=[signs.account_id, signs.contact_id, signs.answer],
        order_by=signs["at"].epoch_seconds(),
        range=(1, None),
    )
    signs = signs.mutate(superseded=signs.visible.min().over(later))
    seen = signs.join(snapshots.select("account_id", "as_of", "row"), "account_id")
    newest = seen.superseded.isnull() | (seen.superseded > seen.as_of)
    recent = ~seen.answer & (seen["at"] >= seen.as_of - ibis.interval(days=90))
    seen = seen.filter((seen.visible <= seen.as_of) & (newest | recent))
    age = days_between(seen.as_of, seen["at"])
    return seen.group_by(list(PERSON)).aggregate(
        active_age=age.min(),
        answered_age=age.min(where=seen.answer),
        signs_90d=seen.count(where=~seen.answer & (age <= 90)),
    )
