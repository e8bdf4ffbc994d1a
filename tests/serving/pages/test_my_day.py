"""My day without a browser: who is on the list, in which order, what forms enter, who is never on it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from configs.settings import Settings
from evaluation.ledger import Ledger, TaskEvent
from serving.pages.task_book import DONE_DAYS, Tasks, tasks_after
from serving.pages.views.my_day import DayAsked, MyDayView, view
from serving.prepared import PreparedDay, Summary
from tests.serving.pages.browsing import Browser
from tests.serving.pages.listed import account, snapshot_of_accounts, write_listed_day
from tests.serving.pages.test_signing_in import NOW, TABLES, House

TODAY = date(2026, 1, 2)
NONE = Tasks({}, ())


def asked(**more: Any) -> DayAsked:
    of: dict[str, Any] = {"owner": "anna", "capacity": 10, "today": TODAY, "success": 0.3, "here": "/"}
    return DayAsked(**{**of, "may_choose_owner": False, **more})


def event(account_id: str, kind: Any, **more: Any) -> TaskEvent:
    of: dict[str, Any] = {"task": "re_engagement", "step": None, "until": None, "assigned_to": None, "comment": None}
    was: dict[str, Any] = {"owner": "anna", "as_of": "2025-12-01", "model_version": "1", "p_churn": 0.5}
    by = {"made_by": "anna", "made_at": "2026-01-01T10:00:00.000000"}
    return TaskEvent(**{"account_id": account_id, "kind": kind, **of, **was, **by, **more})


def made_of(tmp_path: Path, accounts: list[Summary], tasks: Tasks = NONE, **more: Any) -> MyDayView:
    return view(snapshot_of_accounts(tmp_path, accounts), accounts, tasks, asked(**more))


def ids(made: MyDayView) -> list[list[str]]:
    return [[line.account_id for line in group.lines] for group in made.groups]


def test_lines_are_grouped_by_why_in_the_order_of_what_acting_saves(tmp_path: Path) -> None:
    accounts = [
        account("a", saves=10.0),
        account("b", saves=50.0, why_words="Usage drives the risk", why="driver_usage"),
        account("c", saves=45.0),
        account("d", saves=None, p_churn=0.9),
        account("e", action=None),
    ]
    made = made_of(tmp_path, accounts)
    assert [group.why for group in made.groups] == ["Nobody has used it", "Usage drives the risk"]
    assert ids(made) == [["c", "a", "d"], ["b"]]
    assert (made.groups[0].saves, made.groups[0].how_many) == ("USD 55", "3 accounts")
    line = made.groups[0].lines[0]
    assert (line.risk, line.change, line.change_tone) == ("20 %", "+10 points", "worse")
    assert (line.renewal, line.deadline, line.happened) == ("renewal in 100 days", "by 3 Jan 2026", "Risk rose.")


def test_the_capacity_keeps_those_with_most_to_save(tmp_path: Path) -> None:
    accounts = [account(name, saves=float(saves)) for name, saves in (("a", 1), ("b", 3), ("c", 2))]
    made = made_of(tmp_path, accounts, capacity=2)
    assert ids(made) == [["b", "c"]]
    assert made.left_over == "1 more account below the line."


def test_whoever_is_held_out_is_never_on_the_list(tmp_path: Path) -> None:
    accounts = [account("a", arm="holdout", saves=1e9, risk_level="high"), account("b", arm="treated")]
    assigned = tasks_after(NONE, [event("a", "assigned", assigned_to="anna"), event("a", "reopened")])
    for tasks in (NONE, assigned):
        made = made_of(tmp_path, accounts, tasks)
        assert ids(made) == [["b"]]
        assert "1 account that would be here was drawn to be left alone" in made.held_out


@pytest.mark.parametrize(
    ("events", "is_on"),
    [
        ([], True),
        ([event("a", "done")], False),
        ([event("a", "done"), event("a", "reopened")], True),
        ([event("a", "done", made_at="2025-12-01T10:00:00.000000")], True),  # DONE_DAYS later it is called for again
        ([event("a", "snoozed", until="2026-01-03")], False),
        ([event("a", "snoozed", until="2026-01-02")], True),
        ([event("a", "assigned", assigned_to="ben")], False),
        ([event("a", "assigned", assigned_to="ben"), event("a", "assigned", assigned_to="anna")], True),
        ([event("a", "ticked", step="Call")], True),
        ([event("a", "done", task="another")], True),
    ],
)
def test_what_became_of_a_task_decides(tmp_path: Path, events: list[TaskEvent], is_on: bool) -> None:
    assert DONE_DAYS == 30
    made = made_of(tmp_path, [account("a")], tasks_after(NONE, events))
    assert ids(made) == ([["a"]] if is_on else [])


def test_a_task_is_on_the_list_of_whom_it_was_assigned_to(tmp_path: Path) -> None:
    tasks = tasks_after(NONE, [event("a", "assigned", assigned_to="ben"), event("a", "snoozed", until="2026-01-02")])
    made = made_of(tmp_path, [account("a")], tasks, owner="ben")
    assert [line.assigned_to for group in made.groups for line in group.lines] == ["ben"]


def test_what_was_done_stands_beside_what_came_of_it(tmp_path: Path) -> None:
    accounts = [account("a"), account("b", p_churn=0.7), account("c")]
    events = [
        event("old", "done", made_at="2025-06-01T10:00:00.000000"),
        event("a", "done", comment="Called."),
        event("b", "done", model_version="0"),
        event("c", "done", owner="ben"),
        event("gone", "done"),
    ]
    made = made_of(tmp_path, accounts, tasks_after(NONE, events))
    assert [(one.name, one.outcome, one.outcome_tone) for one in made.done] == [
        ("gone", "No longer a customer.", "worse"),
        ("B", "Risk then 50 %, now 70 % (+20 points); another model serves.", "worse"),
        ("A", "Risk then 50 %, now 20 % (-30 points).", "better"),
    ]
    assert made.done[2].comment == "Called."


# -- forms ---------------------------------------------------------------------------------------------------------


class Worklist(House):
    """A house that serves three accounts, and a key that is bound to anna."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        accounts = [account("a"), account("b", name="<script>alert(1)</script>"), account("c", owner="ben")]
        folder = write_listed_day(settings.paths.served / "day", accounts)
        self.keys["bound"] = self.store.create("csm", NOW, "anna")
        self.live._swap(PreparedDay.load(folder), "now")
        self.url = settings.ledger_url

        async def shown(*_: Any) -> list[tuple[int, int]]:
            return []

        self.live.write = shown  # type: ignore[method-assign, assignment]

    def events(self) -> list[tuple[str, str, str | None, str | None]]:
        with Ledger.open(self.url) as ledger:
            return [(one.account_id, one.kind, one.until, one.assigned_to) for one in ledger.task_events()]


