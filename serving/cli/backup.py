"""Commands that take a project into one file, and make a project of such a file."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from serving.cli import console_machine
from serving.cli.session import FILE, FOLDER, Session


@click.command()
@click.argument("file", type=FILE)
@click.option("--data", "with_data", is_flag=True, help="Take the source tables' files along, too.")
@click.pass_obj
def backup(session: Session, file: Path, with_data: bool) -> None:
    """Write settings, models, ledger, keys, scores and reports into FILE, also while they are in use."""
    from serving.backup import backup

    with session.project() as project:
        result = backup(project, session.config, file, datetime.now(UTC), with_data)
    session.show(result, console_machine.backup_lines)


@click.command()
@click.argument("file", type=FILE)
@click.argument("folder", type=FOLDER)
@click.option(
    "--ledger", "ledger_url", help="An empty database to hold the ledger. Default: a file in the state folder."
)
@click.pass_obj
def restore(session: Session, file: Path, folder: Path, ledger_url: str | None) -> None:
    """Make a project in FOLDER of a backup's FILE; exit code 1 when its ledger does not verify."""
    from serving.backup import restore

    result = restore(file, folder, ledger_url)
    session.show(result, console_machine.restore_lines)
    if not result.intact:
        sys.exit(1)


COMMANDS = (backup, restore)
