"""My day: whom to call, by why, in the order of the expected loss that acting can change, and what came of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from evaluation.formatting import money, percent
from evaluation.ledger import TaskEvent
from serving.api import Answer, Call, Route, Snapshot, cookies
from serving.api.routes import snapshot_of, written
from serving.keys import Role
from serving.pages.charts import day_words
from serving.pages.navigation import PEOPLE
from serving.pages.rendering import render
from serving.pages.selection import address, final_level, query_values
from serving.pages.task_book import Tasks, TaskState, tasks_of
from serving.pages.views.search import account_path, start
from serving.pages.wording import days, many, points, tone
from serving.pages.words import name_words
from serving.prepared import Summary

DAY_ROLES: tuple[Role, ...] = ("csm", "leader", "admin")
CAPACITY_COOKIE, CAPACITY, MOST_CAPACITY = "fw_capacity", 10, 40
SNOOZE_DAYS = (1, 7, 30)
DONE_SHOWN, DONE_WITHIN_DAYS = 12, 90


@dataclass(frozen=True)
class Line:
    """A line of the worklist, in words."""

    account_id: str
    path: str
    name: str
    owner: str
    level: str
    risk: str
    change: str
    change_tone: str
    renewal: str
    happened: str
    task: str
    action: str
    deadline: str
    is_late: bool
    saves: str
    assigned_to: str


@dataclass(frozen=True)
class Group:
    """The lines that one reason calls for."""

    why: str
    how_many: str
    saves: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class DoneLine:
    """Something that was done, and what came of it."""

    day: str
    path: str | None
    name: str
    action: str
    comment: str
    outcome: str
    outcome_tone: str


@dataclass(frozen=True)
class MyDayView:
    """The page."""

    title: str
    intro: str
    owner: str
    owners: tuple[str, ...]
    capacity: int
    most_capacity: int
    groups: tuple[Group, ...]
    left_over: str
    more_path: str | None
    held_out: str
    done: tuple[DoneLine, ...]
    since: str
    order_words: str
    snooze_days: tuple[tuple[str, str], ...]
    tomorrow: str
    here: str


@dataclass(frozen=True)
class DayAsked:
    """What is asked for: whose day, how many lines, on which day; `success`: the share that an approach saves."""

    owner: str | None
    capacity: int
    today: date
    success: float
    here: str
    may_choose_owner: bool


@dataclass(frozen=True)
class OpenTask:
    """An account that is to be approached, and how its task stands."""

    one: Summary
    state: TaskState | None

    @property
    def holder(self) -> str | None:
        """Who has it."""
        assigned = None if self.state is None else self.state.assigned_to
        return self.one.owner if assigned is None else assigned


def open_tasks(accounts: Iterable[Summary], tasks: Tasks, asked: DayAsked) -> tuple[list[OpenTask], int]:
    """Whom to approach, in the order of the expected loss that acting can change; and how many are held out.

    Whoever was drawn to be left alone is never on the list.

    Parameters
    ----------
    accounts : iterable of Summary
        That the key sees.
    tasks : Tasks
    asked : DayAsked

    Returns
    -------
    list of OpenTask
    int
        Accounts that would be on the list and were drawn to be left alone.
    """
    found, held_out = [], 0
    for one in accounts:
        if one.action is None:
            continue
        task = OpenTask(one, tasks.states.get((one.account_id, one.action)))
        if asked.owner is not None and task.holder != asked.owner:
            continue
        if one.arm == "holdout":
            held_out += 1
        elif task.state is None or task.state.is_open(asked.today):
            found.append(task)
    found.sort(key=lambda task: (-(task.one.saves or 0.0), -task.one.p_churn, task.one.account_id))
    return found, held_out


def view(snapshot: Snapshot, accounts: Sequence[Summary], tasks: Tasks, asked: DayAsked) -> MyDayView:
    """What the page shows of the accounts that the key sees."""
    listed, held_out = open_tasks(accounts, tasks, asked)
    first = listed[: asked.capacity]
    saved = sum(task.one.saves or 0.0 for task in first)
    currency, header = snapshot.day.header.currency, snapshot.day.header
    before, over = snapshot.day.lists.before_as_of, len(listed) - len(first)
    intro = "Nothing on your list calls for you today."
    if first:
        intro = f"{many(len(first), 'account')}, {money(saved, currency)} of ARR that acting can save."
    more = [("capacity", str(min(MOST_CAPACITY, len(listed))))] + ([("owner", asked.owner)] if asked.owner else [])
    return MyDayView(
        title="My day",
        intro=intro,
        owner=asked.owner or "",
        owners=tuple(sorted({one.owner for one in accounts if one.owner})) if asked.may_choose_owner else (),
        capacity=asked.capacity,
        most_capacity=MOST_CAPACITY,
        groups=_groups(snapshot, first, asked),
        left_over=f"{many(over, 'more account')} below the line." if over else "",
        more_path=address("/", more) if over and asked.capacity < MOST_CAPACITY else None,
        held_out=_held_out_words(held_out),
        done=_done(snapshot, accounts, tasks, asked),
        since="" if before is None else f"Changes are since {day_words(before)}.",
        order_words=f"In the order of the expected ARR loss within {header.main_horizon_days} days that acting can"
        f" change: {percent(asked.success)} of it, by your settings.",
        snooze_days=tuple(
            ((asked.today + timedelta(days=count)).isoformat(), f"for {days(count)}") for count in SNOOZE_DAYS
        ),
        tomorrow=(asked.today + timedelta(days=1)).isoformat(),
        here=asked.here,
    )


def _held_out_words(count: int) -> str:
    if not count:
        return ""
    is_one = count == 1
    return (
        f"{many(count, 'account')} that would be here {'was' if is_one else 'were'} drawn to be left alone, so that the"
        f" effect of acting can be measured; please do not contact {'it' if is_one else 'them'}."
    )


def _groups(snapshot: Snapshot, listed: Sequence[OpenTask], asked: DayAsked) -> tuple[Group, ...]:
    """By why, the group with most to save first; within it likewise."""
    by_why: dict[str, list[OpenTask]] = {}
    for task in listed:
        by_why.setdefault(task.one.why_words or "", []).append(task)
    worth = {why: sum(task.one.saves or 0.0 for task in group) for why, group in by_why.items()}
    return tuple(
        Group(
            why,
            many(len(by_why[why]), "account"),
            money(worth[why], snapshot.day.header.currency),
            tuple(line_of(snapshot, task, asked.today) for task in by_why[why]),
        )
        for why in sorted(by_why, key=lambda one: (-worth[one], one))
    )


def line_of(snapshot: Snapshot, task: OpenTask, today: date) -> Line:
    """A line of the worklist."""
    one, change = task.one, None if task.one.p_before is None else task.one.p_churn - task.one.p_before
    assigned = None if task.state is None else task.state.assigned_to
    is_late = one.due_on is not None and one.due_on < min(today.isoformat(), snapshot.day.header.as_of)
    deadline = "" if one.due_on is None else f"{'was due' if is_late else 'by'} {day_words(one.due_on)}"
    return Line(
        account_id=one.account_id,
        path=account_path(one.account_id),
        name=one.name or one.account_id,
        owner=one.owner or "nobody",
        level=final_level(snapshot, one),
        risk=percent(one.p_churn),
        change=points(change),
        change_tone=tone(change),
        renewal="no end of contract" if one.days_to_renewal is None else f"renewal in {days(one.days_to_renewal)}",
        happened=one.happened or "There is no earlier score to compare with.",
        task=one.action or "",
        action=one.action_title or "",
        deadline=deadline,
        is_late=is_late,
        saves="" if one.saves is None else money(one.saves, snapshot.day.header.currency),
        assigned_to="" if assigned is None or assigned == one.owner else assigned,
    )


def _done(snapshot: Snapshot, accounts: Sequence[Summary], tasks: Tasks, asked: DayAsked) -> tuple[DoneLine, ...]:
    """What was done lately, the newest first, with what came of it; of accounts that the key may see."""
    mine, since = {one.account_id for one in accounts}, (asked.today - timedelta(days=DONE_WITHIN_DAYS)).isoformat()
    made: list[DoneLine] = []
    for event in reversed(tasks.done):
        if event.made_at < since or len(made) == DONE_SHOWN:
            break
        # Whoever has left is shown to those that had the account, and to keys that see all.
        has_left = event.account_id not in snapshot.day.summaries
        if (asked.owner is None or event.owner == asked.owner) and (has_left or event.account_id in mine):
            made.append(_done_line(snapshot, event))
    return tuple(made)


def _done_line(snapshot: Snapshot, event: TaskEvent) -> DoneLine:
    one = snapshot.day.summaries.get(event.account_id)
    change = None if one is None or event.p_churn is None else one.p_churn - event.p_churn
    if one is None:
        outcome = "No longer a customer."
    elif change is None:
        outcome = f"Risk now {percent(one.p_churn)}."
    elif event.as_of == snapshot.day.header.as_of:
        outcome = f"Risk {percent(one.p_churn)}; not scored since."
    else:
        then = f"Risk then {percent(event.p_churn or 0.0)}, now {percent(one.p_churn)} ({points(change)})"
        other = event.model_version != snapshot.day.header.model_version
        outcome = f"{then}; another model serves." if other else f"{then}."
    return DoneLine(
        day=day_words(event.made_at),
        path=None if one is None else account_path(event.account_id),
        name=event.account_id if one is None or one.name is None else one.name,
        action=name_words(event.task),
        comment=event.comment or "",
        outcome=outcome,
        outcome_tone="worse" if one is None else tone(change),
    )


def _capacity(text: str | None) -> int | None:
    if text is None or not (text.isascii() and text.isdigit() and len(text) < 6):
        return None
    return max(1, min(int(text), MOST_CAPACITY))


async def my_day(call: Call) -> Answer:
    """The worklist of whoever is signed in; a scientist has none, and begins elsewhere."""
    if call.key.role not in DAY_ROLES:
        return await start(call)
    snapshot, query = snapshot_of(call), {name: values[-1] for name, values in query_values(call.query_string).items()}
    chosen = _capacity(query.get("capacity"))
    kept = _capacity(cookies(call.headers).get(CAPACITY_COOKIE))
    asked = DayAsked(
        owner=call.key.owner or query.get("owner") or None,
        capacity=chosen or kept or CAPACITY,
        today=datetime.now(UTC).date(),
        success=call.live.settings.evaluation.costs.success,
        here=address("/", list(query.items())),
        may_choose_owner=call.key.owner is None,
    )
    accounts = [one for one in snapshot.day.summaries.values() if call.sees(one.owner)]
    made = view(snapshot, accounts, await tasks_of(call.live), asked)
    shown = [line.account_id for group in made.groups for line in group.lines]
    await written(call, "my_day", shown, snapshot)
    answer = await render(call, "my_day.html", made)
    if chosen is None:
        return answer
    cookie = f"{CAPACITY_COOKIE}={chosen}; Path=/; Max-Age=31536000; HttpOnly; SameSite=Strict"
    return Answer(answer.body, answer.status, answer.media_type, {**answer.headers, "set-cookie": cookie})


ROUTES: tuple[Route, ...] = (Route("GET", "/", PEOPLE, my_day, "The worklist of the day.", page=True),)
