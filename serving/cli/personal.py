"""Commands about what is stored of accounts and contacts, and how it reads on a terminal."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from serving.cli.session import FILE, Session, user

if TYPE_CHECKING:
    from serving.commands.personal import Expired, PersonalErased, PersonalExported, Stored

UNIT = 1_000_000


@click.group()
def personal() -> None:
    """What is stored of accounts and contacts: list it, export it, erase it."""


@personal.command(name="list")
@click.pass_obj
def list_stores(session: Session) -> None:
    """Say what is stored where, about whom, and for how long."""
    from serving.commands.personal import stored

    session.show(stored(session.settings), stored_lines)


@personal.command()
@click.option("--account", help="The account's id.")
@click.option("--contact", help="The contact's, or the user's, id.")
@click.option("--out", type=FILE, required=True, help="The JSON file to write.")
@click.pass_obj
def export(session: Session, account: str | None, contact: str | None, out: Path) -> None:
    """Write all that is stored about an account or a contact."""
    from serving.commands import personal as commands

    subject = commands.subject_of(account, contact)
    with session.project() as project:
        result = commands.export(project, subject, out)
    session.show(result, exported_lines)


@personal.command()
@click.option("--account", help="The account's id.")
@click.option("--contact", help="The contact's, or the user's, id.")
@click.option("--reason", default="asked for", show_default=True, help="Kept in the ledger; it must name nobody.")
@click.option("--yes", "do", is_flag=True, help="Do it. Without it, only what would be done is said.")
@click.pass_obj
def erase(session: Session, account: str | None, contact: str | None, reason: str, do: bool) -> None:
    """Erase an account or a contact from the ledger and all files; hashes stay, and the chain still verifies."""
    from serving.commands import personal as commands

    subject = commands.subject_of(account, contact)
    with session.project() as project:
        result = commands.erase(project, subject, reason, user(), datetime.now(UTC), do)
    session.show(result, erased_lines)


@personal.command()
@click.option("--yes", "do", is_flag=True, help="Do it. Without it, only what would be done is said.")
@click.pass_obj
def expire(session: Session, do: bool) -> None:
    """Erase what is older than the setting `retention` allows."""
    from serving.commands import personal as commands

    with session.project() as project:
        result = commands.expire(project, user(), datetime.now(UTC), do)
    session.show(result, expired_lines)


def stored_lines(result: Stored) -> list[str]:
    lines = []
    for store in result.stores:
        size = "" if store.bytes is None else f" ({store.bytes / UNIT:.1f} MB)"
        lines += [f"{store.name}: {store.where}{size}", f"  holds {store.holds}"]
        lines += [f"  names {store.about}; when erased: {store.erasing}"]
    kept = [f"{name} {days or 'for ever'}" for name, days in result.retention.items()]
    return [*lines, "", f"retention: {', '.join(kept)}"]


def exported_lines(result: PersonalExported) -> list[str]:
    lines = [f"{result.subject}: {sum(result.rows.values()):,} rows in {result.out}"]
    return [*lines, *(f"  {place}: {rows:,}" for place, rows in result.rows.items())]


def erased_lines(result: PersonalErased) -> list[str]:
    lines = [f"{result.subject}: {'erased' if result.done else 'would be erased'}"]
    lines += [f"  ledger, {name}: {rows:,} rows, their hashes kept" for name, rows in result.ledger.items()]
    lines += [f"  {path}: {what}" for path, what in result.files.items()]
    if result.given_up:
        lines.append(f"  {result.given_up:,} messages that were waiting are given up")
    if result.still_in:
        tables = ", ".join(f"{name} {rows:,}" for name, rows in result.still_in.items())
        lines.append(
            f"  still in your own tables (rows): {tables}; take them out there, or the next score brings them back"
        )
    return lines if result.done else [*lines, "`--yes` does it"]


def expired_lines(result: Expired) -> list[str]:
    lines = [f"  ledger, {name}: {rows:,} rows, their hashes kept" for name, rows in result.ledger.items()]
    lines += [f"  {path}: removed" for path in result.files]
    head = "nothing is older" if not lines else "erased" if result.done else "would be erased (`--yes` does it)"
    return [head, *lines]


COMMANDS = (personal,)
