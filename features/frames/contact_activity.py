"""What contacts do: who did something in an interaction, and every contact with what was last seen of them.

Contacts list who is at the account, interactions and surveys show who does something; only together do they separate
an engaged sponsor from a name in a list. What we do ourselves (a mail that we sent, a meeting that nobody came to) is
no sign of a person.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import ibis
import ibis.expr.types as ir

from features.sources import Sources
from features.timeline import SUPERSEDED, days_between, seen_rows, visible_from

MESSAGES = ("email", "message", "chat")
APPOINTMENTS = ("meeting", "qbr", "training", "webinar")
TRAININGS = ("training", "webinar")
RECENT_DAYS = 90
FOREVER = ibis.timestamp("9000-01-01 00:00:00")
PERSON = ("row", "who")  # a person as seen by a snapshot


def talks(sources: Sources, snapshots: ir.Table, latest: bool = False) -> ir.Table:
    """Interactions as seen, with the columns of `_classified`."""
    classified = replace(sources, tables={**sources.tables, "interactions": _classified(sources)})
    return seen_rows(classified, "interactions", snapshots, latest)


def _classified(sources: Sources) -> ir.Table:
    """Interactions with their kind and who did something in them, worked out before a row meets its many as_ofs.

    `kind` in lower case; `message` (one writes it, and nobody comes to it), `training`, `qbr`, `appointment`; `did`:
    whether the customer began it, or came to it. Where initiated_by is given, whether it is `theirs`, `ours` or
    `our_message`; where attended is, whether they `came` or `missed` it: a mail that was opened is no appointment.
    """
    rows = sources.tables["interactions"]
    rows = rows.mutate(kind=rows.kind.lower())
    rows = rows.mutate(
        message=rows.kind.isin(MESSAGES),
        training=rows.kind.isin(TRAININGS),
        qbr=rows.kind == "qbr",
        appointment=rows.kind.isin(APPOINTMENTS),
    )
    signs = []
    if "initiated_by" in rows.columns:
        ours = rows.initiated_by == "us"
        rows = rows.mutate(theirs=rows.initiated_by == "customer", ours=ours, our_message=ours & rows.message)
        signs.append(rows.theirs.fill_null(False))
    if "attended" in rows.columns:
        rows = rows.mutate(came=rows.attended & ~rows.message, missed=~rows.attended & ~rows.message)
        signs.append(rows.came.fill_null(False))
    return rows.mutate(did=reduce(lambda left, right: left | right, signs) if signs else ibis.literal(False))


def contact_activity(sources: Sources, snapshots: ir.Table) -> ir.Table:
    """One row for each snapshot (its `row`) and role that a contact has there, with when they were last active.

    Columns: row; `is_first` (on one row of each contact, one in place if any is, else the one that ended last);
    `is_first_of_role` (likewise of each contact and role); `role`, `age` (days since they took it), `present` and
    `until_age` (days since the role ended; null while it goes on), and `gone` (in no role any more; all null for those
    who are in no list of contacts); `active_age` (days since they last did something), `answered_age` (since they last
    answered a survey), `signs_90d` (interactions of 90 days in which they did something).
    """
    contacts = sources.tables["contacts"]
    newest = ibis.window(group_by=contacts.account, order_by=[contacts.since.desc(), contacts.role])
    contacts = contacts.mutate(who=sources.engine.hash_key(contacts.contact_id), rank=ibis.row_number().over(newest))
    roles = seen_rows(replace(sources, tables={**sources.tables, "contacts": contacts}), "contacts", snapshots)
    until = roles.until if "until" in roles.columns else ibis.null("timestamp")
    roles = roles.select(*PERSON, "role", "age", "rank", until_age=days_between(roles.as_of, until))
    roles = roles.mutate(present=roles.until_age.isnull(), ended=ibis.coalesce(roles.until_age, 0.0))
    person = [roles[key] for key in PERSON]
    order = [roles.present.desc(), roles.ended, roles.rank]
    roles = roles.mutate(
        is_first=ibis.row_number().over(ibis.window(group_by=person, order_by=order)) == 0,
        is_first_of_role=ibis.row_number().over(ibis.window(group_by=[*person, roles.role], order_by=order)) == 0,
        gone=roles.present.ifelse(1, 0).max().over(ibis.window(group_by=person)) == 0,
    ).drop("rank", "ended")
    signs = [table for table in (_signs(sources), _answers(sources)) if table is not None]
    if not signs:
        unknown = ibis.null("float64")
        return roles.mutate(active_age=unknown, answered_age=unknown, signs_90d=unknown)
    if any("replaced" in table.columns for table in signs):
        never = ibis.null("timestamp")
        signs = [table if "replaced" in table.columns else table.mutate(replaced=never) for table in signs]
        signs = [table.select(*signs[0].columns) for table in signs]
    last_seen = _last_seen(reduce(lambda left, right: left.union(right), signs), snapshots)
    joined = roles.outer_join(last_seen, list(PERSON))
    return joined.select(
        "role",
        "age",
        "present",
        "until_age",
        "gone",
        "active_age",
        "answered_age",
        "signs_90d",
        row=ibis.coalesce(joined["row"], joined.row_right),
        is_first=joined.is_first.fill_null(True),
        is_first_of_role=joined.is_first_of_role.fill_null(True),
    )


def _signs(sources: Sources) -> ir.Table | None:
    """Interactions in which a person did something: account, who, at, visible (from which as_of), answer.

    An answer to what the customer began is ours, so such a row counts from its own time.
    """
    if not sources.has("interactions", "contact_id"):
        return None
    rows = _classified(sources)
    rows = rows.filter(rows.contact_id.notnull())
    later = rows.responded_at if "responded_at" in rows.columns else ibis.null("timestamp")
    at = rows.did.ifelse(rows.occurred_at, later)
    visible = ibis.greatest(visible_from(rows, "occurred_at"), at.truncate("D") + ibis.interval(days=1))
    who = sources.engine.hash_key(rows.contact_id)
    signs = rows.select("account", who=who, at=at, visible=visible, answer=ibis.literal(False), **_replaced(rows))
    return signs.filter(signs["at"].notnull())


def _answers(sources: Sources) -> ir.Table | None:
    """Answers to surveys: a sign of the person too, though no contact of theirs with us."""
    if not sources.has("surveys", "contact_id"):
        return None
    rows = sources.tables["surveys"]
    rows = rows.filter(rows.contact_id.notnull())
    visible, who = visible_from(rows, "occurred_at"), sources.engine.hash_key(rows.contact_id)
    answer = ibis.literal(True)
    return rows.select("account", who=who, at=rows.occurred_at, visible=visible, answer=answer, **_replaced(rows))


def _replaced(rows: ir.Table) -> dict[str, ir.Value]:
    """Where rows have versions, the first as_of that knows a later one of each."""
    return {"replaced": rows.superseded} if SUPERSEDED in rows.columns else {}


def _last_seen(signs: ir.Table, snapshots: ir.Table) -> ir.Table:
    """(row, who) with active_age, answered_age, signs_90d.

    Of all that came before, only a person's last sign matters, and what lies within 90 days: a sign meets the as_ofs
    that see it up to the first that sees a later one, or within those days. Where signs are `replaced` by later
    versions, which is the last is another matter at each as_of: a sign meets them all until it is.
    """
    at = signs["at"]
    later = ibis.window(group_by=[signs.account, signs.who, signs.answer], order_by=at, rows=(1, None))
    superseded = ibis.coalesce(signs.visible.min().over(later), FOREVER)
    recent_until = at.truncate("D") + ibis.interval(days=RECENT_DAYS + 1)
    # A moment within a day counts up to the midnight that lies 90 days after it.
    until = signs.answer.ifelse(superseded, ibis.greatest(superseded, recent_until))
    signs = signs.mutate(until=ibis.coalesce(signs.replaced, FOREVER) if "replaced" in signs.columns else until)
    seen = signs.join(snapshots.select("account", "as_of", "row"), "account")
    seen = seen.filter((seen.visible <= seen.as_of) & (seen.as_of < seen.until))
    age = days_between(seen.as_of, seen["at"])
    return seen.group_by(list(PERSON)).aggregate(
        active_age=age.min(),
        answered_age=age.min(where=seen.answer),
        signs_90d=seen.count(where=~seen.answer & (age <= RECENT_DAYS)),
    )
