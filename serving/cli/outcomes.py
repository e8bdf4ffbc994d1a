"""Commands about what came of predictions: outcomes, CSMs' overrides, the ledger, report and monitoring."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from configs.errors import Fault, UsageError
from serving.cli import console, console_machine, console_outcomes
from serving.cli.session import DATE, FILE, FOLDER, PLACE, Session, user


@click.group()
def ledger() -> None:
    """What was predicted, as it was predicted."""


@ledger.command()
@click.option(
    "--anchors",
    "where",
    multiple=True,
    metavar="PLACE",
    help="A file of anchors, git:FOLDER, or - for stdin; repeatable.",
)
@click.pass_obj
def verify(session: Session, where: tuple[str, ...]) -> None:
    """Prove that no entry was changed, removed or slipped in, and since when anchors vouch for that."""
    from serving.commands.ledger import verify_ledger

    lines = sys.stdin.read().splitlines() if "-" in where else []
    with session.project(quiet=True) as project:
        result = verify_ledger(project, [place for place in where if place != "-"], lines)
    session.show(result, console_machine.verify_lines)
    if not result.passed:
        sys.exit(1)


@ledger.command()
@click.option(
    "--to", "where", multiple=True, metavar="PLACE", help="A file, git:FOLDER, or a URL. Default: serving.anchors."
)
@click.pass_obj
def anchor(session: Session, where: tuple[str, ...]) -> None:
    """Write the newest hash down outside of the ledger; refused when an anchor there no longer holds."""
    from serving.commands.ledger import anchor_ledger

    with session.project(quiet=True) as project:
        result = anchor_ledger(project, where, datetime.now(UTC))
    session.show(result, console_machine.anchor_lines)
    if result.refused is not None:
        sys.exit(1)


@ledger.command()
@click.option("--out", type=PLACE, required=True, help="F.parquet for predictions; else a folder, a file a table.")
@click.pass_obj
def export(session: Session, out: Path) -> None:
    """Write the ledger as Parquet: its predictions, or all its tables."""
    from serving.commands.ledger import export_ledger

    with session.project(quiet=True) as project:
        result = export_ledger(project, out)
    session.show(result, console.export_lines)


@click.command()
@click.argument("account", required=False)
@click.option("--level", help="The risk level that you put the account at.")
@click.option("--reason", help="Why; it is kept with the override for good.")
@click.option("--until", type=DATE, default=None, help="The day on which it expires. Default: with the next override.")
@click.option(
    "--from", "path", type=FILE, help="A CSV file of overrides: account_id, made_at, level, reason, by, until."
)
@click.pass_obj
def override(
    session: Session,
    account: str | None,
    level: str | None,
    reason: str | None,
    until: datetime | None,
    path: Path | None,
) -> None:
    """Enter a CSM's override of ACCOUNT, or a file of overrides, beside the model's; predictions stay as they are."""
    from serving.commands import overrides as commands

    required = {"ACCOUNT": account, "--level": level, "--reason": reason}
    given = [name for name, value in {**required, "--until": until}.items() if value is not None]
    if (path is not None and given) or (path is None and None in required.values()):
        found = " and ".join([*given, *(["--from"] if path else [])]) or "nothing"
        do = 'forewarn override ACCOUNT --level high --reason "..." [--until D], or override --from overrides.csv'
        raise UsageError(Fault("override", found, "ACCOUNT with --level and --reason, or --from alone", do))
    now = datetime.now(UTC)
    with session.project(quiet=True) as project:
        if path is not None:
            result = commands.override_from(project, path, user(), now)
        else:
            result = commands.override(project, account or "", level or "", reason or "", until, user(), now)
    session.show(result, console_outcomes.override_lines)


@click.command()
@click.pass_obj
def outcomes(session: Session) -> None:
    """Compare the ledger with what happened since; only windows that have passed count."""
    from serving.commands.outcomes import outcomes

    with session.project(quiet=True) as project:
        result = outcomes(project, datetime.now(UTC))
    session.show(result, console_outcomes.outcomes_lines)


@click.command()
@click.option("--out", type=FOLDER, default=None, help="Folder of the report. Default: reports/ of the state folder.")
@click.option("--pdf", is_flag=True, help="Print it to a PDF as well; needs Chromium.")
@click.pass_obj
def report(session: Session, out: Path | None, pdf: bool) -> None:
    """Write the prediction-versus-outcome report: one HTML file, and JSON."""
    from serving.commands.report import report

    with session.project() as project:
        result = report(project, out, datetime.now(UTC), pdf)
    session.show(result, console_outcomes.report_lines)


@click.command()
@click.option("--since", type=DATE, default=None, help="Tell only what was seen on this day or later.")
@click.pass_obj
def monitor(session: Session, since: datetime | None) -> None:
    """Say whether predictions still hold: drift, level, alarms. Exit code 1 while an alarm is active."""
    from serving.commands.monitor import watch

    with session.project() as project:
        result = watch(project, datetime.now(UTC), since)
    session.show(result, console_outcomes.monitor_lines)
    if result.has_active_alarm:
        sys.exit(1)


@click.command()
@click.option("--to", type=click.Choice(["csv", "postgres", "webhook"]), required=True, help="The receiver.")
@click.option("--out", type=FILE, default=None, help="The CSV file. Default: pushed.csv beside the project's file.")
@click.option("--table", default="forewarn_scores", show_default=True, help="The table of PostgreSQL.")
@click.option("--records", type=click.IntRange(min=1), default=50, show_default=True, help="Accounts a call.")
@click.option(
    "--per-minute", type=click.IntRange(min=1), default=100, show_default=True, help="Calls a minute (webhook)."
)
@click.pass_obj
def push(session: Session, to: str, out: Path | None, table: str, records: int, per_minute: int) -> None:
    """Send the newest scores to where people work: what changed since the last push, by account id."""
    from serving.exchange import Limits, push, receiver_of

    limits, now = Limits(records, per_minute), datetime.now(UTC)
    with (
        session.project() as project,
        receiver_of(to, out or session.config.parent / "pushed.csv", table, limits) as it,
    ):
        result = push(project, it, limits, now)
    session.show(result, console_outcomes.push_lines)


COMMANDS = (push, ledger, override, outcomes, report, monitor)
