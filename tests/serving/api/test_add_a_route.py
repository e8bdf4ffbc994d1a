"""CONTRIBUTING's recipe of a route, followed to the letter on a copy and called over HTTP."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from serving.api.keys import KeyStore
from tests.copied_project import Copy
from tests.serving.running import running_service

pytestmark = pytest.mark.slow

MESSAGE = """class ModelAnswer(BaseModel):
    \"\"\"The version that scores, and the day of its signals.\"\"\"

    model_version: str
    as_of: str


"""
METHOD = """    @bentoml.api(route="/v1/model")
    def model(self) -> ModelAnswer:
        \"\"\"The version that scores, and the day of its signals.\"\"\"
        return ModelAnswer(model_version=str(self.scorer.model.version), as_of=f"{self.scorer.as_of:%Y-%m-%d}")

"""


def test_one_more_route(demo: Path, tmp_path: Path) -> None:
    code = Copy(tmp_path / "code")
    code.put("serving/scoring/schemas.py", "class ProblemFault(", MESSAGE)
    code.put("serving/scoring/__init__.py", "Prediction, Problem,", "ModelAnswer, ")
    code.put("serving/scoring/__init__.py", '    "Prediction",', '    "ModelAnswer",\n')
    code.put("serving/api/service.py", "ScoreAnswer, Scorer, ScoreRequest", "ModelAnswer, ")
    code.put("serving/api/service.py", "    def _answer(", METHOD)
    code.put("serving/api/auth.py", '    ("/metrics",', '    ("/v1/model", ("scientist", "admin")),\n')
    project = tmp_path / "project"
    shutil.copytree(demo, project)
    store = KeyStore(project / ".forewarn" / "keys.db")
    keys = {role: store.create(role, datetime.now(UTC)) for role in ("scientist", "csm")}
    with running_service(project, code.folder) as url:

        def call(role: str) -> httpx.Response:
            headers = {"Authorization": f"Bearer {keys[role]}"}
            return httpx.post(f"{url}/v1/model", headers=headers, json={}, timeout=60)

        right, wrong = call("scientist"), call("csm")
        described = httpx.get(f"{url}/docs.json", headers={"Authorization": f"Bearer {keys['csm']}"}, timeout=60)
    assert (right.status_code, right.json()["as_of"]) == (200, "2026-01-01")
    assert (wrong.status_code, wrong.headers["content-type"]) == (403, "application/problem+json")
    assert "/v1/model" in described.json()["paths"]
