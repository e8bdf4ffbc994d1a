"""The dates on which what is under contract ends, shown beside the one that counts."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from configs.settings import Settings
from serving.cli.console import _renewal
from serving.commands.score import Renewal, renewals
from serving.project import Project

DAY = pd.Timestamp("2025-03-06")
ROWS = [
    ("a", "base", "2024-03-25", "2025-03-25", 1_000_000.0),
    ("a", "add-on", "2024-12-06", "2025-12-06", 10.0),
    ("a", "over", "2023-12-06", "2024-12-06", 7.0),
    ("a", "later", "2025-04-06", "2026-04-06", 7.0),
    ("open", "own base", "2024-03-25", None, 500.0),
    ("open", "own add-on", "2024-12-06", "2025-12-06", 10.0),
    ("blank", "one", "2024-12-06", "2025-12-06", None),
    ("blank", "two", "2024-12-07", "2025-12-06", 3.0),
]


def test_every_end_is_there_and_the_one_that_counts_is_marked(
    make_settings: Callable[..., Settings], write_tables: Callable[..., None], tmp_path: Path
) -> None:
    contracts = pd.DataFrame(ROWS, columns=["account_id", "contract_id", "starts_at", "ends_at", "arr"])
    accounts = contracts.groupby("account_id").starts_at.min().rename("created_at").reset_index()
    write_tables({"accounts": accounts, "contracts": contracts})
    settings = make_settings(
        tables={name: {"from": f"{name}.csv"} for name in ("accounts", "contracts")}, data_end="2025-03-06"
    )
    with Project(settings) as project:
        frame = project.dataset_at([DAY]).signals.set_index("account_id", drop=False)
        result = {account: renewals(project, frame.loc[account]) for account in ("a", "open", "blank")}
    assert result["a"] == (Renewal("2025-03-25", 1_000_000.0, True), Renewal("2025-12-06", 10.0, False))
    assert result["open"] == (Renewal("2025-12-06", 10.0, False),)
    assert result["blank"] == (Renewal("2025-12-06", None, True),)
    assert _renewal(result["a"][0]) == "2025-03-25 1,000,000 of ARR (the renewal that counts)"
    assert _renewal(result["blank"][0]) == "2025-12-06 (the renewal that counts)"
