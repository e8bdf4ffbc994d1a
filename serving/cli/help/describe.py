"""`python -m serving.cli.help.describe > docs/commands.md`: every command with its options and examples."""

from __future__ import annotations

import click

from serving.cli.help import commands_of
from serving.cli.main import main

HEAD = """# Commands

Made from the definitions by `python -m serving.cli.help.describe`; a test keeps it current. What each does in
a line stands in the README, exit codes too. Options of `forewarn` itself stand before the command.
"""


def page() -> str:
    """The whole page, in Markdown."""
    commands = {"": main, **dict(sorted(commands_of(main).items()))}
    return "\n".join([HEAD, *(_section(name, command) for name, command in commands.items())])


def _section(name: str, command: click.Command) -> str:
    typed = f"forewarn {name}".strip()
    context = click.Context(command, info_name=typed, max_content_width=110, terminal_width=110)
    return f"## `{typed}`\n\n```text\n{command.get_help(context).rstrip()}\n```\n"


if __name__ == "__main__":
    click.echo(page(), nl=False)
