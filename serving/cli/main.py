"""The command line. Each command reads its arguments, calls a function of `serving.commands` and prints the result.

Libraries are loaded inside the commands: `forewarn --help` answers at once. The clock is read here, and handed on.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from configs.errors import Fault, UsageError
from serving.cli import alerts, backup, console, console_models, console_outcomes, keys, outcomes, personal
from serving.cli.help import add_examples
from serving.cli.progress import Verbosity
from serving.cli.session import DATE, FILE, FOLDER, Commands, Session, answered, user


@click.group(cls=Commands)
@click.option(
    "--config",
    type=FILE,
    default=Path("forewarn.yaml"),
    envvar="FOREWARN_CONFIG",
    show_default=True,
    show_envvar=True,
    help="The project's YAML file.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a machine's answer on stdout.")
@click.option("--quiet", is_flag=True, help="Do not say what is being done; faults are told all the same.")
@click.option("--verbose", is_flag=True, help="A line for each step, with processor seconds and memory.")
@click.option("--log", type=FILE, default=None, help="Append each step and the end to a file, with the time of day.")
@click.version_option(package_name="forewarn")
@click.pass_context
def main(ctx: click.Context, config: Path, as_json: bool, quiet: bool, verbose: bool, log: Path | None) -> None:
    """Says which customers are about to leave, how likely, why, and what to do, and how right it was."""
    if quiet and verbose:
        raise click.UsageError("--quiet and --verbose: at most one of them")
    says = Verbosity(quiet, verbose, log)
    try:
        says.note(f"begins: {ctx.invoked_subcommand}")  # and no arguments: an address may hold a password
    except OSError as error:
        raise UsageError(Fault("--log", str(error), "a file that can be written", "choose another place")) from None
    ctx.obj = Session(config, as_json, says)


@main.command()
@click.option("--accounts", type=click.IntRange(min=1), default=500, show_default=True, help="Accounts of the company.")
@click.option("--dir", "folder", type=FOLDER, default=Path("demo"), show_default=True, help="Where to put it.")
@click.option("--serve", "and_serve", is_flag=True, help="Serve the model afterwards.")
@click.option("--story", "with_story", is_flag=True, help="A launch, an outage and new weights happen to it.")
@click.option("--as", "as_systems", metavar="A,B", default="", help="In the schemas of these systems, mapped back.")
@click.pass_obj
def demo(session: Session, accounts: int, folder: Path, and_serve: bool, with_story: bool, as_systems: str) -> None:
    """Make a synthetic company and run the commands from check to report on it."""
    from features.synthetic import Story
    from serving.demo.demo import run_demo

    with session.progress() as tell:
        systems = [name for name in as_systems.split(",") if name]
        result = run_demo(folder, accounts, tell, Story() if with_story else None, systems)
    session.show(result, console_outcomes.demo_lines)
    if not result.promote.promoted:
        sys.exit(1)
    if and_serve:
        from serving.commands.machine import serve

        serve(folder / "forewarn.yaml", "127.0.0.1", 3000)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--source", "systems", metavar="SYSTEMS", default="", help="Templates: stripe,salesforce ... or auto.")
@click.option("--ask", is_flag=True, help="Ask in the terminal for what the files do not say.")
@click.pass_obj
def init(session: Session, folder: Path, systems: str, ask: bool) -> None:
    """Propose a commented forewarn.yaml from the files in FOLDER."""
    from serving.setup import init

    named = tuple(filter(None, (name.strip() for name in systems.split(","))))
    session.show(init(folder, named, answered if ask else None), console.init_lines)


@main.command()
@click.option("--fix", "mend", is_flag=True, help="Show how the project's file can be mended, as a diff.")
@click.option("--write", is_flag=True, help="With --fix: change the file so.")
@click.pass_obj
def check(session: Session, mend: bool, write: bool) -> None:
    """Check the sources: every fault at once."""
    if write and not mend:
        raise UsageError(Fault("check", "--write without --fix", "both", "add --fix"))
    if mend:
        from serving.setup import fix

        mended = fix(session.config, datetime.now(UTC), write)
        session.show(mended, console.fix_lines)
        sys.exit(0 if mended.is_sound else 1)
    from serving.commands.data import check

    with session.project() as project:
        result = check(project)
    session.show(result, console.check_lines)
    if not result.passed:
        sys.exit(1)


@main.command()
@click.option("--as-of", "as_ofs", type=DATE, multiple=True, help="A day; may be repeated. Default: as configured.")
@click.option("--out", type=FILE, required=True, help="The Parquet file to write.")
@click.option("--labels", is_flag=True, help="Add what happened next: churn_at, churned_90d and its like.")
@click.option("--rules", is_flag=True, help="Add health_level and triggers, by the rules alone.")
@click.pass_obj
def features(session: Session, as_ofs: tuple[datetime, ...], out: Path, labels: bool, rules: bool) -> None:
    """Write one row per (account_id, as_of), one column a signal."""
    from serving.commands.data import features

    with session.project() as project:
        dataset = project.dataset_at(as_ofs) if as_ofs else project.dataset
        result = features(dataset, out, project.settings, labels=labels, rules=rules)
    session.show(result, console.features_lines)


@main.command()
@click.option("--tune", "trials", type=click.IntRange(min=1), metavar="N", help="First try N sizes of the trees.")
@click.option("--recalibrate", is_flag=True, help="Renew the champion's calibration only; its learners stay.")
@click.option("--verify", "version", metavar="RUN", help="Rebuild a run, version or alias and compare; train nothing.")
@click.pass_obj
def train(session: Session, trials: int | None, recalibrate: bool, version: str | None) -> None:
    """Fit and calibrate, log the run, register a candidate."""
    asked = {"--tune": trials is not None, "--recalibrate": recalibrate, "--verify": version is not None}
    given = [name for name, is_given in asked.items() if is_given]
    if len(given) > 1:
        raise UsageError(Fault("train", " and ".join(given), "at most one of them", "run them one after the other"))
    from serving.commands import train as commands

    with session.project() as project:
        if version is not None:
            rebuilt = commands.verify_run(project, version)
            session.show(rebuilt, console_models.rebuilt_lines)
            done = rebuilt.same
        elif recalibrate:
            recalibrated = commands.recalibrate(project)
            session.show(recalibrated, console_models.recalibrate_lines)
            done = recalibrated.renewed
        else:
            session.show(commands.train(project, trials=trials or 0), console_models.train_lines)
            done = True
    if not done:
        sys.exit(1)


@main.command()
@click.option("--out", type=FOLDER, default=None, help="Folder of its files and plots. Default: in the state folder.")
@click.pass_obj
def backtest(session: Session, out: Path | None) -> None:
    """Roll the origin through history; only out-of-time rows are judged. A failed check ends it with 1."""
    from serving.commands.backtest import backtest

    with session.project() as project:
        result = backtest(project, out)
    session.show(result, console_models.backtest_lines)
    if not result.passed:
        sys.exit(1)


@main.command()
@click.argument("version", required=False)
@click.option("--force", is_flag=True, help="Promote although gates refuse; needs a reason, and is marked for good.")
@click.option("--reason", help="Why the gates are overruled; kept in the ledger and shown in every report.")
@click.pass_obj
def promote(session: Session, version: str | None, force: bool, reason: str | None) -> None:
    """Run the gates and move the champion alias to VERSION (default: the newest candidate)."""
    reason = (reason or "").strip() or None
    if force != (reason is not None):
        found = "--force without a reason" if force else "--reason without --force"
        do = 'forewarn promote --force --reason "why the gates are wrong here"'
        raise UsageError(Fault("promote", found, "both or neither", do))
    from serving.commands.promote import promote

    with session.project() as project:
        result = promote(project, version, datetime.now(UTC), user(), reason)
    session.show(result, console_models.promote_lines)
    if not result.promoted:
        sys.exit(1)


@main.command()
@click.option("--as-of", "as_of", type=DATE, default=None, help="The day. Default: the data's end.")
@click.option("--out", type=FILE, default=None, help="The Parquet file. Default: in the state folder; --url: here.")
@click.option("--url", default=None, help="Of a running service that scores; its key in FOREWARN_KEY, no project here.")
@click.pass_obj
def score(session: Session, as_of: datetime | None, out: Path | None, url: str | None) -> None:
    """Score all accounts with the champion: into the ledger first, then into a file."""
    if url is not None:
        if as_of is not None:
            raise UsageError(Fault("score", "--url and --as-of", "one of them", "a service scores its newest day"))
        from serving.remote import score_by

        session.show(score_by(url, out), console.remote_lines)
        return
    from serving.commands.score import score

    with session.project() as project:
        result = score(project, as_of, out, datetime.now(UTC))
    session.show(result, console.score_lines)


@main.command()
@click.option("--out", type=FILE, default=None, help="The proposed YAML file. Default: beside the project's file.")
@click.pass_obj
def weights(session: Session, out: Path | None) -> None:
    """Learn the health score's weights again from outcomes, and propose them if that pays."""
    from serving.commands.weights import weights

    with session.project() as project:
        result = weights(project, session.config, out)
    session.show(result, console_models.weights_lines)


