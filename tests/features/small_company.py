"""Sources from a few rows written down in a test: dates as text, everything else as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from configs.settings import Settings
from features.sources.backends import DuckDBEngine
from features.sources.sources import Sources

TIMES = ("created_at", "starts_at", "ends_at", "cancelled_at", "occurred_at", "recorded_at")
Rows = list[tuple[Any, ...]]


def sources_of(data_end: str, **tables: tuple[str, Rows]) -> Sources:
    """Each table as (names of its columns, rows); accounts a and b since 2023 unless they are given."""
    engine = DuckDBEngine.at()
    made = {}
    tables.setdefault("accounts", ("account_id created_at", [("a", "2023-01-01"), ("b", "2023-01-01")]))
    for name, (columns, rows) in tables.items():
        frame = pd.DataFrame(rows, columns=columns.split())
        frame = frame.assign(**{c: frame[c].astype("datetime64[us]") for c in frame if c in TIMES})
        made[name] = engine.upload(name, frame)
    return Sources(engine, made, pd.Timestamp(data_end).as_unit("us"), (), {}, "small")


def settings_for(make_settings: Callable[..., Settings], kind: str, **churn: Any) -> Settings:
    tables = {name: {"from": f"{name}.csv"} for name in ("accounts", "contracts", "outcomes", "usage_events")}
    return make_settings(tables=tables, churn={"kind": kind, **churn})


def pairs_of(*pairs: tuple[str, str]) -> pd.DataFrame:
    return pd.DataFrame(pairs, columns=["account_id", "as_of"]).astype({"as_of": "datetime64[us]"})


def day(text: str) -> pd.Timestamp:
    return pd.Timestamp(text)
