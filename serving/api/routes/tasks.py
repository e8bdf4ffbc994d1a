"""What callers enter of tasks, and notes: what a CSM does with what a playbook calls for.

Pages and API enter by the same functions, `record_task_event` and `record_note`; the API's routes read a JSON body, a
page reads a form.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import pandas as pd

from configs.errors import Fault, UsageError
from evaluation.ledger import Note, TaskEvent, moment
from serving.api.live import Snapshot
from serving.api.routes.entries import enter_row, entry_route, named_account
from serving.api.routes.scores import snapshot_of
from serving.api.routing import Answer, Call, Role, Route
from serving.messages import Entered, NewNote, NewTaskEvent

TASK_WRITERS: tuple[Role, ...] = ("csm", "leader", "admin")


async def record_task_event(call: Call, new: NewTaskEvent) -> Answer:
    """Enters what became of a task, with the prediction that was shown then.

    Parameters
    ----------
    call : Call
        Its key is who enters it, where `new.by` says nothing; its idempotency key makes it once.
    new : NewTaskEvent

    Returns
    -------
    Answer
        An `Entered`.

    Raises
    ------
    ProblemRaised
        404 for an account that the key may not see.
    UsageError
        With every fault of what is entered.
    """
    account_id, at = named_account(call, new.account_id), datetime.now(UTC)
    _check(new, at.date())
    made = moment(pd.Timestamp(at))
    event = _event(new, snapshot_of(call), new.by or call.asked_by, made)

    def entered(batch_id: int) -> Entered:
        return Entered(account_id=account_id, batch_id=batch_id, entered_at=made)

    answer, _ = await enter_row(call, at, "task", event.values, entered)
    return answer


async def record_note(call: Call, new: NewNote) -> Answer:
    """Enters a note on an account.

    Parameters
    ----------
    call : Call
        As for `record_task_event`.
    new : NewNote

    Returns
    -------
    Answer
        An `Entered`.

    Raises
    ------
    ProblemRaised
        404 for an account that the key may not see.
    """
    account_id, at = named_account(call, new.account_id), datetime.now(UTC)
    written = moment(pd.Timestamp(at))
    note = Note(account_id, new.text, new.by or call.asked_by, written)

    def entered(batch_id: int) -> Entered:
        return Entered(account_id=account_id, batch_id=batch_id, entered_at=written)

    answer, _ = await enter_row(call, at, "note", note.values, entered)
    return answer


def _check(new: NewTaskEvent, today: date) -> None:
    """UsageError with every fault: each kind has what it needs, and nothing that only another has."""
    faults = []
    for name, kinds in (("until", ("snoozed",)), ("assigned_to", ("assigned",)), ("step", ("ticked",))):
        value = getattr(new, name)
        if value is None and new.kind in kinds:
            faults.append(Fault(name, "nothing", f"what `{new.kind}` needs", f"send {name}"))
        if value is not None and new.kind not in (*kinds, *(("reopened",) if name == "step" else ())):
            faults.append(Fault(name, repr(value), f"nothing of `{new.kind}`", "leave it out"))
    if new.until is not None and new.kind == "snoozed":
        try:
            is_later = date.fromisoformat(new.until) > today
        except ValueError:
            is_later = False
        if not is_later:
            faults.append(Fault("until", repr(new.until), f"a day after today, {today}", "name the day it comes back"))
    if faults:
        raise UsageError(faults)


def _event(new: NewTaskEvent, snapshot: Snapshot, by: str, made: str) -> TaskEvent:
    header, one = snapshot.day.header, snapshot.day.summaries.get(new.account_id)
    return TaskEvent(
        account_id=new.account_id,
        task=new.task,
        step=new.step,
        kind=new.kind,
        until=new.until,
        assigned_to=new.assigned_to,
        comment=new.comment,
        owner=None if one is None else one.owner,
        as_of=None if one is None else header.as_of,
        model_version=None if one is None else header.model_version,
        p_churn=None if one is None else one.p_churn,
        made_by=by,
        made_at=made,
    )


async def task_event(call: Call) -> Answer:
    """Something that became of a task."""
    return await record_task_event(call, call.message(NewTaskEvent))


async def note(call: Call) -> Answer:
    """Something to remember about an account."""
    return await record_note(call, call.message(NewNote))


ROUTES: tuple[Route, ...] = (
    entry_route(
        "/v1/tasks",
        "task",
        task_event,
        ("What became of a task: done, snoozed, assigned, a step ticked, reopened.", NewTaskEvent, Entered),
        {"account_id": "acc-0001", "task": "renewal", "kind": "snoozed", "until": "2100-01-04", "by": "kim"},
        TASK_WRITERS,
    ),
    entry_route(
        "/v1/notes",
        "note",
        note,
        ("Something to remember about an account.", NewNote, Entered),
        {"account_id": "acc-0001", "text": "They are moving offices.", "by": "kim"},
        TASK_WRITERS,
    ),
)
