"""What callers reported of accounts (`POST /v1/interventions`, `POST /v1/outcomes`), beside what the sources say.

The sources count. What was reported fills what they do not hold: interventions where they have no such table, and
whether a churn was of the account's own will where they have no outcomes that tell. It never makes a churn or takes one
away: that is what `churn.kind` says of the sources. Where the two differ it is shown.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from configs.settings import Settings
from evaluation.ledger import Ledger
from evaluation.outcomes.company_facts import interventions_of
from features.labels import churn_events
from features.sources import Sources

NEAR = pd.Timedelta(days=60)  # between a churn that was reported and the sources' for them to be one
SAME_START = pd.Timedelta(days=1)
COLUMNS = ["account_id", "started_at", "ended_at", "arm", "kind"]
SHOWN = 20


@dataclass(frozen=True)
class ReportedEntries:
    """What was reported, and what of it the sources have otherwise.

    Attributes
    ----------
    interventions, churns, renewals : int
        How many were reported.
    interventions_count : bool
        Whether the reported interventions count, since the sources have no table of them.
    interventions_not_in_sources, churns_not_in_sources, renewals_of_churned : int
        Interventions that a table of the sources lacks; churns that the sources do not know though their time is
        settled; renewals of accounts that left by the sources about then. In all of these the sources count.
    accounts : tuple of str
        Whose these are, the first of them.
    """

    interventions: int
    churns: int
    renewals: int
    interventions_count: bool
    interventions_not_in_sources: int
    churns_not_in_sources: int
    renewals_of_churned: int
    accounts: tuple[str, ...]


def reported_interventions(ledger: Ledger, at: pd.Timestamp) -> pd.DataFrame:
    """Interventions as they were reported by a moment.

    Parameters
    ----------
    ledger : Ledger
    at : pd.Timestamp

    Returns
    -------
    pd.DataFrame
        account_id, started_at, ended_at, arm, kind. One of the same account, start and kind that was reported again
        (that it has ended, for instance) stands as it was reported last.
    """
    rows = _by(ledger.entries("intervention"), at, ["started_at", "ended_at"])
    return rows.drop_duplicates(["account_id", "started_at", "kind"], keep="last")[COLUMNS].reset_index(drop=True)


def interventions_known(sources: Sources, ledger: Ledger | None, at: pd.Timestamp) -> pd.DataFrame | None:
    """Interventions that count: the sources', or those that were reported where the sources have no such table.

    Parameters
    ----------
    sources : Sources
        Stay open.
    ledger : Ledger or None
        None: nothing was reported.
    at : pd.Timestamp
        Only what was reported by then.

    Returns
    -------
    pd.DataFrame or None
        account_id, started_at, ended_at, arm, kind; None where none are known.
    """
    known = interventions_of(sources)
    if known is not None or ledger is None:
        return known
    reported = reported_interventions(ledger, at)
    return reported if len(reported) else None


def with_reported_will(labels: pd.DataFrame, sources: Sources, ledger: Ledger, at: pd.Timestamp) -> pd.DataFrame:
    """Labels with `voluntary` from the churn reported nearest, where the sources have no outcomes that tell.

    Parameters
    ----------
    labels : pd.DataFrame
        account_id, churn_at, voluntary.
    sources : Sources
    ledger : Ledger
    at : pd.Timestamp
        Only what was reported by then.

    Returns
    -------
    pd.DataFrame
        With the same rows.
    """
    churns = _outcomes(ledger, at, "churn")
    churns = churns[churns.voluntary.notna()]
    left = labels[labels.churn_at.notna()]
    if sources.has("outcomes", "voluntary") or churns.empty or left.empty:
        return labels
    near = _nearest(left.churn_at, left.account_id, churns, "occurred_at", NEAR)
    will = churns.voluntary.reindex(near.dropna().astype("int64")).astype(bool).set_axis(near.dropna().index)
    voluntary = labels.voluntary.astype(object)
    return labels.assign(voluntary=voluntary.where(~labels.index.isin(will.index), will.reindex(labels.index)))


def compare_reported(sources: Sources, settings: Settings, ledger: Ledger, at: pd.Timestamp) -> ReportedEntries | None:
    """What was reported beside what the sources say; None while nothing was.

    Parameters
    ----------
    sources : Sources
        Stay open.
    settings : Settings
    ledger : Ledger
    at : pd.Timestamp
        Only what was reported by then.

    Returns
    -------
    ReportedEntries or None
    """
    done, of_sources = reported_interventions(ledger, at), interventions_of(sources)
    churns, renewals = _outcomes(ledger, at, "churn"), _outcomes(ledger, at, "renewal")
    if not len(done) + len(churns) + len(renewals):
        return None
    unknown = done.iloc[:0]
    if of_sources is not None:
        settled = done[done.started_at + SAME_START <= sources.data_end]
        same = _nearest(settled.started_at, settled.account_id, of_sources, "started_at", SAME_START)
        unknown = settled[same.isna()]
    events = churn_events(sources, settings)
    until = sources.data_end - NEAR - pd.Timedelta(days=settings.churn.settling_days)
    settled = churns[churns.occurred_at <= until]
    alone = settled[_nearest(settled.occurred_at, settled.account_id, events, "at", NEAR).isna()]
    gone = events[~events.returned.astype(bool)]
    stayed = renewals[_nearest(renewals.occurred_at, renewals.account_id, gone, "at", NEAR).notna()]
    accounts = pd.concat([part.account_id for part in (unknown, alone, stayed)]).drop_duplicates()
    return ReportedEntries(
        interventions=len(done),
        churns=len(churns),
        renewals=len(renewals),
        interventions_count=of_sources is None,
        interventions_not_in_sources=len(unknown),
        churns_not_in_sources=len(alone),
        renewals_of_churned=len(stayed),
        accounts=tuple(accounts.head(SHOWN)),
    )


def _outcomes(ledger: Ledger, at: pd.Timestamp, kind: str) -> pd.DataFrame:
    """Reported outcomes of a kind; the same account and moment once, as it was reported last."""
    rows = _by(ledger.entries("outcome"), at, ["occurred_at"])
    rows = rows[rows.kind == kind].drop_duplicates(["account_id", "occurred_at"], keep="last")
    return rows[["account_id", "occurred_at", "voluntary"]].reset_index(drop=True)


def _by(rows: pd.DataFrame, at: pd.Timestamp, moments: list[str]) -> pd.DataFrame:
    rows = rows.assign(**{name: pd.to_datetime(rows[name]).astype("datetime64[us]") for name in moments})
    return rows[pd.to_datetime(rows.entered_at) <= pd.Timestamp(at).tz_localize(None)]


def _nearest(at: pd.Series, account_ids: pd.Series, facts: pd.DataFrame, when: str, within: pd.Timedelta) -> pd.Series:
    """The label of the row of facts of the same account that lies nearest, NaN where none lies within; as `at`."""
    asked = pd.DataFrame({"account_id": account_ids.astype(object), "at": at.astype("datetime64[us]")})
    asked = asked.assign(asked=at.index).sort_values("at")
    known = pd.DataFrame({"account_id": facts.account_id.astype(object), "at": facts[when].astype("datetime64[us]")})
    known = known.assign(found=facts.index.astype("float64")).dropna(subset=["at"]).sort_values("at")
    both = pd.merge_asof(asked, known, on="at", by="account_id", direction="nearest", tolerance=within)
    found: pd.Series = both.set_index("asked").found.reindex(at.index)
    return found
