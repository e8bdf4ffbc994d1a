"""The frames that signals aggregate, one a source table or view of it, as one literal tuple."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import ibis
import ibis.expr.types as ir

from configs.framework import Milestone
from configs.settings import Churn
from features.frames.contact_activity import contact_activity, talks
from features.frames.contracts import seen_contracts
from features.frames.credits import CENT, is_credit, with_credits
from features.frames.onboarding import onboarding
from features.signal import AggregateSignal, Signal
from features.sources import Sources
from features.timeline import days_between, seen_rows
from features.usage import sql_rollup


@dataclass(frozen=True)
class FrameInputs:
    """What a frame is built from, for a run of as_ofs, beside the sources.

    Attributes
    ----------
    snapshots : ibis Table
        account_id, account (its number), as_of and row (the number of the snapshot).
    usage : dict of str to ibis Table
        The one of usage_days, usage_users and usage_features that is built, rolled up as seen at these as_ofs; it names
        a snapshot by account and as_of_index (the position of its as_of), all others by row.
    milestones : tuple of Milestone
        Those that every account is expected to reach.
    churn : Churn
        What is under contract.
    """

    snapshots: ir.Table
    usage: dict[str, ir.Table]
    milestones: tuple[Milestone, ...]
    churn: Churn


@dataclass(frozen=True)
class SignalFrame:
    """A frame that signals aggregate, by snapshot; exists when `table` has all columns of `needs`."""

    name: str
    table: str
    needs: tuple[str, ...]
    build: Callable[[Sources, FrameInputs], ir.Table]


def _rows(name: str, latest: bool = False, distinct: tuple[str, ...] = ()) -> SignalFrame:
    """A table's rows as seen; `is_first` marks the first known one of each account and value of `distinct`."""

    def build(sources: Sources, inputs: FrameInputs) -> ir.Table:
        return seen_rows(sources, name, inputs.snapshots, latest or _measured(sources, name), distinct)

    return SignalFrame(name, name, (), build)


def _with(sources: Sources, name: str, columns: Callable[[ir.Table], dict[str, ir.Value]]) -> Sources:
    """The sources with further columns in one table, worked out before its rows meet their many as_ofs."""
    rows = sources.tables[name]
    return replace(sources, tables={**sources.tables, name: rows.mutate(**columns(rows))})


def _measured(sources: Sources, name: str) -> bool:
    return bool(sources.measures.get(name))


def seen_invoices(sources: Sources, inputs: FrameInputs) -> ir.Table:
    """Invoices as seen, with `billed` (no credit notes, no failed payments, none voided), days past due, days late so
    far, `owed` (what credit notes have left of it) and `asked` (that was, or is, to be paid: not 0, and not credited in
    full before it was paid); `is_first` marks one of the same day and kind."""

    def marked(rows: ir.Table) -> dict[str, ir.Value]:
        billed = (rows.kind.fill_null("invoice") == "invoice") if "kind" in rows.columns else ibis.literal(True)
        if "amount" in rows.columns:
            billed = billed & ~is_credit(rows)
        return {"billed": billed, "issued_day": rows.issued_at.date()}

    measured, distinct = _measured(sources, "invoices"), ("issued_day", "billed")
    rows = seen_rows(_with(sources, "invoices", marked), "invoices", inputs.snapshots, measured, distinct)
    if "due_at" not in rows.columns or "paid_at" not in rows.columns:
        return rows
    if "amount" in rows.columns:
        rows = with_credits(sources, rows)
        rows = rows.mutate(owed=rows.amount - rows.credited)
        left = rows.amount.isnull() | (rows.owed > CENT) | (rows.paid_at.notnull() & (rows.amount > CENT))
        rows = rows.mutate(asked=rows.billed & left)
    else:
        rows = rows.mutate(asked=rows.billed)
    late = days_between(ibis.coalesce(rows.paid_at, rows.as_of), rows.due_at)
    return rows.mutate(due_age=days_between(rows.as_of, rows.due_at), late_days=ibis.greatest(late, ibis.literal(0.0)))


FRAMES: tuple[SignalFrame, ...] = (
    SignalFrame("usage_days", sql_rollup.EVENTS, (), lambda _, inputs: inputs.usage["usage_days"]),
    SignalFrame("usage_users", sql_rollup.EVENTS, ("user_id",), lambda _, inputs: inputs.usage["usage_users"]),
    SignalFrame("usage_features", sql_rollup.EVENTS, ("feature",), lambda _, inputs: inputs.usage["usage_features"]),
    SignalFrame(
        "interactions",
        "interactions",
        (),
        lambda sources, inputs: talks(sources, inputs.snapshots, _measured(sources, "interactions")),
    ),
    _rows("tickets"),
    _rows("milestones", distinct=("milestone",)),
    SignalFrame(
        "onboarding", "milestones", (), lambda sources, inputs: onboarding(sources, inputs.snapshots, inputs.milestones)
    ),
    SignalFrame(
        "contracts",
        "contracts",
        (),
        lambda sources, inputs: seen_contracts(sources, inputs.snapshots, inputs.churn),
    ),
    SignalFrame("invoices", "invoices", (), seen_invoices),
    _rows("outcomes"),
    _rows("contacts", distinct=("role", "since")),
    SignalFrame(
        "contact_activity", "contacts", (), lambda sources, inputs: contact_activity(sources, inputs.snapshots)
    ),
    _rows("surveys", latest=True),
    _rows("interventions"),
)


def frame_named(name: str) -> SignalFrame:
    """The frame of that name.

    Parameters
    ----------
    name : str
        One of `FRAMES`.

    Returns
    -------
    SignalFrame

    Raises
    ------
    KeyError
        When there is none.
    """
    for frame in FRAMES:
        if frame.name == name:
            return frame
    raise KeyError(name)


def tables_of(signal: Signal) -> set[str]:
    """The source tables of the signal's own frame and of the columns that it needs.

    Parameters
    ----------
    signal : Signal
        Of either kind; those that a derived one is made of are not looked into.

    Returns
    -------
    set of str
    """
    own = {frame_named(signal.frame).table} if isinstance(signal, AggregateSignal) else set()
    return own | {column.split(".")[0] for column in signal.needs}
