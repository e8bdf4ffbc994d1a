"""The routes, one file a theme: each ends in a literal tuple ROUTES, and these are all of them.

Add one more: write its handler and its entry in the tuple of its theme's file (or a new file, named below), with the
roles that may call it, the messages it takes and gives (`serving/messages`), a sentence and an example. Dispatch,
roles, limits, the log, the metrics and the OpenAPI document follow from the entry. A handler is `async def name(call:
Call) -> Answer`: it takes `call.live.snapshot` once (`snapshot_of` in scores.py), reads its body by
`call.message(Model)` and its query by `call.parameters(Model)`, raises `ProblemRaised(problem(status, detail))`, and
writes the scores that it shows to the ledger before it answers. What blocks (a query of the ledger, a frame) runs in a
thread: `await asyncio.to_thread(...)`. What changes a CSM's level says so by `call.live.overridden(...)`. A path that
no entry names answers 404, to every role.
"""

from serving.api.routes import accounts, entries, questions, reports, scores, service, tasks
from serving.api.routes.accounts import account_history, account_of, written
from serving.api.routes.asking import asked_of_worker
from serving.api.routes.entries import WRITERS, feedback, override
from serving.api.routes.reports import READERS, report_answer, report_files
from serving.api.routes.scores import sees, snapshot_of
from serving.api.routes.tasks import TASK_WRITERS, record_note, record_task_event
from serving.api.routing import Route

ROUTES: tuple[Route, ...] = (
    *scores.ROUTES,
    *accounts.ROUTES,
    *questions.ROUTES,
    *entries.ROUTES,
    *tasks.ROUTES,
    *reports.ROUTES,
    *service.ROUTES,
)

__all__ = [
    "READERS",
    "ROUTES",
    "TASK_WRITERS",
    "WRITERS",
    "account_history",
    "account_of",
    "asked_of_worker",
    "feedback",
    "override",
    "record_note",
    "record_task_event",
    "report_answer",
    "report_files",
    "sees",
    "snapshot_of",
    "written",
]
