"""What lists of accounts tell beside a day's scores: the day scored earlier, and what goes with milestones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class EarlierAccount:
    """An account on a day that was scored earlier, as the ledger has it.

    Attributes
    ----------
    account_id : str
    owner, segment : str or None
        As that day knew them.
    lifecycle_stage, risk_level : str or None
    p_churn : float
    arr : float or None
    days_to_renewal : int or None
        None where the day's signals are not kept, or there was no contract's end.
    """

    account_id: str
    owner: str | None
    segment: str | None
    lifecycle_stage: str | None
    risk_level: str | None
    p_churn: float
    arr: float | None
    days_to_renewal: int | None


@dataclass(frozen=True)
class EarlierDay:
    """All accounts on a day about a month before.

    Attributes
    ----------
    as_of : str
    knows_renewals : bool
        Whether its signals are kept.
    accounts : tuple of EarlierAccount
    """

    as_of: str
    knows_renewals: bool
    accounts: tuple[EarlierAccount, ...]


@dataclass(frozen=True)
class RetentionShare:
    """How many of some accounts stayed.

    Attributes
    ----------
    accounts, stayed : int
    share, low, high : float
        With its 95 % interval (Wilson).
    """

    accounts: int
    stayed: int
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class MilestoneRetention:
    """Who stayed, of the accounts that had reached a milestone by its day and of those that had not.

    Attributes
    ----------
    milestone : str
    due_days : int
        Days after sign-up: accounts that were customers on that day are compared, as it was known then.
    within_days : int
        Days after it within which they stayed or left; accounts of which that is not known yet are left out.
    reached, missed : RetentionShare or None
        None with fewer than ten accounts.
    low, high : float or None
        Of the difference of the two shares (Newcombe's interval); None where one of them is.
    """

    milestone: str
    due_days: int
    within_days: int
    reached: RetentionShare | None
    missed: RetentionShare | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class DayLists:
    """What lists of a day need beside the accounts' summaries.

    Attributes
    ----------
    before_as_of : str or None
        The day scored a week and more before, with which summaries compare; None where there is none.
    earlier : EarlierDay or None
        The day with which totals are compared.
    milestones : tuple of MilestoneRetention
        In the order of the framework; empty where milestones are not known.
    stages : tuple of str
        As configured, the first one first.
    """

    before_as_of: str | None = None
    earlier: EarlierDay | None = None
    milestones: tuple[MilestoneRetention, ...] = ()
    stages: tuple[str, ...] = ()

    @classmethod
    def of(cls, written: Mapping[str, Any]) -> DayLists:
        """As `asdict` and JSON leave it."""
        earlier = written["earlier"]
        day = None
        if earlier is not None:
            accounts = tuple(EarlierAccount(*row.values()) for row in earlier["accounts"])
            day = EarlierDay(earlier["as_of"], earlier["knows_renewals"], accounts)
        milestones = tuple(
            MilestoneRetention(
                **{
                    **one,
                    **{name: one[name] and RetentionShare(**one[name]) for name in ("reached", "missed")},
                }
            )
            for one in written["milestones"]
        )
        return cls(written["before_as_of"], day, milestones, tuple(written["stages"]))
