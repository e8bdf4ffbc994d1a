"""What callers enter in the ledger: overrides, feedback on reasons, interventions, outcomes. Nothing is ever changed.

Each takes an Idempotency-Key, as Stripe does: the same key with the same path and body is answered as the first time,
and nothing is entered again; with another it is refused with 409. First answers are kept for 24 hours.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import pandas as pd

from configs.errors import Fault, UsageError, nearest
from evaluation.ledger import KeyReused, Ledger, NewEntry, Once, moment
from serving.api.live import Snapshot
from serving.api.routes.accounts import account_of
from serving.api.routes.scores import sees, snapshot_of
from serving.api.routing import Answer, Call, Handler, ProblemRaised, Role, Route
from serving.messages import (
    Entered,
    FeedbackEntered,
    LevelInForce,
    NewFeedback,
    NewIntervention,
    NewOutcome,
    NewOverride,
    OverrideEntered,
    problem,
    problem_of,
)

KEY_HEADER = b"idempotency-key"
MOST_KEY = 255
KEY = re.compile(rf"[\x21-\x7e]{{1,{MOST_KEY}}}")
WRITERS: tuple[Role, ...] = ("platform", "csm", "admin")
REPLAYED = {"idempotent-replayed": "true"}
Values = tuple[Any, ...]
Result = TypeVar("Result")


async def override(call: Call) -> Answer:
    """A CSM's level of an account, beside the model's."""
    new, snapshot = call.message(NewOverride), snapshot_of(call)
    account_id = account_of(call, snapshot)
    at = datetime.now(UTC)
    _check_override(new, snapshot, at)
    made, ends = moment(pd.Timestamp(at)), None if new.expires_at is None else _moment(new.expires_at)
    by = new.by or call.asked_by
    level = LevelInForce(
        automated=snapshot.day.summaries[account_id].risk_level,
        csm=new.level,
        final=new.level,
        counts="csm",
        made_at=made,
        made_by=by,
        reason=new.reason,
        expires_at=ends,
    )

    def entered(batch_id: int) -> OverrideEntered:
        return OverrideEntered(account_id=account_id, batch_id=batch_id, entered_at=made, level=level)

    answer, repeated = await enter_row(
        call, at, "override", (account_id, made, new.level, new.reason, by, ends), entered
    )
    if not repeated:
        call.live.overridden(account_id, level.model_dump())
    return answer


def _check_override(new: NewOverride, snapshot: Snapshot, at: datetime) -> None:
    known = snapshot.day.header.levels
    faults = []
    if new.level not in known:
        do = nearest(new.level, list(known))
        faults.append(Fault("level", repr(new.level), f"one of {', '.join(known)}", do))
    if new.expires_at is not None and _utc(new.expires_at) <= at:
        faults.append(Fault("expires_at", str(new.expires_at), f"later than now, {at:%Y-%m-%d %H:%M}", "give its end"))
    if faults:
        raise UsageError(faults)


async def feedback(call: Call) -> Answer:
    """What a CSM says of a reason of the prediction that serves."""
    new, snapshot = call.message(NewFeedback), snapshot_of(call)
    account_id = account_of(call, snapshot)
    header = snapshot.day.header
    reasons = json.loads(snapshot.day.explain_body(account_id))["reasons"]["dimensions"]
    signals = [one["signal"] for group in reasons for one in group["signals"]]
    if new.signal not in signals:
        do = nearest(new.signal, signals)
        raise UsageError(Fault("signal", repr(new.signal), "the signal of one of the account's reasons", do))
    at = datetime.now(UTC)
    given = moment(pd.Timestamp(at))

    def entered(batch_id: int) -> FeedbackEntered:
        return FeedbackEntered(
            account_id=account_id,
            batch_id=batch_id,
            entered_at=given,
            as_of=header.as_of,
            model_version=header.model_version,
            signal=new.signal,
        )

    of = (account_id, header.as_of, header.model_version, new.signal)
    said = (new.verdict, new.comment, new.by or call.asked_by, given)
    answer, _ = await enter_row(call, at, "feedback", (*of, *said), entered)
    return answer


async def intervention(call: Call) -> Answer:
    """Something that is done about an account."""
    new = call.message(NewIntervention)
    account_id = named_account(call, new.account_id)
    started = _moment(new.started_at)
    ended = None if new.ended_at is None else _moment(new.ended_at)
    if ended is not None and ended < started:
        raise UsageError(Fault("ended_at", ended, f"no earlier than started_at, {started}", "give its end"))
    row = (account_id, started, new.kind, ended, new.arm, new.note, new.by or call.asked_by)
    return await _reported(call, "intervention", account_id, row)


async def outcome(call: Call) -> Answer:
    """Something that became of an account."""
    new = call.message(NewOutcome)
    account_id, at = named_account(call, new.account_id), datetime.now(UTC)
    if _utc(new.occurred_at) > at:
        do = "report it once it has happened"
        raise UsageError(Fault("occurred_at", str(new.occurred_at), f"no later than now, {at:%Y-%m-%d %H:%M}", do))
    voluntary = None if new.voluntary is None else int(new.voluntary)
    change = None if new.arr_change is None else new.arr_change + 0.0  # -0.0 would not survive SQLite
    occurred = _moment(new.occurred_at)
    row = (account_id, occurred, new.kind, change, new.reason, voluntary, new.by or call.asked_by)
    return await _reported(call, "outcome", account_id, row)


async def _reported(call: Call, kind: str, account_id: str, values: Values) -> Answer:
    at = datetime.now(UTC)
    entered_at = moment(pd.Timestamp(at))

    def entered(batch_id: int) -> Entered:
        return Entered(account_id=account_id, batch_id=batch_id, entered_at=entered_at)

    answer, _ = await enter_row(call, at, kind, values, entered)
    return answer


async def enter_row(
    call: Call, at: datetime, kind: str, values: Values, entered: Callable[[int], Entered]
) -> tuple[Answer, bool]:
    """Enters one row, and what is answered for it; whether that is the answer of an earlier, same request."""
    entry = NewEntry(kind, [(0, *values)], call.asked_by, pd.Timestamp(at))
    once = _once(call, kind)
    reply = await _asked(
        call, lambda ledger: ledger.enter(entry, once, lambda batch_id: entered(batch_id).model_dump_json())
    )
    return Answer(reply.body.encode(), headers=REPLAYED if reply.repeated else {}), reply.repeated


async def _asked(call: Call, question: Callable[[Ledger], Result]) -> Result:
    try:
        return await call.live.ledger.ask(question)
    except KeyReused as error:
        raise ProblemRaised(problem_of(error, 409)) from None


def _once(call: Call, kind: str) -> Once | None:
    """The request's idempotency key, and what must be the same for it to be the same request."""
    given = call.headers.get(KEY_HEADER)
    if given is None:
        return None
    key = given.decode("latin-1")
    if not KEY.fullmatch(key):
        do = "send a random one, such as a UUID"
        raise UsageError(Fault("Idempotency-Key", repr(key[:80]), f"1 to {MOST_KEY} visible characters", do))
    try:
        body = json.dumps(json.loads(call.body), sort_keys=True)
    except ValueError:  # nothing that could be entered
        return None
    of = [kind, *sorted(call.path.items()), body]
    return Once(key, hashlib.sha256(json.dumps(of).encode()).hexdigest())


