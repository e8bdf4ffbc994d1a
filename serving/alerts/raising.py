"""Alerts of one scoring: what changed since the one before, each account once, within the budget."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd

from configs.settings import Settings
from evaluation.outcomes import LevelInForce
from serving.alerts.budget import ALERT, Claim, allot, allowance
from serving.alerts.kinds import AccountScore, Change, ScorePair, changes_of

TOP_DRIVERS = 3
MIN_POINTS = 0.005  # of probability, below which a signal has not moved it
Fired = Collection[tuple[str, str, str]]  # (account, kind, subject)


@dataclass(frozen=True)
class Alert:
    """What changed for one account between two scorings; `changes` gravest first."""

    before: AccountScore
    after: AccountScore
    owner: str | None
    changes: tuple[Change, ...]

    @property
    def kind(self) -> str:
        """The gravest kind of its changes."""
        return self.changes[0].kind

    @property
    def alert_id(self) -> str:
        """The same for the same account and day, whoever works it out, and however often."""
        return alert_id(self.after.account_id, f"{self.after.as_of:%Y-%m-%d}")

    @property
    def is_risk(self) -> bool:
        """Whether anything of it is a sign of risk; an opportunity and a fall are none."""
        return any(change.is_risk for change in self.changes)

    @property
    def stake(self) -> tuple[float, float]:
        """What is at stake: ARR expected to be lost, then the probability; without a sign of risk nothing."""
        return (self.after.loss or 0.0, self.after.p) if self.is_risk else (0.0, 0.0)


def alert_id(*parts: str) -> str:
    """A stable id from what an alert is about."""
    return "al_" + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:24]


def pairs_of(
    before: pd.DataFrame,
    after: pd.DataFrame,
    settings: Settings,
    in_force: Mapping[str, LevelInForce] | None = None,
) -> Iterable[ScorePair]:
    """The accounts of both scorings, each with the two beside one another.

    Parameters
    ----------
    before, after : DataFrame
        The columns of a prediction.
    settings : Settings
    in_force : mapping of account id to LevelInForce, optional
        The levels that count.

    Returns
    -------
    iterable of ScorePair
        In the order of `after`.
    """
    days, known = settings.main_horizon_days, in_force or {}
    earlier = {row["account_id"]: row for row in before.to_dict("records")}
    for row in after.to_dict("records"):
        if row["account_id"] in earlier:
            scores = AccountScore.of(earlier[row["account_id"]], days), AccountScore.of(row, days)
            yield ScorePair(*scores, settings.framework, settings.alerts, days, known.get(row["account_id"]))


def alerts_of(pairs: Iterable[ScorePair], owners: Mapping[str, str | None], fired: Fired) -> list[Alert]:
    """One alert an account, of its changes that have not fired lately."""
    found = []
    for pair in pairs:
        account = pair.after.account_id
        changes = [change for change in changes_of(pair) if (account, change.kind, change.subject) not in fired]
        if changes:
            found.append(Alert(pair.before, pair.after, owners.get(account), tuple(changes)))
    return found


def routes_of(alerts: Sequence[Alert], used: Mapping[str | None, int], settings: Settings, at: datetime) -> list[str]:
    """ALERT or DIGEST for each: within an owner's places in the week of `at` (local), those with most at stake."""
    if not alerts:
        return []
    between = max((alert.after.as_of - alert.before.as_of).days for alert in alerts)
    allowed = allowance(settings.alerts.per_owner_a_week, at.astimezone(settings.alert_zone).weekday(), between)
    return allot([Claim(alert.owner, alert.stake) for alert in alerts], used, allowed)


def places_taken(routes: Iterable[tuple[str | None, str]]) -> Counter[str | None]:
    """How many places each owner has taken, from (owner, route)."""
    return Counter(owner for owner, route in routes if route == ALERT)


def drivers_of(alert: Alert) -> list[dict[str, Any]]:
    """The signals whose share of the probability rose most since the scoring before, with both values.

    Two models share out a probability in two ways: between them nothing is compared.
    """
    if alert.before.versions[0] != alert.after.versions[0]:
        return []
    earlier = {reason["signal"]: reason for reason in alert.before.reasons}
    risen = []
    for reason in alert.after.reasons:
        old = earlier.get(reason["signal"])
        if old is None or reason["value"] is None or reason["value"] == old["value"]:
            continue
        points = reason["contribution"] - old["contribution"]
        if points >= MIN_POINTS:
            told = {"signal": reason["signal"], "sentence": reason["sentence"], "points": round(100 * points, 1)}
            risen.append({**told, "before": old["value"], "after": reason["value"]})
    return sorted(risen, key=lambda driver: -driver["points"])[:TOP_DRIVERS]
