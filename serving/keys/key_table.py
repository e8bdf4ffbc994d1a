"""The live keys in memory. A request looks at the time and size of their file; after a change, requests wait for one
reading of it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from pathlib import Path

from serving.keys.keys import SHAPE, Key, KeyStore, StoredKey

GRACE_SECONDS = 60.0  # for so long the keys that were read before count while the file cannot be read
RETRY_SECONDS = 1.0
SETTLING_SECONDS = 0.1  # a file changed within this before it was read may change again under the same time

Mark = tuple[int, int, int] | None


class KeysAway(Exception):
    """The keys cannot be read, and those that were read before are too old to count."""


class KeyTable:
    """Finds keys. The file is only looked at (its time and size) on a request, and read in a thread when it changed."""

    def __init__(self, store: KeyStore) -> None:
        self.store = store
        self._keys: dict[str, StoredKey] = {}
        self._mark: Mark = None
        self._has_read = False
        self._trouble_since = 0.0
        self._tried_at = -GRACE_SECONDS
        self._reading: asyncio.Future[None] | None = None
        self._known: dict[str, Key] = {}
        self.trouble: str | None = None

    async def find(self, token: str) -> Key | None:
        """The live key of this text; None for any other. KeysAway when nobody can say."""
        await self._fresh()
        key = self._known.get(token)
        return key if key is not None else self._look_up(token)

    async def of_id(self, key_id: str) -> Key | None:
        """The live key of this id, for whoever showed the whole of it before; None for one that was revoked."""
        await self._fresh()
        stored = self._keys.get(key_id)
        return None if stored is None else stored.key

    async def _fresh(self) -> None:
        """Sees to it that the keys are those of the file."""
        now = time.monotonic()
        if _mark_of(self.store.path) != self._mark or self.trouble is not None:
            if self.trouble is None or now - self._tried_at > RETRY_SECONDS:
                await self._read()
            is_late = not self._has_read or time.monotonic() - self._trouble_since > GRACE_SECONDS
            if self.trouble is not None and is_late:
                raise KeysAway(self.trouble)

    def _look_up(self, token: str) -> Key | None:
        match = SHAPE.fullmatch(token)
        stored = self._keys.get(match[1]) if match is not None else None
        if match is None or stored is None:
            return None
        if not hmac.compare_digest(stored.digest, hashlib.sha256(match[2].encode()).hexdigest()):
            return None
        self._known[token] = stored.key
        return stored.key

    async def _read(self) -> None:
        """Reads the file in a thread; requests that come meanwhile wait for the same reading."""
        if self._reading is None:
            self._reading = asyncio.ensure_future(self._read_now())
            self._reading.add_done_callback(self._done)
        await asyncio.shield(self._reading)

    def _done(self, _: object) -> None:
        self._reading = None

    async def _read_now(self) -> None:
        self._tried_at = time.monotonic()
        mark, wall = _mark_of(self.store.path), time.time()
        try:
            live = await asyncio.get_running_loop().run_in_executor(None, self.store.live)
        except Exception as error:  # a file that is locked, broken, or not to be read
            if self.trouble is None:
                self._trouble_since = time.monotonic()
            self.trouble = f"{type(error).__name__}: {error}"
            return
        settled = mark is None or wall - mark[0] / 1e9 > SETTLING_SECONDS
        self._keys, self._mark, self.trouble = live, mark if settled else (0, 0, 0), None
        self._known, self._has_read = {}, True


def _mark_of(path: Path) -> Mark:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
