"""Who was right about renewals: the automated call, the CSM's and the final one, so many days before each of them.

A call says that an account will not renew when it puts it at the riskiest level. It is the call of the scoring nearest
to so many days before the end of the contract, at most NEAR_DAYS away from it, with the CSM's override that held on
that scoring's day and was in the ledger by then. A renewal is judged once it lies GRACE_DAYS back: whoever has left by
then did not renew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from evaluation.metrics import Interval, wilson

DAYS_BEFORE = (180, 90, 30)
NEAR_DAYS = 15
GRACE_DAYS = 30


@dataclass(frozen=True)
class Judged:
    """How often a call was right, of how many; `seen` of the `left` that it had called.

    Attributes
    ----------
    calls, right, left, seen : int
    share : Interval or None
        Of the calls that were right; None without one.
    """

    calls: int
    right: int
    left: int
    seen: int
    share: Interval | None


@dataclass(frozen=True)
class RenewalCalls:
    """The calls made so many days before the renewals that have passed.

    Attributes
    ----------
    days_before, renewals, left : int
    automated, final : Judged
        On every renewal.
    csm, automated_beside_csm : Judged
        On the renewals of accounts for which a CSM's override held, and the model's on the same.
    """

    days_before: int
    renewals: int
    left: int
    automated: Judged
    csm: Judged
    automated_beside_csm: Judged
    final: Judged


def renewal_calls(
    rows: pd.DataFrame, riskiest: str, known_until: pd.Timestamp, days_before: Sequence[int] = DAYS_BEFORE
) -> tuple[RenewalCalls, ...]:
    """Judges the calls on renewals.

    Parameters
    ----------
    rows : pd.DataFrame
        Scorings: account_id, as_of, risk_level, days_to_renewal (missing: no contract that ends), churn_at (NaT: has
        not left), and override_level (missing: none held), where overrides were made.
    riskiest : str
        The level that says that an account leaves.
    known_until : pd.Timestamp
        Up to which it is known who left.
    days_before : sequence of int
        Of the renewal, at which to look.

    Returns
    -------
    tuple of RenewalCalls
        One for each of `days_before`; without renewals its counts are 0.
    """
    rows = rows[rows["days_to_renewal"].notna()]
    renewal = rows["as_of"].dt.normalize() + pd.to_timedelta(rows["days_to_renewal"].round(), unit="D")
    judged = (renewal + pd.Timedelta(days=GRACE_DAYS) <= known_until).to_numpy()
    rows, renewal = rows[judged], renewal[judged]
    gone = (rows["churn_at"] <= renewal + pd.Timedelta(days=GRACE_DAYS)).to_numpy()
    override = rows["override_level"] if "override_level" in rows else pd.Series(None, rows.index, dtype=object)
    known = pd.DataFrame(
        {
            "account_id": rows["account_id"].to_numpy(),
            "renewal": renewal.to_numpy(),
            "days": rows["days_to_renewal"].to_numpy(dtype=float),
            "left": gone,
            "automated": (rows["risk_level"] == riskiest).to_numpy(),
            "has_override": override.notna().to_numpy(),
            "override": (override == riskiest).to_numpy(),
        }
    )
    return tuple(_at(known, days) for days in days_before)


def _at(known: pd.DataFrame, days: int) -> RenewalCalls:
    away = (known["days"] - days).abs()
    near = known.assign(away=away)[away <= NEAR_DAYS].sort_values(["away", "renewal"], kind="stable")
    near = near.drop_duplicates(["account_id", "renewal"], keep="first")
    by_csm = near[near["has_override"]]
    final = near["override"].where(near["has_override"], near["automated"])
    return RenewalCalls(
        days_before=days,
        renewals=len(near),
        left=int(near["left"].sum()),
        automated=_judged(near["automated"], near["left"]),
        csm=_judged(by_csm["override"], by_csm["left"]),
        automated_beside_csm=_judged(by_csm["automated"], by_csm["left"]),
        final=_judged(final, near["left"]),
    )


def _judged(called: pd.Series, left: pd.Series) -> Judged:
    says, happened = called.to_numpy(dtype=bool), left.to_numpy(dtype=bool)
    calls, right = len(says), int((says == happened).sum())
    share = Interval(right / calls, *wilson(right / calls, calls)) if calls else None
    return Judged(calls, right, int(happened.sum()), int((says & happened).sum()), share)
