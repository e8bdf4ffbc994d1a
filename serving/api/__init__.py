"""The service over HTTP: its front, what it serves now, what a route is. Routes of the API stand in
`serving.api.routes`, pages for people in `serving.pages`."""

from serving.api.browser import FORM_TOKEN, SAME_SITE, SESSION_COOKIE, Refused, cookies
from serving.api.front import Front
from serving.api.limits import RateLimiter
from serving.api.live import Live, Snapshot
from serving.api.logs import log
from serving.api.metrics import Metrics
from serving.api.routing import Answer, Call, ProblemRaised, Route, Router

__all__ = [
    "FORM_TOKEN",
    "SAME_SITE",
    "SESSION_COOKIE",
    "Answer",
    "Call",
    "Front",
    "Live",
    "Metrics",
    "ProblemRaised",
    "RateLimiter",
    "Refused",
    "Route",
    "Router",
    "Snapshot",
    "cookies",
    "log",
]
