"""What every command is given, and what becomes of its errors."""

from __future__ import annotations

import getpass
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from configs.errors import ForewarnError
from configs.progress import Progress, silent
from serving.cli.machine_faults import machine_fault
from serving.cli.progress import Verbosity

if TYPE_CHECKING:
    from configs.settings import Settings
    from features.sources import Question
    from serving.project import Project

Result = TypeVar("Result")

PIPE_CLOSED = 141  # as a shell counts a process that a closed pipe ended
DEFECT = 70  # exit code of an error nobody foresaw: neither "no" (1) nor "bad input" (2)
DATE = click.DateTime(["%Y-%m-%d"])
FILE = click.Path(path_type=Path, dir_okay=False)
PLACE = click.Path(path_type=Path)  # a file or a folder
FOLDER = click.Path(path_type=Path, file_okay=False)


@dataclass(frozen=True)
class Session:
    """The global options of a command line."""

    config: Path
    as_json: bool
    says: Verbosity = field(default_factory=Verbosity)

    def progress(self) -> AbstractContextManager[Progress]:
        """What to call with each step of what is being done."""
        return self.says.progress()

    @property
    def settings(self) -> Settings:
        from configs.settings_file import load_settings

        return load_settings(self.config)

    @contextmanager
    def project(self, quiet: bool = False) -> Iterator[Project]:
        """The project of the command, closed in the end; unless `quiet`, what is being done is shown meanwhile."""
        from serving.project import Project

        now = datetime.now(UTC)
        with (
            nullcontext(silent) if quiet else self.progress() as tell,
            Project.open(self.config, tell, now) as project,
        ):
            yield project

    def show(self, result: Result, lines: Callable[[Result], Iterable[str]]) -> None:
        """The result of a command: as JSON for a machine, as lines for a reader."""
        if self.as_json:
            click.echo(json.dumps(to_json(result), default=str))
        else:
            for line in lines(result):
                click.echo(line)


def to_json(result: Any) -> Any:
    """A result's plain values: what its `to_json` gives, or its fields by name.

    >>> from serving.commands.ledger import LedgerExported
    >>> to_json(LedgerExported(("a.parquet",)))
    {'files': ['a.parquet']}
    """
    if hasattr(result, "to_json"):
        return to_json(result.to_json())
    if is_dataclass(result):
        return {field.name: to_json(getattr(result, field.name)) for field in fields(result)}
    if isinstance(result, Mapping):
        return {name: to_json(value) for name, value in result.items()}
    if isinstance(result, (list, tuple)):
        return [to_json(value) for value in result]
    return result


class Commands(click.Group):
    """Turns errors into exit codes: those raised on purpose with their faults, any other with its whole traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        code: object = 0
        try:
            return self._answer(ctx)
        except SystemExit as ended:
            code = ended.code
            raise
        except (click.exceptions.Exit, click.ClickException) as ended:
            code = ended.exit_code
            raise
        finally:
            _note(ctx, f"ends with {code}")

    def _answer(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ForewarnError as error:
            _note(ctx, str(error))
            _refuse(ctx, error)
        except BrokenPipeError:
            # Whoever read the output has left, as `head` does. What Python still holds for it goes nowhere.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(PIPE_CLOSED)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            _note(ctx, traceback.format_exc())
            if (fault := machine_fault(error)) is not None:
                _refuse(ctx, fault)
            traceback.print_exc(file=sys.stderr)
            click.echo("this is a defect of forewarn; please report it with the lines above", err=True)
            ctx.exit(DEFECT)


def _note(ctx: click.Context, message: str) -> None:
    """Writes into the command's log, once there is one."""
    if isinstance(ctx.obj, Session):
        ctx.obj.says.note(message)


def _refuse(ctx: click.Context, error: ForewarnError) -> NoReturn:
    """Ends the command with an error's faults, for a reader and for a machine."""
    click.echo(str(error), err=True)
    if ctx.params.get("as_json"):
        click.echo(json.dumps({"error": error.title, "faults": [vars(fault) for fault in error.faults]}))
    ctx.exit(error.exit_code)


def answered(question: Question) -> str:
    """What somebody at the terminal answers to a question of `init`; Return takes the default."""
    kind = click.Choice(question.choices) if question.choices else str
    return str(click.prompt(question.text, default=question.default, type=kind, err=True))


def user() -> str:
    """Who runs the command, as the machine knows them."""
    try:
        return f"user:{getpass.getuser()}"
    except (KeyError, OSError):  # a container may run under a number that has no name
        return f"user:{os.getuid()}"
