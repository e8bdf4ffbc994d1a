"""The BentoML shell: `bentoml serve serving.service:Forewarn`, with the project's file in FOREWARN_CONFIG.

Nothing is decided here: the front lets requests in and dispatches them, the worker's prepared day answers, and the
ledger is written before an answer leaves.
"""

from __future__ import annotations

import gc
import os
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bentoml
import uvicorn.config
from bentoml._internal.server.http import traffic

if TYPE_CHECKING:
    from serving.api import Live

CONFIG_VARIABLE = "FOREWARN_CONFIG"
# Uvicorn, which BentoML starts after it has loaded this, then speaks through our protocol, which sheds.
uvicorn.config.HTTP_PROTOCOLS["auto"] = "serving.api.shedding:SheddingProtocol"
SWITCH_SECONDS = 0.0005  # the ledger's thread waits at most so long for its turn


class WithoutTimer:
    """In the place of BentoML's limit of a request's time, whose timer outlives the request by a minute.

    It keeps what the request held until then, 4.5 KB: at a thousand a second a quarter of a gigabyte. The front has a
    limit of its own, which ends with its request.
    """

    def __init__(self, app: Any, timeout: float) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


traffic.TimeoutMiddleware = WithoutTimer  # type: ignore[misc, assignment]


@cache
def live() -> Live:
    """What this process serves, for as long as it runs.

    Imported here: BentoML loads this file in two processes, of which one serves nothing and need load nothing.
    """
    from configs.settings_file import load_settings
    from serving.api import Live, Metrics

    config = Path(os.environ.get(CONFIG_VARIABLE, "forewarn.yaml")).resolve()
    metrics = Metrics(bentoml.metrics.Counter, bentoml.metrics.Gauge, bentoml.metrics.Histogram)
    return Live(load_settings(config), config, metrics)


@bentoml.service(
    name="forewarn",
    workers=1,
    traffic={"timeout": 60},
    logging={"access": {"enabled": False}},  # the front writes its own lines
)
class Forewarn:
    """Churn probabilities with reasons that add up to them. Every score is in the ledger before it leaves."""

    @bentoml.on_startup
    async def begin(self) -> None:
        """Serves what was prepared before, and has what is newer prepared."""
        sys.setswitchinterval(SWITCH_SECONDS)
        await live().start()
        # What is here now stays: 150,000 objects, for which a full collection would keep everybody waiting 90 ms.
        gc.freeze()

    @bentoml.on_shutdown
    async def end(self) -> None:
        """Writes what still waits."""
        await live().close()


class LazyFront:
    """The front of this process' service, made when the process begins to serve."""

    def __init__(self, app: Any) -> None:
        from serving.api import Front, Router
        from serving.api.routes import ROUTES
        from serving.pages import PAGES, refused

        self.front = Front(app, Router((*ROUTES, *PAGES)), live(), refused)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.front(scope, receive, send)


Forewarn.add_asgi_middleware(LazyFront)  # type: ignore[attr-defined]
