"""Commands about what came of predictions: outcomes, CSMs' own calls, the ledger, report and monitoring."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from configs.errors import Fault, UsageError
from serving.cli import console, console_outcomes
from serving.cli.session import DATE, FILE, FOLDER, Session, user


@click.group()
def ledger() -> None:
    """What was predicted, as it was predicted."""


@ledger.command()
@click.pass_obj
def verify(session: Session) -> None:
    """Prove that no entry was changed, removed or slipped in."""
    from serving.commands.stages import ledger_verify

    body = ledger_verify(session.settings)
    session.say(body, console.verify_lines)
    if not body["intact"]:
        sys.exit(1)


@ledger.command()
@click.option("--out", type=FILE, required=True, help="The Parquet file to write.")
@click.pass_obj
def export(session: Session, out: Path) -> None:
    """Write every prediction of the ledger as Parquet."""
    from serving.commands.stages import ledger_export

    session.say(ledger_export(session.settings, out), console.export_lines)


@click.command()
@click.argument("account", required=False)
@click.option("--level", help="The risk level that you put the account at.")
@click.option("--reason", help="Why; it stands beside the call for good.")
@click.option("--until", type=DATE, default=None, help="The day on which it expires. Default: the next call.")
@click.option("--from", "path", type=FILE, help="A CSV file of calls: account_id, made_at, level, reason, by, until.")
@click.pass_obj
def override(
    session: Session,
    account: str | None,
    level: str | None,
    reason: str | None,
    until: datetime | None,
    path: Path | None,
) -> None:
    """Enter a CSM's own call on ACCOUNT beside the model's, or a file of calls; predictions stay as they are."""
    from serving.commands import overrides as stage

    one = {"ACCOUNT": account, "--level": level, "--reason": reason}
    given = [name for name, value in {**one, "--until": until}.items() if value is not None]
    if (path is not None and given) or (path is None and None in one.values()):
        found = " and ".join([*given, *(["--from"] if path else [])]) or "nothing"
        do = 'forewarn override ACCOUNT --level high --reason "..." [--until D], or forewarn override --from calls.csv'
        raise UsageError(Fault("override", found, "ACCOUNT with --level and --reason, or --from alone", do))
    now = datetime.now(UTC)
    if path is not None:
        body = stage.override_from(session.settings, path, user(), now)
    else:
        body = stage.override(session.settings, account or "", level or "", reason or "", until, user(), now)
    session.say(body, console_outcomes.override_lines)


@click.command()
@click.pass_obj
def outcomes(session: Session) -> None:
    """Compare the ledger with what happened since; only windows that have passed count."""
    from serving.commands.stages import outcomes

    session.say(outcomes(session.settings, datetime.now(UTC)), console_outcomes.outcomes_lines)


@click.command()
@click.option("--out", type=FOLDER, default=None, help="Folder of the report. Default: reports/ of the state folder.")
@click.option("--pdf", is_flag=True, help="Print it to a PDF as well; needs Chromium.")
@click.pass_obj
def report(session: Session, out: Path | None, pdf: bool) -> None:
    """Write the prediction-versus-outcome report: one HTML file, and JSON."""
    from serving.commands.stages import report

    with console.progress() as tell:
        body = report(session.settings, out, datetime.now(UTC), tell, pdf)
    session.say(body, console_outcomes.report_lines)


@click.command()
@click.option("--since", type=DATE, default=None, help="Tell only what was seen on this day or later.")
@click.pass_obj
def monitor(session: Session, since: datetime | None) -> None:
    """Say whether predictions still hold: drift, level, alarms. Exit code 1 while an alarm stands."""
    from serving.commands.monitor import watch

    with console.progress() as tell:
        body = watch(session.settings, datetime.now(UTC), tell, since)
    session.say(body, console_outcomes.monitor_lines)
    if body["stands"]:
        sys.exit(1)


COMMANDS = (ledger, override, outcomes, report, monitor)
