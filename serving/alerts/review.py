"""Whether alerts were worth their noise: precision and lead time against outcomes, of each trigger and of the budget.

The alerts are those that the same rules would have raised on past scorings, in their order: a change between one
scoring and the next, told once within `quiet_days`, most at stake first within an owner's week.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC

import numpy as np
import pandas as pd

from configs.settings import Settings
from evaluation.metrics import share_interval
from serving.alerts.budget import ALERT, week_of
from serving.alerts.raising import Alert, alerts_of, pairs_of, places_taken, routes_of

SEEN_DAYS = 180  # an account counts as seen that had an alert within so many days before it left
STATE, CHANGE, BUDGET = "any trigger, every scoring", "on a change", "within the budget"


@dataclass(frozen=True)
class ReviewedTrigger:
    """What one subject of alerts was worth.

    Attributes
    ----------
    kind, subject : str
    alerts : int
        How many had it.
    precision, low, high : float or None
        Share of them whose account churned within the main horizon, with its 95 % interval over accounts.
    lift : float or None
        Precision over the base rate.
    lead_days : float or None
        Median days to the churn, among those.
    refused : str or None
        Why there is no precision.
    """

    kind: str
    subject: str
    alerts: int
    precision: float | None = None
    low: float | None = None
    high: float | None = None
    lift: float | None = None
    lead_days: float | None = None
    refused: str | None = None


@dataclass(frozen=True)
class ReviewedPolicy:
    """What a way of alerting asks of CSMs and gives them.

    Attributes
    ----------
    policy : str
    alerts : int
    share_of_accounts : float
        Of a day's accounts that have one, on average.
    most_a_week, mean_a_week : float
        Alerts of an owner in a week, of weeks with any.
    precision, low, high, lift
        As in ReviewedTrigger.
    churned, seen : int
        Accounts that churned, and those of them with an alert within the 180 days before.
    seen_by_chance : float
        How many of them as many alerts would have met if each day's had been drawn from all accounts.
    arr_seen : float or None
        Share of the churned ARR that those `seen` had; None without any.
    lead_days : float or None
        Median days from the first of these alerts to the churn.
    """

    policy: str
    alerts: int
    share_of_accounts: float
    most_a_week: float
    mean_a_week: float
    precision: float | None
    low: float | None
    high: float | None
    lift: float | None
    churned: int
    seen: int
    seen_by_chance: float
    arr_seen: float | None
    lead_days: float | None
    refused: str | None = None


@dataclass(frozen=True)
class AlertReview:
    """What alerts would have been worth over past scorings.

    Attributes
    ----------
    source : {"backtest", "ledger"}
    horizon_days : int
    first, last : str
        ISO days of the first and the last scoring.
    scorings, rows : int
        Days that were scored, and the accounts scored on them together.
    base_rate : float
        Share of the rows that churned within the horizon.
    per_owner_a_week : int
        The budget.
    triggers : tuple of ReviewedTrigger
    policies : tuple of ReviewedPolicy
    """

    source: str
    horizon_days: int
    first: str
    last: str
    scorings: int
    rows: int
    base_rate: float
    per_owner_a_week: int
    triggers: tuple[ReviewedTrigger, ...]
    policies: tuple[ReviewedPolicy, ...]


def review(rows: pd.DataFrame, settings: Settings, source: str) -> AlertReview:
    """Judges the alerts that these scorings would have raised.

    Parameters
    ----------
    rows : DataFrame
        Columns of a prediction, owner, churned_<main horizon>d (NaN: not matured) and churn_at.
    settings : Settings
        Rules, budget, and `evaluation.min_churned_accounts`.
    source : str
        Where the rows come from.

    Returns
    -------
    AlertReview
        Of matured rows whose account has a scoring before.
    """
    y = f"churned_{settings.main_horizon_days}d"
    days = sorted(rows.as_of.unique())
    told = _replayed(rows, days, settings)
    judged = rows[rows[y].notna() & (rows.as_of > days[0])]
    first = rows.groupby("account_id").as_of.transform("min")
    judged = judged[judged.as_of > first.loc[judged.index]].assign(
        y=lambda frame: frame[y].astype(float), week=lambda frame: [_week(day, settings) for day in frame.as_of]
    )
    told = told.merge(judged[["account_id", "as_of", "y", "churn_at"]], on=["account_id", "as_of"])
    risks = told[told.is_risk]
    state = judged[[text not in ("[]", None) for text in judged.triggers]]
    policies = ((STATE, state), (CHANGE, risks), (BUDGET, risks[risks.route == ALERT]))
    base, least = float(judged.y.mean()), settings.evaluation.min_churned_accounts
    return AlertReview(
        source=source,
        horizon_days=settings.main_horizon_days,
        first=f"{judged.as_of.min():%Y-%m-%d}",
        last=f"{judged.as_of.max():%Y-%m-%d}",
        scorings=int(judged.as_of.nunique()),
        rows=len(judged),
        base_rate=base,
        per_owner_a_week=settings.alerts.per_owner_a_week,
        triggers=_triggers(risks, base, least),
        policies=tuple(_policy(name, alerts, judged, base, least) for name, alerts in policies),
    )


def _replayed(rows: pd.DataFrame, days: Sequence[pd.Timestamp], settings: Settings) -> pd.DataFrame:
    """An alert a row: account_id, as_of, owner, route, is_risk, subjects (of changes of risk) and week."""
    quiet, found = pd.Timedelta(days=settings.alerts.quiet_days), []
    last_fired: dict[tuple[str, str, str], pd.Timestamp] = {}
    places: dict[str, Counter[str | None]] = {}
    by_day = {day: frame.drop(columns=["reasons", "actions"]) for day, frame in rows.groupby("as_of")}
    for before, after in itertools.pairwise(days):
        fired = {key for key, at in last_fired.items() if at >= after - quiet}
        named = by_day[after].owner.astype(object).where(by_day[after].owner.notna(), None)
        owners = dict(zip(by_day[after].account_id, named, strict=True))
        alerts = alerts_of(pairs_of(by_day[before], by_day[after], settings), owners, fired)
        last_fired |= {
            (alert.after.account_id, change.kind, change.subject): after for alert in alerts for change in alert.changes
        }
        week = _week(after, settings)
        used = places.setdefault(week, Counter())
        routes = routes_of(alerts, used, settings, _moment(after))
        used.update(places_taken((alert.owner, route) for alert, route in zip(alerts, routes, strict=True)))
        found += [_row(alert, route, week) for alert, route in zip(alerts, routes, strict=True)]
    names = ["account_id", "as_of", "owner", "route", "is_risk", "subjects", "week"]
    return pd.DataFrame(found, columns=names).astype({"as_of": rows.as_of.dtype})


def _row(alert: Alert, route: str, week: str) -> tuple[object, ...]:
    subjects = tuple((change.kind, change.subject) for change in alert.changes if change.is_risk)
    return alert.after.account_id, alert.after.as_of, alert.owner, route, alert.is_risk, subjects, week


def _moment(day: pd.Timestamp) -> pd.Timestamp:
    return pd.Timestamp(day).tz_localize(UTC)


def _week(day: pd.Timestamp, settings: Settings) -> str:
    return week_of(_moment(day), settings.alert_zone)


def _triggers(risks: pd.DataFrame, base: float, least: int) -> tuple[ReviewedTrigger, ...]:
    """Each subject, the most frequent first."""
    counted = Counter(subject for subjects in risks.subjects for subject in subjects)
    out = []
    for (kind, subject), alerts in counted.most_common():
        fired = risks[[(kind, subject) in subjects for subjects in risks.subjects]]
        out.append(ReviewedTrigger(kind, subject, alerts, *_worth(fired, base, least)))
    return tuple(out)


Worth = tuple[float | None, float | None, float | None, float | None, float | None, str | None]


def _worth(fired: pd.DataFrame, base: float, least: int) -> Worth:
    """precision, its interval, lift, median days to the churn; and why there is none."""
    left = fired[fired.y > 0]
    churned = left.account_id.nunique()
    if churned < least:
        return None, None, None, None, None, f"{churned} churned accounts among them, {least} needed"
    precision = float(fired.y.mean())
    low, high = share_interval(fired.y.to_numpy(), fired.account_id.to_numpy())
    lead = (left.churn_at - left.as_of).dt.total_seconds() / 86_400
    return precision, low, high, precision / base, float(lead.median()), None


def _policy(name: str, alerts: pd.DataFrame, judged: pd.DataFrame, base: float, least: int) -> ReviewedPolicy:
    precision, low, high, lift, _, refused = _worth(alerts, base, least)
    a_week = alerts.fillna({"owner": "-"}).groupby(["owner", "week"]).size()
    by_day = alerts.groupby("as_of").account_id.nunique() / judged.groupby("as_of").account_id.nunique()
    by_day = by_day.fillna(0.0)
    within = judged[judged.churn_at.notna() & (judged.churn_at - judged.as_of <= pd.Timedelta(days=SEEN_DAYS))]
    gone = within.sort_values("as_of").groupby("account_id").last()
    missed = (1.0 - within.as_of.map(by_day)).groupby(within.account_id).prod()
    early = alerts[alerts.churn_at.notna() & (alerts.churn_at - alerts.as_of <= pd.Timedelta(days=SEEN_DAYS))]
    first = early.groupby("account_id").agg(as_of=("as_of", "min"), churn_at=("churn_at", "first"))
    lead = (first.churn_at - first.as_of).dt.total_seconds() / 86_400
    arr = float(gone.arr.sum())
    return ReviewedPolicy(
        policy=name,
        alerts=len(alerts),
        share_of_accounts=float(by_day.mean()),
        most_a_week=float(a_week.max()) if len(a_week) else 0.0,
        mean_a_week=float(a_week.mean()) if len(a_week) else 0.0,
        precision=precision,
        low=low,
        high=high,
        lift=lift,
        churned=len(gone),
        seen=int(gone.index.isin(first.index).sum()),
        seen_by_chance=float((1.0 - missed).sum()),
        arr_seen=float(gone.arr[gone.index.isin(first.index)].sum()) / arr if arr > 0 else None,
        lead_days=float(np.median(lead)) if len(lead) else None,
        refused=refused,
    )
