"""API keys with a role. Only a digest is kept, so a stolen file opens nothing; a key is shown once, when it is made.

A key reads `fw_<id>_<secret>`: the id (8 hex digits) is public and names the key in lists and in the ledger, the secret
carries 256 random bits. With that much entropy one SHA-256 will do: nothing can be guessed, so nothing is slowed down.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

from configs.errors import Fault, UsageError, nearest

Role = Literal["platform", "csm", "leader", "scientist", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)

SHAPE = re.compile(r"fw_([0-9a-f]{8})_([A-Za-z0-9_-]{43})")
_TABLE = """
create table if not exists keys (
    key_id text primary key,
    digest text not null,
    role text not null,
    created_at text not null,
    revoked_at text,
    owner text
) strict
"""


@dataclass(frozen=True)
class Key:
    """A key as it is listed: never its secret.

    Attributes
    ----------
    key_id : str
        Eight hex digits, public.
    role : str
        What the key may call.
    created_at : str
        ISO 8601.
    revoked_at : str or None
        ISO 8601; None while the key opens doors.
    owner : str or None
        Whose accounts it shows, and no others; None: all.
    """

    key_id: str
    role: Role
    created_at: str
    revoked_at: str | None = None
    owner: str | None = None


@dataclass(frozen=True)
class StoredKey:
    """A live key with the digest of its secret."""

    key: Key
    digest: str


@dataclass(frozen=True)
class CreatedKey:
    """A key that was just made: the whole of it, for the only time.

    Attributes
    ----------
    role : str
        What the key may call.
    key : str
        The secret itself, `fw_<id>_<secret>`.
    owner : str or None
        Whose accounts it shows, and no others; None: all.
    """

    role: Role
    key: str
    owner: str | None = None


def digest(secret: str) -> str:
    """The SHA-256 of a secret, in hex.

    >>> digest("a")[:8]
    'ca978112'
    """
    return hashlib.sha256(secret.encode()).hexdigest()


class KeyStore:
    """The keys of one project, in an SQLite file that is made, readable by its owner only, at the first `create`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        if not self.path.exists():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.touch(mode=0o600)
        with closing(sqlite3.connect(self.path, timeout=10)) as connection, connection:
            connection.execute(_TABLE)
            if not _has_owners(connection):  # a file of before keys had owners
                connection.execute("alter table keys add column owner text")
            yield connection

    def create(self, role: str, now: datetime, owner: str | None = None) -> str:
        """Makes a key.

        Parameters
        ----------
        role : str
            One of ROLES.
        now : datetime
            When.
        owner : str, optional
            Whose accounts it shows, and no others.

        Returns
        -------
        str
            The whole key, for the only time.

        Raises
        ------
        UsageError
            When there is no such role.
        """
        if role not in ROLES:
            raise UsageError(Fault("role", repr(role), "a role", nearest(role, ROLES)))
        key_id, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
        with self._open() as connection:
            connection.execute(
                "insert into keys (key_id, digest, role, created_at, owner) values (?, ?, ?, ?, ?)",
                (key_id, digest(secret), role, now.isoformat(timespec="seconds"), owner),
            )
        return f"fw_{key_id}_{secret}"

    def list(self) -> list[Key]:
        """Every key ever made, oldest first, the revoked ones too."""
        if not self.path.exists():
            return []
        with self._open() as connection:
            rows = connection.execute(
                "select key_id, role, created_at, revoked_at, owner from keys order by created_at, rowid"
            )
            return [Key(*row) for row in rows]

    def revoke(self, key_id: str, now: datetime) -> Key:
        """Closes a key for good.

        Parameters
        ----------
        key_id : str
            Its id, or the whole key.
        now : datetime
            When.

        Returns
        -------
        Key
            As it is listed from now on.

        Raises
        ------
        UsageError
            When no live key has that id.
        """
        match = SHAPE.fullmatch(key_id)
        key_id = match[1] if match else key_id.removeprefix("fw_")
        live = {key.key_id: key for key in self.list() if key.revoked_at is None}
        if key_id not in live:
            known = nearest(key_id, sorted(live)) if live else "no key is live; `forewarn keys list` shows all"
            raise UsageError(Fault("key", f"no live key {key_id!r}", "the id of a live key", known))
        moment = now.isoformat(timespec="seconds")
        with self._open() as connection:
            connection.execute("update keys set revoked_at = ? where key_id = ?", (moment, key_id))
        return replace(live[key_id], revoked_at=moment)

    def live(self, wait_seconds: float = 0.5) -> dict[str, StoredKey]:
        """Every live key by its id.

        Parameters
        ----------
        wait_seconds : float
            How long to wait for a file that is locked.

        Returns
        -------
        dict of str to StoredKey
            Empty while there is no file.

        Raises
        ------
        sqlite3.Error
            When the file is locked, or no file of keys.
        """
        if not self.path.exists():
            return {}
        with closing(sqlite3.connect(f"{self.path.as_uri()}?mode=ro", timeout=wait_seconds, uri=True)) as connection:
            owner = "owner" if _has_owners(connection) else "null"
            query = f"select key_id, role, created_at, revoked_at, {owner}, digest from keys where revoked_at is null"
            return {row[0]: StoredKey(Key(*row[:5]), row[5]) for row in connection.execute(query)}

    def find(self, key: str) -> Key | None:
        """The live key with this text.

        Parameters
        ----------
        key : str
            As a caller sent it.

        Returns
        -------
        Key or None
            None for a key that is wrong, unknown or revoked, without a difference between these.
        """
        match = SHAPE.fullmatch(key)
        if match is None or not self.path.exists():
            return None
        with self._open() as connection:
            row = connection.execute(
                "select digest, key_id, role, created_at, revoked_at, owner from keys"
                " where key_id = ? and revoked_at is null",
                (match[1],),
            ).fetchone()
        if row is None or not hmac.compare_digest(row[0], digest(match[2])):
            return None
        return Key(*row[1:])


def _has_owners(connection: sqlite3.Connection) -> bool:
    return any(column[1] == "owner" for column in connection.execute("pragma table_info(keys)"))
