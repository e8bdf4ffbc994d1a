"""CSMs' own calls beside the model's and the rules': which one counts, and afterwards who was right.

A call says at which risk level somebody puts an account, why, and until when. It changes no prediction: the automated
call stands in the ledger as it was made, the CSM's beside it, and the final one is the CSM's for as long as it holds.
A call is judged on a scoring only if it held on that day: made by then, not yet expired, not replaced by a later one.
"""

from __future__ import annotations

import hashlib
from typing import Any

import pandas as pd

from evaluation.jsonable import to_jsonable
from evaluation.ledger import Ledger, Written, canonical, moment
from features.timeline import asof_join

COLUMNS = ("account_id", "made_at", "level", "reason", "made_by", "expires_at")


def enter_calls(ledger: Ledger, calls: pd.DataFrame, at: pd.Timestamp, asked_by: str) -> Written:
    """Writes CSMs' own calls to the ledger as one batch; the same calls are written once, however often entered.

    Parameters
    ----------
    ledger : Ledger
        Open for writing.
    calls : pd.DataFrame
        COLUMNS; made_at and expires_at are moments, expires_at NaT: until the next call.
    at : pd.Timestamp
        The moment of the entry.
    asked_by : str
        Who entered them.

    Returns
    -------
    Written
    """
    columns = [
        [None if pd.isna(one) else moment(one) for one in calls[name]] if name.endswith("_at") else calls[name].tolist()
        for name in COLUMNS
    ]
    rows = list(zip(range(len(calls)), *columns, strict=True))
    key = f"override {hashlib.sha256(canonical([row[1:] for row in rows]).encode()).hexdigest()}"
    return ledger.append("override", rows, asked_by=asked_by, at=at, key=key)


def in_force(rows: pd.DataFrame, calls: pd.DataFrame) -> pd.DataFrame:
    """The call that held for each row (account_id, as_of): made_at, level, reason, made_by, expires_at and entered_at
    of `Ledger.overrides`, missing where none did; with the index of `rows`.

    Of an account's calls made by as_of the newest holds (of two made at once, the one entered last), if as_of lies
    before its expiry; a call that has expired does not bring back the one it replaced.
    """
    columns = ["made_at", "level", "reason", "made_by", "expires_at", "entered_at"]
    newest = asof_join(rows, calls, "made_at", columns)
    held = newest.made_at.notna() & ~(newest.expires_at <= rows["as_of"])
    return newest.where(held)


def with_calls(rows: pd.DataFrame, calls: pd.DataFrame) -> pd.DataFrame:
    """Adds to rows the CSM's call that held on their day.

    Parameters
    ----------
    rows : pd.DataFrame
        account_id, as_of.
    calls : pd.DataFrame
        Calls as the ledger holds them.

    Returns
    -------
    pd.DataFrame
        The rows with `called` (a risk level, or missing) and `call_entered_at`.
    """
    held = in_force(rows, calls)
    return rows.assign(called=held.level.to_numpy(dtype=object), call_entered_at=held.entered_at.to_numpy())


def standing(automated: pd.DataFrame, calls: pd.DataFrame, at: pd.Timestamp) -> list[dict[str, Any]]:
    """The automated, the CSM's and the final call of each account at a moment, with the reason and the expiry.

    Parameters
    ----------
    automated : pd.DataFrame
        account_id and risk_level, an account once.
    calls : pd.DataFrame
        Calls as the ledger holds them.
    at : pd.Timestamp
        The moment.

    Returns
    -------
    list of dict
        One an account; `csm` and what belongs to it are None where no call holds.
    """
    held = in_force(automated[["account_id"]].assign(as_of=at), calls)
    held = held.astype(object).where(held.notna(), None)
    told = held.drop(columns=["level", "entered_at"]).to_dict("records")
    return [
        dict(to_jsonable({"account_id": account, "automated": level, "csm": called, "final": called or level, **more}))
        for account, level, called, more in zip(
            automated.account_id, automated.risk_level, held.level, told, strict=True
        )
    ]
