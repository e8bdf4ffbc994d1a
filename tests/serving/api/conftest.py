"""A service of its own for each file that writes to its ledger."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from configs.settings import Settings
from serving.keys import ROLES, KeyStore
from tests.serving.api.house import TABLES, House
from tests.serving.called_api import Api
from tests.serving.running import running_service

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def api(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    project = tmp_path_factory.mktemp("api") / "project"
    shutil.copytree(demo, project)
    frame = pd.read_parquet(project / ".forewarn" / "signals" / "2026-01-01.parquet").set_index("account_id")
    owner = str(frame.owner.mode()[0])
    store, now = KeyStore(project / ".forewarn" / "keys.db"), datetime.now(UTC)
    keys = {role: store.create(role, now) for role in ROLES}
    keys |= {f"bound {role}": store.create(role, now, owner) for role in ("csm", "leader", "platform")}
    with running_service(project, ROOT) as url:
        yield Api(url, keys, project, frame, owner)


@pytest.fixture
def house(make_settings: Callable[..., Settings]) -> House:
    """A front of routes that echo."""
    return House(make_settings(tables=TABLES))
