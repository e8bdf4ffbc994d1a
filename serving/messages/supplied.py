"""What the service asks the worker for accounts with supplied signals, and what it hears of each."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from serving.messages.scores import AccountError, SuppliedAccount


class SuppliedRequest(BaseModel):
    """Accounts to score, and whether each comes with every reason."""

    every_reason: bool
    accounts: list[SuppliedAccount]


class SuppliedScore(BaseModel):
    """One account: an error, or its prediction.

    Attributes
    ----------
    prediction : str or None
        The JSON of a `Prediction`, as it leaves.
    row : list
        Of the ledger, without its number.
    """

    account_id: str
    error: AccountError | None = None
    prediction: str | None = None
    risk_level: str = ""
    arm: Literal["treated", "holdout"] | None = None
    row: list[str | int | float | None] = []


class SuppliedScores(BaseModel):
    """One entry an account, in the order of the request."""

    results: list[SuppliedScore]
