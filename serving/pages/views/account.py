"""The page of an account, what is brought into it afterwards, and what people enter on it.

All that is entered goes through the functions that the API's routes call, so that it stands in the ledger in the same
way, by whoever signed in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

from evaluation.ledger import Ledger
from evaluation.promotion import LedgerEvent, ledger_events
from serving.api import Answer, Call, ProblemRaised, Route, Snapshot
from serving.api.routes import (
    TASK_WRITERS,
    WRITERS,
    account_history,
    account_of,
    asked_of_worker,
    feedback,
    override,
    record_note,
    record_task_event,
    sees,
    snapshot_of,
    written,
)
from serving.messages import (
    AccountDetails,
    AccountHistory,
    Changes,
    DetailsRequest,
    LevelInForce,
    NewNote,
    NewTaskEvent,
    Prediction,
    problem,
)
from serving.pages.navigation import PEOPLE
from serving.pages.rendering import redirect, render, render_part
from serving.pages.views.account_changes import LaterView, changes_view
from serving.pages.views.account_view import Entering, Gathered, view
from serving.pages.views.search import account_path
from serving.pages.views.signing_in import form_of

MOST_SCORES = 400
MOST_KEPT = 2_000
CALLERS = tuple(role for role in PEOPLE if role in WRITERS)
NOTERS = tuple(role for role in PEOPLE if role in TASK_WRITERS)
# Details of a day by account, as the worker gave them; another day begins anew.
_kept: dict[tuple[str, str], AccountDetails] = {}


async def account(call: Call) -> Answer:
    """The page: what it shows of the prediction is in the ledger first."""
    snapshot = snapshot_of(call)
    account_id = account_of(call, snapshot)
    prediction = Prediction.model_validate_json(snapshot.day.explain_body(account_id))
    details = await _details(call, snapshot, prediction)
    history, events = await call.live.ledger.ask(lambda ledger: _of_ledger(ledger, account_id))
    await written(call, "page", [account_id], snapshot)
    framework = call.live.settings.framework
    role, header = call.key.role, snapshot.day.header
    related = () if details is None else (details.parent_account_id, *details.children)
    gathered = Gathered(
        snapshot=snapshot,
        prediction=prediction,
        level=LevelInForce.model_validate(snapshot.level(account_id)),
        history=history,
        events=events,
        details=details,
        descriptions={alert.name: alert.description for alert in framework.alerts},
        sees_related=frozenset(one for one in related if one is not None and sees(call, snapshot, one)),
        entering=Entering(role in CALLERS, role in NOTERS, header.levels, f"{datetime.now(UTC):%Y-%m-%d}"),
    )
    return await render(call, "account.html", view(gathered))


def _of_ledger(ledger: Ledger, account_id: str) -> tuple[AccountHistory, tuple[LedgerEvent, ...]]:
    return account_history(ledger, account_id, None, None, MOST_SCORES), ledger_events(ledger)


async def _details(call: Call, snapshot: Snapshot, prediction: Prediction) -> AccountDetails | None:
    """What the worker holds of the account; None while it has something longer to do."""
    place = (snapshot.day.folder.name, prediction.account_id)
    if place in _kept:
        return _kept[place]
    groups = prediction.reasons.dimensions
    ranked = sorted(
        ((one, group.dimension) for group in groups for one in group.signals),
        key=lambda pair: -abs(pair[0].contribution),
    )
    request = DetailsRequest(
        reasons=[(one.signal, dimension) for one, dimension in ranked],
        playbooks=[action.playbook for action in prediction.actions],
    )
    try:
        told = await asked_of_worker(call, snapshot, "details", prediction.account_id, request.model_dump())
    except ProblemRaised as raised:
        if raised.body.status != 503:
            raise
        return None
    for old in [one for one in _kept if one[0] != place[0]] or list(_kept)[: len(_kept) - MOST_KEPT]:
        del _kept[old]
    _kept[place] = AccountDetails.model_validate_json(told)
    return _kept[place]


async def changed(call: Call) -> Answer:
    """What changed since the last score, brought into the page once it is there: it may take the worker a while."""
    snapshot = snapshot_of(call)
    account_id = account_of(call, snapshot)
    try:
        told = await asked_of_worker(call, snapshot, "changes", account_id, None)
    except ProblemRaised as error:
        if error.body.status != 503:
            raise
        # A start, or a new day: the part asks again by itself, and the page has nothing to complain of.
        return await render_part(call, "account_changes_later.html", LaterView(account_path(account_id)))
    shown = changes_view(Changes.model_validate_json(told), snapshot.day.header.currency)
    return await render_part(call, "account_changes.html", shown)


def _with_body(call: Call, fields: Mapping[str, str | None]) -> Call:
    """The same call with a form's fields as the API takes them; what was left empty is left out."""
    body = {name: value for name, value in fields.items() if value}
    return replace(call, body=json.dumps(body).encode())


