"""Commands about API keys."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click

from serving.cli import console
from serving.cli.session import Session
from serving.keys import ROLES, CreatedKey, KeyStore


@click.group()
def keys() -> None:
    """API keys with a role."""


def _store(session: Session) -> KeyStore:
    return KeyStore(session.settings.paths.keys)


@keys.command()
@click.option("--role", type=click.Choice(ROLES), required=True, help="What the key may call.")
@click.option("--owner", help="Show only the accounts of this owner. Default: all accounts.")
@click.pass_obj
def create(session: Session, role: Any, owner: str | None) -> None:
    """Make a key. It is printed now, and never again."""
    key = _store(session).create(role, datetime.now(UTC), owner)
    session.show(CreatedKey(role, key, owner), console.key_lines)


@keys.command("list")
@click.pass_obj
def list_keys(session: Session) -> None:
    """List keys by id, role and date."""
    session.show(_store(session).list(), console.keys_lines)


@keys.command()
@click.argument("key_id")
@click.pass_obj
def revoke(session: Session, key_id: str) -> None:
    """Close a key for good."""
    session.show(_store(session).revoke(key_id, datetime.now(UTC)), console.revoked_lines)
