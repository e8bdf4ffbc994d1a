"""The service over HTTP: its front, its keys and roles, what it serves now. Routes stand in `serving.api.routes`."""

from serving.api.keys import ROLES, CreatedKey, Key, KeyStore

__all__ = ["ROLES", "CreatedKey", "Key", "KeyStore"]
