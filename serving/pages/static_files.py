"""Style, script and icon: the hash of its content stands in a file's path, so that it may be kept for a year."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from serving.api import Answer, Call, ProblemRaised, Route
from serving.messages import problem

FOLDER = Path(__file__).parent / "static"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
}
HEADERS = {
    "cache-control": "public, max-age=31536000, immutable",
    "x-content-type-options": "nosniff",
    "content-security-policy": "default-src 'none'; sandbox",
}


@dataclass(frozen=True)
class StaticFile:
    """A file as it is sent."""

    body: bytes
    media_type: str
    url: str


@cache
def static_files() -> dict[str, StaticFile]:
    """Every file by its name."""
    found = {}
    for path in sorted(FOLDER.iterdir()):
        body = path.read_bytes()
        digest = hashlib.sha256(body).hexdigest()[:16]
        found[path.name] = StaticFile(body, TYPES[path.suffix], f"/static/{digest}/{path.name}")
    return found


def static_url(name: str) -> str:
    """Where a file is; KeyError for one that there is not."""
    return static_files()[name].url


async def static(call: Call) -> Answer:
    """A file, by the path that names its content."""
    file = static_files().get(call.path["name"])
    if file is None or file.url != f"/static/{call.path['digest']}/{call.path['name']}":
        raise ProblemRaised(problem(404, "no such file; open the page again"))
    return Answer(file.body, media_type=file.media_type, headers=HEADERS)


ROUTES: tuple[Route, ...] = (Route("GET", "/static/{digest}/{name}", (), static, "A file of the pages.", page=True),)
