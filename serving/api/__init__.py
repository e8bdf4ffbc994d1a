"""The BentoML service, its keys and roles."""

from serving.api.keys import ROLES, CreatedKey, Key, KeyStore

__all__ = ["ROLES", "CreatedKey", "Key", "KeyStore"]
