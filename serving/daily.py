"""What `run --daily` does: everything of a day, one step after the other, each with its own answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from configs.errors import ForewarnError
from serving.project import Project

State = Literal["done", "refused", "failed", "skipped"]


@dataclass(frozen=True)
class StepResult:
    """What one step came to: done, refused (the answer is no: exit code 1), failed (2), or skipped."""

    name: str
    state: State
    exit_code: int
    summary: str


@dataclass(frozen=True)
class DailyRun:
    """The steps of a day, and the gravest of their exit codes."""

    exit_code: int
    steps: tuple[StepResult, ...]


@dataclass(frozen=True)
class Step:
    """A step of the day: what it does (whether the answer was yes, and a sentence), and which steps must not have
    failed before it."""

    name: str
    does: Callable[[Project, datetime], tuple[bool, str]]
    after: tuple[str, ...] = ()


def _check(project: Project, _now: datetime) -> tuple[bool, str]:
    from serving.commands.data import check

    found = check(project)
    problems = [*found.open_suspects, *found.leaking_signals]
    return found.passed, f"not passed: {', '.join(problems)}; see `forewarn check`" if problems else "passed"


def _score(project: Project, now: datetime) -> tuple[bool, str]:
    from serving.commands.score import score

    scored = score(project, None, None, now)
    again = ", as before" if scored.repeated else ""
    loss = f"{scored.expected_arr_loss:,.0f} {scored.currency}"
    levels = ", ".join(f"{count} {name}" for name, count in scored.levels.items())
    told = f"{scored.accounts} accounts as of {scored.as_of}{again}: {levels}; {loss} of ARR expected to be lost"
    return True, told


def _alerts(project: Project, now: datetime) -> tuple[bool, str]:
    from serving.commands.alerts import send

    result = send(project, now)
    return result.ok, "; ".join([str(result.raised), *result.sent.lines])


def _anchor(project: Project, now: datetime) -> tuple[bool, str]:
    from serving.commands.ledger import anchor_ledger

    made = anchor_ledger(project, (), now)
    return made.refused is None, made.refused or f"batch {made.batch_id} written to {'; '.join(made.places)}"


STEPS: tuple[Step, ...] = (
    Step("check", _check),
    Step("score", _score, after=("check",)),
    # What waits from before is delivered whatever became of today's scoring.
    Step("alerts", _alerts),
)


# Of a project that names places of anchors.
ANCHOR = Step("anchor", _anchor, after=("score",))


def with_push(to: str, out: Path, table: str) -> tuple[Step, ...]:
    """The steps of a day and a push of its scores.

    Parameters
    ----------
    to : str
        The receiver: csv, postgres or webhook, as `forewarn push --to` has them.
    out : Path
        The CSV file.
    table : str
        The table of PostgreSQL.

    Returns
    -------
    tuple of Step
    """

    def _push(project: Project, now: datetime) -> tuple[bool, str]:
        from serving.exchange import Limits, push, receiver_of

        limits = Limits()
        with receiver_of(to, out, table, limits) as receiver:
            pushed = push(project, receiver, limits, now)
        return True, f"{pushed.sent} accounts told to {pushed.receiver}, {pushed.unchanged} are as they were told last"

    return (*STEPS, Step("push", _push, after=("score",)))


def run_daily(project: Project, now: datetime, steps: tuple[Step, ...] = STEPS) -> DailyRun:
    """Runs every step whose own conditions hold; a step that fails stops those that need it, and no other.

    Parameters
    ----------
    project : Project
    now : datetime
        With a time zone.
    steps : tuple of Step

    Returns
    -------
    DailyRun
    """
    done: dict[str, StepResult] = {}
    for step in steps:
        stopped = [name for name in step.after if done[name].state in ("failed", "skipped")]
        if stopped:
            done[step.name] = StepResult(step.name, "skipped", 0, f"{' and '.join(stopped)} did not end well")
            continue
        project.tell(step.name)
        try:
            is_yes, summary = step.does(project, now)
        except ForewarnError as error:
            state: State = "refused" if error.exit_code == 1 else "failed"
            done[step.name] = StepResult(step.name, state, error.exit_code, str(error).replace("\n", " "))
        else:
            done[step.name] = StepResult(step.name, "done" if is_yes else "refused", 0 if is_yes else 1, summary)
    results = tuple(done.values())
    return DailyRun(max(result.exit_code for result in results), results)
