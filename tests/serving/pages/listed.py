"""Days of made-up accounts for lists: summaries as they are given, and a snapshot that serves them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from serving.api import Snapshot
from serving.prepared import DayLists, DayWriter, PreparedAccount, PreparedDay, Summary
from tests.serving.prepared_days import header, row_of


def account(account_id: str, **more: Any) -> Summary:
    """An account at medium risk with a task, but for what is given."""
    made: dict[str, Any] = {
        **{"name": account_id.title(), "segment": "smb", "owner": "anna", "lifecycle_stage": "adoption"},
        **{"risk_level": "medium", "p_churn": 0.2, "health_score": 50.0, "coverage": 1.0, "arr": 1000.0},
        **{"expected_arr_loss": 200.0, "arm": None, "days_to_renewal": 100, "triggers": ("gone_quiet",)},
        **{"action": "re_engagement", "action_title": "Bring the users back", "due_on": "2026-01-03"},
        **{"why": "gone_quiet", "why_words": "Nobody has used it", "saves": 60.0, "p_before": 0.1},
        **{"level_before": "low", "happened": "Risk rose.", "stage_days": 40},
    }
    return Summary(account_id=account_id, **{**made, **more})


def write_listed_day(folder: Path, accounts: Sequence[Summary], lists: DayLists | None = None) -> Path:
    """A prepared day of these accounts."""
    of = header()
    with DayWriter(folder) as writer:
        for one in accounts:
            body = json.dumps({"account_id": one.account_id}).encode()
            writer.add(PreparedAccount(one, body, body, row_of(one.account_id, of), f"{one.account_id} {of.as_of}"))
        return writer.close(of, lists)


def snapshot_of_accounts(
    folder: Path, accounts: Sequence[Summary], lists: DayLists | None = None, levels: dict[str, Any] | None = None
) -> Snapshot:
    """What serves such a day; `levels`: CSMs' overrides."""
    return Snapshot(PreparedDay.load(write_listed_day(folder / "day", accounts, lists)), levels or {}, 7, "now")
