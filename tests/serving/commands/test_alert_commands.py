"""`forewarn alerts ...` over a small project, and what a day's run makes of steps that fail."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from configs.errors import DataError, Fault, Refused, SourceError, UsageError
from configs.settings import Settings
from evaluation.ledger import Ledger, Outbox
from serving.cli.console_alerts import daily_lines, dead_lines, list_lines, resent_lines, sent_lines
from serving.cli.session import to_json
from serving.commands import alerts as commands
from serving.daily import STEPS, Step, run_daily, with_push
from serving.project import Project
from tests.serving.alerts.conftest import (  # noqa: F401
    NOW,
    alert_settings,
    hook,
    ledger,
    receiver,
    score,
)

HOUR = timedelta(hours=1)


@pytest.fixture
def open_project(write_tables: Callable[..., None], ledger: Ledger) -> Iterator[Callable[[Settings], Project]]:  # noqa: F811
    """Projects over three accounts of anna's with contracts, and a ledger."""
    names = [f"{number:03d}" for number in range(3)]
    accounts = pd.DataFrame({"account_id": names, "created_at": "2023-01-01", "owner": "anna", "name": "Firm"})
    contracts = pd.DataFrame({"account_id": names, "starts_at": "2023-01-01", "ends_at": "2025-01-01", "arr": 1000.0})
    write_tables({"accounts": accounts, "contracts": contracts})
    opened = []

    def make(settings: Settings) -> Project:
        opened.append(Project(settings, ledger=ledger))
        return opened[-1]

    yield make
    for project in opened:
        project.close()


def two_days(ledger: Ledger) -> None:  # noqa: F811
    score(ledger, "2024-01-01", ["healthy"] * 3)
    score(ledger, "2024-02-01", ["high", "healthy", "medium"])


def test_send_raises_delivers_and_says_so(open_project, ledger, alert_settings, receiver):  # noqa: F811
    project = open_project(alert_settings(hook(receiver)))
    two_days(ledger)
    result = commands.send(project, NOW)
    assert sent_lines(result) == [
        "2 alerts and 0 for the digest on 2024-02-01, changed since 2024-01-01",
        "platform: 2 alerts in 1 calls",
    ]
    assert result.ok
    assert {alert["owner"] for call in receiver.calls for alert in call.alerts} == {"anna"}
    again = commands.send(project, NOW + HOUR)
    assert sent_lines(again) == ["2024-02-01: raised already", "platform: 0 alerts in 0 calls"]
    shown = commands.listed(project, None, None)
    assert [(one.route, one.deliveries) for one in shown] == [("alert", {"platform": "delivered"})] * 2
    assert "(platform delivered)" in list_lines(shown)[0]
    assert [one.alert_id for one in commands.listed(project, None, "000")] == [shown[1].alert_id]
    assert json.dumps(to_json(result))


def test_dead_letters_are_seen_and_sent_again(open_project, ledger, alert_settings, receiver):  # noqa: F811
    project = open_project(alert_settings(hook(receiver)))
    two_days(ledger)
    receiver.answers = [410]
    assert not commands.send(project, NOW).ok
    (dead,) = commands.dead_letters(project)
    assert dead_lines([dead]) == [
        f"{dead.message_id}  platform  2024-02-05T09:00  2 accounts, 1 attempts: 410: the receiver wants no more alerts"
    ]
    with pytest.raises(UsageError, match="found msg_x; expected a dead letter"):
        commands.resend(project, ["msg_x"], False, NOW)
    resent = commands.resend(project, [dead.message_id], False, NOW + HOUR)
    assert resent_lines(resent) == [f"{dead.message_id} goes out again", "platform is on again"]
    assert commands.dead_letters(project) == []
    assert commands.send(project, NOW + HOUR).ok
    assert [call.message_id for call in receiver.calls] == [dead.message_id] * 2
    assert len(receiver.ids()) == 2


def test_a_dead_letter_that_was_sent_again_has_all_its_attempts(
    open_project,
    ledger,  # noqa: F811
    alert_settings,  # noqa: F811
    receiver,  # noqa: F811
):
    project = open_project(alert_settings(hook(receiver), retries={"delays_seconds": [5]}))
    two_days(ledger)
    receiver.answers = [500, 500, 500]
    commands.send(project, NOW)
    commands.send(project, NOW + HOUR)
    assert len(commands.dead_letters(project)) == 1
    assert len(commands.resend(project, [], True, NOW + HOUR).messages) == 1
    commands.send(project, NOW + HOUR)
    assert commands.dead_letters(project) == []  # one attempt of two failed
    assert commands.send(project, NOW + 2 * HOUR).sent.delivered == 1


