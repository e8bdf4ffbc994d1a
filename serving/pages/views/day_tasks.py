"""What became of a task, from the forms of the worklist: done, snoozed, assigned, taken back."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import ValidationError

from serving.api import Answer, Call, ProblemRaised, Route
from serving.api.routes import record_task_event, snapshot_of
from serving.messages import NewTaskEvent, problem
from serving.pages.charts import day_words
from serving.pages.rendering import redirect, render_part
from serving.pages.views.my_day import DAY_ROLES
from serving.pages.views.search import account_path
from serving.pages.views.signing_in import form_of, local_path


@dataclass(frozen=True)
class EnteredView:
    """A line once something was done with it, with the way back."""

    account_id: str
    path: str
    name: str
    task: str
    words: str
    here: str


WORDS = {"done": "Done", "snoozed": "Snoozed", "assigned": "Assigned", "reopened": "Back on the list"}


async def enter_task(call: Call) -> Answer:
    """Done, snoozed, assigned or taken back, from a form of the worklist."""
    form = form_of(call)
    names = ("account_id", "task", "kind", "until", "assigned_to", "comment")
    given = {name: form[name].strip() for name in names if form.get(name, "").strip()}
    kind = given.get("kind", "")
    wanted = {"until": "snoozed", "assigned_to": "assigned"}  # a form holds all fields; what another kind needs is left
    given = {name: value for name, value in given.items() if wanted.get(name, kind) == kind}
    if call.key.owner is not None:
        given["by"] = call.key.owner
    if kind not in WORDS:
        raise ProblemRaised(problem(422, f"found {kind!r}, expected one of {', '.join(WORDS)}"))
    try:
        new = NewTaskEvent.model_validate(given)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise ProblemRaised(problem(422, faults)) from None
    await record_task_event(call, new)
    snapshot = snapshot_of(call)
    one = snapshot.day.summaries.get(new.account_id)
    name = new.account_id if one is None or one.name is None else one.name
    words = WORDS[kind]
    if new.until is not None:
        words += f" until {day_words(new.until)}"
    if new.assigned_to is not None:
        words += f" to {new.assigned_to}"
    where = local_path(form.get("next", "/"))
    if b"hx-request" in call.headers:
        entered = EnteredView(new.account_id, account_path(new.account_id), name, new.task, words, where)
        return await render_part(call, "my_day_entered.html", entered)
    return redirect(where, f"{name}: {words.lower()}.", call.session)


ROUTES: tuple[Route, ...] = (Route("POST", "/day/tasks", DAY_ROLES, enter_task, "What became of a task.", page=True),)
