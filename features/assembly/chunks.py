"""How many snapshots are worked out at a time, so that a build stays within `engine.memory_mb`."""

from __future__ import annotations

import pandas as pd

SNAPSHOTS_PER_MB = 80  # (account, as_of) pairs that are worked out at a time, for each megabyte of engine.memory_mb
CROWD = 24  # users or features of an account are many: so many times fewer snapshots at a time


def as_of_chunks(
    as_ofs: pd.DatetimeIndex, accounts: int, memory_mb: int, crowded: bool = False
) -> list[pd.DatetimeIndex]:
    """The as_ofs in runs of at most SNAPSHOTS_PER_MB * memory_mb snapshots, a single as_of at least.

    >>> days = pd.date_range("2024-01-01", periods=5, freq="D")
    >>> [len(run) for run in as_of_chunks(days, accounts=1000, memory_mb=25)]
    [2, 2, 1]
    """
    most = SNAPSHOTS_PER_MB * memory_mb // (CROWD if crowded else 1)
    size = max(1, most // max(1, accounts))
    return [as_ofs[start : start + size] for start in range(0, len(as_ofs), size)]
