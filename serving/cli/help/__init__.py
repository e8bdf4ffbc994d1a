"""Examples of every command, at the end of its help and in docs/commands.md."""

from serving.cli.help.examples import EXAMPLES, add_examples, commands_of

__all__ = ["EXAMPLES", "add_examples", "commands_of"]
