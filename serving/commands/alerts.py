"""What `alerts` does: raise what changed, deliver it, show what was told and what was not, judge what it was worth."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import pandas as pd
from sqlalchemy.exc import DBAPIError

from configs.errors import Fault, ForewarnError, UsageError, nearest
from evaluation.ledger import DEAD, DISABLED, REENABLED, RESENT, Outbox, StoredAlert, StoredMessage
from serving.alerts import AccountContext, AlertReview, Dispatcher, Raised, Sent, key_of, raise_alerts, review
from serving.project import Project

Source = Literal["backtest", "ledger"]
LIST_MOST = 1_000


@dataclass(frozen=True)
class AlertsSent:
    """What was raised and what left; `ok` unless a delivery failed, was given up, or a receiver is off."""

    raised: Raised
    sent: Sent

    @property
    def ok(self) -> bool:
        return not self.sent.troubled


@dataclass(frozen=True)
class ListedAlert:
    """An alert and how far it came with each receiver that it went to."""

    alert_id: str
    as_of: str
    kind: str
    owner: str | None
    route: str
    title: str
    deliveries: dict[str, str]


@dataclass(frozen=True)
class DeadLetter:
    """A message that was given up: to whom, with which accounts, after how many attempts, and why."""

    message_id: str
    receiver: str
    created_at: str
    accounts: tuple[str, ...]
    attempts: int
    detail: str


@dataclass(frozen=True)
class Resent:
    """Dead letters that go out again, and receivers that were switched on again for it."""

    messages: tuple[str, ...]
    receivers: tuple[str, ...]


def send(project: Project, now: datetime) -> AlertsSent:
    """Raises the alerts of the newest scoring, unless they were, and delivers what is due."""
    import httpx

    with httpx.Client(follow_redirects=False) as client:
        dispatcher = Dispatcher(Outbox(project.written_ledger), project.settings, client)
        dispatcher.register(now)  # so that a new receiver gets what is raised now
        project.tell("comparing the newest scoring with the one before")
        try:
            raised = _raise(project, now)
        except ForewarnError:
            dispatcher.run(now)  # what waits leaves although today's data cannot be read
            raise
        project.tell("delivering")
        return AlertsSent(raised, dispatcher.run(now))


def watch(
    opened: Callable[[], AbstractContextManager[Project]], every_seconds: float, clock: Callable[[], datetime]
) -> Iterator[AlertsSent | str]:
    """`send` again and again, for as long as it is asked for the next; a pass that fails is told in words, and the next
    tries again.

    Parameters
    ----------
    opened : callable
        Opens the project anew for each pass, so that new data and changed settings count.
    every_seconds : float
        Between passes.
    clock : callable
        The moment of a pass.

    Yields
    ------
    AlertsSent, or str
        What a pass did, or why it failed.
    """
    while True:
        try:
            with opened() as project:
                result: AlertsSent | str = send(project, clock())
        except (ForewarnError, DBAPIError) as error:
            result = " ".join(str(error).split())
        yield result
        time.sleep(every_seconds)


def listed(project: Project, since: datetime | None, account: str | None) -> list[ListedAlert]:
    """The newest LIST_MOST alerts that were raised, the newest first, with how far each came."""
    outbox = Outbox(project.written_ledger)
    alerts = outbox.alerts(since="" if since is None else f"{since:%Y-%m-%d}", account_id=account)
    states: dict[str, dict[str, str]] = {}
    for message in outbox.messages():
        for alert_id in message.alert_ids:
            states.setdefault(alert_id, {})[message.receiver] = message.state or "waiting"
    return [_listed(alert, states.get(alert.alert_id, {})) for alert in reversed(alerts[-LIST_MOST:])]


def dead_letters(project: Project) -> list[DeadLetter]:
    """Messages that were given up and not sent again."""
    return [
        DeadLetter(
            message.message_id, message.receiver, message.created_at, message.accounts, message.attempts, message.detail
        )
        for message in Outbox(project.written_ledger).messages(states=[DEAD])
    ]


def resend(project: Project, message_ids: Sequence[str], everything: bool, now: datetime) -> Resent:
    """Puts dead letters in again, under their old ids, and switches their receivers on again."""
    outbox = Outbox(project.written_ledger)
    dead = {message.message_id: message for message in outbox.messages(states=[DEAD])}
    unknown = [one for one in message_ids if one not in dead]
    if unknown:
        do = "see `forewarn alerts dead`" if not dead else nearest(unknown[0], list(dead))
        raise UsageError([Fault("message", one, "a dead letter", do) for one in unknown])
    chosen: list[StoredMessage] = list(dead.values()) if everything else [dead[one] for one in message_ids]
    switched = []
    for name in dict.fromkeys(message.receiver for message in chosen):
        if outbox.receiver_state(name)[0] == DISABLED:
            outbox.record(name, None, REENABLED, now)
            switched.append(name)
    for message in chosen:
        outbox.record(message.receiver, message.message_id, RESENT, now, next_at=now, detail="sent again by hand")
    return Resent(tuple(message.message_id for message in chosen), tuple(switched))


def reviewed(project: Project, source: Source | None, now: datetime) -> AlertReview:
    """The review over the ledger's scorings where these have matured on two days and more, else over the backtest."""
    settings = project.settings
    if source != "backtest":
        rows = _judged(project, now)
        if rows is not None:
            return review(rows, settings, "ledger")
        if source == "ledger":
            do = "score for longer and run `forewarn outcomes`, or review the backtest"
            found = "scorings of fewer than two days that have matured"
            raise UsageError(Fault("ledger", found, "at least two", do))
    from serving.promotion.kept_backtest import read_backtest

    return review(read_backtest(settings).predictions, settings, "backtest")


