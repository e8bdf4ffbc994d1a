"""README's pictures, made from a demo: one account, the worklist, the report; `make pictures`.

    python -m tests.benchmarks.pictures demo docs/pictures

The demo is one that `forewarn demo` made. It is copied, served with a key of its own, and looked at in headless
Chromium; each picture is cut to MOST_BYTES by the number of its colours.
"""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from configs.settings_file import load_settings
from evaluation.report import require_chromium
from evaluation.report.pdf import OPTIONS
from serving.keys import KeyStore
from serving.prepared import PreparedDay, current_day
from tests.serving.pages.visiting import visit
from tests.serving.running import running_service

ROOT = Path(__file__).resolve().parents[2]
WIDTH, HEIGHT = 1280, 860
MOST_BYTES = 150_000
TRIES = 60  # a second apart: what the worker works out when it is asked
COLOURS = (256, 128, 64, 32, 16)


def picture(page: Page, path: Path) -> None:
    """What a page shows first, as a PNG that is small enough."""
    taken = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    for colours in COLOURS:
        body = io.BytesIO()
        taken.quantize(colours, dither=Image.Dither.NONE).save(body, "PNG", optimize=True)
        if body.tell() <= MOST_BYTES:
            path.write_bytes(body.getvalue())
            print(f"{path}: {body.tell():,} bytes, {colours} colours")
            return
    raise SystemExit(f"{path.name}: {body.tell():,} bytes with {COLOURS[-1]} colours, expected at most {MOST_BYTES:,}")


def of_report(browser: Browser, html: Path, path: Path) -> None:
    """The report as it opens from its file."""
    page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
    page.goto(html.as_uri())
    page.wait_for_selector("html[data-charts]", timeout=60_000)
    picture(page, path)
    page.close()


def main(demo: Path, out: Path) -> None:
    """Makes every picture."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="forewarn-pictures-") as folder, sync_playwright() as playwright:
        project = Path(shutil.copytree(demo, Path(folder) / "project"))
        settings = load_settings(project / "forewarn.yaml")
        key = KeyStore(settings.paths.keys).create("leader", datetime.now(UTC))
        browser = playwright.chromium.launch(executable_path=require_chromium(), args=["--no-sandbox", *OPTIONS])
        of_report(browser, settings.paths.reports / "report.html", out / "report.png")
        with running_service(project, ROOT) as url:
            served = current_day(settings.paths.served)
            assert served is not None
            day = PreparedDay.load(served)
            first = max(day.summaries.values(), key=lambda one: (one.expected_arr_loss or 0.0, one.account_id))
            made = visit(browser, url, key, WIDTH)
            made.page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
            for name, path in (("account", f"/accounts/{first.account_id}"), ("worklist", "/")):
                answer = made.page.goto(f"{url}{path}")
                for _ in range(TRIES):
                    made.settle()
                    if not made.page.get_by_text("still being worked out").count():
                        break
                    made.page.wait_for_timeout(1000)
                    answer = made.page.reload()
                if answer is None or answer.status != 200 or made.page.url != f"{url}{path}":
                    raise SystemExit(f"{path} led to {made.page.url}, expected that page itself")
                picture(made.page, out / f"{name}.png")
            made.close()
        browser.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
