"""Tables that a mapping may name beside the eleven canonical ones.

A helper leads from the id of a subscription, user or device to an account; a table that has no account of its own goes
through it (`via: {subscriptions: subscription_id}`). `merges` says which accounts went into which others,
`health_scores` what another platform thought of them.
"""

from __future__ import annotations

from dataclasses import replace

from configs.tables import Column, Table, table

MERGES = Table(
    "merges",
    "merged_at",
    (
        Column("account_id", "text", required=True),
        Column("into_account_id", "text", required=True),
        Column("merged_at", "time", required=True),
        Column("recorded_at", "time"),
    ),
)
# What another platform thought of an account, to be judged beside the model: higher is healthier.
HEALTH_SCORES = Table(
    "health_scores",
    "scored_at",
    (
        Column("account_id", "text", required=True),
        Column("scored_at", "time", required=True),
        Column("score", "number", required=True),
        Column("platform", "text"),
        Column("recorded_at", "time"),
    ),
)
BESIDE: tuple[Table, ...] = (MERGES, HEALTH_SCORES)  # entries of `tables:` that are no canonical table and no helper
_HELPER = Table(
    "helper",
    "valid_from",
    (
        Column("key", "text", required=True),
        Column("account_id", "text", required=True),
        Column("valid_from", "time"),
        Column("valid_to", "time", filled_later=True),
        Column("recorded_at", "time"),
    ),
)
# Canonical tables that lead from an id of theirs to an account, and that id.
CANONICAL_KEYS: dict[str, str] = {
    "contracts": "contract_id",
    "contacts": "contact_id",
    "tickets": "ticket_id",
    "invoices": "invoice_id",
}


def helper_table(name: str) -> Table:
    """What a helper of that name may have: its key, the account of it, and between when that holds.

    Parameters
    ----------
    name : str
        As `tables:` calls it.

    Returns
    -------
    Table
    """
    return replace(_HELPER, name=name)


def mapped_table(name: str) -> Table:
    """The table behind an entry of `tables:`: a canonical one, merges, health_scores, or a helper.

    Parameters
    ----------
    name : str

    Returns
    -------
    Table
    """
    for beside in BESIDE:
        if name == beside.name:
            return beside
    try:
        return table(name)
    except KeyError:
        return helper_table(name)
