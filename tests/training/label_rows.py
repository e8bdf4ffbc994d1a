"""Labels written by hand, one row a snapshot."""

from __future__ import annotations

import pandas as pd


def labels(rows: list[tuple[str, str, str | None]], observed: str = "2025-01-01") -> pd.DataFrame:
    """Rows of (account_id, as_of, churn_at), all observed until one day."""
    frame = pd.DataFrame(rows, columns=["account_id", "as_of", "churn_at"])
    frame["as_of"] = pd.to_datetime(frame["as_of"])
    frame["churn_at"] = pd.to_datetime(frame["churn_at"])
    frame["observed_until"] = pd.Timestamp(observed)
    return frame
