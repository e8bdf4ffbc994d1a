"""The dispatcher: puts new alerts into messages and delivers what is due, one receiver after the other.

A message is written, then sent, then what came of it is written. A crash in between sends it again under the same id.
Of one account a later message waits until the earlier one was delivered or given up.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx
import pandas as pd

from configs.alerts import Alerts, Receiver
from configs.errors import UsageError
from configs.settings import Settings
from evaluation.ledger import (
    DEAD,
    DELIVERED,
    DISABLED,
    ENABLED,
    FAILED,
    PASSED,
    REENABLED,
    Outbox,
    StoredMessage,
    moment,
)
from serving.alerts.budget import week_of
from serving.alerts.messages import digests_of, messages_of, over_budget, wanted
from serving.alerts.schedule import next_attempt, quiet_until
from serving.alerts.transports import Attempt, deliver, require_secrets

MINUTE = timedelta(minutes=1)
DIGEST_WEEKS = 3  # a dispatcher that was away for longer leaves older digests out
THROTTLED = "throttled: "  # begins the detail of an attempt after which the receiver's other messages wait too


@dataclass
class ReceiverResult:
    """What one pass did for a receiver.

    Attributes
    ----------
    receiver : str
    delivered, records : int
        Calls that were taken, and the alerts in them.
    failed, dead, waiting : int
        Messages that failed, were given up, or wait for their time.
    held : str or None
        Why it stopped; None where nothing is due any more.
    next_at : str or None
        When the next message is due.
    faults : tuple of str
        What of its configuration keeps everything from it, while the others get theirs.
    """

    receiver: str
    delivered: int = 0
    records: int = 0
    failed: int = 0
    dead: int = 0
    waiting: int = 0
    held: str | None = None
    next_at: str | None = None
    faults: tuple[str, ...] = ()

    def __str__(self) -> str:
        line = f"{self.receiver}: {self.records} alerts in {self.delivered} calls"
        line += f", {self.failed} failed" if self.failed else ""
        line += f", {self.dead} given up (`forewarn alerts dead`)" if self.dead else ""
        line += f", {self.waiting} waiting" if self.waiting else ""
        line += f"; held: {self.held}" if self.held else ""
        return line + (f"; next at {self.next_at[:16]}" if self.next_at else "")


@dataclass(frozen=True)
class Sent:
    """What one pass of the dispatcher did.

    Attributes
    ----------
    busy : bool
        Whether another process was delivering, and nothing was done.
    receivers : tuple of ReceiverResult
    """

    busy: bool
    receivers: tuple[ReceiverResult, ...] = ()

    @property
    def delivered(self) -> int:
        """Calls that were taken."""
        return sum(result.delivered for result in self.receivers)

    @property
    def lines(self) -> tuple[str, ...]:
        """What became of each receiver, a line each."""
        if self.busy:
            return ("another dispatcher is delivering",)
        nobody = "nobody is told: no alerts.receivers are configured (docs/alerts.md)"
        return tuple(str(result) for result in self.receivers) or (nobody,)

    @property
    def troubled(self) -> bool:
        """Whether a message failed or was given up, or a receiver is off or wrongly configured."""
        return any(one.failed or one.dead or one.faults or one.held == DISABLED for one in self.receivers)


@dataclass(frozen=True)
class Dispatcher:
    """Delivers the outbox of a ledger to the receivers of a project.

    Attributes
    ----------
    outbox : Outbox
    settings : Settings
        `alerts` names the receivers and their limits.
    client : httpx.Client
    send : Callable
        One attempt (`transports.deliver`).
    elapsed : Callable
        Seconds from any fixed moment on: a long pass dates, and signs, each attempt when it is made.
    """

    outbox: Outbox
    settings: Settings
    client: httpx.Client
    send: Callable[[Receiver, StoredMessage, datetime, httpx.Client], Attempt] = field(default=deliver)
    elapsed: Callable[[], float] = field(default=time.monotonic)

    @property
    def rules(self) -> Alerts:
        return self.settings.alerts

    def register(self, now: datetime) -> None:
        """Notes receivers that are new: they get what is raised from now on."""
        for receiver in self.rules.receivers:
            state, target = self.outbox.receiver_state(receiver.name)
            if state is None or (state == DISABLED and target != receiver.target_digest):
                again = ENABLED if state is None else REENABLED
                self.outbox.record(receiver.name, None, again, now, detail=receiver.target_digest)

    def run(self, now: datetime) -> Sent:
        """One pass: everything that is due, within each receiver's limits.

        Parameters
        ----------
        now : datetime
            With a time zone; the moment at which the pass begins.

        Returns
        -------
        Sent
        """
        with self.outbox.dispatching() as held:
            if not held:
                return Sent(busy=True)
            self.register(now)
            results = []
            for receiver in self.rules.receivers:
                self._put_together(receiver, now)
                results.append(self._deliver(receiver, now))
            return Sent(busy=False, receivers=tuple(results))

    def _put_together(self, receiver: Receiver, now: datetime) -> None:
        """New messages of a receiver; in its quiet hours none, so that the morning's come together."""
        if quiet_until(receiver.quiet_hours, now) is not None:
            return
        new = self.outbox.alerts(after_batch=self.outbox.looked_at(receiver.name))
        if new:
            upto = max(alert.batch_id for alert in new)
            made = messages_of(receiver, [alert for alert in new if wanted(receiver, alert)], upto, now)
            if made:
                self.outbox.put(made, f"messages {receiver.name} {made[0].message_id}", now)
            else:
                self.outbox.record(receiver.name, None, PASSED, now, attempt=upto)
        if receiver.digest and not receiver.over_budget:
            self._digest(receiver, now)

    def _digest(self, receiver: Receiver, now: datetime) -> None:
        """Digests of the weeks that have ended lately, each once: what was raised since the receiver is known."""
        for weeks_ago in range(1, DIGEST_WEEKS + 1):
            week = week_of(now - timedelta(weeks=weeks_ago), self.settings.alert_zone)
            key = f"digest {receiver.name} {week}"
            if self.outbox.has_key(key):
                continue
            raised = self.outbox.alerts(after_batch=self.outbox.known_from(receiver.name), week=week)
            left = [alert for alert in raised if over_budget(receiver, alert)]
            self.outbox.put(digests_of(receiver, week, left, self.outbox.looked_at(receiver.name), now), key, now)

    def _deliver(self, receiver: Receiver, now: datetime) -> ReceiverResult:
        result = ReceiverResult(receiver.name)
        waiting = self.outbox.messages(receiver.name, only_open=True)
        result.held = self._held(receiver, waiting, now, result)
        blocked: set[str] = set()
        begun = self.elapsed()
        left = receiver.calls_per_minute - self.outbox.attempts_since(
            receiver.name, now - MINUTE, receiver.calls_per_minute
        )
        for message in waiting:
            if result.held is None and left <= 0:
                result.held = f"{receiver.calls_per_minute} calls a minute"
            due = message.next_at is None or message.next_at <= moment(pd.Timestamp(now))
            if result.held is not None or not due or blocked.intersection(message.accounts):
                blocked.update(message.accounts)
                result.waiting += 1
                result.next_at = min(filter(None, [result.next_at, message.next_at]), default=None)
                continue
            left -= 1
            at = now + timedelta(seconds=self.elapsed() - begun)
            if not self._attempt(receiver, message, at, result):
                blocked.update(message.accounts)
        return result

    def _held(
        self, receiver: Receiver, waiting: list[StoredMessage], now: datetime, result: ReceiverResult
    ) -> str | None:
        """Why a receiver gets nothing now: it is gone, has no secret, is in its quiet hours, or asked for time."""
        state, _ = self.outbox.receiver_state(receiver.name)
        if state == DISABLED:
            return DISABLED
        try:
            require_secrets(receiver)
        except UsageError as error:
            result.faults = tuple(map(str, error.faults))
            return "; ".join(result.faults)
        quiet = quiet_until(receiver.quiet_hours, now)
        if quiet is not None:
            result.next_at = moment(pd.Timestamp(quiet))
            return "quiet hours"
        throttled = [message.next_at for message in waiting if message.detail.startswith(THROTTLED) and message.next_at]
        until = max(throttled, default="")
        if until > moment(pd.Timestamp(now)):
            result.next_at = until
            return "the receiver asked for time, or is away"
        return None

    def _attempt(self, receiver: Receiver, message: StoredMessage, now: datetime, result: ReceiverResult) -> bool:
        """One attempt and its record; whether later messages of the same accounts may follow."""
        attempt = self.send(receiver, message, now, self.client)
        number = message.attempts + 1
        if attempt.outcome == "delivered":
            self.outbox.record(receiver.name, message.message_id, DELIVERED, now, attempt=number, detail=attempt.detail)
            result.delivered += 1
            result.records += len(message.alert_ids)
            return True
        due = next_attempt(self.rules.retries, message.message_id, number, now)
        if due is not None and attempt.not_before is not None:
            due = max(due, attempt.not_before)
        dead = due is None or attempt.outcome in ("refused", "gone")
        detail = f"{THROTTLED if attempt.throttles else ''}{attempt.detail}"
        self.outbox.record(
            receiver.name,
            message.message_id,
            DEAD if dead else FAILED,
            now,
            attempt=number,
            next_at=None if dead else due,
            detail=detail,
        )
        if attempt.outcome == "gone":
            self.outbox.record(receiver.name, None, DISABLED, now, detail=receiver.target_digest)
            result.held = DISABLED
        elif attempt.throttles:
            result.held = attempt.detail
            result.next_at = None if due is None else moment(pd.Timestamp(due))
        result.dead += dead
        result.failed += not dead
        return dead
