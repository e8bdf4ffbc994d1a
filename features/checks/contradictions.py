"""Where tables contradict one another: accounts that left and are still there, and churns that no label can hold."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from configs.errors import Fault
from configs.settings import Settings
from features.labels import labels_for
from features.sources import Sources
from features.timeline import MOMENT, churn_rows, of_accounts, spans

STILL_THERE_DAYS = 30  # after a recorded churn
# Of the churns: beyond it, what is called a churn is something else. Who leaves within a term whose agreed end stays
# what it was is under contract on paper: 71 % of the withdrawals of oulad, two thirds of the demo's churns.
MOST = 0.9
SHOWN = 3
EVENTS = "usage_events"


def outcomes_against_the_rest(
    sources: Sources, settings: Settings, facts: Mapping[str, pd.DataFrame]
) -> tuple[list[str], list[Fault]]:
    """Recorded churns of accounts that are under contract or in use thirty days later.

    Parameters
    ----------
    sources : Sources
        The project's tables.
    settings : Settings
        Where churn is what outcomes say, most of them being under contract is a fault.
    facts : mapping of str to DataFrame
        `all_account_facts`.

    Returns
    -------
    warnings : list of str
    faults : list of Fault
    """
    if not sources.has("outcomes"):
        return [], []
    churns = churn_rows(sources).sort_values("at").drop_duplicates("account_id", keep="last")[["account_id", "at"]]
    back = churn_rows(sources, "reactivation").groupby("account_id")["at"].max()
    churns = churns[~(of_accounts(back, churns.account_id) >= churns["at"])]
    later = churns["at"] + pd.Timedelta(days=STILL_THERE_DAYS)
    churns, later = churns[later <= sources.data_end], later[later <= sources.data_end]
    if churns.empty:
        return [], []
    parts = {}
    begun = pd.Series(pd.NaT, index=churns.index)
    if sources.has("contracts", "ends_at"):
        contracts = _terms(sources)
        pairs = churns.assign(later=later).merge(contracts, on="account_id")
        # Who has given notice may well be said to have left, though what is paid for runs to its end.
        no_notice = ~(pairs.cancelled_at <= pairs.later)
        runs_on = pairs[
            no_notice & (pairs.began <= pairs["at"]) & (pairs.ends_at.isna() | (pairs.ends_at > pairs.later))
        ]
        parts["under contract"] = churns.account_id.isin(runs_on.account_id)
        begun = of_accounts(contracts.groupby("account_id").began.max(), churns.account_id)
    if EVENTS in facts:
        used = of_accounts(facts[EVENTS]["last"], churns.account_id) > later
        parts["in use"] = used & ~(begun > churns["at"])
    warnings, faults = [], []
    for what, is_there in parts.items():
        count, share = int(is_there.sum()), float(is_there.mean())
        if not count:
            continue
        examples = ", ".join(map(repr, sorted(churns.account_id[is_there])[:SHOWN]))
        found = (
            f"{count:,} of {len(churns):,} accounts ({share:.0%}) that left, as outcomes say, are {what} "
            f"{STILL_THERE_DAYS} days later, for example {examples}"
        )
        # Who left may be let in for a while yet, and exports of usage are the looser ones: that is never a fault.
        if share > MOST and settings.churn.kind == "outcome" and what == "under contract":
            do = "look at what outcomes calls a churn and when, or at the ends in contracts"
            faults.append(Fault("outcomes.kind", found, "accounts that left to be gone", do))
        else:
            warnings.append(f"outcomes: {found}")
    return warnings, faults


def _terms(sources: Sources) -> pd.DataFrame:
    """Contracts as written: account_id, began, ends_at (agreed, or before it; NaT: open-ended), cancelled_at."""
    later = ["ends_at", "terminated_at", "cancelled_at"]
    rows = spans(sources, "contracts", *later).astype(dict.fromkeys(later, MOMENT))
    ends = rows.ends_at.fillna(rows.cancelled_at)
    ends = pd.concat([ends, rows.terminated_at], axis=1).min(axis=1)
    named = {"account_id": rows.account_id, "began": rows["at"], "ends_at": ends}
    return pd.DataFrame({**named, "cancelled_at": rows.cancelled_at})


def churns_without_labels(sources: Sources, settings: Settings, churned: pd.DataFrame) -> list[str]:
    """A warning where churns that are counted lie after the day up to which labels are known.

    Parameters
    ----------
    sources : Sources
        The project's tables.
    settings : Settings
        `churn` says what a churn is.
    churned : DataFrame
        As `features.labels.churn_events` returns them.

    Returns
    -------
    list of str
    """
    if churned.empty:
        return []
    eve = churned.end_at.dt.floor("D")
    pairs = pd.DataFrame({"account_id": churned.account_id.to_numpy(), "as_of": eve.to_numpy()})
    labels = labels_for(sources, pairs, settings)
    known = labels.observed_until[labels.observed_until > labels.as_of]
    until = known.max() if len(known) else churned["at"].min()
    without = int((churned["at"] >= until).sum())
    usual = sources.data_end - pd.Timedelta(days=settings.churn.absence_days + settings.churn.settling_days)
    if not without or settings.churn.kind != "contract_end" or until >= usual:
        return []
    return [
        f"churn: {without:,} of {len(churned):,} churns have no label: contracts ended one after another since "
        f"{until + pd.Timedelta(days=settings.churn.absence_days):%Y-%m-%d} and none has begun, which looks like a "
        "table that is no longer kept, so that labels end there; bring newer contracts, or map outcomes and use "
        "churn.kind outcome"
    ]


def events_alike(sources: Sources) -> list[str]:
    """A warning with the share of usage rows that are there before, alike in every column.

    Parameters
    ----------
    sources : Sources
        The project's tables.

    Returns
    -------
    list of str
    """
    if EVENTS not in sources.tables or "event_id" in sources.tables[EVENTS].columns:
        return []
    rows = sources.tables[EVENTS]
    asked = rows.aggregate(rows=rows.count(), days=(rows.occurred_at == rows.occurred_at.truncate("D")).sum())
    total, days = (int(value) for value in sources.engine.to_pandas(asked).iloc[0])
    if days == total:
        return []  # without a time of the day, many of one day are alike
    alike = total - sources.engine.count(rows.distinct())
    if not alike:
        return []
    return [
        f"{EVENTS}: {alike:,} of {total:,} rows ({alike / total:.1%}) are there before, alike in every column: all "
        "count, since equal events may be true; map event_id to be sure"
    ]
