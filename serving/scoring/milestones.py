"""The journey from data: who is stuck at which milestone, and how many stayed of those that reached one in time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from configs.framework import Framework, Milestone
from evaluation.metrics import difference_interval, wilson
from evaluation.outcomes import facts_of
from features.sources import Sources
from features.timeline import SUPERSEDED, spans
from serving.prepared import MilestoneRetention, RetentionShare
from serving.project import Project

LEAST_ACCOUNTS = 10
A_YEAR = 365


def milestone_rows(sources: Sources) -> pd.DataFrame | None:
    """account_id, milestone, at (reached) and visible (the first as_of that knew it); None without the table."""
    if not sources.has("milestones"):
        return None
    rows = spans(sources, "milestones", "milestone")
    if SUPERSEDED in rows:
        rows = rows[rows[SUPERSEDED].isna()]
    return rows[["account_id", "milestone", "at", "visible"]]


def stuck_at(
    rows: pd.DataFrame, signed_up: Mapping[str, pd.Timestamp], as_of: pd.Timestamp, expected: Sequence[Milestone]
) -> dict[str, tuple[str, int]]:
    """Of each account that is behind: the first milestone past its day and not reached, and how many days past.

    Parameters
    ----------
    rows : DataFrame
        See `milestone_rows`. An account without any is not behind: nobody may be keeping track of it.
    signed_up : mapping of account id to Timestamp
        The accounts that are asked about.
    as_of : Timestamp
    expected : sequence of Milestone
        In their order.

    Returns
    -------
    dict
        The milestone's name and days, by account.
    """
    known = rows[rows.visible <= as_of]
    reached: dict[str, set[str]] = {}
    for account, milestone in zip(known.account_id, known.milestone, strict=True):
        reached.setdefault(account, set()).add(milestone)
    stuck = {}
    for account, began in signed_up.items():
        if account not in reached or pd.isna(began):
            continue
        days = (as_of - began).days
        late = (one for one in expected if days > one.due_days and one.name not in reached[account])
        first = next(late, None)
        if first is not None:
            stuck[account] = (first.name, days - first.due_days)
    return stuck


def early_stages(framework: Framework) -> set[str]:
    """The stages that begin by tenure before the last milestone is due: those in which one can be stuck."""
    last = max((one.due_days for one in framework.milestones), default=0)
    return {one.name for one in framework.stages if one.from_tenure_days is not None and one.from_tenure_days < last}


def milestone_retention(
    rows: pd.DataFrame,
    accounts: pd.DataFrame,
    known_until: pd.Timestamp,
    expected: Sequence[Milestone],
    within_days: int,
) -> list[MilestoneRetention]:
    """Who stayed of those that reached each milestone by its day, and of those that did not.

    An account is looked at on the day the milestone is due (the landmark), if it is a customer then, by what was known
    then, and followed for `within_days`. So nobody counts as having reached it because he stayed long enough to.

    Parameters
    ----------
    rows : DataFrame
        See `milestone_rows`.
    accounts : DataFrame
        account_id, created_at, left_at (NaT: still there).
    known_until : Timestamp
        Until when it is known who left.
    expected : sequence of Milestone
    within_days : int

    Returns
    -------
    list of MilestoneRetention
        One a milestone.

    References
    ----------
    Anderson, Cain and Gelber (1983), Analysis of survival by tumor response: the landmark method.

    Examples
    --------
    >>> day = pd.Timestamp("2024-01-01")
    >>> accounts = pd.DataFrame({"account_id": range(40), "created_at": day, "left_at": pd.NaT})
    >>> accounts["left_at"] = pd.Series([day + pd.Timedelta(days=50)] * 12 + [pd.NaT] * 28)
    >>> rows = pd.DataFrame({"account_id": range(10, 40), "milestone": "kickoff", "at": day, "visible": day})
    >>> expected = [Milestone(name="kickoff", due_days=14)]
    >>> (kickoff,) = milestone_retention(rows, accounts, pd.Timestamp("2025-01-01"), expected, 90)
    >>> kickoff.reached.share, kickoff.missed.share, kickoff.low > 0
    (0.9333333333333333, 0.0, True)
    """
    found = []
    for milestone in expected:
        due = accounts.created_at + pd.Timedelta(days=milestone.due_days)
        until = due + pd.Timedelta(days=within_days)
        asked = accounts[((accounts.left_at.isna() | (accounts.left_at >= due)) & (until <= known_until)).to_numpy()]
        due, until = due.loc[asked.index], until.loc[asked.index]
        mine = rows[rows.milestone == milestone.name].groupby("account_id")[["at", "visible"]].min()
        mine = mine.reindex(asked.account_id).set_axis(asked.index)
        reached = ((mine["at"] < due) & (mine["visible"] <= due)).to_numpy()
        stayed = (asked.left_at.isna() | (asked.left_at >= until)).to_numpy()
        did, did_not = (_share(int(who.sum()), int((who & stayed).sum())) for who in (reached, ~reached))
        ends = _difference(did, did_not)
        found.append(MilestoneRetention(milestone.name, milestone.due_days, within_days, did, did_not, *ends))
    return found


def _share(accounts: int, stayed: int) -> RetentionShare | None:
    if accounts < LEAST_ACCOUNTS:
        return None
    share = stayed / accounts
    return RetentionShare(accounts, stayed, share, *wilson(share, accounts))


def _difference(
    reached: RetentionShare | None, missed: RetentionShare | None
) -> tuple[float, float] | tuple[None, None]:
    if reached is None or missed is None:
        return None, None
    return difference_interval(reached.share, reached.accounts, missed.share, missed.accounts)


def journey(
    project: Project, as_of: pd.Timestamp, in_stage: Mapping[str, str]
) -> tuple[dict[str, tuple[str, int]], tuple[MilestoneRetention, ...]]:
    """Who is stuck (see `stuck_at`) and what goes with retention, of a project's own tables.

    Parameters
    ----------
    project : Project
    as_of : Timestamp
    in_stage : mapping of account id to stage
        The accounts in play.

    Returns
    -------
    dict, tuple of MilestoneRetention
        Both empty without milestones.
    """
    framework = project.settings.framework
    rows = milestone_rows(project.sources)
    if rows is None or rows.empty or not framework.milestones:
        return {}, ()
    facts = facts_of(project.sources, project.settings)
    began = facts.accounts.groupby("account_id").created_at.min()
    early = early_stages(framework)
    asked = {account: began.get(account, pd.NaT) for account, stage in in_stage.items() if stage in early}
    accounts = facts.accounts.drop_duplicates("account_id")
    if facts.contracts is not None:  # whoever never had a contract was no customer
        accounts = accounts[accounts.account_id.isin(facts.contracts.account_id)]
    within = max(A_YEAR, *project.settings.horizons_days)  # contracts are yearly: in half of one few can leave
    kept = milestone_retention(rows, accounts, facts.known_until, framework.milestones, within)
    return stuck_at(rows, asked, as_of, framework.milestones), tuple(kept)
