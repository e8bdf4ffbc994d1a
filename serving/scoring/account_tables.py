"""Rows of the source tables by account, as they were known on a day: read once, for the pages of all accounts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import numpy as np
import pandas as pd

from features.sources import Sources, known_at

USAGE_WEEKS = 26
PAST_DAYS = 365
# Columns that are shown, of those that a project maps, and the time by which rows are chosen and ordered.
SHOWN: dict[str, tuple[str, ...]] = {
    "tickets": ("ticket_id", "opened_at", "resolved_at", "priority", "satisfaction", "text"),
    "invoices": ("invoice_id", "issued_at", "due_at", "paid_at", "amount", "kind"),
    "surveys": ("occurred_at", "kind", "score", "contact_id", "text"),
    "milestones": ("milestone", "reached_at"),
    "contacts": ("contact_id", "role", "since", "until"),
}
TIMES = {"tickets": "opened_at", "invoices": "issued_at", "surveys": "occurred_at"}


@dataclass(frozen=True)
class AccountTables:
    """Frames by table, each with the places of every account's rows.

    Attributes
    ----------
    names : tuple of str
        Source tables that there are.
    """

    names: tuple[str, ...]
    _frames: dict[str, pd.DataFrame]
    _places: dict[str, dict[Any, np.ndarray]]

    @classmethod
    def read(cls, sources: Sources, as_of: pd.Timestamp) -> AccountTables:
        """The rows that were known on a day: a year of what happens, all of what stands."""
        known = known_at(sources, as_of)
        frames = {name: _rows(known, name, as_of) for name in SHOWN if name in known.tables}
        if "usage_events" in known.tables:
            frames["usage"] = _usage(known, as_of)
        if "interactions" in known.tables:
            frames["talks"] = _talks(known)
        places = {
            name: {
                account: np.asarray(rows) for account, rows in frame.groupby("account_id", sort=False).indices.items()
            }
            for name, frame in frames.items()
        }
        return cls(tuple(known.tables), frames, places)

    def of(self, name: str, account_id: str) -> list[dict[str, Any]]:
        """The rows of an account, with None for what is missing and times as ISO text; none of a table that is not
        there."""
        if name not in self._frames or account_id not in self._places[name]:
            return []
        rows = self._frames[name].iloc[self._places[name][account_id]]
        return [{str(key): _plain(value) for key, value in row.items()} for row in rows.to_dict("records")]


def _plain(value: Any) -> Any:
    if value is None or value is pd.NaT or (isinstance(value, float) and np.isnan(value)):
        return None
    if isinstance(value, pd.Timestamp):
        return value.isoformat(timespec="seconds")
    return value


def _rows(known: Sources, name: str, as_of: pd.Timestamp) -> pd.DataFrame:
    rows = known.tables[name]
    time = TIMES.get(name)
    if time is not None:
        since = ibis.literal(as_of - pd.Timedelta(days=PAST_DAYS))
        is_recent = rows[time] >= since
        if "resolved_at" in rows.columns:
            is_recent |= rows.resolved_at.isnull()
        rows = rows.filter(is_recent)
    frame = known.engine.to_pandas(rows.select("account_id", *_there(rows, SHOWN[name])))
    order: Sequence[str] = [time or next(column for column in ("reached_at", "since") if column in frame)]
    frame = frame.sort_values([*order], ascending=False, kind="stable").reset_index(drop=True)
    for column in SHOWN[name]:
        if column not in frame:
            frame[column] = None
    return frame


def _there(rows: Any, columns: Sequence[str]) -> list[str]:
    return [column for column in columns if column in rows.columns]


def _usage(known: Sources, as_of: pd.Timestamp) -> pd.DataFrame:
    """Quantity and users by account and week, counted back from the day."""
    rows = known.tables["usage_events"]
    rows = rows.filter(rows.occurred_at >= ibis.literal(as_of - pd.Timedelta(days=7 * USAGE_WEEKS)))
    seconds = ibis.literal(float(as_of.timestamp())) - rows.occurred_at.epoch_seconds()
    rows = rows.mutate(weeks_ago=(seconds / (7.0 * 86400)).floor().cast("int64"))
    quantity = rows.quantity.sum() if "quantity" in rows.columns else rows.count()
    figures = {"quantity": quantity.cast("float64")}
    if "user_id" in rows.columns:
        figures["users"] = rows.user_id.nunique()
    return known.engine.to_pandas(rows.group_by(["account_id", "weeks_ago"]).aggregate(**figures))


def _talks(known: Sources) -> pd.DataFrame:
    """By account and contact, when there was last anything, and when the contact last did something: began it, came to
    it or answered. What we do ourselves is no sign of a person."""
    rows = known.tables["interactions"]
    signs = []
    if "initiated_by" in rows.columns:
        signs.append(rows.initiated_by == "customer")
    if "attended" in rows.columns:
        signs.append(rows.attended)
    if "responded_at" in rows.columns:
        signs.append(rows.responded_at.notnull())
    did = ibis.literal(not signs)
    for sign in signs:
        did |= sign.fill_null(False)
    who = rows.contact_id if "contact_id" in rows.columns else ibis.null("string")
    rows = rows.select(
        "account_id", "occurred_at", contact_id=who, did_at=did.ifelse(rows.occurred_at, ibis.null("timestamp"))
    )
    grouped = rows.group_by(["account_id", "contact_id"])
    return known.engine.to_pandas(grouped.aggregate(last_at=rows.occurred_at.max(), active_at=rows.did_at.max()))