def _back(call: Call, message: str, part: str) -> Answer:
    return redirect(f"{account_path(call.path['account_id'])}#{part}", message, call.session)


def _by(call: Call) -> str | None:
    return call.key.owner


async def enter_call(call: Call) -> Answer:
    """The CSM's own level, with its reason and its end."""
    form = form_of(call)
    end = form.get("until", "")
    fields = {"level": form.get("level"), "reason": form.get("reason"), "by": _by(call)}
    await override(_with_body(call, {**fields, "expires_at": f"{end}T23:59:59Z" if end else None}))
    return _back(call, "Your call counts from now on.", "call")


async def enter_feedback(call: Call) -> Answer:
    """What a CSM says of a reason."""
    form = form_of(call)
    fields = {name: form.get(name) for name in ("signal", "verdict", "comment")}
    await feedback(_with_body(call, {**fields, "by": _by(call)}))
    return _back(call, "Thank you: what you said of the reason is noted.", "why")


async def enter_note(call: Call) -> Answer:
    """A note."""
    fields = {"account_id": account_of(call, snapshot_of(call)), "text": form_of(call).get("text"), "by": _by(call)}
    await record_note(call, _with_body(call, fields).message(NewNote))
    return _back(call, "The note is kept.", "entered")


TASK_DONE = {
    "ticked": "The step is done.",
    "reopened": "Taken up again.",
    "done": "Done.",
    "snoozed": "Snoozed.",
    "assigned": "Given away.",
}


async def enter_task(call: Call) -> Answer:
    """What became of a playbook or of one of its steps."""
    form, account_id = form_of(call), account_of(call, snapshot_of(call))
    kind = form.get("kind", "")
    if kind not in TASK_DONE:
        raise ProblemRaised(problem(422, f"found {kind!r}, expected one of {', '.join(TASK_DONE)}"))
    fields = {name: form.get(name) for name in ("task", "step", "kind", "until", "assigned_to", "comment")}
    new = _with_body(call, {**fields, "account_id": account_id, "by": _by(call)}).message(NewTaskEvent)
    await record_task_event(call, new)
    return _back(call, TASK_DONE[kind], "actions")


PATH = "/accounts/{account_id}"

ROUTES: tuple[Route, ...] = (
    Route("GET", PATH, PEOPLE, account, "An account.", page=True),
    Route("GET", f"{PATH}/changes", PEOPLE, changed, "What changed since its last score.", page=True),
    Route("POST", f"{PATH}/call", CALLERS, enter_call, "A CSM's own level.", page=True),
    Route("POST", f"{PATH}/feedback", CALLERS, enter_feedback, "What a CSM says of a reason.", page=True),
    Route("POST", f"{PATH}/note", NOTERS, enter_note, "A note.", page=True),
    Route("POST", f"{PATH}/task", NOTERS, enter_task, "What became of a playbook or a step.", page=True),
)
