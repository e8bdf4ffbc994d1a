"""Alerts of a day, worked out from the ledger's scorings and written to its outbox: once, however often it is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import pandas as pd

from configs.settings import Settings
from evaluation.ledger import Ledger, Outbox, canonical
from evaluation.outcomes import HOLDOUT, LevelInForce, assign, levels_in_force
from features.timeline import Outage
from serving.alerts.bodies import AccountContext, body_of, outage_body
from serving.alerts.budget import ALERT, DIGEST, week_of
from serving.alerts.outages import outages_since
from serving.alerts.raising import Alert, alerts_of, pairs_of, places_taken, routes_of


@dataclass(frozen=True)
class Raised:
    """What the raising of a day found.

    Attributes
    ----------
    as_of, since : str or None
        The day scored last, and the one it was compared with; None where there is none.
    alerts, digest, without_risk, outages : int
        Alerts within the budget and beyond it, those among both that are opportunities or falls, and silent feeds.
    held_out : int
        Accounts with changes that nobody is told of, because the draw leaves them alone.
    repeated : bool
        The day's alerts had been raised already, and nothing was written.
    """

    as_of: str | None
    since: str | None
    alerts: int = 0
    digest: int = 0
    without_risk: int = 0
    outages: int = 0
    held_out: int = 0
    repeated: bool = False

    def __str__(self) -> str:
        if self.as_of is None:
            return "no scoring yet; run `forewarn score` first"
        if self.since is None:
            return f"one scoring, of {self.as_of}: nothing to compare it with yet"
        if self.repeated:
            return f"{self.as_of}: raised already"
        told = f"{self.alerts} alerts and {self.digest} for the digest on {self.as_of}, changed since {self.since}"
        more = {
            "opportunities or falls in risk": self.without_risk,
            "outages": self.outages,
            "held out": self.held_out,
        }
        return told + "".join(f", {count} {name}" for name, count in more.items() if count)


def key_of(as_of: str) -> str:
    """Under which key the alerts of a day are raised: once, whatever is scored again of it.

    Parameters
    ----------
    as_of : str
        ISO day of the scoring.

    Returns
    -------
    str
        An idempotency key of the ledger.
    """
    return f"alerts {as_of}"


def raise_alerts(
    ledger: Ledger,
    settings: Settings,
    context: Mapping[str, AccountContext],
    outages: Mapping[str, Sequence[Outage]],
    now: datetime,
) -> Raised:
    """Compares the newest scoring with the one before and writes an alert an account that changed.

    Parameters
    ----------
    ledger : Ledger
        Open for writing.
    settings : Settings
    context : mapping of account id to AccountContext
        Who the accounts are, as known on the newest scored day.
    outages : mapping of feed to sequence of Outage
    now : datetime
        With a time zone; the week in whose budget the alerts count.

    Returns
    -------
    Raised
    """
    outbox = Outbox(ledger)
    as_of, since = outbox.scored_days()
    if as_of is None or since is None:
        return Raised(as_of, since)
    before, after = (_scoring(ledger, day) for day in (since, as_of))
    at = pd.Timestamp(as_of)
    in_force = _calls(ledger, after, pd.Timestamp(since), now)
    fired = _fired(outbox, at - timedelta(days=settings.alerts.quiet_days))
    owners = {account: known.owner for account, known in context.items()}
    found = alerts_of(pairs_of(before, after, settings, in_force), owners, fired)
    kept, held_out = _without_held_out(found, settings)
    week = week_of(now, settings.alert_zone)
    places = places_taken((alert.owner, alert.route) for alert in outbox.alerts(week=week) if alert.account_id)
    routes = routes_of(kept, places, settings, now)
    rows = [
        (
            *(alert.alert_id, alert.after.account_id, as_of, alert.kind, alert.owner, week, route),
            canonical(body_of(alert, context.get(alert.after.account_id, AccountContext()), settings, now)),
        )
        for alert, route in zip(kept, routes, strict=True)
    ]
    repeated = outbox.raise_alerts(rows, key_of(as_of), now).repeated
    counts = Counter(routes)
    return Raised(
        as_of=as_of,
        since=since,
        alerts=0 if repeated else counts[ALERT],
        digest=0 if repeated else counts[DIGEST],
        without_risk=0 if repeated else sum(not alert.is_risk for alert in kept),
        outages=_raise_outages(outbox, outages, since, as_of, week, now),
        held_out=held_out,
        repeated=repeated,
    )


def _scoring(ledger: Ledger, day: str) -> pd.DataFrame:
    """The batch predictions of a day, of several of one account the newest."""
    first = pd.Timestamp(day)
    frame = ledger.predictions(first, first + pd.Timedelta(days=1), kinds=("batch",))
    return frame.drop_duplicates("account_id", keep="last")


def _calls(ledger: Ledger, after: pd.DataFrame, since: pd.Timestamp, now: datetime) -> dict[str, LevelInForce]:
    """The CSM's call of each account: the one that holds now, else the one that held at the scoring before."""
    at = pd.Timestamp(now).tz_convert("UTC").tz_localize(None).as_unit("us")
    calls = ledger.overrides(at)
    if calls.empty:
        return {}
    both = zip(levels_in_force(after, calls, at), levels_in_force(after, calls, since), strict=True)
    return {held.account_id: held if held.csm is not None else before for held, before in both}


def _fired(outbox: Outbox, since: pd.Timestamp) -> set[tuple[str, str, str]]:
    """What was told of accounts from a day on."""
    return {
        (alert.account_id, change["kind"], change["subject"])
        for alert in outbox.alerts(since=f"{since:%Y-%m-%d}")
        if alert.account_id is not None
        for change in alert.body["changes"]
    }


def _without_held_out(found: list[Alert], settings: Settings) -> tuple[list[Alert], int]:
    """Alerts but those of accounts that are held out, of whom nobody may be told; and how many those are."""
    drawn = settings.evaluation.holdout
    if drawn is None or not found:
        return found, 0
    arms = assign([alert.after.account_id for alert in found], drawn.salt, drawn.share)
    kept = [alert for alert, arm in zip(found, arms, strict=True) if arm != HOLDOUT]
    return kept, len(found) - len(kept)


def _raise_outages(
    outbox: Outbox, outages: Mapping[str, Sequence[Outage]], since: str, as_of: str, week: str, now: datetime
) -> int:
    """Writes an alert for each outage that was not told of yet; returns how many."""
    bodies = [outage_body(feed, outage, as_of, now) for feed, outage in outages_since(outages, since)]
    ids = [body["alert_id"] for body in bodies]
    known = {alert.alert_id for alert in outbox.alerts(ids=ids)} if ids else set()
    new = [body for body in bodies if body["alert_id"] not in known]
    rows = [(body["alert_id"], None, as_of, "outage", None, week, ALERT, canonical(body)) for body in new]
    if rows:
        outbox.raise_alerts(rows, f"outages {' '.join(row[0] for row in rows)}", now)
    return len(rows)
