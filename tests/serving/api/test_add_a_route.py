"""CONTRIBUTING's recipe of a route, followed to the letter on a copy and called over HTTP."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from serving.keys import KeyStore
from tests.copied_project import Copy
from tests.serving.running import running_service

pytestmark = pytest.mark.slow

MESSAGE = """class ModelAnswer(BaseModel):
    \"\"\"The version that scores, and the day of its signals.\"\"\"

    model_version: str
    as_of: str


"""
HANDLER = """async def model(call: Call) -> Answer:
    \"\"\"The version that scores, and the day of its signals.\"\"\"
    header = call.live.snapshot.day.header
    return Answer.of(ModelAnswer(model_version=header.model_version, as_of=header.as_of))


"""
ENTRY = """    Route("GET", "/v1/one-more", ("scientist", "admin"), model, "The version.", gives=ModelAnswer),
"""


def test_one_more_route(demo: Path, tmp_path: Path) -> None:
    code = Copy(tmp_path / "code")
    code.put("serving/messages/status.py", "class Status(", MESSAGE)
    code.put("serving/messages/__init__.py", "Readiness, Refusal", "ModelAnswer, ")
    code.put("serving/messages/__init__.py", '    "NextAction",', '    "ModelAnswer",\n')
    code.put("serving/api/routes/service.py", "Readiness, Status\n", "ModelAnswer, ")
    code.put("serving/api/routes/service.py", "ROUTES: tuple", HANDLER)
    code.put("serving/api/routes/service.py", '    Route("GET", "/livez"', ENTRY)
    project = tmp_path / "project"
    shutil.copytree(demo, project)
    store = KeyStore(project / ".forewarn" / "keys.db")
    keys = {role: store.create(role, datetime.now(UTC)) for role in ("scientist", "csm")}
    with running_service(project, code.folder) as url:

        def call(role: str, path: str = "/v1/one-more") -> httpx.Response:
            return httpx.get(f"{url}{path}", headers={"Authorization": f"Bearer {keys[role]}"}, timeout=60)

        right, wrong, described = call("scientist"), call("csm"), call("csm", "/openapi.json")
    assert (right.status_code, right.json()["as_of"]) == (200, "2026-01-01")
    assert (wrong.status_code, wrong.headers["content-type"]) == (403, "application/problem+json")
    assert "/v1/one-more" in described.json()["paths"]
