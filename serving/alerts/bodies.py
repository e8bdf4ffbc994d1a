"""What is told of an alert: one JSON object of bounded size, that leaves as it stands in the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from configs.settings import Settings
from evaluation.formatting import money
from features.timeline import Outage
from serving.alerts.kinds import lower
from serving.alerts.raising import Alert, alert_id, drivers_of

MOST_TEXT, MOST_TITLE = 300, 160  # characters of a text that comes from outside
MOST_CHANGES, MOST_ACTIONS = 8, 3


@dataclass(frozen=True)
class AccountContext:
    """Who an account is, beside its id.

    Attributes
    ----------
    name, owner, segment : str or None
        None where no table has it.
    """

    name: str | None = None
    owner: str | None = None
    segment: str | None = None


def body_of(alert: Alert, context: AccountContext, settings: Settings, raised_at: datetime) -> dict[str, Any]:
    """The object of an account's alert."""
    before, after = alert.before, alert.after
    name = shortened(context.name or after.account_id)
    return {
        "alert_id": alert.alert_id,
        "kind": alert.kind,
        "account_id": after.account_id,
        "name": name,
        "owner": _text(context.owner),
        "segment": _text(context.segment),
        "as_of": f"{after.as_of:%Y-%m-%d}",
        "since": f"{before.as_of:%Y-%m-%d}",
        "raised_at": _moment(raised_at),
        "title": f"{name}: {shortened(lower(alert.changes[0].sentence), MOST_TITLE)}",
        "changes": [
            {"kind": change.kind, "subject": change.subject, "sentence": shortened(change.sentence)}
            for change in alert.changes[:MOST_CHANGES]
        ],
        "drivers": drivers_of(alert),
        "is_risk": alert.is_risk,
        "horizon_days": settings.main_horizon_days,
        "p_churn": after.p,
        "p_churn_before": before.p,
        "risk_level": after.risk_level,
        "risk_level_before": before.risk_level,
        "arr": after.arr,
        "expected_arr_loss": after.loss,
        "currency": settings.currency,
        "next_actions": [
            {name: action.get(name) for name in ("playbook", "title", "within_hours")}
            for action in after.actions[:MOST_ACTIONS]
        ],
        "model_version": after.versions[0],
        "model_changed": before.versions[0] != after.versions[0],
        "config_changed": before.versions[1] != after.versions[1],
    }


def outage_body(feed: str, outage: Outage, as_of: str, raised_at: datetime) -> dict[str, Any]:
    """The object of a feed's outage."""
    lasts = f"from {outage.first_day} to {outage.last_day} ({outage.days} days)"
    sentence = f"{feed} brought next to nothing {lasts}; signals leave these days out, so scores rest on less"
    return {
        "alert_id": alert_id("outage", feed, outage.first_day),
        "kind": "outage",
        "account_id": None,
        "feed": feed,
        "as_of": as_of,
        "raised_at": _moment(raised_at),
        "title": f"{feed}: no data since {outage.first_day}",
        "changes": [{"kind": "outage", "subject": feed, "sentence": sentence}],
    }


def shortened(text: str, most: int = MOST_TEXT) -> str:
    """A text of at most so many characters, on one line."""
    line = " ".join(str(text).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def in_words(body: Mapping[str, Any]) -> str:
    """An alert's object as a few lines of text, for mail and chat.

    Parameters
    ----------
    body : mapping
        As `body_of` makes it.

    Returns
    -------
    str
        Its title, changes, drivers, what is at stake and what to do, a line each.
    """
    lines = [body["title"], *(f"- {change['sentence']}" for change in body["changes"])]
    for driver in body.get("drivers", ()):
        before, after = (f"{value:g}" if isinstance(value, float) else value for value in _ends(driver))
        lines.append(f"- {driver['sentence']}: {before} to {after}, adds {driver['points']:g} points")
    if body.get("model_changed"):
        lines.append("- the model changed in between, which may be part of it")
    if body.get("config_changed"):
        lines.append("- the configuration changed in between, which may be part of it")
    if body.get("is_risk") and body.get("expected_arr_loss") is not None:
        loss, arr = (money(body[name], body["currency"]) for name in ("expected_arr_loss", "arr"))
        lines.append(f"At stake: {loss} of {arr} ARR")
    for action in body.get("next_actions", ()):
        hours = action.get("within_hours")
        lines.append(f"Do: {action['title']}" + ("" if hours is None else f", within {hours} hours"))
    return "\n".join(lines)


def _ends(driver: Mapping[str, Any]) -> tuple[Any, Any]:
    return driver["before"], driver["after"]


def _moment(at: datetime) -> str:
    return at.isoformat(timespec="seconds")


def _text(value: str | None) -> str | None:
    return None if value is None else shortened(value, 120)
