"""The page of an account in the browser: the API's numbers, what people enter, roles, and texts that try to run."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from evaluation.formatting import money
from serving.pages.words import share_words
from tests.serving.pages.visiting import EVIL, WIDTHS, Site, Visit, keeps_to_the_rules

Opens = Callable[..., Visit]


@pytest.fixture
def risky(site: Site) -> dict[str, Any]:
    """The account with most to lose, which has something to do."""
    listed = site.api("GET", "/v1/accounts?limit=5", "admin")["accounts"]
    return next(one for one in listed if one["account_id"] != site.evil_account)


def path_of(account: dict[str, Any]) -> str:
    return f"/accounts/{account['account_id']}"


@pytest.mark.parametrize(("width", "scheme"), list(zip(WIDTHS, ("dark", "light", "dark", "light"), strict=True)))
def test_it_keeps_to_the_rules(signed_in: Opens, risky: dict[str, Any], width: int, scheme: str) -> None:
    made = signed_in("csm", width, scheme)
    keeps_to_the_rules(made, path_of(risky))
    made.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert made.violations() == []
    assert made.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0


def test_its_numbers_are_those_of_the_api(site: Site, signed_in: Opens, risky: dict[str, Any]) -> None:
    made = signed_in("csm")
    text = made.open(path_of(risky)).locator("main").inner_text()
    prediction = site.api("GET", f"/v1{path_of(risky)}")["prediction"]
    changes = site.api("GET", f"/v1{path_of(risky)}/changes")
    assert f"{share_words(prediction['p_churn_90d'])} likely to leave within 90 days" in text
    low, high = share_words(prediction["p_low_90d"]), share_words(prediction["p_high_90d"])
    assert f"between {low} and {high}" in text
    assert money(prediction["arr"], "USD") in text
    assert f"{prediction['health_score']:.0f} of 100" in text
    assert share_words(changes["before"]["p_churn"]) in made.page.locator("#changes-content").inner_text()
    for action in prediction["actions"]:
        assert action["title"] in text
    written = site.api("GET", f"/v1{path_of(risky)}/history")["scores"][0]
    assert written["p_churn_90d"] == prediction["p_churn_90d"]


def test_a_csm_ticks_notes_calls_and_says_what_is_wrong(site: Site, signed_in: Opens, risky: dict[str, Any]) -> None:
    made = signed_in("csm")
    page = made.open(path_of(risky))
    page.locator(".steps >> text=Done").first.click()
    page.wait_for_selector("text=The step is done.")
    assert page.locator(".steps li.ticked").count() == 1
    page.locator(".steps >> text=Undo").first.click()
    page.wait_for_selector("text=Taken up again.")
    assert page.locator(".steps li.ticked").count() == 0
    page.fill("#text", "They are moving offices.")
    page.click("text=Keep")
    page.wait_for_selector("text=The note is kept.")
    assert "They are moving offices." in page.locator(".entered").inner_text()
    page.select_option("#level", "low")
    page.fill("#until", "2100-01-31")
    page.fill("#reason", "Their new sponsor signed.")
    page.click("text=Call it")
    page.wait_for_selector("text=Your call counts from now on.")
    assert "until 31 Jan 2100" in page.locator(".risk").inner_text()
    page.locator(".reasons .more summary").first.click()
    page.locator(".reasons .more[open] >> text=Wrong").first.click()
    page.wait_for_selector("text=what you said of the reason is noted")
    assert made.complaints == []
    history = site.api("GET", f"/v1{path_of(risky)}/history")
    assert [one["kind"] for one in history["tasks"]][-2:] == ["ticked", "reopened"]
    assert history["notes"][-1]["text"] == "They are moving offices."
    assert (history["overrides"][-1]["level"], history["overrides"][-1]["reason"]) == (
        "low",
        "Their new sponsor signed.",
    )
    assert history["feedback"][-1]["verdict"] == "wrong"


def test_a_leader_reads_and_notes_and_calls_nothing(site: Site, signed_in: Opens, risky: dict[str, Any]) -> None:
    page = signed_in("leader").open(path_of(risky))
    assert page.locator("#text").count() == 1
    assert page.locator("#level").count() == 0
    page = signed_in("scientist").open(path_of(risky))
    assert page.locator("form[action$='/note'], form[action$='/call'], form[action$='/task']").count() == 0


def test_a_key_of_an_owner_shows_that_owner_s_accounts_alone(site: Site, signed_in: Opens) -> None:
    made = signed_in("bound")
    accounts = site.api("GET", "/v1/accounts?limit=1000", "admin")["accounts"]
    mine = next(one for one in accounts if one["owner"] == site.owner)
    other = next(one for one in accounts if one["owner"] != site.owner)
    assert mine["name"] in made.open(path_of(mine)).locator("h1").inner_text()
    answer = made.page.goto(f"{site.url}{path_of(other)}")
    assert answer is not None
    assert answer.status == 404
    assert other["name"] not in made.page.content()


def test_no_text_of_an_account_runs(site: Site, signed_in: Opens) -> None:
    """Names, ids and steps of the tables, and what people enter: notes, reasons, comments, names of others."""
    made = signed_in("csm")
    path = f"/accounts/{site.evil_account}"
    site.api("POST", "/v1/notes", "csm", json={"account_id": site.evil_account, "text": EVIL, "by": EVIL})
    override = {"level": "high", "reason": EVIL, "by": EVIL}
    site.api("POST", f"/v1{path}/overrides", "csm", json=override)
    task = {"account_id": site.evil_account, "task": EVIL, "by": EVIL, "comment": EVIL}
    site.api("POST", "/v1/tasks", "csm", json={**task, "kind": "assigned", "assigned_to": EVIL})
    site.api("POST", "/v1/tasks", "csm", json={**task, "kind": "ticked", "step": EVIL})
    begun = {
        "account_id": site.evil_account,
        "kind": EVIL,
        "started_at": "2025-06-02T00:00:00Z",
        "note": EVIL,
        "by": EVIL,
    }
    site.api("POST", "/v1/interventions", "csm", json=begun)
    # Its rows are others than the ledger's last score had, which would be made anew first.
    made.page.route("**/changes", lambda one: one.fulfill(status=200, content_type="text/html", body="<div></div>"))
    page = made.open(path)
    assert EVIL in page.locator("h1").inner_text()
    assert EVIL in page.locator(".entered").inner_text()
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    page.wait_for_timeout(300)
    for where in (path, "/find?q=script", f"/find?q={EVIL}"):
        page = made.open(where)
        assert page.evaluate("window.harmed") is None, where
        assert page.locator("main img").count() == 0
        assert "49" not in re.findall(r"\d+", page.locator("h1").inner_text())
    assert [one for one in made.complaints if "404" not in one] == []