def named_account(call: Call, account_id: str) -> str:
    """The account of a body. One that has left may be reported on; a key that is bound sees its own alone."""
    snapshot = snapshot_of(call)
    known = account_id in snapshot.day
    if (known or call.key.owner is not None) and not sees(call, snapshot, account_id):
        raise ProblemRaised(problem(404, f"no account {account_id!r} that this key may see"))
    return account_id


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _moment(at: datetime) -> str:
    """A moment as the ledger writes it."""
    return moment(pd.Timestamp(_utc(at)))


def _once_only(kind: str, handle: Handler) -> Handler:
    """The same, but a request that was answered before is answered so again, whatever has changed since."""

    async def answer(call: Call) -> Answer:
        once, at = _once(call, kind), pd.Timestamp(datetime.now(UTC))
        if once is not None:
            reply = await _asked(call, lambda ledger: ledger.reply(call.asked_by, once, at))
            if reply is not None:
                return Answer(reply.body.encode(), headers=REPLAYED)
        return await handle(call)

    return answer


STATUSES = (400, 404, 413, 415, 422)


def entry_route(
    path: str,
    kind: str,
    handle: Handler,
    messages: tuple[str, Any, Any],
    example: dict[str, Any],
    roles: tuple[Role, ...] = WRITERS,
) -> Route:
    """The route of an entry; messages: its sentence, what it takes and what it gives."""
    summary, takes, gives = messages
    return Route(
        "POST",
        path,
        roles,
        _once_only(kind, handle),
        summary,
        takes=takes,
        gives=gives,
        statuses=STATUSES,
        example=example,
        tag="entries",
        once=True,
    )


ROUTES: tuple[Route, ...] = (
    entry_route(
        "/v1/accounts/{account_id}/overrides",
        "override",
        override,
        (
            "A CSM's own risk level, beside the model's, with its reason and until when it holds.",
            NewOverride,
            OverrideEntered,
        ),
        {"level": "high", "reason": "The sponsor has left.", "by": "kim", "expires_at": "2100-01-01T00:00:00Z"},
    ),
    entry_route(
        "/v1/accounts/{account_id}/feedback",
        "feedback",
        feedback,
        ("What a CSM says of a reason: right, wrong, or known already.", NewFeedback, FeedbackEntered),
        {"signal": "days_since_use", "verdict": "known", "comment": "They are moving offices.", "by": "kim"},
    ),
    entry_route(
        "/v1/interventions",
        "intervention",
        intervention,
        ("Something that is done about an account.", NewIntervention, Entered),
        {"account_id": "acc-0001", "kind": "executive_call", "started_at": "2026-01-02T09:00:00Z", "by": "kim"},
    ),
    entry_route(
        "/v1/outcomes",
        "outcome",
        outcome,
        ("Something that became of an account.", NewOutcome, Entered),
        {"account_id": "acc-0001", "kind": "renewal", "occurred_at": "2026-01-02T09:00:00Z", "arr_change": 0},
    ),
)
