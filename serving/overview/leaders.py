"""What leaders and admins are shown of sources and ledger: calls on renewals, playbooks, how fresh the feeds are."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd

from configs.atomic_files import read_marked
from evaluation.metrics import Refusal
from evaluation.monitoring import describe_outage
from evaluation.outcomes import (
    FORECASTS,
    Effect,
    Judged,
    PlaybookUse,
    RenewalCalls,
    drawn_effect,
    facts_of,
    interventions_known,
    judged_so_far,
    levels_in_force,
    playbook_use,
    renewal_calls,
    with_overrides,
)
from features.checks import feeds_of
from serving.messages import (
    CallsJudged,
    CallsOfLevels,
    FeedsAnswer,
    FeedStatus,
    LeadersAnswer,
    PlaybookUseAnswer,
    RenewalCallsAnswer,
)
from serving.project import Project

WITHIN = (30, 90, 180)
DAYS_TO_RENEWAL = "days_to_renewal"
KEY = ["account_id", "as_of"]


def leaders(project: Project, today: pd.DataFrame, history: pd.DataFrame | None, now: pd.Timestamp) -> LeadersAnswer:
    """Renewals that come and that have passed, and playbooks.

    A month is judged by what the ledger holds of it; a month without a scoring, by the backtest's out-of-time rows.

    Parameters
    ----------
    project : Project
        Its sources and its ledger are read.
    today : pd.DataFrame
        Predictions of the day that serves, an account a row, with days_to_renewal (in days; missing: no contract ends).
    history : pd.DataFrame or None
        Signals at earlier as_ofs.
    now : pd.Timestamp
        Only what was known by then.

    Returns
    -------
    LeadersAnswer
    """
    settings = project.settings
    riskiest = max(settings.framework.levels, key=lambda level: level.p_from).name
    facts = facts_of(project.sources, settings)
    rows = _with_override(project, _scorings(project, now), now)
    known = interventions_known(project.sources, project.ledger_or_none, now)
    matured = rows[rows["y"].notna()]
    calls: tuple[RenewalCalls, ...] = ()
    if history is not None and DAYS_TO_RENEWAL in history and len(rows):
        dated = rows.merge(history[[*KEY, DAYS_TO_RENEWAL]], on=KEY, how="left", validate="many_to_one")
        calls = renewal_calls(dated, riskiest, facts.known_until)
    uses = () if known is None or matured.empty else playbook_use(matured, known)
    return LeadersAnswer(
        horizon_days=settings.main_horizon_days,
        riskiest=riskiest,
        first_as_of=f"{rows['as_of'].min():%Y-%m-%d}" if len(rows) else None,
        scorings=len(rows),
        coming=_coming(project, today, riskiest, now),
        calls=[_answer(one) for one in calls],
        playbooks=[_use(one) for one in uses],
        tasks_done=_tasks_done(project),
        effect=_effect(project, rows),
    )


def feeds_answer(project: Project) -> FeedsAnswer:
    """Every feed with its freshness and outages; from the last check where that still holds.

    Parameters
    ----------
    project : Project

    Returns
    -------
    FeedsAnswer
    """
    checked = project.last_check
    feeds = feeds_of(project.sources) if checked is None else checked.report.feeds
    return FeedsAnswer(
        data_end=f"{project.sources.data_end:%Y-%m-%d}",
        feeds=[
            FeedStatus(
                table=feed.table,
                rows=feed.rows,
                accounts=feed.accounts,
                last_day=feed.last_day,
                days_behind=feed.days_behind,
                has_stopped=feed.has_stopped,
                late_share=feed.late_share,
                outages=[describe_outage(feed.table, outage) for outage in reversed(feed.outages)],
            )
            for feed in feeds
        ],
    )


def _scorings(project: Project, now: pd.Timestamp) -> pd.DataFrame:
    """account_id, as_of, risk_level, churn_at, y and requested_at (NaT: of the backtest) of everything predicted."""
    settings = project.settings
    outcome = f"churned_{settings.main_horizon_days}d"
    names = [*KEY, "risk_level", "churn_at", "y", "requested_at"]
    parts, months = [], set[pd.Period]()
    ledger = project.ledger_or_none
    if ledger is not None and ledger.count(FORECASTS, now):
        served = judged_so_far(ledger, settings, now, columns=["batch_id", "row", "risk_level"])
        served = served[~served["in_hindsight"]].drop_duplicates(KEY, keep="first", ignore_index=True)
        parts.append(served.rename(columns={outcome: "y"})[names])
        months = set(served["as_of"].dt.to_period("M"))
    kept = read_marked(settings.paths.backtest_predictions, {"settings": settings.version})
    if kept is not None:
        left = kept[0][~kept[0]["as_of"].dt.to_period("M").isin(months)]
        parts.append(left.rename(columns={outcome: "y"}).assign(requested_at=pd.NaT)[names])
    parts = [part for part in parts if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=names)


def _with_override(project: Project, rows: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    overrides = None if project.ledger_or_none is None else project.ledger.overrides(now)
    if overrides is None or overrides.empty or rows.empty:
        return rows.assign(override_level=None)
    return with_overrides(rows, overrides)


def _coming(project: Project, rows: pd.DataFrame, riskiest: str, now: pd.Timestamp) -> list[CallsOfLevels]:
    """Renewals of the next days by the three calls."""
    if DAYS_TO_RENEWAL not in rows or rows.empty:
        return []
    days = rows[DAYS_TO_RENEWAL].to_numpy(dtype=float)
    overrides = None if project.ledger_or_none is None else project.ledger.overrides(now)
    csm = np.full(len(rows), None, dtype=object)
    if overrides is not None and len(overrides):
        csm = np.array(
            [one.csm for one in levels_in_force(rows[["account_id", "risk_level"]], overrides, now)], dtype=object
        )
    arr = rows["arr"].fillna(0.0).to_numpy(dtype=float)
    loss = rows[f"expected_arr_loss_{project.settings.main_horizon_days}d"].fillna(0.0).to_numpy(dtype=float)
    automated = (rows["risk_level"] == riskiest).to_numpy()
    called = np.array([one is not None for one in csm])
    by_csm = called & (csm == riskiest)
    final = np.where(called, by_csm, automated)
    return [
        CallsOfLevels(
            within_days=within,
            renewals=int(near.sum()),
            arr=float(arr[near].sum()),
            expected_loss=float(loss[near].sum()),
            automated=int(automated[near].sum()),
            csm_calls=int(called[near].sum()),
            csm=int(by_csm[near].sum()),
            final=int(final[near].sum()),
            final_arr=float(arr[near & final].sum()),
        )
        for within in WITHIN
        for near in ((days >= 0) & (days < within),)
    ]


def _effect(project: Project, rows: pd.DataFrame) -> str:
    """What chance says of approaching accounts, in words."""
    if project.ledger_or_none is None:
        return "Nothing has been served yet."
    served = rows[rows["requested_at"].notna() & rows["y"].notna()]
    found: Effect | Refusal = drawn_effect(served[[*KEY, "requested_at", "y"]], project.ledger, project.settings)
    if isinstance(found, Refusal):
        return f"What approaching accounts did is not said: {found.refused}."
    gap = found.difference
    return (
        f"Chance decided who was approached: of {found.treated_accounts:,} accounts up for it"
        f" {100 * found.treated.value:.0f} % left, of {found.holdout_accounts:,} held out"
        f" {100 * found.holdout.value:.0f} %; the difference is {100 * gap.value:.1f} points"
        f" ({100 * gap.low:.1f} to {100 * gap.high:.1f})."
    )


def _tasks_done(project: Project) -> dict[str, int]:
    if project.ledger_or_none is None:
        return {}
    return dict(Counter(one.task for one in project.ledger.task_events() if one.kind == "done"))


def _judged(found: Judged) -> CallsJudged:
    share = found.share
    ends = {} if share is None else {"share": share.value, "low": share.low, "high": share.high}
    return CallsJudged(calls=found.calls, right=found.right, left=found.left, seen=found.seen, **ends)


def _answer(found: RenewalCalls) -> RenewalCallsAnswer:
    return RenewalCallsAnswer(
        days_before=found.days_before,
        renewals=found.renewals,
        left=found.left,
        automated=_judged(found.automated),
        csm=_judged(found.csm),
        automated_beside_csm=_judged(found.automated_beside_csm),
        final=_judged(found.final),
    )


def _use(found: PlaybookUse) -> PlaybookUseAnswer:
    left = found.left
    ends = {} if left is None else {"left": left.value, "low": left.low, "high": left.high}
    return PlaybookUseAnswer(
        kind=found.kind,
        used=found.used,
        accounts=found.accounts,
        judged=found.judged,
        comparable=found.comparable,
        **ends,
    )
