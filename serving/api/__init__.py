"""The BentoML service, its keys and roles."""

from serving.api.keys import ROLES, KeyStore

__all__ = ["ROLES", "KeyStore"]
