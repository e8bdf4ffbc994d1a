"""Sessions of people who signed in with a key. A session is its key and no more: it ends with the key, and by itself.

The browser holds a random id; here stands its digest alone, in memory: a service that starts again asks for the key
again. A session may do what its key may, since each request looks the key up anew.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from dataclasses import dataclass, field

IDLE_SECONDS = 72 * 3600.0  # a weekend does not sign anybody out
ABSOLUTE_SECONDS = 14 * 86400.0
MOST_SESSIONS = 10_000
MOST_OF_A_KEY = 50  # a key that many people share still has room


@dataclass
class Session:
    """One browser that signed in.

    Attributes
    ----------
    key_id : str
        Of the key that opened it, and whose role and owner it has.
    form_token : str
        What every form of it sends back, so that no other site can send one in its name.
    began_at, used_at : float
        Seconds of a clock that only runs forwards.
    messages : list of str
        What the next page says at its top, once.
    """

    key_id: str
    form_token: str
    began_at: float
    used_at: float
    messages: list[str] = field(default_factory=list)

    def takes(self, sent: str) -> bool:
        """Whether a form's token is this session's."""
        return hmac.compare_digest(sent.encode(), self.form_token.encode())

    def is_over(self, now: float) -> bool:
        """Whether nobody used it for too long, or it was opened too long ago."""
        return now - self.used_at > IDLE_SECONDS or now - self.began_at > ABSOLUTE_SECONDS


class SessionTable:
    """The open sessions of this process.

    >>> table = SessionTable()
    >>> opened = table.open("0a1b2c3d", now=0.0)
    >>> table.find(opened, now=1.0).key_id, table.find("another", now=1.0)
    ('0a1b2c3d', None)
    >>> table.find(opened, now=2.0 + IDLE_SECONDS) is None
    True
    """

    def __init__(self) -> None:
        self._sessions: dict[str, Session] = {}

    def open(self, key_id: str, now: float | None = None) -> str:
        """The id of a new session, for the browser alone. The least used of too many are ended."""
        now = time.monotonic() if now is None else now
        for name in [name for name, one in self._sessions.items() if one.is_over(now)]:
            del self._sessions[name]
        own = {name: one for name, one in self._sessions.items() if one.key_id == key_id}
        for among, most in ((own, MOST_OF_A_KEY), (self._sessions, MOST_SESSIONS)):
            if len(among) >= most:
                self._sessions.pop(min(among, key=lambda name: self._sessions[name].used_at), None)
        session_id = secrets.token_urlsafe(32)
        self._sessions[_digest(session_id)] = Session(key_id, secrets.token_urlsafe(32), now, now)
        return session_id

    def find(self, session_id: str, now: float | None = None) -> Session | None:
        """The open session of this id, which is used by that; None for any other."""
        now = time.monotonic() if now is None else now
        name = _digest(session_id)
        found = self._sessions.get(name)
        if found is None or found.is_over(now):
            self._sessions.pop(name, None)
            return None
        found.used_at = now
        return found

    def close(self, session_id: str) -> None:
        """Ends a session, if there is one of this id."""
        self._sessions.pop(_digest(session_id), None)


def _digest(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()
