"""An account over time: risk and health with what happened meanwhile, what was entered, and what became of tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from evaluation.formatting import percent
from evaluation.promotion import FORCED, PROMOTION, LedgerEvent
from serving.messages import AccountDetails, AccountHistory, NextAction
from serving.pages.charts import Chart, LineStyle, Mark, Point, day_words, line_chart
from serving.pages.words import name_words

VERDICTS = {"right": "right", "wrong": "wrong", "known": "true, but no news"}
DOERS = {"csm": "CSM", "executive": "an executive", "support": "support", "automation": "by itself"}
LETTERS = {
    "M": "another model",
    "W": "other weights",
    "L": "another level of churn",
    "C": "other settings",
    "O": "a CSM's call",
    "A": "somebody acted",
    "R": "what became of it",
}
TASK_WORDS = {
    "done": "done",
    "snoozed": "snoozed",
    "assigned": "given to somebody",
    "ticked": "step done",
    "reopened": "taken up again",
}


@dataclass(frozen=True)
class StepView:
    """A step of a playbook, and whether it was ticked."""

    do: str
    by: str
    within: str
    is_done: bool
    ticked: str


@dataclass(frozen=True)
class ActionView:
    """What to do next: a playbook as steps to tick, why it is called for, and what became of it so far."""

    playbook: str
    title: str
    why: str
    deadline: str
    steps: tuple[StepView, ...]
    context: str
    resources: tuple[str, ...]
    success: tuple[str, ...]
    escalate: str
    state: str
    is_done: bool


@dataclass(frozen=True)
class EnteredView:
    """Something that people entered: when, who, what."""

    at: str
    by: str
    what: str
    text: str


def by_words(by: str) -> str:
    """
    >>> by_words("key:0a1b2c3d"), by_words("kim")
    ('key 0a1b2c3d', 'kim')
    """
    return f"key {by.removeprefix('key:')}" if by.startswith("key:") else by


def charts_over_time(
    history: AccountHistory, events: Sequence[LedgerEvent], main_days: int
) -> tuple[Chart | None, Chart | None]:
    """The risk with its interval and the rules' score, day by day, with markers of what changed and who acted."""
    by_day: dict[str, Any] = {}
    for score in history.scores:  # the newest first
        by_day.setdefault(score.as_of, score)
    scores = [by_day[day] for day in sorted(by_day)]
    marks = _marks(scores, history, events)
    risk = [
        Point(one.as_of, value, more.get(f"p_low_{main_days}d"), more.get(f"p_high_{main_days}d"))
        for one in scores
        if (value := (more := one.model_extra or {}).get(f"p_churn_{main_days}d")) is not None
    ]
    health = [Point(one.as_of, one.health_score) for one in scores if one.health_score is not None]
    label = f"Risk to leave within {main_days} days"
    legend = "".join(
        f"; {letter} {words}" for letter, words in LETTERS.items() if any(m.letter == letter for m in marks)
    )
    health_style = LineStyle("Health score of the rules, 0 to 100", "Score", lambda value: f"{value:.0f}", 0.0, 100.0)
    return (
        line_chart(risk, marks, LineStyle(f"{label}, with its interval{legend}", label, percent)),
        line_chart(health, marks, health_style),
    )


def _marks(scores: Sequence[Any], history: AccountHistory, events: Sequence[LedgerEvent]) -> list[Mark]:
    # Which model scored stands in the scores themselves.
    others = [one for one in events if one.label and one.kind not in (PROMOTION, FORCED)]
    marks = [Mark(one.at, "W" if one.kind == "reweighting" else "L", one.label or "") for one in others]
    for before, after in pairwise(scores):
        if before.model_version != after.model_version:
            marks.append(
                Mark(after.as_of, "M", f"model version {after.model_version} instead of {before.model_version}")
            )
        if before.config_version != after.config_version:
            marks.append(Mark(after.as_of, "C", "other settings"))
    marks += [Mark(one.made_at, "O", f"{by_words(one.made_by)} called it {one.level}") for one in history.overrides]
    marks += [Mark(one.started_at, "A", f"{name_words(one.kind)} began") for one in history.interventions]
    marks += [Mark(one.occurred_at, "R", name_words(one.kind)) for one in history.outcomes]
    done = (one for one in history.tasks if one.kind == "done")
    return marks + [Mark(one.made_at, "A", f"{name_words(one.task)} done") for one in done]