def _judged(project: Project, now: datetime) -> pd.DataFrame | None:
    """The ledger's forecasts with their outcomes and owners; None unless scorings of two days and more have matured."""
    from evaluation.outcomes import judged_so_far

    ledger, settings = project.ledger_or_none, project.settings
    if ledger is None or None in Outbox(ledger).scored_days():
        return None
    main = f"churned_{settings.main_horizon_days}d"
    rows = judged_so_far(ledger, settings, pd.Timestamp(now).tz_localize(None), kinds=("batch",))
    if rows is None or rows.loc[rows[main].notna(), "as_of"].nunique() < 2:
        return None
    rows = rows.drop_duplicates(["account_id", "as_of"], keep="last")
    owners = {account: known.owner for account, known in _context(project, rows.as_of.max()).items()}
    return rows.assign(owner=rows.account_id.map(owners))


def _raise(project: Project, now: datetime) -> Raised:
    """The alerts of the newest scoring; sources are opened only where there is something new to tell."""
    ledger = project.written_ledger
    outbox = Outbox(ledger)
    as_of, since = outbox.scored_days()
    if as_of is None or since is None or outbox.has_key(key_of(as_of)):
        return Raised(as_of, since, repeated=as_of is not None and since is not None)
    return raise_alerts(ledger, project.settings, _context(project, pd.Timestamp(as_of)), project.outages, now)


def _context(project: Project, as_of: pd.Timestamp) -> dict[str, AccountContext]:
    """Name, owner and segment of accounts: as the day's signals have them, else as the accounts table has them."""
    names = ["name", "owner", "segment"]
    path = project.paths.signals(as_of)
    if path.exists():
        frame = pd.read_parquet(path, columns=["account_id", *names])
    else:
        frame = project.sources.engine.to_pandas(project.sources.tables["accounts"])
    frame = frame.reindex(columns=["account_id", *names]).astype(object).where(lambda column: column.notna(), None)
    rows = frame.drop_duplicates("account_id", keep="last").to_dict("records")
    return {str(row["account_id"]): AccountContext(*(row[name] for name in names)) for row in rows}


def _listed(alert: StoredAlert, states: dict[str, str]) -> ListedAlert:
    title = str(alert.body["title"])
    return ListedAlert(alert.alert_id, alert.as_of, alert.kind, alert.owner, alert.route, title, states)
