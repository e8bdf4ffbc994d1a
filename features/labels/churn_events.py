"""Churn events of the configured definition: every one of them, how many there were when, and who has left for good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from configs.settings import Settings
from features.health import lifecycle_stages
from features.sources import Sources
from features.timeline import (
    churn_rows,
    contract_rows,
    customer_spells,
    lasting_events,
    of_accounts,
    spells_between_silences,
)


@dataclass(frozen=True)
class Churns:
    """How many churn events of the configured definition there were, and when.

    Attributes
    ----------
    accounts, events, churned_accounts : int
        All accounts, churn events, and accounts with at least one.
    by_year, by_quarter, by_stage : mapping of str to int
        Events; the stage is that by tenure at the time.
    """

    accounts: int
    events: int
    churned_accounts: int
    by_year: Mapping[str, int]
    by_quarter: Mapping[str, int]
    by_stage: Mapping[str, int]


def churn_events(sources: Sources, settings: Settings) -> pd.DataFrame:
    """Every churn known by the data's end; an account may have several.

    Parameters
    ----------
    sources : Sources
        The project's tables.
    settings : Settings
        `churn` says what a churn is.

    Returns
    -------
    DataFrame
        account_id, at, end_at (the last moment of the relation: `at`, or for churn by silence when it began), and
        returned (whether the account came back later, as far as is known).
    """
    rule = settings.churn
    if rule.kind == "outcome":
        churns = churn_rows(sources)[["account_id", "at"]].assign(end_at=lambda rows: rows["at"])
        events = lasting_events(sources, rule)
        back = events[events.alive.astype(bool)].groupby("account_id")["at"].max()
        return churns.assign(returned=(of_accounts(back, churns.account_id) > churns["at"]).to_numpy())
    if rule.kind == "contract_end":
        spells = _with_returns(customer_spells(contract_rows(sources, rule), pd.Timedelta(days=rule.absence_days)))
        decided = sources.data_end - pd.Timedelta(days=rule.absence_days)
        spells = spells[(spells.ended <= decided) & (spells.ended < sources.data_end)]
        at = spells.ended
    else:
        spells, clock = spells_between_silences(sources, settings)
        spells = _with_returns(spells)
        at = clock.after(spells.ended, pd.Timedelta(days=rule.silence.days))
        spells, at = spells[at <= sources.data_end], at[at <= sources.data_end]
    columns = {"account_id": spells.account_id, "at": at, "end_at": spells.ended, "returned": spells.returned}
    return pd.DataFrame(columns).reset_index(drop=True)


def _with_returns(spells: pd.DataFrame) -> pd.DataFrame:
    """The spells with whether another one of the account follows."""
    return spells.assign(returned=spells.duplicated("account_id", keep="last").to_numpy())


def count_churns(accounts: pd.DataFrame, churned: pd.DataFrame, settings: Settings) -> Churns:
    """Churn events by year, quarter and stage.

    Parameters
    ----------
    accounts : DataFrame
        account_id and created_at.
    churned : DataFrame
        As `churn_events` returns them.
    settings : Settings
        `framework` has the stages.

    Returns
    -------
    Churns
    """
    events = churned.merge(accounts[["account_id", "created_at"]], on="account_id")
    tenure = pd.DataFrame({"tenure_days": (events["at"] - events.created_at).dt.total_seconds() / 86_400})
    stages = lifecycle_stages(tenure, settings.framework).lifecycle_stage
    # The end of a contract at midnight belongs to the day before.
    moment = events["at"] - pd.Timedelta(microseconds=1 if settings.churn.kind == "contract_end" else 0)
    quarters = moment.dt.year.astype("str") + "-Q" + moment.dt.quarter.astype("str")

    def counted(keys: pd.Series) -> dict[str, int]:
        return {str(key): int(count) for key, count in keys.value_counts().sort_index().items()}

    return Churns(
        accounts=len(accounts),
        events=len(events),
        churned_accounts=int(events.account_id.nunique()),
        by_year=counted(moment.dt.year),
        by_quarter=counted(quarters),
        by_stage={
            stage.name: int((stages == stage.name).sum())
            for stage in settings.framework.stages
            if (stages == stage.name).any()
        },
    )


def fates(accounts: pd.DataFrame, churned: pd.DataFrame) -> pd.DataFrame:
    """What became of each account by the data's end, of its churn events the last.

    Accounts that left and came back are not among the rows: no single fate is theirs.

    Parameters
    ----------
    accounts : DataFrame
        account_id and created_at.
    churned : DataFrame
        As `churn_events` returns them.

    Returns
    -------
    DataFrame
        account_id, created_at, left_at (NaT: never), end_at.
    """
    frame = accounts[["account_id", "created_at"]].copy()
    last = churned.sort_values("at", kind="stable").drop_duplicates("account_id", keep="last").set_index("account_id")
    for name, moments in (("left_at", last["at"]), ("end_at", last.end_at)):
        frame[name] = of_accounts(moments, frame.account_id)
    returned = last.index[last.returned.astype(bool)]
    return frame[~frame.account_id.isin(returned)].reset_index(drop=True)
