"""What leaves in one call: alerts put together for a receiver, at most so many records and 20 kB, under a lasting id.

A message is written before it is sent; each attempt sends the same bytes under the same id.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from configs.alerts import Receiver
from evaluation.ledger import NewMessage, StoredAlert
from serving.alerts.bodies import in_words, shortened
from serving.alerts.budget import ALERT

MOST_BYTES = 20_000  # of a payload: Standard Webhooks asks for less
SLACK_RECORDS = 10  # a channel is read by people
DIGEST_LINES = 40


def wanted(receiver: Receiver, alert: StoredAlert) -> bool:
    """Whether an alert leaves by itself to a receiver: of a kind that it takes, and within the budget."""
    return _takes(receiver, alert) and (alert.route == ALERT or receiver.over_budget)


def over_budget(receiver: Receiver, alert: StoredAlert) -> bool:
    """Whether an alert waits for a receiver's digest."""
    return _takes(receiver, alert) and not wanted(receiver, alert)


def _takes(receiver: Receiver, alert: StoredAlert) -> bool:
    return not receiver.only or alert.kind in receiver.only


def messages_of(receiver: Receiver, alerts: Sequence[StoredAlert], upto_batch: int, now: datetime) -> list[NewMessage]:
    """Messages with these alerts, in their order, as few as the receiver's limits allow."""
    made = []
    for to, group in _addressed(receiver, alerts):
        for batch in _batches(receiver, group):
            ids = tuple(alert.alert_id for alert in batch)
            accounts = dict.fromkeys(alert.account_id or f"feed:{alert.body['feed']}" for alert in batch)
            message_id = _message_id(receiver.name, *ids, *to)
            body = _body(receiver, [alert.body for alert in batch], to, now)
            made.append(NewMessage(message_id, receiver.name, "alerts", tuple(accounts), ids, upto_batch, body))
    return made


def digests_of(
    receiver: Receiver, week: str, alerts: Sequence[StoredAlert], upto_batch: int, now: datetime
) -> list[NewMessage]:
    """One digest an owner of what did not leave by itself in a week: those with most at stake first."""
    made = []
    by_owner: dict[str | None, list[StoredAlert]] = defaultdict(list)
    for alert in alerts:
        by_owner[alert.owner].append(alert)
    for owner, group in by_owner.items():
        to = _addresses(receiver, owner)
        if receiver.kind == "email" and not to:
            continue
        group = sorted(group, key=lambda alert: -(alert.body.get("expected_arr_loss") or 0.0))
        message_id = _message_id(receiver.name, "digest", week, owner or "")
        body = _digest_body(receiver, week, owner, group, to, now)
        ids = tuple(alert.alert_id for alert in group)
        # A digest repeats what is a week old: no account waits for it, and it waits for none.
        made.append(NewMessage(message_id, receiver.name, "digest", (), ids, upto_batch, body))
    return made


def _message_id(*parts: str) -> str:
    return "msg_" + hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:28]


def _addressed(
    receiver: Receiver, alerts: Sequence[StoredAlert]
) -> Iterator[tuple[tuple[str, ...], list[StoredAlert]]]:
    """Alerts by whom they are addressed to: mail goes to the owner's address, else to everybody in `to`."""
    groups: dict[tuple[str, ...], list[StoredAlert]] = defaultdict(list)
    for alert in alerts:
        groups[_addresses(receiver, alert.owner)].append(alert)
    for to, group in groups.items():
        if to or receiver.kind != "email":
            yield to, group


def _addresses(receiver: Receiver, owner: str | None) -> tuple[str, ...]:
    if receiver.kind != "email":
        return ()
    return (receiver.owners[owner],) if owner in receiver.owners else receiver.to


def _batches(receiver: Receiver, alerts: Sequence[StoredAlert]) -> Iterator[list[StoredAlert]]:
    """Alerts in order, cut where a batch is full by count or by size."""
    most = min(receiver.records_per_call, SLACK_RECORDS) if receiver.kind == "slack" else receiver.records_per_call
    batch: list[StoredAlert] = []
    size = room = MOST_BYTES - 1_000  # for what stands around the records
    for alert in alerts:
        bytes_needed = len(_json(alert.body)) + 2
        if batch and (len(batch) == most or bytes_needed > size):
            yield batch
            batch, size = [], room
        batch.append(alert)
        size -= bytes_needed
    if batch:
        yield batch


def _body(receiver: Receiver, bodies: Sequence[Any], to: tuple[str, ...], now: datetime) -> str:
    if receiver.kind == "webhook":
        return _event("alerts.raised", {"alerts": list(bodies)}, now)
    text = "\n\n".join(in_words(body) for body in bodies)
    subject = bodies[0]["title"] if len(bodies) == 1 else f"{len(bodies)} accounts have changed"
    return _people(receiver, subject, text, to)


def _digest_body(
    receiver: Receiver, week: str, owner: str | None, group: Sequence[StoredAlert], to: tuple[str, ...], now: datetime
) -> str:
    names = ("alert_id", "account_id", "as_of", "kind", "title", "risk_level", "expected_arr_loss")
    entries = [{name: alert.body.get(name) for name in names} for alert in group[:DIGEST_LINES]]
    left_out = len(group) - len(entries)
    if receiver.kind == "webhook":
        told = {"week": week, "owner": owner, "alerts": entries, "left_out": left_out}
        while len(_json(told)) > MOST_BYTES - 1_000:  # titles are bounded, yet forty of the longest would not fit
            entries.pop()
            told |= {"left_out": len(group) - len(entries)}
        return _event("alerts.digest", told, now)
    lines = [f"- {shortened(str(entry['title']), 160)}" for entry in entries]
    lines += [f"and {left_out} more"] if left_out else []
    subject = f"Also changed in week {week}" + (f", accounts of {owner}" if owner else "")
    return _people(receiver, subject, "\n".join([*lines, "", "Less at stake than what was sent by itself."]), to)


def _event(kind: str, data: Any, now: datetime) -> str:
    return _json({"type": kind, "timestamp": now.isoformat(timespec="seconds"), "data": data}).decode()


def _people(receiver: Receiver, subject: str, text: str, to: tuple[str, ...]) -> str:
    subject = shortened(subject, 200)
    if receiver.kind == "slack":
        # Slack reads these three characters as markup, and nothing else.
        plain = f"*{subject}*\n{text}".replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        return _json({"text": plain}).decode()
    return _json({"to": list(to), "subject": subject, "text": f"{text}\n"}).decode()


def _json(body: Any) -> bytes:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
