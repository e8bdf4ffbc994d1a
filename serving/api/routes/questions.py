"""What is worked out when it is asked, by the worker: what changed, what if, an account's signals, the model's card."""

from __future__ import annotations

from serving.api.live import Snapshot
from serving.api.routes.accounts import account_of, written
from serving.api.routes.asking import asked_of_worker
from serving.api.routes.scores import sees, snapshot_of
from serving.api.routing import Answer, Call, ProblemRaised, Role, Route
from serving.keys import ROLES
from serving.messages import (
    AccountSignals,
    Changes,
    ServedModel,
    WhatIfAnswer,
    WhatIfRequest,
    problem,
)

READERS: tuple[Role, ...] = ("csm", "leader", "scientist", "admin")


async def changes(call: Call) -> Answer:
    """What changed since the account's last score."""
    return await _of_account(call, "changes")


async def signals(call: Call) -> Answer:
    """An account's signals, beside its own past and its peers."""
    return await _of_account(call, "signals")


async def what_if(call: Call) -> Answer:
    """Both scores of an account: today's, and with other signals."""
    request, snapshot = call.message(WhatIfRequest), snapshot_of(call)
    if not sees(call, snapshot, request.account_id):
        raise ProblemRaised(problem(404, f"no account {request.account_id!r} is in play, or this key may not see it"))
    await written(call, "what-if", [request.account_id], snapshot)
    return await _asked(call, snapshot, "what_if", request.account_id, request.model_dump())


async def model(call: Call) -> Answer:
    """The card, the calibration and the gates of the model that serves."""
    return await _asked(call, snapshot_of(call), "model", "", None)


async def _of_account(call: Call, do: str) -> Answer:
    snapshot = snapshot_of(call)
    account_id = account_of(call, snapshot)
    await written(call, do, [account_id], snapshot)
    return await _asked(call, snapshot, do, account_id, None)


async def _asked(call: Call, snapshot: Snapshot, do: str, account_id: str, body: object) -> Answer:
    told = await asked_of_worker(call, snapshot, do, account_id, body)
    return Answer(told.encode(), accounts=1 if account_id else 0)


ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "/v1/accounts/{account_id}/changes",
        READERS,
        changes,
        "What changed since the last score: configuration, data, model and calibration, adding up to the difference.",
        gives=Changes,
        statuses=(404, 422),
        tag="accounts",
    ),
    Route(
        "GET",
        "/v1/accounts/{account_id}/signals",
        READERS,
        signals,
        "An account's signals, beside what is normal for it and beside its peers.",
        gives=AccountSignals,
        statuses=(404, 422),
        tag="accounts",
    ),
    Route(
        "POST",
        "/v1/what-if",
        READERS,
        what_if,
        "An account's score with other values of some signals, and how far these lie from what was seen in training.",
        takes=WhatIfRequest,
        gives=WhatIfAnswer,
        statuses=(400, 404, 413, 415, 422),
        example={"account_id": "acc-0001", "signals": {"days_since_use": 60}},
        tag="accounts",
    ),
    Route(
        "GET",
        "/v1/model",
        ROLES,
        model,
        "The model that serves: its card, the gates that let it pass, its calibration.",
        gives=ServedModel,
        statuses=(422,),
        tag="model",
    ),
)
