"""Playbooks as they were used: how often, and what followed, beside comparable accounts. No effect is read off this.

Whoever is approached is usually the worse off. So an approach is set beside accounts of the same day and risk level
that nobody approached within NEAR_DAYS; even so it may differ from them in what no level shows. Only arms drawn by
chance say what approaching did (`drawn_effect`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evaluation.metrics import Interval, wilson
from evaluation.outcomes.holdout import HOLDOUT

NEAR_DAYS = 45
LEAST = 10  # approaches below which no share is given


@dataclass(frozen=True)
class PlaybookUse:
    """How often a playbook was used, and what followed.

    Attributes
    ----------
    kind : str
        As the interventions name it.
    used, accounts : int
        Approaches, and the accounts that they reached.
    judged : int
        Approaches with a scoring of the NEAR_DAYS before whose window has passed, and comparable accounts.
    left : Interval or None
        Share of these that left within the main horizon of the scoring; None for fewer than LEAST.
    comparable : float or None
        The same share of comparable accounts, weighted as the approaches are.
    """

    kind: str
    used: int
    accounts: int
    judged: int
    left: Interval | None
    comparable: float | None


def playbook_use(rows: pd.DataFrame, interventions: pd.DataFrame) -> tuple[PlaybookUse, ...]:
    """Sets each kind of approach beside comparable accounts.

    Parameters
    ----------
    rows : pd.DataFrame
        Scorings whose main window has passed: account_id, as_of, risk_level, y (0 or 1).
    interventions : pd.DataFrame
        account_id, started_at, kind, arm; those that were held out are no approach.

    Returns
    -------
    tuple of PlaybookUse
        The most used first.
    """
    is_approach = interventions["kind"].notna() & (interventions["arm"] != HOLDOUT)
    used = interventions[is_approach].sort_values("started_at", kind="stable")
    scorings = rows[["account_id", "as_of", "risk_level", "y"]].sort_values("as_of", kind="stable")
    near = pd.Timedelta(days=NEAR_DAYS)
    asked = used[["account_id", "started_at", "kind"]].astype({"started_at": "datetime64[us]"})
    found = pd.merge_asof(
        asked, scorings.astype({"as_of": "datetime64[us]"}), left_on="started_at", right_on="as_of", by="account_id",
        tolerance=near,
    )  # fmt: skip
    left_alone = _left_alone(scorings, used, near)
    pool = left_alone.groupby(["as_of", "risk_level"])["y"].mean()
    keys = pd.MultiIndex.from_frame(found[["as_of", "risk_level"]])
    found["comparable"] = pool.reindex(keys).to_numpy()
    uses = [_of_kind(str(kind), part) for kind, part in found.groupby("kind", sort=True)]
    return tuple(sorted(uses, key=lambda use: (-use.used, use.kind)))


def _left_alone(scorings: pd.DataFrame, used: pd.DataFrame, near: pd.Timedelta) -> pd.DataFrame:
    """Scorings of accounts that nobody approached within `near` of them."""
    starts = {
        account: np.sort(days.to_numpy(dtype="datetime64[us]"))
        for account, days in used.groupby("account_id").started_at
    }
    none = np.array([], dtype="datetime64[us]")
    alone = []
    for account, as_of in zip(scorings["account_id"], scorings["as_of"], strict=True):
        days = starts.get(account, none)
        place = np.searchsorted(days, np.datetime64(as_of, "us"))
        alone.append(not (place < len(days) and days[place] < np.datetime64(as_of + near, "us")))
    return scorings[np.array(alone, dtype=bool)]


def _of_kind(kind: str, part: pd.DataFrame) -> PlaybookUse:
    judged = part[part["y"].notna() & part["comparable"].notna()]
    count, left, comparable = len(judged), None, None
    if count >= LEAST:
        share = float(judged["y"].mean())
        left, comparable = Interval(share, *wilson(share, count)), float(judged["comparable"].mean())
    return PlaybookUse(kind, len(part), int(part["account_id"].nunique()), count, left, comparable)
