"""CSMs' overrides beside the model's levels and the rules': which one counts, and afterwards who was right.

An override says at which risk level a CSM puts an account, why, and until when. It changes no prediction: the automated
level stands in the ledger as it was made, the CSM's beside it, and the final one is the CSM's for as long as it holds.
An override is judged on a scoring only if it held on that day: made by then and in the ledger by then, not yet expired,
not replaced by a later one. One that was entered later proves nothing of that day: whoever enters it may know what came
of the account. It is kept and counted, and not judged.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.ledger import Ledger, Written, canonical, moment
from features.timeline import asof_join

COLUMNS = ("account_id", "made_at", "level", "reason", "made_by", "expires_at")
HELD = ("made_at", "level", "reason", "made_by", "expires_at", "entered_at")


@dataclass(frozen=True)
class LevelInForce:
    """The risk level that counts for an account at a moment, and what it follows from.

    Attributes
    ----------
    account_id : str
    automated : str
        The model's level.
    csm : str or None
        The CSM's; None where no override holds, as for what follows `final`.
    final : str
        The CSM's where one holds, else the model's.
    made_at : pd.Timestamp or None
        When the override was made.
    reason, made_by : str or None
        Why, and by whom.
    expires_at : pd.Timestamp or None
        When it expires; None: with the next override.
    """

    account_id: str
    automated: str
    csm: str | None
    final: str
    made_at: pd.Timestamp | None
    reason: str | None
    made_by: str | None
    expires_at: pd.Timestamp | None


def enter_overrides(ledger: Ledger, overrides: pd.DataFrame, at: pd.Timestamp, asked_by: str) -> Written:
    """Writes CSMs' overrides to the ledger as one batch; the same ones are written once, however often entered.

    Parameters
    ----------
    ledger : Ledger
        Open for writing.
    overrides : pd.DataFrame
        COLUMNS; made_at and expires_at are moments, expires_at NaT: until the next override.
    at : pd.Timestamp
        The moment of the entry.
    asked_by : str
        Who entered them.

    Returns
    -------
    Written
        The batch.
    """
    columns = [
        [None if pd.isna(time) else moment(time) for time in overrides[name]]
        if name.endswith("_at")
        else overrides[name].tolist()
        for name in COLUMNS
    ]
    rows = list(zip(range(len(overrides)), *columns, strict=True))
    key = f"override {hashlib.sha256(canonical([row[1:] for row in rows]).encode()).hexdigest()}"
    return ledger.append("override", rows, asked_by=asked_by, at=at, key=key)


def in_force(rows: pd.DataFrame, overrides: pd.DataFrame) -> pd.DataFrame:
    """The override that held for each row (account_id, as_of): made_at, level, reason, made_by, expires_at and
    entered_at of `Ledger.overrides`, missing where none did; with the index of `rows`.

    Of an account's overrides made and entered by as_of the newest holds (of two made at once, the one entered last), if
    as_of lies before its expiry; an override that has expired does not bring back the one it replaced.
    """
    return _unexpired(rows, asof_join(rows, _newest_known(overrides), "known_at", list(HELD)))


def _newest_known(overrides: pd.DataFrame) -> pd.DataFrame:
    """HELD of an account's newest override from each `known_at` on, when one more had been made and entered."""
    by_made = overrides.reset_index(drop=True).sort_values("made_at", kind="stable", ignore_index=True)
    known_at = by_made[["made_at", "entered_at"]].max(axis=1)
    known = by_made.assign(known_at=known_at, place=np.arange(len(by_made))).sort_values("known_at", kind="stable")
    newest = by_made.loc[known.groupby("account_id")["place"].cummax(), list(HELD)]
    return newest.assign(account_id=known.account_id.to_numpy(), known_at=known.known_at.to_numpy())


def _unexpired(rows: pd.DataFrame, newest: pd.DataFrame) -> pd.DataFrame:
    return newest.where(newest.made_at.notna() & ~(newest.expires_at <= rows["as_of"]))


def with_overrides(rows: pd.DataFrame, overrides: pd.DataFrame) -> pd.DataFrame:
    """Adds to rows the CSM's override that held on their day, and whether another was made for it in hindsight.

    Parameters
    ----------
    rows : pd.DataFrame
        account_id, as_of.
    overrides : pd.DataFrame
        See `Ledger.overrides`.

    Returns
    -------
    pd.DataFrame
        The rows with `override_level` (a risk level, or missing) and `override_in_hindsight`: an override is said to
        have held on that day, but was entered after it.
    """
    held = in_force(rows, overrides)
    claimed = _unexpired(rows, asof_join(rows, overrides, "made_at", list(HELD)))
    late = (claimed.entered_at > rows["as_of"]).to_numpy(dtype=bool)
    return rows.assign(override_level=held.level.to_numpy(dtype=object), override_in_hindsight=late)


def levels_in_force(automated: pd.DataFrame, overrides: pd.DataFrame, at: pd.Timestamp) -> tuple[LevelInForce, ...]:
    """The automated, the CSM's and the final level of each account at a moment, with the reason and the expiry.

    Parameters
    ----------
    automated : pd.DataFrame
        account_id and risk_level, an account once.
    overrides : pd.DataFrame
        See `Ledger.overrides`.
    at : pd.Timestamp
        The moment.

    Returns
    -------
    tuple of LevelInForce
        One an account, in the order of `automated`.
    """
    held = in_force(automated[["account_id"]].assign(as_of=at), overrides)
    held = held.astype(object).where(held.notna(), None)
    return tuple(
        LevelInForce(
            account_id=account_id,
            automated=level,
            csm=override["level"],
            final=override["level"] or level,
            made_at=override["made_at"],
            reason=override["reason"],
            made_by=override["made_by"],
            expires_at=override["expires_at"],
        )
        for account_id, level, override in zip(
            automated.account_id, automated.risk_level, held.to_dict("records"), strict=True
        )
    )
