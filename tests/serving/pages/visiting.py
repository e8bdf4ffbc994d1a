"""The pages in a real browser: one running service, visits that are signed in, and what every page must hold to."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, BrowserContext, Page

EVIL = '\'"><script>window.harmed = 1</script><img src=x onerror="window.harmed = 2">{{ 7 * 7 }}'
WIDTHS = (390, 768, 1280, 1600)
MOST_BYTES = 200_000
BAD = ("error", "warning")


@cache
def _axe() -> str:
    return files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")


@dataclass
class Site:
    """A running service of the demo: its address, a key of each role, and one that is bound to an owner; an account
    whose texts, and whose owner's name, try to run."""

    url: str
    keys: dict[str, str]
    project: Path
    owner: str
    evil_account: str

    def api(self, method: str, path: str, role: str = "csm", **more: Any) -> Any:
        """What the API answers a key of a role."""
        headers = {"Authorization": f"Bearer {self.keys[role]}"}
        answer = httpx.request(method, f"{self.url}{path}", headers=headers, timeout=60, **more)
        answer.raise_for_status()
        return answer.json()

    def wait_for_worker(self) -> None:
        """Until the worker answers questions of the day that serves: what it is asked before then is answered later."""
        one = self.api("GET", "/v1/accounts?limit=1", "admin")["accounts"][0]["account_id"]
        headers = {"Authorization": f"Bearer {self.keys['admin']}"}
        for _ in range(240):
            if httpx.get(f"{self.url}/v1/accounts/{one}/signals", headers=headers, timeout=60).status_code != 503:
                return
            time.sleep(0.5)
        raise AssertionError("the worker does not answer")


@dataclass
class Visit:
    """A browser's window with what it complained of."""

    context: BrowserContext
    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> Page:
        """Goes to a path and waits until scripts have brought what they bring."""
        self.page.goto(f"{self.url}{path}")
        self.settle()
        return self.page

    def settle(self) -> None:
        self.page.wait_for_load_state("networkidle")

    def violations(self) -> list[str]:
        """What axe finds wrong with the page as it stands."""
        self.page.evaluate(_axe())
        found: Any = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']}: {one['help']}: {', '.join(' '.join(map(str, node['target'])) for node in one['nodes'][:4])}"
            for one in found["violations"]
        ]

    def close(self) -> None:
        self.context.close()


def visit(browser: Browser, url: str, key: str | None, width: int = 1280, scheme: str = "light") -> Visit:
    """A window that is signed in with a key, or not at all."""
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
    made = Visit(context, context.new_page(), url)
    made.page.on("console", lambda one: made.complaints.append(f"{one.type}: {one.text}") if one.type in BAD else None)
    made.page.on("pageerror", lambda one: made.complaints.append(f"error: {one}"))
    if key is not None:
        made.page.goto(f"{url}/signin?next=/find")
        made.page.fill("#key", key)
        made.page.click("text=Sign in >> nth=-1")
        made.page.wait_for_url("**/find")
    return made


def keeps_to_the_rules(made: Visit, path: str) -> None:
    """No complaint in the console, nothing for axe to mind, nothing wider than the screen, not too many bytes."""
    page = made.open(path)
    assert made.complaints == []
    assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
    assert made.violations() == []
    assert page.locator("h1").count() == 1
    sizes = page.evaluate(
        "performance.getEntriesByType('resource').concat(performance.getEntriesByType('navigation'))"
        ".filter(one => !one.name.includes('/static/')).map(one => one.decodedBodySize)"
    )
    assert sum(sizes) < MOST_BYTES
