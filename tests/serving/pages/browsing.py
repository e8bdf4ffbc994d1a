"""A browser's way to the pages, without a browser: signing in, forms with the token that their page gave."""

from __future__ import annotations

import asyncio
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlencode

import httpx

from serving.api.front import Front

TOKEN = re.compile(r'name="form_token" value="([^"]+)"')
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Browser:
    """One browser at a front: it keeps cookies, follows nothing, and names itself by its headers."""

    def __init__(self, front: Front, origin: str = "http://house") -> None:
        self.front, self.origin = front, origin
        self.cookies = httpx.Cookies()

    def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(self.front)
            async with httpx.AsyncClient(transport=transport, base_url=self.origin, cookies=self.cookies) as client:
                headers = {"Accept": "text/html", **more.pop("headers", {})}
                answer = await client.request(method, path, headers=headers, **more)
                self.cookies = client.cookies
                return answer

        with ThreadPoolExecutor(1) as pool:  # a real browser's event loop may be running in this one
            return pool.submit(lambda: asyncio.run(once())).result()

    def get(self, path: str, **headers: str) -> httpx.Response:
        return self.ask("GET", path, headers=headers)

    def send(self, path: str, fields: dict[str, str], **headers: str) -> httpx.Response:
        return self.ask("POST", path, content=urlencode(fields), headers={**FORM, **headers})

    def token(self, path: str = "/find") -> str:
        """The token in a form of a page."""
        found = TOKEN.search(self.get(path).text)
        assert found is not None
        return found[1]

    def sign_in(self, key: str, where: str = "/find") -> httpx.Response:
        return self.send("/signin", {"form_token": self.token("/signin"), "key": key, "next": where})
