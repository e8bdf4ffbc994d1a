"""What every command is given, and what becomes of its errors."""

from __future__ import annotations

import getpass
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from configs.errors import ForewarnError

if TYPE_CHECKING:
    from configs.settings import Settings

DEFECT = 70  # exit code of an error nobody foresaw: neither "no" (1) nor "bad input" (2)
DATE = click.DateTime(["%Y-%m-%d"])
FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


@dataclass(frozen=True)
class Session:
    """What the global options said."""

    config: Path
    as_json: bool

    @property
    def settings(self) -> Settings:
        from configs.settings_file import load_settings

        return load_settings(self.config)

    def say(self, body: Any, lines: Callable[[Any], Iterable[str]]) -> None:
        """A machine's answer, or a reader's."""
        if self.as_json:
            click.echo(json.dumps(body, default=str))
        else:
            for line in lines(body):
                click.echo(line)


class Commands(click.Group):
    """Turns errors into exit codes: those raised on purpose with their faults, any other with its whole traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ForewarnError as error:
            click.echo(str(error), err=True)
            if ctx.params.get("as_json"):
                click.echo(json.dumps({"error": error.title, "faults": [vars(fault) for fault in error.faults]}))
            ctx.exit(error.exit_code)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception:
            traceback.print_exc(file=sys.stderr)
            click.echo("this is a defect of forewarn; please report it with the lines above", err=True)
            ctx.exit(DEFECT)


def user() -> str:
    """Who runs the command, as the machine knows them."""
    try:
        return f"user:{getpass.getuser()}"
    except (KeyError, OSError):  # a container may run under a number that has no name
        return f"user:{os.getuid()}"