def test_watch_picks_up_a_new_scoring_and_survives_a_fault(
    open_project,
    ledger,  # noqa: F811
    alert_settings,  # noqa: F811
    receiver,  # noqa: F811
):
    project = open_project(alert_settings(hook(receiver)))
    score(ledger, "2024-01-01", ["healthy"] * 3)
    moments = iter([NOW, NOW + HOUR, NOW + 2 * HOUR])
    opened = iter([nullcontext(project), nullcontext(Project(project.settings)), *[nullcontext(project)] * 2])
    passes = commands.watch(lambda: next(opened), 0.0, lambda: next(moments))
    assert next(passes).raised.since is None
    score(ledger, "2024-02-01", ["high", "healthy", "medium"])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Project, "written_ledger", property(fails(UsageError(FAULT))))
        assert next(passes).startswith("this cannot be done as asked (1 fault)")
    moments = iter([NOW + 2 * HOUR, NOW + 3 * HOUR])
    assert (next(passes).sent.delivered, len(receiver.ids())) == (1, 2)
    assert next(passes).sent.delivered == 0


def test_what_waits_leaves_although_the_sources_cannot_be_read(
    open_project,
    ledger,  # noqa: F811
    alert_settings,  # noqa: F811
    receiver,  # noqa: F811
):
    project = open_project(alert_settings(hook(receiver)))
    two_days(ledger)
    receiver.answers = [500]
    commands.send(project, NOW)
    score(ledger, "2024-02-02", ["high"] * 3)
    (project.settings.folder / "accounts.csv").unlink()
    with pytest.raises(SourceError):
        commands.send(open_project(project.settings), NOW + HOUR)
    assert len(receiver.ids()) == 2


def test_without_receivers_what_changed_is_raised_all_the_same(open_project, ledger, alert_settings):  # noqa: F811
    project = open_project(alert_settings())
    two_days(ledger)
    assert sent_lines(commands.send(project, NOW))[1].startswith("nobody is told: no alerts.receivers")
    assert len(Outbox(ledger).alerts()) == 2


def test_a_review_needs_something_to_judge(open_project, ledger, alert_settings):  # noqa: F811
    project = open_project(alert_settings())
    two_days(ledger)
    with pytest.raises(UsageError, match="scorings of fewer than two days that have matured"):
        commands.reviewed(project, "ledger", NOW)
    with pytest.raises(UsageError, match="run `forewarn backtest` first"):
        commands.reviewed(project, None, NOW)


def says(is_yes: bool, text: str) -> Callable[..., tuple[bool, str]]:
    return lambda *_: (is_yes, text)


def fails(error: Exception) -> Callable[..., Any]:
    def step(*_: object) -> Any:
        raise error

    return step


FAULT = Fault("score", "nothing", "something", "do it")


@pytest.mark.parametrize(
    ("check", "score_step", "states", "exit_code"),
    [
        (says(True, "passed"), says(True, "scored"), ["done", "done", "done"], 0),
        (says(False, "a suspect"), says(True, "scored"), ["refused", "done", "done"], 1),
        (fails(DataError(FAULT)), says(True, "scored"), ["failed", "skipped", "done"], 2),
        (says(False, "a suspect"), fails(UsageError(FAULT)), ["refused", "failed", "done"], 2),
        (fails(Refused(FAULT)), says(True, "scored"), ["refused", "done", "done"], 1),
    ],
)
def test_a_day_has_one_exit_code_and_stops_what_it_must(make_settings, check, score_step, states, exit_code):
    steps = (Step("check", check), Step("score", score_step, ("check",)), Step("alerts", says(True, "told")))
    tables = {"accounts": {"from": "a.csv"}, "contracts": {"from": "c.csv"}}
    result = run_daily(Project(make_settings(tables=tables)), NOW, steps)
    assert ([step.state for step in result.steps], result.exit_code) == (states, exit_code)
    assert daily_lines(result)[-1] == f"exit code {exit_code}"


def test_a_real_day_delivers_what_waits_though_nothing_can_be_scored(
    open_project,
    ledger,  # noqa: F811
    alert_settings,  # noqa: F811
    receiver,  # noqa: F811
):
    project = open_project(alert_settings(hook(receiver)))
    two_days(ledger)
    steps = (Step("check", says(True, "passed")), Step("score", fails(UsageError(FAULT))), *STEPS[2:])
    result = run_daily(project, NOW, steps)
    by_name = {step.name: step for step in result.steps}
    assert (by_name["score"].state, by_name["alerts"].state, result.exit_code) == ("failed", "done", 2)
    assert "1 fault" in by_name["score"].summary
    assert len(receiver.ids()) == 2


def test_a_day_may_push_its_scores(open_project, ledger, alert_settings, tmp_path):  # noqa: F811
    project = open_project(alert_settings())
    two_days(ledger)
    out = tmp_path / "pushed.csv"
    steps = with_push("csv", out, "scores")
    assert [step.name for step in steps] == ["check", "score", "alerts", "push"]
    fine = (Step("score", says(True, "scored")), steps[-1])
    result = run_daily(project, NOW, fine)
    assert result.steps[-1].summary.startswith("3 accounts told to csv")
    assert len(pd.read_csv(out)) == 3
    failed = (Step("score", fails(UsageError(FAULT))), steps[-1])
    assert run_daily(project, NOW, failed).steps[-1].state == "skipped"
