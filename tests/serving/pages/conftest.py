"""One running service of the demo and one browser for all tests of the pages."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser, sync_playwright

from evaluation.report.pdf import OPTIONS, chromium
from serving.keys import ROLES, KeyStore
from tests.serving.pages.visiting import EVIL, Site, Visit, visit
from tests.serving.running import running_service

ROOT = Path(__file__).resolve().parents[3]


def make_evil(project: Path, account_id: str) -> None:
    """Every text of the account's rows tries to run; the day is prepared anew with them."""
    texts = {
        "accounts": ("name", "owner"),
        "contacts": ("contact_id",),
        "tickets": ("ticket_id",),
        "invoices": ("invoice_id",),
        "milestones": ("milestone",),
    }
    for name, columns in texts.items():
        path = project / f"{name}.parquet"
        frame = pd.read_parquet(path)
        mine = frame.account_id == account_id
        for column in columns:
            own = frame.loc[mine, column].astype(str) if column.endswith("_id") else ""
            frame.loc[mine, column] = EVIL + own
        frame.to_parquet(path)
    shutil.rmtree(project / ".forewarn" / "served", ignore_errors=True)


@pytest.fixture(scope="session")
def site(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    project = tmp_path_factory.mktemp("pages") / "project"
    shutil.copytree(demo, project)
    frame = pd.read_parquet(project / ".forewarn" / "signals" / "2026-01-01.parquet")
    evil = str(frame.account_id.iloc[0])
    make_evil(project, evil)
    owner = str(frame.owner[frame.account_id != evil].mode()[0])
    store, now = KeyStore(project / ".forewarn" / "keys.db"), datetime.now(UTC)
    keys = {role: store.create(role, now) for role in ROLES} | {"bound": store.create("csm", now, owner)}
    with running_service(project, ROOT) as url:
        made = Site(url, keys, project, owner, evil)
        made.wait_for_worker()
        yield made


@pytest.fixture(scope="module")  # no longer: while it runs, its event loop is in the way of every other
def browser() -> Iterator[Browser]:
    found = chromium()
    if found is None:
        pytest.skip("no chromium on this machine")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox", *OPTIONS])
        yield started
        started.close()


@pytest.fixture
def signed_in(site: Site, browser: Browser) -> Iterator[Callable[..., Visit]]:
    """Opens a window that is signed in: signed_in("csm", width=390, scheme="dark"); it is closed afterwards."""
    made: list[Visit] = []

    def open_one(role: str, width: int = 1280, scheme: str = "light") -> Visit:
        made.append(visit(browser, site.url, site.keys[role], width, scheme))
        return made[-1]

    yield open_one
    for one in made:
        one.close()
