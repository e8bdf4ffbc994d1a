"""Groups of accounts, and the refusal of a group that is too small."""

from __future__ import annotations

import pandas as pd

from evaluation.metrics import MetricRefused, Refusal

LEAST_ACCOUNTS = 10


def group_labels(accounts: pd.DataFrame, by: str | None) -> pd.Series:
    """The group of each account (index: account_id): "all", a column's value, or the quarter of sign-up ("cohort")."""
    if by is None:
        return pd.Series("all", index=accounts.account_id)
    if by == "cohort":
        label = accounts.created_at.dt.year.astype(str) + " Q" + accounts.created_at.dt.quarter.astype(str)
    else:
        label = accounts[by].astype(object).where(accounts[by].notna(), "(unknown)").astype(str)
    return pd.Series(label.to_numpy(), index=accounts.account_id)


def refusal_of_few(name: str, accounts: int, what: str = "accounts") -> Refusal | None:
    """The refusal of a figure of fewer than 10 accounts, else None."""
    if accounts >= LEAST_ACCOUNTS:
        return None
    return Refusal(MetricRefused(name, what, accounts, LEAST_ACCOUNTS).why)
