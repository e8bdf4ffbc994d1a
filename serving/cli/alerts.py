"""Commands of the day: alerts, and everything of a day in one."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from configs.errors import Fault, UsageError
from serving.cli import console_alerts
from serving.cli.session import DATE, FILE, Session


@click.group()
def alerts() -> None:
    """What changed, told to those who asked for it."""


@alerts.command()
@click.option("--watch", is_flag=True, help="Go on, beside the server, until it is stopped.")
@click.option(
    "--every", type=click.FloatRange(min=1), default=30, show_default=True, help="With --watch: seconds between passes."
)
@click.pass_obj
def send(session: Session, watch: bool, every: float) -> None:
    """Raise the alerts of the newest scoring and deliver what is due. Exit code 1 where something did not arrive."""
    from serving.commands import alerts as commands

    if watch:
        before: list[str] = []
        for one in commands.watch(lambda: session.project(quiet=True), every, lambda: datetime.now(UTC)):
            lines = [one] if isinstance(one, str) else console_alerts.sent_lines(one)
            if lines != before:  # a log of what happens, and not of the time
                session.show(one, lambda _, lines=lines: lines)  # type: ignore[misc]
            before = lines
        return
    with session.project() as project:
        result = commands.send(project, datetime.now(UTC))
    session.show(result, console_alerts.sent_lines)
    if not result.ok:
        sys.exit(1)


@alerts.command("list")
@click.option("--since", type=DATE, default=None, help="Of scorings of this day or later.")
@click.option("--account", default=None, help="Of one account.")
@click.pass_obj
def list_alerts(session: Session, since: datetime | None, account: str | None) -> None:
    """List what was raised, the newest first, and how far it came."""
    from serving.commands.alerts import listed

    with session.project(quiet=True) as project:
        result = listed(project, since, account)
    session.show(result, console_alerts.list_lines)


@alerts.command()
@click.pass_obj
def dead(session: Session) -> None:
    """List messages that were given up. Exit code 1 where there are any."""
    from serving.commands.alerts import dead_letters

    with session.project(quiet=True) as project:
        result = dead_letters(project)
    session.show(result, console_alerts.dead_lines)
    if result:
        sys.exit(1)


@alerts.command()
@click.argument("messages", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every dead letter.")
@click.pass_obj
def resend(session: Session, messages: tuple[str, ...], everything: bool) -> None:
    """Put dead letters in again, by the ids of MESSAGES, and switch their receivers on."""
    if bool(messages) == everything:
        found = "both" if everything else "neither ids nor --all"
        raise UsageError(Fault("alerts resend", found, "one of them", "forewarn alerts resend MESSAGE, or --all"))
    from serving.commands import alerts as commands

    with session.project(quiet=True) as project:
        result = commands.resend(project, messages, everything, datetime.now(UTC))
    session.show(result, console_alerts.resent_lines)


@alerts.command()
@click.option(
    "--over",
    type=click.Choice(["backtest", "ledger"]),
    default=None,
    help="Which scorings. Default: the ledger, where it has enough.",
)
@click.pass_obj
def review(session: Session, over: str | None) -> None:
    """Print precision and lead time of alerts against outcomes, of each trigger and within the budget."""
    from serving.commands import alerts as commands

    source = {"backtest": "backtest", "ledger": "ledger"}.get(over or "")
    with session.project() as project:
        result = commands.reviewed(project, source, datetime.now(UTC))  # type: ignore[arg-type]
    session.show(result, console_alerts.review_lines)


@click.command()
@click.option("--daily", is_flag=True, required=True, help="Check, score and alerts, one after the other.")
@click.option("--push", "to", type=click.Choice(["csv", "postgres", "webhook"]), help="And push, to this receiver.")
@click.option("--out", type=FILE, default=None, help="The CSV file. Default: pushed.csv beside the project's file.")
@click.option("--table", default="forewarn_scores", show_default=True, help="The table of PostgreSQL.")
@click.pass_obj
def run(session: Session, daily: bool, to: str | None, out: Path | None, table: str) -> None:
    """Everything of a day in one command, for cron: one exit code, and a summary."""
    from serving.daily import ANCHOR, STEPS, run_daily, with_push

    assert daily
    steps = STEPS if to is None else with_push(to, out or session.config.parent / "pushed.csv", table)
    with session.project() as project:
        anchored = (*steps, ANCHOR) if project.settings.serving.anchors else steps
        result = run_daily(project, datetime.now(UTC), anchored)
    session.show(result, console_alerts.daily_lines)
    sys.exit(result.exit_code)


COMMANDS = (alerts, run)
