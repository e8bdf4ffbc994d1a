"""Tables of few rows from which labels are counted by hand, and labels as words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from configs.settings import Settings
from features.labels.labels import (
    labels_for,
)
from tests.features.small_company import pairs_of, settings_for, sources_of

Make = Callable[..., Settings]

OUTCOMES = "account_id occurred_at kind voluntary"

CONTRACTS = "account_id starts_at ends_at arr"

USES = "account_id occurred_at"

QUIET = {"silence": {"of": "usage_events", "days": 30, "active_days": 60}}


def made(
    make: Make, kind: str, pairs: list[tuple[str, str]], end: str, churn: dict[str, Any], **tables: Any
) -> pd.DataFrame:
    return labels_for(sources_of(end, **tables), pairs_of(*pairs), settings_for(make, kind, **churn))


def texts(times: pd.Series) -> list[str | None]:
    return [None if pd.isna(time) else f"{time:%Y-%m-%d}" for time in times]
