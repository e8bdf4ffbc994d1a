"""How tasks stand: read once from the ledger, then only what was entered since."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from weakref import WeakKeyDictionary

from evaluation.ledger import Ledger, TaskEvent
from serving.api import Live

DONE_DAYS = 30  # a task that is done is not asked for again within so many days, though its playbook still is
KEPT_DONE = 5000


@dataclass(frozen=True)
class TaskState:
    """How a task of an account stands: its newest event as a whole, and who has it (None: the account's owner)."""

    newest: TaskEvent
    assigned_to: str | None

    def is_open(self, today: date) -> bool:
        """Whether it belongs on a worklist on a day."""
        if self.newest.kind == "snoozed" and self.newest.until is not None:
            return self.newest.until <= today.isoformat()
        if self.newest.kind == "done":
            return (today - date.fromisoformat(self.newest.made_at[:10])).days >= DONE_DAYS
        return True


@dataclass(frozen=True)
class Tasks:
    """All tasks at a moment: states by (account, task), and what was done, the newest last."""

    states: Mapping[tuple[str, str], TaskState]
    done: tuple[TaskEvent, ...]


def tasks_after(before: Tasks, events: Iterable[TaskEvent]) -> Tasks:
    """The tasks once some more happened; steps of a task say nothing of the task as a whole.

    Parameters
    ----------
    before : Tasks
    events : iterable of TaskEvent
        In the order entered.

    Returns
    -------
    Tasks
    """
    states, done = dict(before.states), list(before.done)
    for event in events:
        if event.step is not None:
            continue
        key = (event.account_id, event.task)
        had = states.get(key)
        holder = event.assigned_to if event.kind == "assigned" else None if had is None else had.assigned_to
        states[key] = TaskState(event, holder)
        if event.kind == "done":
            done.append(event)
        elif event.kind == "reopened":
            last = max((place for place, one in enumerate(done) if (one.account_id, one.task) == key), default=None)
            done = [one for place, one in enumerate(done) if place != last]
    return Tasks(states, tuple(done[-KEPT_DONE:]))


@dataclass
class _Book:
    tasks: Tasks = field(default_factory=lambda: Tasks({}, ()))
    batch: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, ledger: Ledger) -> Tasks:
        with self.lock:
            events = ledger.task_events(after_batch=self.batch)
            if events:
                self.tasks, self.batch = tasks_after(self.tasks, events), events[-1].batch_id
            return self.tasks


_BOOKS: WeakKeyDictionary[Live, _Book] = WeakKeyDictionary()


async def tasks_of(live: Live) -> Tasks:
    """All tasks as they stand now."""
    book = _BOOKS.setdefault(live, _Book())
    return await live.ledger.ask(book.read)
