"""The company's support as Zendesk has it: organizations, tickets as they stand today, and their fields' history."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from features.synthetic.systems.rows import Identities, SystemTables, iso

MINUTE, HOUR, DAY = pd.Timedelta(minutes=1), pd.Timedelta(hours=1), pd.Timedelta(days=1)
ODD = 6


def zendesk_tables(frames: Mapping[str, pd.DataFrame], who: Identities, data_end: pd.Timestamp) -> SystemTables:
    """Zendesk's tables of the company.

    Parameters
    ----------
    frames : mapping of str to DataFrame
        The canonical tables.
    who : Identities
    data_end : Timestamp

    Returns
    -------
    SystemTables
    """
    accounts, tickets = frames["accounts"], frames["tickets"].reset_index(drop=True)
    own = {one: 370_000_000_000 + 17 * number for number, one in enumerate(accounts.account_id)}
    organization = pd.DataFrame(
        {
            "id": accounts.account_id.map(own),
            "external_id": accounts.account_id.map(who.accounts),
            "name": accounts.name,
            "created_at": iso(accounts.created_at),
        }
    )
    idents = 1000 + np.arange(len(tickets))
    # A ticket without an organization of its own is its requester's; she has moved on, where it has one.
    on_user = np.arange(len(tickets)) % 4 == 0
    organizations = tickets.account_id.map(own)
    user = pd.DataFrame(
        {
            "id": 9_000_000 + np.arange(len(accounts)), "organization_id": accounts.account_id.map(own),
            "role": "end-user",
            "created_at": iso(accounts.created_at), "last_login_at": iso(pd.Series(data_end + DAY, accounts.index)),
        }
    )  # fmt: skip
    requester = tickets.account_id.map(dict(zip(accounts.account_id, user.id, strict=True)))
    ticket = pd.DataFrame(
        {
            "id": idents, "organization_id": organizations.where(~on_user).astype("Int64"), "requester_id": requester,
            # Today's words, whatever they were then.
            "created_at": iso(tickets.opened_at), "status": "closed", "priority": "urgent", "merged_ticket_ids": "[]",
            "updated_at": iso(pd.Series(data_end + DAY, tickets.index)),
        }
    )  # fmt: skip
    deleted = ticket.head(ODD).assign(status="deleted", id=800_000 + np.arange(ODD))
    merged = ticket.head(ODD).assign(id=810_000 + np.arange(ODD))
    ticket.loc[ticket.index[:ODD], "merged_ticket_ids"] = [f"[{one}]" for one in merged.id]
    history = _history(tickets, idents, data_end)
    tables = {
        "organization": organization,
        "user": user,
        "ticket": pd.concat([ticket, deleted, merged], ignore_index=True),
        "ticket_tag": pd.DataFrame({"ticket_id": merged.id, "tag": "closed_by_merge"}),
        "ticket_field_history": history,
    }
    planted = {
        "deleted tickets": ODD, "merged tickets": ODD, "history rows": len(history), "today's status": len(ticket),
        "reopened tickets": int(tickets.reopened_at.notna().sum()), "tickets by requester alone": int(on_user.sum()),
    }  # fmt: skip
    return SystemTables(tables, planted)


def _history(tickets: pd.DataFrame, idents: np.ndarray, data_end: pd.Timestamp) -> pd.DataFrame:
    """Status, priority, rating and mood as they were set, each with the time of the connector's sync."""
    rows = tickets.assign(ticket_id=idents)

    def changes(field: str, value: object, updated: pd.Series, among: pd.Series | None = None) -> pd.DataFrame:
        table = pd.DataFrame({"ticket_id": rows.ticket_id, "field_name": field, "value": value, "updated": updated})
        return table[updated.notna()] if among is None else table[among & updated.notna()]

    again = rows.reopened_at.notna()
    solved_once = rows.opened_at + (rows.reopened_at - rows.opened_at) / 2
    rated = rows.satisfaction.map("{:.0f}".format)
    parts = [
        changes("status", "new", rows.opened_at),
        changes("status", "solved", solved_once.dt.floor("s"), again),
        changes("status", "open", rows.reopened_at.dt.floor("s"), again),
        changes("status", "solved", rows.resolved_at),
        changes("status", "closed", rows.resolved_at + 4 * DAY),
        changes("priority", rows.priority, rows.opened_at),
        changes("priority", "urgent", pd.Series(data_end + DAY, rows.index)),
        changes("sentiment", rows.sentiment.map("{:g}".format), rows.opened_at),
        changes("satisfaction_score", "offered", rows.opened_at),
        changes("satisfaction_score", rated, rows.recorded_at + MINUTE, rows.satisfaction.notna()),
    ]  # fmt: skip
    history = pd.concat(parts, ignore_index=True)
    synced = history.ticket_id.map(dict(zip(rows.ticket_id, rows.recorded_at, strict=True)))
    return history.assign(updated=iso(history.updated), _fivetran_synced=iso(synced.where(synced.notna(), data_end)))
