"""What stands around every page, in the browser: signing in and out, light and dark, keys; and no complaint."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser

from tests.serving.pages.visiting import WIDTHS, Site, Visit, keeps_to_the_rules, visit

Opens = Callable[..., Visit]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_signing_in_and_out(site: Site, browser: Browser, scheme: str) -> None:
    made = visit(browser, site.url, None, 390, scheme)
    keeps_to_the_rules(made, "/signin")
    made.page.goto(f"{site.url}/find?q=acc-00")
    assert "/signin?next=" in made.page.url
    made.page.fill("#key", site.keys["csm"])
    made.page.keyboard.press("Enter")
    made.page.wait_for_url("**/find?q=acc-00")
    made.page.click("text=Sign out")
    made.page.wait_for_url("**/signin")
    made.page.goto(f"{site.url}/find")
    assert "/signin" in made.page.url
    assert made.complaints == []
    made.close()


@pytest.mark.parametrize(("width", "scheme"), list(zip(WIDTHS, ("light", "dark", "light", "dark"), strict=True)))
def test_the_list_of_what_was_found(signed_in: Opens, width: int, scheme: str) -> None:
    keeps_to_the_rules(signed_in("csm", width, scheme), "/find?q=acc-00")


def test_keys_move_in_a_list_and_open_it(signed_in: Opens) -> None:
    made = signed_in("csm")
    page = made.open("/find?q=acc-00")
    page.keyboard.press("/")
    assert page.evaluate("document.activeElement.id") == "find"
    page.keyboard.press("Escape")
    page.evaluate("document.activeElement.blur()")
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    first = page.locator("[data-line] a").first
    assert page.evaluate("document.activeElement.getAttribute('href')") == first.get_attribute("href")
    page.keyboard.press("?")
    assert page.locator("dialog#help").is_visible()
    assert made.violations() == []


def test_the_switch_is_kept(signed_in: Opens) -> None:
    made = signed_in("csm", scheme="light")
    page = made.open("/find")
    light = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.click("[data-theme-switch]")
    dark = page.evaluate("getComputedStyle(document.body).backgroundColor")
    made.open("/find?q=nobody")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == dark != light
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    assert made.complaints == []
