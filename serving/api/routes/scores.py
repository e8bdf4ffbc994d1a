"""Scores and explanations of accounts: by id, the bytes that were made with the day; by supplied signals, the worker's.

Either way they are in the ledger before they leave.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from configs.errors import Fault, UsageError
from serving.api.live import Snapshot
from serving.api.routes.supplied import supplied_entries
from serving.api.routing import Answer, Call, ProblemRaised, Route
from serving.messages import AccountError, ScoreAnswer, ScoreRequest, problem
from serving.prepared import PreparedDay

Body = Callable[[PreparedDay, str], bytes]
BYTES_AN_ACCOUNT = 12_000  # more than every signal with its name and all its digits


def snapshot_of(call: Call) -> Snapshot:
    """The day that serves now.

    Parameters
    ----------
    call : Call

    Returns
    -------
    Snapshot

    Raises
    ------
    ProblemRaised
        503 while there is none.
    """
    snapshot = call.live.snapshot
    if snapshot is None:
        raise ProblemRaised(problem(503, "no day is prepared yet; GET /readyz says why"), {"retry-after": "5"})
    return snapshot


def sees(call: Call, snapshot: Snapshot, account_id: str) -> bool:
    """Whether an account is in play and the key may see it; to the caller these are one.

    Parameters
    ----------
    call : Call
    snapshot : Snapshot
    account_id : str

    Returns
    -------
    bool
    """
    found = snapshot.day.summaries.get(account_id)
    return found is not None and call.sees(found.owner)


async def score(call: Call) -> Answer:
    """Each account's prediction from its newest signals, the strongest reasons one by one."""
    return await _many(call, "score", PreparedDay.score_body)


async def explain(call: Call) -> Answer:
    """Each account's prediction with every reason."""
    return await _many(call, "explain", PreparedDay.explain_body)


async def _many(call: Call, route: str, body: Body) -> Answer:
    request = await call.read(ScoreRequest)
    most = call.live.serving.max_accounts
    for where, sent in (("account_ids", request.account_ids), ("accounts", request.accounts)):
        if len(sent) > most:
            do = "send them in several requests"
            raise UsageError(Fault(where, f"{len(sent)} accounts", f"at most {most}", do))
    if request.accounts:
        snapshot = snapshot_of(call)
        entries = await supplied_entries(call, snapshot, route, request.accounts)
        head = _head(snapshot, call.request_id, datetime.now(UTC).isoformat(timespec="seconds"))
        return Answer(b'%b,"results":[%b]}' % (head, b",".join(entries)), accounts=len(entries))
    return await answered(call, route, request.account_ids, body)


async def answered(call: Call, route: str, account_ids: Sequence[str], body: Body) -> Answer:
    """The answer for these accounts, once it is written down: one model, one day, whatever is swapped meanwhile."""
    snapshot, live = snapshot_of(call), call.live
    day = snapshot.day
    known = [account for account in dict.fromkeys(account_ids) if sees(call, snapshot, account)]
    entries: dict[str, bytes] = {}
    if known:
        began = time.perf_counter()
        pointers = await live.write(live.asked(call.request_id, call.asked_by, route, known, snapshot))
        live.metrics.written(began)
        live.metrics.scores([day.summaries[account].risk_level for account in known])
        for account, pointer in zip(known, pointers, strict=True):
            entries[account] = b'{"account_id":%b,"prediction":%b%b,"ledger":{"batch_id":%d,"row":%d},"error":null}' % (
                json.dumps(account).encode(),
                body(day, account),
                snapshot.middle(account),
                *pointer,
            )
    results = b",".join(entries.get(account) or _unknown(account, snapshot) for account in account_ids)
    return Answer(b'%b,"results":[%b]}' % (_head(snapshot, call.request_id), results), accounts=len(account_ids))


def _head(snapshot: Snapshot, request_id: str, scored_at: str | None = None) -> bytes:
    """The JSON of an answer up to its results; scored_at: the day's, unless it was worked out just now."""
    header = snapshot.day.header
    body = {
        "as_of": header.as_of,
        "scored_at": scored_at or header.scored_at,
        "model_version": header.model_version,
        "config_version": header.config_version,
        "data": snapshot.data_age(datetime.now(UTC).date()).model_dump(),
        "request_id": request_id,
    }
    return json.dumps(body, separators=(",", ":")).encode()[:-1]


def _unknown(account_id: str, snapshot: Snapshot) -> bytes:
    detail = f"no account {account_id!r} is in play on {snapshot.day.header.as_of}"
    do = "check the id; an account that has left, or came later, is not scored"
    error = AccountError(code="unknown_account", detail=detail, do=do)
    empty = {"prediction": None, "level": None, "arm": None, "may_contact": True, "ledger": None}
    return json.dumps({"account_id": account_id, **empty, "error": error.model_dump()}).encode()


EXAMPLE: dict[str, Any] = {"account_ids": ["acc-0001", "acc-0002"]}

ROUTES: tuple[Route, ...] = (
    Route(
        "POST",
        "/v1/score",
        ("platform", "csm", "scientist", "admin"),
        score,
        "Each account's prediction from its newest signals, or from signals that are sent, with the strongest reasons.",
        takes=ScoreRequest,
        gives=ScoreAnswer,
        statuses=(400, 413, 415, 422, 503),
        example=EXAMPLE,
        tag="scores",
        bytes_an_account=BYTES_AN_ACCOUNT,
    ),
    Route(
        "POST",
        "/v1/explain",
        ("csm", "leader", "scientist", "admin"),
        explain,
        "Each account's prediction with every reason.",
        takes=ScoreRequest,
        gives=ScoreAnswer,
        statuses=(400, 413, 415, 422, 503),
        example=EXAMPLE,
        tag="scores",
        bytes_an_account=BYTES_AN_ACCOUNT,
    ),
)
