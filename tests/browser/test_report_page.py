"""The report in a real browser: no network, no error, every chart drawn, nothing wider than the screen."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from markupsafe import escape
from playwright.sync_api import Browser, Page, sync_playwright

from evaluation.backtest import RandomSplitGap
from evaluation.formatting import decimal, percent
from evaluation.promotion.events import LedgerEvent
from evaluation.report.charts.catalogue import CHARTS, charts
from evaluation.report.page import UNBROKEN, render
from evaluation.report.pdf import OPTIONS, chromium, print_pdf
from evaluation.report.report import ReportFiles, write_report
from evaluation.report.sections import CHAPTERS, ReportInputs
from evaluation.report.summary import summarise
from tests.evaluation.known import facts
from tests.evaluation.simulated import company, settings

CHROMIUM = chromium()
ARGUMENTS = ("--no-sandbox", *OPTIONS)
EVIL = "<script>window.harmed = true</script>"
EVIL_IMAGE = '<img src=x onerror="window.harmed = true">'
SECTIONS = (
    "The answer",
    "What to do",
    "The figures you are measured by",
    "How right it was",
    "Can the probabilities be taken at their word?",
    "Is the model better than the rules?",
    "What the CSMs overrode",
    "Money and time",
    "ARR at risk, and ARR lost",
    "How early was it seen?",
    "What it is worth: at your capacity, and at your costs",
    "Who was approached, and what became of them",
    "What was missed",
    "What was missed, and why",
    "What the triggers are worth",
    "Where it holds",
    "Where it holds, and where not",
    "How steady are they?",
    "Data and monitoring",
    "What changed, and what the data cover",
    "All figures and methods",
    "All figures, by horizon",
    "What is not shown, and why",
    "Methods",
)
EVENTS = (
    LedgerEvent("promotion", "2024-05-20", EVIL, "Version 3 became the champion.", against_refusal=False),
    LedgerEvent("reweighting", "2024-08-03", "new weights", "New weights.", against_refusal=False),
    LedgerEvent("promotion", "2030-01-01", "later", "Later.", against_refusal=True),
)
SPLIT = RandomSplitGap(90, 1000, 100, 0.9, 0.8, 0.2, 0.3)
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")


def charts_without_monitoring() -> int:
    """Every chart is drawn here but those of a monitoring, which nobody ran."""
    return len([chart for chart in CHARTS if not chart.__module__.endswith(".monitoring")])


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> ReportFiles:
    """A report on accounts, segments and owners whose names try to run."""
    judged, baselines = company()
    worst = judged["account_id"] == judged.sort_values("p_churn_90d")["account_id"].iloc[-1]
    judged["name"] = "Account " + judged["account_id"].str[-4:] + EVIL
    judged.loc[worst, "name"] = EVIL_IMAGE
    judged["segment"] = judged["segment"].astype(object).replace({"smb": EVIL_IMAGE})
    judged["owner"] = judged["owner"].astype(object).replace({"csm-01": EVIL})
    judged["reasons"] = judged["reasons"].str.replace("log-ins in 28 days", EVIL.replace("/", "\\/"))
    meta = {"source": "backtest", "created": "2025-05-01 06:00 UTC", "note": "</script>" + EVIL}
    folder, known = tmp_path_factory.mktemp("report"), facts(judged)
    inputs = ReportInputs(judged, baselines, company_facts=known, random_split=SPLIT, events=EVENTS, outages=[])
    return write_report(inputs, settings(), folder, meta)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> ReportFiles:
    return write_report(ReportInputs(*company(250, base=-6.8)), settings(), tmp_path_factory.mktemp("few"), {})


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


class Visit:
    """A page opened from its file with the network cut; what it asked for and complained of."""

    def __init__(self, browser: Browser, file: Path, width: int, scheme: str = "light") -> None:
        self.asked: list[str] = []
        self.said: list[str] = []
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
        self.page: Page = context.new_page()
        self.page.on("request", lambda one: self.asked.append(one.url))
        self.page.on("console", lambda one: self.said.append(f"{one.type}: {one.text}"))
        self.page.on("pageerror", lambda one: self.said.append(f"error: {one}"))
        self.page.goto(file.as_uri())
        self.page.wait_for_selector("html[data-charts]", timeout=60_000)
        self.context: Any = context


@needs_browser
@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (820, "light"), (1280, "light"), (1280, "dark")])
def test_it_opens_without_network_or_complaint_and_fits(
    browser: Browser, files: ReportFiles, width: int, scheme: str
) -> None:
    visit = Visit(browser, files.html, width, scheme)
    assert visit.asked == [files.html.as_uri()]
    assert visit.said == []
    page = visit.page
    assert page.evaluate("document.documentElement.dataset.charts") == "drawn"
    drawn = page.locator(".chart svg")
    assert drawn.count() == charts_without_monitoring()
    for place in range(drawn.count()):
        box = drawn.nth(place).bounding_box()
        assert box is not None
        assert box["width"] > 200
        assert box["height"] > 60
        assert box["x"] + box["width"] <= width
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    visit.context.close()


@needs_browser
def test_nothing_that_a_name_holds_can_run(browser: Browser, files: ReportFiles) -> None:
    visit = Visit(browser, files.html, 1280)
    page = visit.page
    page.locator("#chart-segments svg .mark-symbol.role-mark path").first.hover(force=True)
    page.wait_for_timeout(200)
    assert page.evaluate("window.harmed") is None
    assert page.locator("img").count() == 0
    assert EVIL in page.locator("main").inner_text()
    assert EVIL_IMAGE in page.locator("main").inner_text()
    blocked = page.evaluate(
        "() => { const one = document.createElement('script'); one.textContent = 'window.harmed = true';"
        " document.body.append(one); return window.harmed; }"
    )
    assert blocked is None
    visit.context.close()


@needs_browser
def test_it_can_be_read_by_ear_and_by_keyboard(browser: Browser, files: ReportFiles) -> None:
    visit = Visit(browser, files.html, 1280)
    page = visit.page
    assert page.locator("h1").count() == 1
    assert page.locator("main h2").all_text_contents() == list(SECTIONS)
    for landmark in ("main", "header", "footer", "nav[aria-label]"):
        assert page.locator(landmark).count() == 1
    assert page.evaluate("document.documentElement.lang") == "en"
    assert page.locator("section:not([aria-labelledby])").count() == 0
    for chart in page.locator(".chart").all():
        assert chart.get_attribute("role") == "img"
        assert len(chart.get_attribute("aria-label") or "") > 30
    assert page.locator("figure details table").count() == charts_without_monitoring()
    assert page.locator("table:not(:has(caption))").count() == 0
    assert page.locator("th:not([scope])").count() == 0
    assert page.evaluate(
        "[...document.querySelectorAll('nav a')].every(one => document.querySelector(one.getAttribute('href')))"
    )
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    chapter = page.locator("#right > summary")
    assert not page.locator("#comparison").is_visible()
    chapter.focus()
    page.keyboard.press("Enter")
    assert page.locator("#comparison").is_visible()
    summary = page.locator("#comparison summary").first
    summary.focus()
    page.keyboard.press("Enter")
    assert page.locator("#comparison details table").first.is_visible()
    visit.context.close()


@needs_browser
def test_it_prints_with_the_numbers_open(browser: Browser, files: ReportFiles) -> None:
    visit = Visit(browser, files.html, 1280, "dark")
    assert len(visit.page.pdf()) > 50_000
    visit.page.emulate_media(media="print")
    ink = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ink == "rgb(255, 255, 255)"
    assert not visit.page.locator("nav").is_visible()
    visit.context.close()


@needs_browser
def test_refusals_are_seen(browser: Browser, few: ReportFiles) -> None:
    visit = Visit(browser, few.html, 820)
    assert visit.said == []
    text = visit.page.locator("main").inner_text()
    assert "That is too few to judge a model by" in text
    assert "at least 10 would do" in visit.page.locator("section[aria-labelledby=h-refused]").text_content()
    assert visit.page.locator(".tiles >> text=Refused").count() >= 3
    assert visit.page.locator("#chart-reliability").count() == 0
    visit.context.close()


def test_the_file_stands_alone_and_agrees_with_its_json(files: ReportFiles) -> None:
    page, body = files.html.read_text(encoding="utf-8"), json.loads(files.json.read_text(encoding="utf-8"))
    head = page[: page.index("<body>")]
    assert "default-src 'none'" in head
    assert "unsafe-inline'; script" in head
    assert len(re.findall("'sha256-", head)) == 2
    assert not re.search(r"<(?:link|iframe|img|object|embed)\b", page[: page.index('id="specs"')])
    assert not re.search(r"(?:src|href)=[\"'](?!#)", page[: page.index('id="specs"')])
    assert body["meta"]["source"] == "backtest"
    for sentence in [*body["headlines"], *(sentence["sentence"] for sentence in body["advice"])]:
        assert escape(UNBROKEN.sub("\u00a0", sentence)) in page
    assert render(body, body["meta"]) == page


def test_outages_are_told(files: ReportFiles) -> None:
    body = json.loads(files.json.read_text(encoding="utf-8"))
    assert body["outages"] == []
    assert "Outages of feeds" not in render({**body, "outages": None}, body["meta"])
    assert "None: every feed" in render(body, body["meta"])
    told = render({**body, "outages": ["tickets brought next to nothing <for a week>"]}, body["meta"])
    assert "tickets brought next to nothing &lt;for a week&gt;" in told


def test_every_chart_has_its_numbers_beside_it(files: ReportFiles) -> None:
    body = json.loads(files.json.read_text(encoding="utf-8"))
    drawn = charts(body)
    assert list(drawn) == [
        "retention", "health", "reliability", "levels", "comparison", "arr", "lead",
        "stages", "segments", "quarters", "owners", "gains", "decision",
    ]  # fmt: skip
    for one in drawn.values():
        assert all(len(row) == len(one.columns) for row in one.table), one.key
        assert one.table
        assert one.description.endswith(".")


def test_marks_stand_in_the_charts_over_time(files: ReportFiles) -> None:
    """At the first day on or after theirs, or in their quarter; one that comes later than all of them is in none."""
    body = json.loads(files.json.read_text(encoding="utf-8"))
    drawn = charts(body)
    places = {
        "health": ["2024-06-01", "2024-09-01"],
        "arr": ["2024-07-01", "2024-10-01"],
        "retention": ["2024 Q2", "2024 Q3"],
    }
    for key, where in places.items():
        told = [value for value in _values(drawn[key].spec) if "label" in value]
        assert [one["at"] for one in told] == where, key
        assert [one["label"] for one in told] == [EVIL, "new weights"]
    assert not [value for value in _values(drawn["gains"].spec) if "label" in value]


def _values(node: Any) -> list[dict[str, Any]]:
    """Every row of data in a specification, once."""
    if isinstance(node, dict):
        own = node["values"] if isinstance(node.get("values"), list) and node["values"] else []
        rows = [one for one in own if isinstance(one, dict)]
        below = [value for key, part in node.items() if key != "values" for value in _values(part)]
    else:
        rows, below = [], [value for part in node for value in _values(part)] if isinstance(node, list) else []
    result: list[dict[str, Any]] = []
    for one in [*rows, *below]:
        if one not in result:
            result.append(one)
    return result


def test_a_report_without_anything_beside_its_rows_is_a_page(few: ReportFiles) -> None:
    """No facts, no marks, no baselines: those sections are left out, and nothing is said of them."""
    judged, _ = company(300, 8)
    bare = judged.drop(columns=["p_health_90d", "health_score", "coverage"])
    page = render(summarise(ReportInputs(bare), settings()), {})
    for gone in (
        "Gross revenue retention",
        "Who was approached",
        "Time to value</span>",
        "Outages of feeds",
        "By quarter of",
    ):
        assert gone not in page
    assert "The figures you are measured by" in page
    assert "There is nothing to compare the model with." in page


def test_what_is_refused_is_a_page(tmp_path: Path) -> None:
    judged, baselines = company(300, 8)
    known = facts(judged)
    bare = replace(known, contracts=None, reached=None)
    young = replace(known, known_until=known.contracts["at"].min(), reached=known.reached.head(3))
    for one in (bare, young):
        inputs = ReportInputs(judged.assign(arr=None), baselines, company_facts=one, outages=[])
        page = render(summarise(inputs, settings()), {})
        assert "Revenue retention is refused: 0 " in page
    assert "Refused" in page


@needs_browser
def test_nothing_is_clipped_in_print_and_sections_begin_pages(browser: Browser, files: ReportFiles) -> None:
    visit = Visit(browser, files.html, 794)  # A4 at 96 dots an inch
    page = visit.page
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    page.emulate_media(media="print")
    assert page.evaluate("document.documentElement.scrollWidth") <= 794
    too_wide = page.evaluate(
        "[...document.querySelectorAll('table, .chart, .tiles, .cases')].filter(one =>"
        " one.getBoundingClientRect().right > 794 || getComputedStyle(one.parentElement).overflowX === 'auto'"
        " && one.scrollWidth > one.parentElement.clientWidth).map(one => one.outerHTML.slice(0, 200))"
    )
    assert too_wide == []
    breaks = page.evaluate(
        "[...document.querySelectorAll('main > section, .chapter')].map(one => getComputedStyle(one).breakBefore)"
    )
    assert breaks[0] == "auto"
    assert breaks.count("page") == len(CHAPTERS) + 1  # every chapter, and what the company is measured by
    visit.context.close()


@needs_browser
def test_at_390_pixels_no_axis_loses_its_title_and_a_link_opens_its_chapter(
    browser: Browser, files: ReportFiles
) -> None:
    visit = Visit(browser, files.html, 390)
    page = visit.page
    assert page.evaluate("document.documentElement.scrollHeight") < 9000
    page.evaluate("location.hash = '#groups'")
    page.wait_for_function("document.getElementById('where').open")
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
    cut = page.evaluate(
        """() => [...document.querySelectorAll('.chart svg')].flatMap(svg => {
          const frame = svg.getBoundingClientRect();
          return [...svg.querySelectorAll('.role-axis-title text, .role-axis-label text')].filter(text => {
            const box = text.getBoundingClientRect();
            return box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1
              || box.bottom > frame.bottom + 1;
          }).map(text => text.textContent);
        })"""
    )
    assert cut == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    visit.context.close()


@needs_browser
def test_charts_write_numbers_as_the_text_does(browser: Browser, files: ReportFiles) -> None:
    visit = Visit(browser, files.html, 1280)
    labels = visit.page.locator("#chart-comparison .role-axis-label text").all_text_contents()
    assert {label for label in labels if "." in label} >= {".50", ".70"}
    shares = visit.page.locator("#chart-retention .role-axis-label text").all_text_contents()
    assert [share for share in shares if share.endswith("\u00a0%")]
    assert not [share for share in shares if re.search(r"\d%", share)]
    visit.context.close()


@needs_browser
@pytest.mark.parametrize(("paper", "width", "height"), [("A4", 595, 842), ("letter", 612, 792)])
def test_it_is_printed_on_the_paper_of_the_settings_with_page_numbers(
    files: ReportFiles, tmp_path: Path, paper: str, width: int, height: int
) -> None:
    body = json.loads(files.json.read_text(encoding="utf-8"))
    assert body["paper"] == "A4"  # unless another is set
    html = tmp_path / "report.html"
    html.write_text(render({**body, "paper": paper}, body["meta"]), encoding="utf-8")
    pdf = print_pdf(html).read_bytes()
    boxes = [tuple(map(float, one.split())) for one in re.findall(rb"/MediaBox \[([\d. ]+)\]", pdf)]
    assert len(boxes) > 8  # pages: all chapters are open
    assert {(round(box[2]), round(box[3])) for box in boxes} == {(width, height)}
    assert 'counter(page) " of " counter(pages)' in html.read_text(encoding="utf-8")


def test_the_calibration_error_has_no_interval_that_is_not_its_own(files: ReportFiles) -> None:
    """Its interval has the noise taken out, and would end where the figure stands."""
    body = json.loads(files.json.read_text(encoding="utf-8"))
    error = next(horizon["ece"] for horizon in body["horizons"] if horizon["days"] == 90)
    page = files.html.read_text(encoding="utf-8")
    tile = page.split("Calibration error</span>")[1].split("</li>")[0]
    assert f"beyond noise at most {decimal(error['high'], 3)}" in tile
    assert " to " not in tile
    ends = f"{decimal(error['low'], 3)} to {decimal(error['high'], 3)}"
    row = page.split("Calibration error (ECE)</th>")[1].split("</tr>")[0]
    assert f"<small>beyond noise {ends}</small>" in row


def test_the_company_is_held_against_its_target_and_the_year_before(files: ReportFiles) -> None:
    body = json.loads(files.json.read_text(encoding="utf-8"))
    page = re.sub(r"\s+", " ", files.html.read_text(encoding="utf-8"))
    kept = body["revenue"]["retention"]
    net, before = kept["year"]["all"][0]["net"], kept["previous_year"]["all"][0]["net"]["value"]
    assert kept["net_target"] == 1.0
    tile = page.split("Net revenue retention</span>")[1].split("</li>")[0].replace("\u00a0", " ")
    assert f"the year before {percent(before)}" in tile
    assert "target 100 %: " + ("reached" if net["value"] >= 1 else "") in tile
    kept["net_target"] = net["high"] + 0.1
    again = re.sub(r"\s+", " ", render(body, body["meta"])).split("Net revenue retention</span>")[1].split("</li>")[0]
    assert f"missed by {round(100 * (net['high'] + 0.1 - net['value']))} points" in again
