"""Who may come in: API keys with their roles, the live ones in memory, and the sessions that people open with one."""

from serving.keys.key_table import KeysAway, KeyTable
from serving.keys.keys import ROLES, CreatedKey, Key, KeyStore, Role
from serving.keys.sessions import ABSOLUTE_SECONDS, Session, SessionTable

__all__ = [
    "ABSOLUTE_SECONDS",
    "ROLES",
    "CreatedKey",
    "Key",
    "KeyStore",
    "KeyTable",
    "KeysAway",
    "Role",
    "Session",
    "SessionTable",
]
