"""Scores from signals that the caller sends: worked out by the worker, in the ledger before they leave."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence

import pandas as pd

from evaluation.ledger import Answered, Pointer, moment
from serving.api.live import Snapshot
from serving.api.routes.asking import asked_of_worker
from serving.api.routing import Call, ProblemRaised
from serving.messages import SuppliedAccount, SuppliedRequest, SuppliedScore, SuppliedScores, problem


async def supplied_entries(
    call: Call, snapshot: Snapshot, route: str, accounts: Sequence[SuppliedAccount]
) -> list[bytes]:
    """The JSON of an entry an account, in order, once the predictions among them are written down.

    Parameters
    ----------
    call : Call
    snapshot : Snapshot
        Whose model scores.
    route : str
        `explain`: with every reason.
    accounts : sequence of SuppliedAccount

    Returns
    -------
    list of bytes

    Raises
    ------
    ProblemRaised
        403 where the key is bound to an owner and an account is not that owner's; 503 while the worker is busy.
    """
    _only_own(call, snapshot, accounts)
    request = SuppliedRequest(every_reason=route == "explain", accounts=list(accounts))
    told = await asked_of_worker(call, snapshot, "supplied", "", request.model_dump(mode="json"))
    results = SuppliedScores.model_validate_json(told).results
    scored = [one for one in results if one.error is None]
    pointers: list[Pointer] = []
    if scored:
        began, at = time.perf_counter(), moment(pd.Timestamp.now("UTC"))
        rows = [tuple(one.row) for one in scored]
        pointers = await call.live.write(Answered(call.request_id, call.asked_by, route, at, rows, kind="supplied"))
        call.live.metrics.written(began)
        call.live.metrics.scores([one.risk_level for one in scored])
    written = iter(pointers)
    return [_failed(one) if one.error is not None else _entry(snapshot, one, next(written)) for one in results]


def _only_own(call: Call, snapshot: Snapshot, accounts: Sequence[SuppliedAccount]) -> None:
    """What a key may not see and what does not exist are one here too."""
    if call.key.owner is None:
        return
    for account in accounts:
        found = snapshot.day.summaries.get(account.account_id)
        if found is None or not call.sees(found.owner):
            detail = f"this key is bound to an owner, and {account.account_id!r} is no account of that owner's in play"
            raise ProblemRaised(problem(403, f"{detail}; send signals of that owner's accounts alone"))


def _entry(snapshot: Snapshot, one: SuppliedScore, pointer: Pointer) -> bytes:
    level = snapshot.level(one.account_id, one.risk_level)
    between = {"level": level, "arm": one.arm, "may_contact": one.arm != "holdout"}
    return b'{"account_id":%b,"prediction":%b,%b,"ledger":{"batch_id":%d,"row":%d},"error":null}' % (
        json.dumps(one.account_id).encode(),
        (one.prediction or "null").encode(),
        json.dumps(between, separators=(",", ":")).encode()[1:-1],
        *pointer,
    )


def _failed(one: SuppliedScore) -> bytes:
    empty = {"prediction": None, "level": None, "arm": None, "may_contact": True, "ledger": None}
    error = None if one.error is None else one.error.model_dump()
    return json.dumps({"account_id": one.account_id, **empty, "error": error}).encode()
