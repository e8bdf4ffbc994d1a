"""A question to the worker about the day that serves, for the routes whose answers are worked out when asked for."""

from __future__ import annotations

from collections.abc import Sequence

from serving.api.live import Snapshot
from serving.api.routing import Call, ProblemRaised
from serving.api.worker_link import WorkerAway
from serving.messages import ProblemFault, problem

BUSY = {"retry-after": "5"}


async def asked_of_worker(call: Call, snapshot: Snapshot, do: str, account_id: str, body: object) -> str:
    """The worker's answer as JSON, if it is of the day, model and settings that serve; 503 while it is not, or busy."""
    request = {"do": do, "account_id": account_id, "body": body, "common": list(snapshot.day.header.common)}
    try:
        told = await call.live.worker.ask(request)
    except WorkerAway as error:
        raise ProblemRaised(problem(503, str(error)), BUSY) from None
    if "problem" in told:
        faults: Sequence[ProblemFault] = [ProblemFault(**fault) for fault in told["problem"]["faults"]]
        status = told["problem"]["status"]
        raise ProblemRaised(problem(status, told["problem"]["title"], tuple(faults)), BUSY if status == 503 else {})
    return str(told["result"])
