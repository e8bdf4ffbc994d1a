"""Rows of an account as they were known on a day: nothing that came later, and nothing that was filled in later."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from configs.settings import Settings
from features.sources import open_sources
from serving.scoring.account_tables import AccountTables

AS_OF = pd.Timestamp("2025-06-01")
FRAMES = {
    "accounts": pd.DataFrame({"account_id": ["a", "b"], "created_at": ["2024-01-01"] * 2}),
    "contracts": pd.DataFrame(
        {"account_id": ["a", "b"], "starts_at": ["2024-01-01"] * 2, "ends_at": ["2026-01-01"] * 2}
    ),
    "tickets": pd.DataFrame(
        {
            "account_id": ["a", "a", "a", "b"],
            "ticket_id": ["open then", "after", "long ago", "other"],
            "opened_at": ["2025-05-20", "2025-06-02", "2024-01-02", "2025-05-01"],
            "resolved_at": ["2025-06-10", None, "2024-01-03", None],
        }
    ),
    "usage_events": pd.DataFrame(
        {
            "account_id": ["a", "a", "a", "a"],
            "occurred_at": ["2025-05-31 23:00", "2025-05-30", "2025-05-20", "2025-06-01 01:00"],
            "user_id": ["u", "v", "u", "w"],
            "quantity": [1, 2, 4, 8],
        }
    ),
    "interactions": pd.DataFrame(
        {
            "account_id": ["a", "a", "a"],
            "occurred_at": ["2025-05-10", "2025-05-25", "2025-06-05"],
            "kind": ["email"] * 3,
            "contact_id": ["c", "c", "c"],
            "initiated_by": ["customer", "us", "customer"],
        }
    ),
}


def test_rows_are_those_known_on_the_day(
    make_settings: Callable[..., Settings], write_tables: Callable[..., None]
) -> None:
    write_tables(FRAMES)
    sources = open_sources(make_settings(tables={name: {"from": f"{name}.csv"} for name in FRAMES}))
    try:
        tables = AccountTables.read(sources, AS_OF)
    finally:
        sources.close()
    assert [(one["ticket_id"], one["resolved_at"]) for one in tables.of("tickets", "a")] == [("open then", None)]
    assert {(one["weeks_ago"], one["quantity"], one["users"]) for one in tables.of("usage", "a")} == {
        (0, 3.0, 2),
        (1, 4.0, 1),
    }
    (talk,) = tables.of("talks", "a")
    assert (talk["last_at"][:10], talk["active_at"][:10]) == ("2025-05-25", "2025-05-10")
    assert tables.of("tickets", "nobody") == tables.of("invoices", "a") == []
    assert "invoices" not in tables.names
