"""Sources as frames, to be compared with what was written by hand."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from configs.settings import Settings
from configs.tables import table
from features.sources.sources import Sources

Make = Callable[..., Settings]

Write = Callable[..., None]


def canonical(sources: Sources) -> dict[str, pd.DataFrame]:
    return {
        name: rows.to_pandas().sort_values(["account_id", table(name).time], ignore_index=True)
        for name, rows in sources.tables.items()
    }
