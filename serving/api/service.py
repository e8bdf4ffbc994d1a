"""The BentoML shell: `bentoml serve serving.api.service:Forewarn`, with the project's file in FOREWARN_CONFIG.

Nothing is decided here: the middleware lets requests in, the scorer answers, and the ledger is written before an
answer leaves.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import bentoml
from starlette.responses import Response

from configs.errors import ForewarnError
from serving.api.auth import CALLER, PROBLEM, ApiKeyMiddleware, problem_of
from serving.api.keys import KeyStore
from serving.project import Project
from serving.scoring import ScoreAnswer, Scorer, ScoreRequest

CONFIG_VARIABLE = "FOREWARN_CONFIG"


@cache
def project() -> Project:
    """The project that this process serves, for as long as it runs."""
    return Project.open(Path(os.environ.get(CONFIG_VARIABLE, "forewarn.yaml")), now=datetime.now(UTC))


def key_store() -> KeyStore:
    return KeyStore(project().paths.keys)


@bentoml.service(name="forewarn", workers=1, traffic={"timeout": 60})
class Forewarn:
    """Churn probabilities with reasons that add up to them. Every answer is in the ledger before it leaves."""

    def __init__(self) -> None:
        # Models, signals and the slow imports behind them are loaded here, before the first request.
        self.scorer = Scorer.open(project())

    def __is_ready__(self) -> bool:
        """Ready means that an account can be scored now, so one is."""
        return self.scorer.probe()

    @bentoml.api(route="/v1/score")
    def score(self, request: ScoreRequest, /) -> ScoreAnswer:
        """Each account's prediction from its newest signals, the strongest reasons one by one."""
        return self._answer(request, full=False)

    @bentoml.api(route="/v1/explain")
    def explain(self, request: ScoreRequest, /) -> ScoreAnswer:
        """Each account's prediction with every reason."""
        return self._answer(request, full=True)

    def _answer(self, request: ScoreRequest, full: bool) -> ScoreAnswer:
        try:
            asked_by = f"key:{CALLER.get().key_id}"
            return self.scorer.answer(request.account_ids, asked_by, datetime.now(UTC), full=full)
        except ForewarnError as error:
            return Response(problem_of(error).model_dump_json(), 422, media_type=PROBLEM.decode())  # type: ignore[return-value]


Forewarn.add_asgi_middleware(ApiKeyMiddleware, find_store=key_store)  # type: ignore[attr-defined]
