"""What the service says of itself: whether it lives, whether it can score, what it serves; its document and metrics."""

from __future__ import annotations

import asyncio
import json

from serving.api.openapi import document
from serving.api.routing import Answer, Call, Route
from serving.keys import ROLES
from serving.messages import Readiness, Status


async def livez(call: Call) -> Answer:
    """The process answers."""
    return Answer(b'{"live":true}')


async def readyz(call: Call) -> Answer:
    """A score can be given and written down now."""
    readiness = await call.live.ready()
    if readiness.ready:
        return Answer.of(readiness)
    answer = Answer.of(readiness, 503)
    return Answer(answer.body, 503, headers={"retry-after": "5"})


async def status(call: Call) -> Answer:
    """What serves, since when, of which day, and what was refused since."""
    return Answer.of(call.live.status())


async def openapi(call: Call) -> Answer:
    """This document."""
    made = await asyncio.to_thread(
        document, [route for route in call.routes if not route.page], call.live.settings.horizons_days
    )
    return Answer(json.dumps(made).encode())


ROUTES: tuple[Route, ...] = (
    Route("GET", "/livez", (), livez, "Whether the process answers."),
    Route(
        "GET", "/readyz", (), readyz, "Whether a score can be given and written down.", gives=Readiness, statuses=(503,)
    ),
    Route("GET", "/v1/status", ROLES, status, "What serves, and what was refused since.", gives=Status),
    Route("GET", "/openapi.json", ROLES, openapi, "This document."),
    Route("GET", "/docs.json", ROLES, openapi, "This document, under its older name."),
    Route(
        "GET", "/metrics", ("platform", "admin"), None, "Figures for Prometheus.", gives_type="text/plain", of_all=True
    ),
)
