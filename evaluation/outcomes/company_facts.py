"""What the sources know of a company beside its predictions: contracts, who left when, milestones, interventions."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from configs.settings import Settings
from evaluation.ledger import BELONGING
from features.labels import churn_events, contracts_known_until
from features.sources import Sources
from features.timeline import asof_join, contract_rows, spans

VALUE = "first_business_outcome"  # the milestone that counts as value
REGIONS = ("region", "country")


@dataclass(frozen=True)
class Facts:
    """What the sources know of a company today, beside its predictions; None where they hold no such table.

    Attributes
    ----------
    accounts : pd.DataFrame
        account_id, created_at, left_at (NaT: still there), segment and owner where mapped, and the columns of
        `regions`.
    regions : tuple of str
        Names of the columns of `accounts` that hold a region.
    contracts : pd.DataFrame or None
        account_id, at, ends_at, arr.
    known_until : pd.Timestamp
        Day until which contracts are settled.
    reached : pd.DataFrame or None
        account_id, at: who reached the milestone that counts as value, and when.
    due_days : int
        Days after sign-up by which it is due.
    interventions : pd.DataFrame or None
        account_id, started_at, ended_at, arm.
    data_end : pd.Timestamp
        Where the sources end.
    belonging : pd.DataFrame or None
        account_id, visible (the first as_of that knew it), segment, owner: every version of an account, where the
        sources keep them. None: `accounts` is all that is known.
    """

    accounts: pd.DataFrame
    regions: tuple[str, ...]
    contracts: pd.DataFrame | None
    known_until: pd.Timestamp
    reached: pd.DataFrame | None
    due_days: int
    interventions: pd.DataFrame | None
    data_end: pd.Timestamp
    belonging: pd.DataFrame | None = None

    def with_belonging(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Adds segment and owner of each row's day: as the ledger kept them when it was scored, else as the sources
        knew them at its as_of, else today's, where the sources keep no versions.

        Parameters
        ----------
        rows : pd.DataFrame
            account_id and as_of; segment and owner where the ledger has them.

        Returns
        -------
        pd.DataFrame
            The rows, in their order, with both; missing where the sources do not have them.
        """
        kept = rows.reindex(columns=list(BELONGING))
        rows = rows.drop(columns=list(BELONGING), errors="ignore")
        if self.belonging is None:
            today = self.accounts.reindex(columns=["account_id", *BELONGING])
            known = rows[["account_id"]].merge(today, on="account_id", how="left", validate="many_to_one")
            known = known.set_axis(rows.index)
        else:
            known = asof_join(rows, self.belonging, "visible", list(BELONGING))
        return rows.assign(**{name: kept[name].where(kept[name].notna(), known[name]) for name in BELONGING})


def facts_of(sources: Sources, settings: Settings) -> Facts:
    """Reads from the sources what the figures for leaders need.

    Parameters
    ----------
    sources : Sources
        Stay open.
    settings : Settings
        Churn rules and milestones.

    Returns
    -------
    Facts
    """
    accounts = sources.tables["accounts"]
    regions = tuple(name for name in REGIONS if name in accounts.columns)
    have = [name for name in ("segment", "owner", *regions) if name in accounts.columns]
    frame = sources.engine.to_pandas(accounts.select("account_id", "created_at", *have))
    churned = churn_events(sources, settings)
    left = churned[~churned["returned"].astype(bool)].groupby("account_id")["at"].max()  # who came back has not left
    frame["left_at"] = frame["account_id"].map(left).astype("datetime64[us]")
    gap = pd.Timedelta(days=settings.churn.absence_days)
    contracts, known_until = None, sources.data_end
    if sources.has("contracts", "arr"):
        contracts = contract_rows(sources, settings.churn)
        known_until = contracts_known_until(contracts, gap, sources.data_end)
    reached = None
    if sources.has("milestones"):
        rows = sources.tables["milestones"]
        reached = spans(sources, "milestones", where=rows.milestone == VALUE)
    due = next((item.due_days for item in settings.framework.milestones if item.name == VALUE), 120)
    return Facts(
        accounts=frame,
        regions=regions,
        contracts=contracts,
        known_until=known_until - pd.Timedelta(days=settings.churn.settling_days),
        reached=reached if reached is not None and len(reached) else None,
        due_days=due,
        interventions=interventions_of(sources),
        data_end=sources.data_end,
        belonging=_belonging(sources),
    )


def _belonging(sources: Sources) -> pd.DataFrame | None:
    """Every version of an account's segment and owner; None where the sources have today's alone."""
    if "accounts" not in sources.versions:
        return None
    rows = spans(sources.history(), "accounts", *BELONGING).sort_values(["visible", "superseded"], kind="stable")
    return rows[["account_id", "visible", *BELONGING]].reset_index(drop=True)


def interventions_of(sources: Sources) -> pd.DataFrame | None:
    """Reads every intervention that the sources know of.

    Parameters
    ----------
    sources : Sources
        Stay open.

    Returns
    -------
    pd.DataFrame or None
        account_id, started_at, ended_at, arm, kind; None where the sources hold none.
    """
    if not sources.has("interventions"):
        return None
    return spans(sources, "interventions", "ended_at", "arm", "kind").rename(columns={"at": "started_at"})
