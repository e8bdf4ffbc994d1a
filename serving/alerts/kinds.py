"""The kinds of alerts, gravest first: what has changed for an account between two scorings, in a sentence each.

An alert fires on a change, never on a state: a trigger that held the last time already is none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from configs.alerts import Alerts
from configs.base import LEVELS
from configs.framework import Framework
from evaluation.formatting import percent
from evaluation.outcomes import LevelInForce


@dataclass(frozen=True)
class AccountScore:
    """What alerts read of one prediction; `p` of churn and `loss` (ARR expected to be lost) within the main horizon."""

    account_id: str
    as_of: pd.Timestamp
    risk_level: str
    triggers: tuple[str, ...]
    p: float
    arr: float | None
    loss: float | None
    reasons: tuple[Mapping[str, Any], ...]
    actions: tuple[Mapping[str, Any], ...]
    versions: tuple[str, str]

    @classmethod
    def of(cls, row: Mapping[Any, Any], horizon_days: int) -> AccountScore:
        """Of a prediction's row; `reasons` and `actions` may be missing."""
        reasons, actions = (json.loads(row.get(name) or "[]") for name in ("reasons", "actions"))
        return cls(
            account_id=row["account_id"],
            as_of=row["as_of"],
            risk_level=row["risk_level"],
            triggers=tuple(json.loads(row["triggers"] or "[]")),
            p=row[f"p_churn_{horizon_days}d"],
            arr=_known(row["arr"]),
            loss=_known(row[f"expected_arr_loss_{horizon_days}d"]),
            reasons=tuple(reasons),
            actions=tuple(actions),
            versions=(str(row["model_version"]), str(row["config_version"])),
        )


@dataclass(frozen=True)
class ScorePair:
    """An account's scoring and the one before it.

    Attributes
    ----------
    before, after : AccountScore
    framework : Framework
    rules : Alerts
    horizon_days : int
    in_force : LevelInForce or None
        The level that counts beside the model's; None where nobody looked it up.
    """

    before: AccountScore
    after: AccountScore
    framework: Framework
    rules: Alerts
    horizon_days: int
    in_force: LevelInForce | None = None

    @property
    def is_risky(self) -> bool:
        """Whether the account is now at the level from which changes of risk are alerts."""
        return self._reaches(self.after)

    @property
    def was_risky(self) -> bool:
        """The same of the scoring before."""
        return self._reaches(self.before)

    def _reaches(self, score: AccountScore) -> bool:
        return LEVELS.index(score.risk_level) >= LEVELS.index(self.rules.from_level)


@dataclass(frozen=True)
class Change:
    """One thing that changed: its kind, what it is about, and a sentence; an opportunity and a fall are no risk."""

    kind: str
    subject: str
    sentence: str
    is_risk: bool = True


Finder = Callable[[ScorePair], Iterator[Change]]


@dataclass(frozen=True)
class AlertKind:
    """A kind of alert.

    Attributes
    ----------
    name, title : str
    find : Callable or None
        Names the changes of an account between two scorings; None: it is about a feed (`serving.alerts.outages`).
    """

    name: str
    title: str
    find: Finder | None


def _escalations(pair: ScorePair) -> Iterator[Change]:
    for escalation in pair.framework.escalations:
        if escalation.name in pair.after.triggers and escalation.name not in pair.before.triggers:
            yield Change("escalation", escalation.name, f"An executive is needed: {lower(escalation.description)}")


def _level_changes(pair: ScorePair) -> Iterator[Change]:
    """A rise to the level from which changes are alerts, or within; and a fall to below it, which ends a worry."""
    before, after = pair.before, pair.after
    rose = pair.is_risky and LEVELS.index(after.risk_level) > LEVELS.index(before.risk_level)
    if rose or (pair.was_risky and not pair.is_risky):
        moved = f"Risk {'rose' if rose else 'fell'} from {before.risk_level} to {after.risk_level}"
        likely = f"{percent(before.p)} to {percent(after.p)} likely to leave within {pair.horizon_days} days"
        yield Change("level_change", after.risk_level, f"{moved}: {likely}", is_risk=rose)


def _triggers(pair: ScorePair) -> Iterator[Change]:
    for trigger in pair.framework.triggers:
        if trigger.name not in pair.after.triggers or trigger.name in pair.before.triggers:
            continue
        playbook = pair.framework.playbook(trigger.playbook)
        if playbook.is_for(pair.after.risk_level) and (playbook.opportunity or pair.is_risky):
            yield Change("trigger", trigger.name, trigger.description, is_risk=not playbook.opportunity)


def _calls_due(pair: ScorePair) -> Iterator[Change]:
    """A CSM's own call that the model has moved under since the last scoring, or that has expired since then."""
    call = pair.in_force
    if call is None or call.csm is None or call.made_at is None:
        return
    before, after = pair.before, pair.after
    said = f"{call.made_by} called it {call.csm} on {call.made_at:%Y-%m-%d} ({call.reason})"
    if call.expires_at is not None and call.expires_at <= after.as_of:  # it held at the scoring before
        yield Change("call_due", "expired", f"{said}; that has expired: make a new call, or let the model's count")
    elif call.made_at <= before.as_of and before.risk_level != after.risk_level != call.csm:
        moved = f"the model moved from {before.risk_level} to {after.risk_level}"
        yield Change("call_due", after.risk_level, f"{said}; since then {moved}: confirm the call, or change it")


KINDS: tuple[AlertKind, ...] = (
    AlertKind("escalation", "An executive is needed", _escalations),
    AlertKind("level_change", "Risk has risen or fallen", _level_changes),
    AlertKind("trigger", "A trigger fired", _triggers),
    AlertKind("call_due", "A call is due", _calls_due),
    AlertKind("outage", "A feed brings nothing", None),
)


def changes_of(pair: ScorePair) -> list[Change]:
    """Every change of an account.

    Parameters
    ----------
    pair : ScorePair

    Returns
    -------
    list of Change
        The gravest kind first.
    """
    return [change for kind in KINDS if kind.find is not None for change in kind.find(pair)]


def lower(text: str) -> str:
    """A sentence as part of another: its first letter is small."""
    return text[:1].lower() + text[1:]


def _known(value: Any) -> float | None:
    return None if pd.isna(value) else float(value)
