"""Sessions: opened by a key alone, bound to it, ended with it; forms of no other site; what a session may not do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from configs.settings import Settings
from serving.api import Front, Router
from serving.api.routes import ROUTES
from serving.keys import ROLES, KeyStore
from serving.keys import sessions as sessions_of_keys
from serving.pages import PAGES, refused
from tests.serving.pages.browsing import Browser
from tests.serving.prepared_days import live_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
TABLES = {"accounts": {"from": "a.csv"}, "contracts": {"from": "c.csv"}}


class House:
    """The front with all of its routes, and a key of each role."""

    def __init__(self, settings: Settings) -> None:
        self.store = KeyStore(settings.paths.keys)
        self.keys = {role: self.store.create(role, NOW) for role in ROLES}
        self.live = live_of(settings)
        self.front = Front(None, Router((*ROUTES, *PAGES)), self.live, refused)  # type: ignore[arg-type]

    def browser(self, role: str | None = None) -> Browser:
        made = Browser(self.front)
        if role is not None:
            assert made.sign_in(self.keys[role]).status_code == 303
        return made


@pytest.fixture
def house(make_settings: Callable[..., Settings]) -> House:
    return House(make_settings(tables=TABLES))


def is_at_the_sign_in(answer: httpx.Response, path: str) -> bool:
    return (answer.status_code, answer.headers.get("location")) == (303, f"/signin?next={path}")


def test_a_page_asks_for_a_key_first_and_then_shows_itself(house: House) -> None:
    browser = house.browser()
    assert is_at_the_sign_in(browser.get("/find?q=a"), "%2Ffind%3Fq%3Da")
    answer = browser.sign_in(house.keys["csm"], "/find?q=a")
    assert (answer.status_code, answer.headers["location"]) == (303, "/find?q=a")
    cookie = answer.headers["set-cookie"]
    assert all(part in cookie for part in ("fw_session=", "HttpOnly", "SameSite=Strict", "Path=/"))
    assert "Secure" not in cookie
    assert browser.get("/theme").status_code == 405


def test_over_https_the_cookie_is_for_https_alone(house: House) -> None:
    browser = Browser(house.front, "https://house")
    assert "; Secure" in browser.sign_in(house.keys["csm"]).headers["set-cookie"]


@pytest.mark.parametrize("path", ["/find", "/", "/no-such-page"])
def test_nobody_sees_a_page_without_a_session(house: House, path: str) -> None:
    assert house.browser().get(path).headers["location"].startswith("/signin?next=")
    forged = Browser(house.front)
    forged.cookies.set("fw_session", "x" * 43)
    assert forged.get(path).headers["location"].startswith("/signin?next=")
    bearer = {"Authorization": f"Bearer {house.keys['admin']}"}
    assert house.browser().get("/find", **bearer).status_code == 303  # a key in a header opens no page


def test_a_session_never_opens_the_api(house: House) -> None:
    browser = house.browser("admin")
    for path in ("/v1/status", "/v1/accounts", "/metrics", "/openapi.json"):
        assert browser.get(path).status_code == 401, path
    assert browser.ask("POST", "/v1/score", json={"account_ids": ["a-1"]}).status_code == 401


def test_a_wrong_key_is_refused_without_showing_it(house: House) -> None:
    wrong = house.keys["csm"][:-1] + ("A" if house.keys["csm"][-1] != "A" else "B")
    browser = house.browser()
    answer = browser.sign_in(wrong)
    assert answer.status_code == 401
    assert "not known here" in answer.text
    assert wrong not in answer.text
    assert browser.get("/find").status_code == 303


def test_a_program_s_key_opens_no_page(house: House) -> None:
    answer = house.browser().sign_in(house.keys["platform"])
    assert (answer.status_code, "for programs" in answer.text) == (403, True)


def test_a_revoked_key_ends_its_sessions_at_once(house: House) -> None:
    browser = house.browser("csm")
    assert browser.token()
    house.store.revoke(house.keys["csm"], NOW)
    assert browser.get("/find").headers["location"].startswith("/signin")


@pytest.mark.parametrize("limit", ["IDLE_SECONDS", "ABSOLUTE_SECONDS"])
def test_a_session_ends_by_itself(house: House, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    browser = house.browser("csm")
    assert browser.get("/find").status_code != 303
    monkeypatch.setattr(sessions_of_keys, limit, -1.0)
    assert browser.get("/find").status_code == 303


def test_signing_out_ends_the_session_for_whoever_kept_its_cookie(house: House) -> None:
    browser = house.browser("csm")
    kept = Browser(house.front)
    kept.cookies = httpx.Cookies(browser.cookies)
    assert browser.send("/signout", {"form_token": browser.token()}).headers["location"] == "/signin"
    assert browser.get("/find").status_code == kept.get("/find").status_code == 303


def test_signing_in_gives_a_new_id(house: House) -> None:
    """What somebody else put into the browser before is not what is signed in."""
    browser = house.browser()
    browser.get("/signin")
    before = browser.cookies["fw_session"]
    browser.sign_in(house.keys["csm"])
    assert browser.cookies["fw_session"] not in (before, "")


@pytest.mark.parametrize(
    ("fields", "headers"),
    [
        ({}, {}),
        ({"form_token": "x"}, {}),
        ({"form_token": ""}, {}),
        (None, {"Sec-Fetch-Site": "cross-site"}),
        (None, {"Sec-Fetch-Site": "same-site"}),
    ],
)
def test_a_form_of_another_site_changes_nothing(house: House, fields: Any, headers: dict[str, str]) -> None:
    browser = house.browser("csm")
    sent = {"form_token": browser.token()} if fields is None else fields
    answer = browser.send("/signout", sent, **headers)
    assert (answer.status_code, answer.headers["content-type"]) == (403, "text/html; charset=utf-8")
    assert browser.get("/find").status_code != 303


def test_the_token_of_another_session_is_none(house: House) -> None:
    other, browser = house.browser("leader"), house.browser("csm")
    assert browser.send("/signout", {"form_token": other.token()}).status_code == 403


def test_a_sign_in_that_this_service_did_not_ask_for_is_none(house: House) -> None:
    """Another site cannot sign somebody in as itself: neither the cookie nor the token is its to make."""
    first, second = house.browser(), house.browser()
    stolen = first.token("/signin")
    assert second.send("/signin", {"form_token": stolen, "key": house.keys["csm"]}).status_code == 403
    second.get("/signin")
    assert second.send("/signin", {"form_token": stolen, "key": house.keys["csm"]}).status_code == 403
    assert "fw_session=before." in str(second.get("/signin").headers["set-cookie"])


def test_a_form_without_a_session_says_so(house: House) -> None:
    answer = house.browser().send("/signout", {"form_token": "x"})
    assert (answer.status_code, "nothing was entered" in answer.text) == (403, True)


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "multipart/form-data; boundary=x"])
def test_only_forms_come_in(house: House, kind: str) -> None:
    browser = house.browser("csm")
    answer = browser.ask("POST", "/signout", content=b"{}", headers={"Content-Type": kind})
    assert answer.status_code == 415


def test_every_page_has_the_headers_that_shut_others_out(house: House) -> None:
    browser = house.browser("csm")
    answers = [browser.get("/find"), browser.get("/nowhere"), house.browser().get("/signin"), house.browser().get("/")]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; ")
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "etag" not in answer.headers
    assert answers[1].status_code == 404


@pytest.mark.parametrize("where", ["https://elsewhere.example", "//elsewhere.example", "/\\elsewhere.example", "x"])
def test_after_signing_in_one_stays_here(house: House, where: str) -> None:
    assert house.browser().sign_in(house.keys["csm"], where).headers["location"] == "/"


def test_tries_are_limited(house: House) -> None:
    browser = house.browser()
    answers = [browser.sign_in("fw_wrong").status_code for _ in range(35)]
    assert answers[:30] == [401] * 30
    assert answers[-1] == 429


def test_a_link_from_a_message_opens_itself_once_more(house: House) -> None:
    """A strict cookie is held back on the way from another site: the same page is asked for by a page of ours."""
    answer = house.browser().get("/find?q=%22%3E%3Cscript%3E", **{"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 200
    assert 'http-equiv="refresh" content="0; url=/find?q=%22%3E%3Cscript%3E"' in answer.text


def test_what_stands_in_an_address_stays_text(house: House) -> None:
    browser = house.browser()
    text = browser.get("/signin?next=/%22%3E%3Cscript%3Ealert(1)%3C/script%3E").text
    assert "<script>alert" not in text


def test_static_files_are_named_by_their_content_and_kept(house: House) -> None:
    text = house.browser().get("/signin").text
    browser = Browser(house.front)
    for name in ("app.css", "app.js", "htmx.min.js", "icon.svg"):
        path = next(part for part in text.split('"') if part.endswith(name))
        answer = browser.get(path)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert browser.get(f"/static/{'0' * 16}/{name}").status_code == 404
    assert browser.get("/static/..%2F/secret").status_code == 404


@pytest.mark.parametrize("chosen", ["light", "dark", "auto"])
def test_light_or_dark_is_kept(house: House, chosen: str) -> None:
    browser = house.browser("csm")
    browser.send("/theme", {"form_token": browser.token(), "theme": chosen, "next": "/find"})
    assert f'data-theme="{chosen}"' in browser.get("/nowhere").text


def test_the_role_of_the_key_is_the_role_of_the_session(house: House) -> None:
    for role in ("csm", "leader", "scientist", "admin"):
        browser = house.browser(role)
        for page in PAGES:
            if page.method == "GET" and page.roles and role not in page.roles:
                answer = browser.get(page.path.replace("{account_id}", "a-1"))
                assert answer.status_code == 403, (page.path, role)
                assert role in answer.text