def actions(
    called_for: Sequence[NextAction], details: AccountDetails | None, history: AccountHistory
) -> list[ActionView]:
    """The playbooks that the account calls for, with the steps that were ticked."""
    known = {} if details is None else {one.playbook: one for one in details.playbooks}
    made = []
    for action in called_for:
        events = sorted((one for one in history.tasks if one.task == action.playbook), key=lambda one: one.made_at)
        whole = [one for one in events if one.step is None]
        playbook = known.get(action.playbook)
        is_done = bool(whole) and whole[-1].kind == "done"
        made.append(
            ActionView(
                playbook=action.playbook,
                title=action.title,
                why=name_words(action.why),
                deadline="" if action.within_hours is None else f"begin within {_hours_words(action.within_hours)}",
                steps=() if playbook is None else tuple(_step(one, events) for one in playbook.steps),
                context="" if playbook is None else playbook.context,
                resources=() if playbook is None else tuple(playbook.resources),
                success=() if playbook is None else tuple(playbook.success),
                escalate="" if playbook is None else playbook.escalate,
                state=_state(whole[-1]) if whole else "",
                is_done=is_done,
            )
        )
    return made


def _hours_words(hours: int) -> str:
    """
    >>> _hours_words(24), _hours_words(120), _hours_words(4)
    ('1 day', '5 days', '4 hours')
    """
    if hours % 24 == 0:
        return f"{hours // 24} {'day' if hours == 24 else 'days'}"
    return f"{hours} {'hour' if hours == 1 else 'hours'}"


def _step(step: Any, events: Sequence[Any]) -> StepView:
    mine = [one for one in events if one.step == step.do]
    is_done = bool(mine) and mine[-1].kind == "ticked"
    within = "" if step.within_days is None else f"within {_hours_words(24 * step.within_days)}"
    ticked = f"{by_words(mine[-1].made_by)}, {day_words(mine[-1].made_at)}" if is_done else ""
    return StepView(do=step.do, by=DOERS.get(step.by, step.by), within=within, is_done=is_done, ticked=ticked)


def _state(event: Any) -> str:
    what = TASK_WORDS[event.kind]
    if event.kind == "snoozed" and event.until:
        what = f"snoozed until {day_words(event.until)}"
    if event.kind == "assigned" and event.assigned_to:
        what = f"given to {event.assigned_to}"
    return f"{what} by {by_words(event.made_by)}, {day_words(event.made_at)}"


def entered(history: AccountHistory) -> list[EnteredView]:
    """Notes, calls, feedback, tasks, interventions and outcomes, the newest first."""
    rows = [(one.written_at, one.written_by, "note", one.text) for one in history.notes]
    for call in history.overrides:
        until = f", until {day_words(call.expires_at)}" if call.expires_at else ""
        rows.append((call.made_at, call.made_by, f"call: {call.level}{until}", call.reason))
    for said in history.feedback:
        words = f"{name_words(said.signal)}: {VERDICTS.get(said.verdict, said.verdict)}"
        rows.append((said.given_at, said.given_by, "on a reason", f"{words}. {said.comment or ''}".strip()))
    for task in history.tasks:
        of = f"{task.step}. " if task.step else ""
        more = (
            f"until {day_words(task.until)} " if task.until else f"to {task.assigned_to} " if task.assigned_to else ""
        )
        text = f"{of}{more}{task.comment or ''}".strip()
        rows.append((task.made_at, task.made_by, f"{name_words(task.task)}: {TASK_WORDS[task.kind]}", text))
    for did in history.interventions:
        rows.append((did.started_at, did.reported_by, name_words(did.kind), did.note or ""))
    for came in history.outcomes:
        rows.append((came.occurred_at, came.reported_by, name_words(came.kind), came.reason or ""))
    newest = sorted(rows, key=lambda row: row[0], reverse=True)
    return [EnteredView(day_words(at), by_words(by), what, text) for at, by, what, text in newest]