@pytest.fixture
def house(make_settings: Callable[..., Settings]) -> Worklist:
    return Worklist(make_settings(tables=TABLES))


def send(browser: Browser, account_id: str, kind: str, **more: str) -> Any:
    headers = {name: more.pop(name) for name in ("HX-Request",) if name in more}
    fields = {"account_id": account_id, "task": "re_engagement", "kind": kind, "next": "/?capacity=5", **more}
    return browser.send("/day/tasks", {"form_token": browser.token("/"), **fields}, **headers)


def test_forms_enter_what_became_of_a_task_and_the_list_follows(house: Worklist) -> None:
    browser = house.browser("admin")
    everything = {"comment": "", "until": "2100-01-01", "assigned_to": ""}  # as a form sends it, whatever is pressed
    answer = send(browser, "a", "done", **everything)
    assert (answer.status_code, answer.headers["location"]) == (303, "/?capacity=5")
    page = browser.get("/").text
    assert "A: done." in page
    assert "What was done" in page
    assert send(browser, "b", "snoozed", **everything).status_code == 303
    assert send(browser, "c", "assigned", assigned_to="anna", until="2100-01-01").status_code == 303
    assert house.events() == [
        ("a", "done", None, None), ("b", "snoozed", "2100-01-01", None), ("c", "assigned", None, "anna"),
    ]  # fmt: skip
    page = browser.get("/").text
    assert [name in page for name in ('value="a"', 'value="b"', 'value="c"')] == [False, False, True]
    part = send(browser, "a", "reopened", **{"HX-Request": "true"})
    assert part.status_code == 200
    assert "<html" not in part.text
    assert 'value="a"' in browser.get("/").text


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("lost", {}),
        ("snoozed", {}),
        ("snoozed", {"until": "2020-01-01"}),
        ("snoozed", {"until": "x"}),
        ("assigned", {}),
    ],
)
def test_a_form_that_lacks_something_says_so_and_enters_nothing(
    house: Worklist, kind: str, more: dict[str, str]
) -> None:
    answer = send(house.browser("admin"), "a", kind, **more)
    assert (answer.status_code, "text/html" in answer.headers["content-type"]) == (422, True)
    assert house.events() == []


def test_a_key_of_an_owner_sees_and_changes_its_own_alone(house: Worklist) -> None:
    browser = house.browser("bound")
    page = browser.get("/?owner=ben").text
    assert [f'value="{name}"' in page for name in "abc"] == [True, True, False]
    assert send(browser, "c", "done").status_code == 404
    assert house.events() == []
    for path in ("/portfolio", "/portfolio?owner=ben", "/journey"):
        assert "/accounts/c" not in browser.get(path).text
    assert "c," not in browser.get("/portfolio.csv").text.replace("account_id,", "")


def test_text_of_the_data_is_text(house: Worklist) -> None:
    browser = house.browser("admin")
    for path in ("/", "/portfolio", "/portfolio?column=happened&q=%3Cscript%3E&name=%3Cscript%3E", "/journey"):
        page = browser.get(path).text
        assert "<script>alert" not in page, path
        assert page.count("<script>") == 0, path
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in browser.get("/portfolio").text


def test_the_capacity_is_kept(house: Worklist) -> None:
    browser = house.browser("admin")
    assert "fw_capacity=1;" in browser.get("/?capacity=1").headers["set-cookie"]
    page = browser.get("/").text
    assert "2 more accounts below the line" in page
    for wrong in ("0", "-1", "x", "999999999", "%F0%9F%98%80"):
        assert browser.get(f"/?capacity={wrong}").status_code == 200


def test_roles(house: Worklist) -> None:
    assert house.browser("scientist").get("/").headers["location"] == "/portfolio"
    scientist = house.browser("scientist")
    fields = {"form_token": scientist.token(), "account_id": "a", "task": "re_engagement", "kind": "done"}
    assert scientist.send("/day/tasks", fields).status_code == 403
    assert house.browser("leader").get("/").status_code == 200


def test_what_the_worker_cannot_say_yet_is_asked_for_again_by_the_page(house: Worklist) -> None:
    """After a start, or while a day is prepared: no error, and no more than a part of the page that waits."""
    part = house.browser("admin").get("/accounts/a/changes")
    assert part.status_code == 200
    assert 'hx-get="/accounts/a/changes" hx-trigger="load delay:5s"' in part.text
    assert "This is being worked out" in part.text
