"""My day, portfolio and journey in a browser: what every page holds to, and what a CSM does of a morning."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.serving.pages.visiting import WIDTHS, Visit, keeps_to_the_rules

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [WIDTHS[0], WIDTHS[-1]])
def test_lists_keep_to_the_rules(signed_in: Callable[..., Visit], width: int, scheme: str) -> None:
    made = signed_in("admin", width=width, scheme=scheme)
    for path in ("/", "/portfolio", "/journey"):
        keeps_to_the_rules(made, path)


def test_a_morning(signed_in: Callable[..., Visit]) -> None:
    """The list is narrowed to what can be done, a line is done without leaving the page, and taken back."""
    made = signed_in("bound")
    page = made.open("/?capacity=3")
    first = page.locator(".task").first
    name = first.locator(".task-name").inner_text()
    count = page.locator(".task").count()
    assert 0 < count <= 3
    first.locator("summary").click()
    first.locator("input[name=comment]").fill("Called <b>them</b>.")
    first.locator("button[value=done]").click()
    made.settle()
    assert page.locator(".task.entered").inner_text().startswith(f"{name}: Done.")
    made.open("/")
    assert "Called <b>them</b>." in page.locator("#done ~ .scroll").inner_text()
    assert name not in [one.inner_text() for one in page.locator(".task-name").all()]
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url("**/accounts/**")
    assert made.complaints == []


def test_a_view_is_its_address(signed_in: Callable[..., Visit]) -> None:
    made = signed_in("leader")
    page = made.open("/portfolio")
    everything = page.locator("tbody tr[data-line]").count()
    page.check("input[name=level][value=high]")
    page.click(".filters button.main")
    made.settle()
    narrowed = page.locator("tbody tr[data-line]").count()
    assert 0 < narrowed < everything
    assert set(page.locator("tbody td .level").all_inner_texts()) == {"high"}
    page.click("thead a:has-text('ARR') >> nth=0")
    made.settle()
    address = page.url
    other = signed_in("scientist", width=768)
    again = other.open(address.removeprefix(made.url))
    assert again.locator("tbody").first.inner_text().split() == page.locator("tbody").first.inner_text().split()
    with page.expect_download() as download:
        page.click("text=As CSV")
    body = download.value.path().read_text(encoding="utf-8-sig")
    assert len(body.splitlines()) == narrowed + 1
    assert made.complaints == []