@main.command()
@click.argument("account")
@click.option("--as-of", "as_of", type=DATE, default=None, help="The day. Default: the data's end.")
@click.pass_obj
def explain(session: Session, account: str, as_of: datetime | None) -> None:
    """Show how likely one account churns, why, and what to do."""
    from serving.commands.score import explain

    with session.project(quiet=True) as project:
        result = explain(project, account, as_of, datetime.now(UTC))
    session.show(result, console.explain_lines)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="The port to listen on.")
@click.pass_obj
def serve(session: Session, host: str, port: int) -> None:
    """Serve the champion over HTTP."""
    from serving.commands.machine import serve

    serve(session.config, host, port)


@main.command()
@click.pass_obj
def doctor(session: Session) -> None:
    """Say what is missing on this machine, and how to get it."""
    from serving.commands.machine import doctor

    result = doctor(session.config)
    session.show(result, console.doctor_lines)
    if not result.ready:
        sys.exit(1)


@main.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print what makes a shell complete commands and options."""
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made is not None  # the choices are click's
    click.echo(made(main, {}, "forewarn", "_FOREWARN_COMPLETE").source())


for command in (*outcomes.COMMANDS, *alerts.COMMANDS, *backup.COMMANDS, *personal.COMMANDS, keys.keys):
    main.add_command(command)
add_examples(main)
