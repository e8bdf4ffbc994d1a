"""The pages of leaders, scientists and admins: what they show is what commands say, and who may open them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from serving.keys import ROLES
from tests.serving.pages.visiting import WIDTHS, Site, Visit, keeps_to_the_rules

pytestmark = pytest.mark.slow
PAGES = {
    "/leaders": ("leader", {"leader", "scientist", "admin"}),
    "/scientist": ("scientist", {"scientist", "admin"}),
    "/scientist/weights": ("scientist", {"scientist", "admin"}),
    "/status": ("admin", {"admin"}),
}


@pytest.mark.parametrize("path", PAGES)
def test_every_width_light_and_dark_without_a_complaint(signed_in: Callable[..., Visit], path: str) -> None:
    for scheme in ("light", "dark"):
        visit = signed_in(PAGES[path][0], WIDTHS[0], scheme)
        for width in WIDTHS:
            visit.page.set_viewport_size({"width": width, "height": 900})
            keeps_to_the_rules(visit, path)


def test_who_may_open_them(signed_in: Callable[..., Visit]) -> None:
    for role in (*(role for role in ROLES if role != "platform"), "bound"):
        visit = signed_in(role)
        for path, (_, allowed) in PAGES.items():
            answer = visit.page.goto(f"{visit.url}{path}")
            assert answer is not None
            assert answer.status == (200 if role in allowed else 403), (role, path)
            if path.count("/") == 1:  # others are found from their parent's page
                in_navigation = visit.page.locator(f'nav[aria-label="Pages"] a[href="{path}"]').count() == 1
                assert in_navigation == (role in allowed), (role, path)


def test_leaders_read_the_report_and_what_became_of_it(site: Site, signed_in: Callable[..., Visit]) -> None:
    report = json.loads((site.project / ".forewarn/reports/report.json").read_text(encoding="utf-8"))
    visit = signed_in("leader")
    page = visit.open("/leaders")
    for _ in range(60):  # the worker may have something longer to do, and the page says so
        if not page.get_by_text("cannot be shown now").count():
            break
        page.wait_for_timeout(1000)
        visit.open("/leaders")
    text = page.locator("main").inner_text()
    assert report["headlines"][0] in text
    first = report["arr"]["windows"][0]
    row = page.locator("table tr", has_text=first["as_of"]).last.inner_text()
    assert first["until"] in row
    assert f"{first['expected_churns']:.1f}" in row
    assert re.search(r"(90|180|30) days before", text)
    assert "This is no effect" in text
    link = page.locator("main a", has_text="The newest report")
    answer = visit.page.request.get(f"{site.url}{link.get_attribute('href')}")
    assert answer.status == 200
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "allow-same-origin" not in answer.headers["content-security-policy"]
    assert page.locator("main a", has_text="Report of").count() == 1
    assert page.request.get(f"{site.url}/leaders/older/..%2Freport.json").status == 404


def test_scientists_see_the_model_that_serves(site: Site, signed_in: Callable[..., Visit]) -> None:
    report = json.loads((site.project / ".forewarn/reports/report.json").read_text(encoding="utf-8"))
    page = signed_in("scientist").open("/scientist")
    text = page.locator("main").inner_text()
    main = next(one for one in report["horizons"] if one["days"] == 90)
    assert f"{main['calibration_slope']['value']:.2f}".lstrip("0") in text
    assert "champion" in page.locator("table", has_text="Registered versions").inner_text()
    page.get_by_text("The gates of its promotion").click()
    assert "passed" in page.locator("table", has_text="What each gate said").inner_text()
    page.get_by_text("Model card").click()
    assert page.locator("pre.card-text").is_visible()


def test_admins_see_feeds_keys_and_what_is_late(site: Site, signed_in: Callable[..., Visit]) -> None:
    page = signed_in("admin").open("/status")
    text = page.locator("main").inner_text()
    assert "something is late" in text  # the demo's data end in the past
    assert "usage_events" in page.locator("table", has_text="Source tables").inner_text()
    keys = page.locator("table", has_text="without their secrets").inner_text()
    for key in site.keys.values():
        key_id, secret = key.split("_")[1:3]
        assert key_id in keys
        assert secret not in text


def test_a_proposal_of_weights_is_the_commands(site: Site, signed_in: Callable[..., Visit]) -> None:
    visit = signed_in("scientist")
    page = visit.open("/scientist/weights")
    assert "No proposal has been worked out yet." in page.locator("main").inner_text()
    page.get_by_role("button", name="Work out a proposal").click()
    assert "being worked out" in page.locator("main").inner_text()
    kept = site.project / ".forewarn/weights.json"
    for _ in range(240):
        if kept.exists():
            break
        page.wait_for_timeout(1000)
    said = json.loads(kept.read_text(encoding="utf-8"))["said"]
    text = visit.open("/scientist/weights").locator("main").inner_text()
    assert all(sentence in text for sentence in said["headlines"])
    if said["out"] is None:
        assert "there is no draft" in text
    else:
        assert f"{said['levels']['changed']:,} of {said['levels']['scored']:,} accounts would change level" in text
        assert f"{said['out'].split('/')[-1]} promote" in text
    assert visit.violations() == []
    assert visit.complaints == []
