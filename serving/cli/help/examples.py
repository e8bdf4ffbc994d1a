"""An example or two of every command, as the end of its help."""

from __future__ import annotations

import click

# Command, as it is called after `forewarn`: what to type after it, and what that does.
EXAMPLES: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    ("demo", (("--dir demo", "500 accounts, from check to report"), ("--accounts 150 --serve", "a small one, served"))),
    ("init", (("exports", "from files"), ("landed --source stripe,zendesk", "from connectors' tables"))),
    ("check", (("", "every fault at once"), ("--fix", "how the mapping can be mended, as a diff"))),
    ("features", (("--out signals.parquet --labels", "signals of every day, and what happened next"),)),
    ("train", (("", "a candidate"), ("--recalibrate", "the champion, its calibration renewed"))),
    ("backtest", (("", "out-of-time figures"), ("--out tried", "into a folder of its own"))),
    (
        "promote",
        (
            ("", "the newest candidate, if no gate refuses"),
            ('3 --force --reason "the gate is wrong here"', "against a gate, for good in the ledger"),
        ),
    ),
    ("score", (("", "all accounts, today"), ("--as-of 2026-01-01 --out scores.parquet", "of a past day, into a file"))),
    ("weights", (("", "whether outcomes would set other weights"),)),
    ("explain", (("acc-0001", "one account, with every reason"),)),
    ("serve", (("--port 3000", "the champion over HTTP, and the pages"),)),
    ("doctor", (("", "what is missing here, and how to get it"),)),
    ("outcomes", (("", "what was predicted against what happened"),)),
    ("report", (("", "for leaders, one HTML file"), ("--pdf", "a PDF as well, through Chromium"))),
    ("monitor", (("--since 2026-01-01", "whether predictions still hold; 1 while an alarm is on"),)),
    ("override", (('acc-0001 --level low --reason "they renew" --until 2027-03-31', "a CSM's own level"),)),
    ("push", (("--to csv --out scores.csv", "what changed since the last push, as a file"),)),
    ("ledger verify", (("", "that no prediction was changed since"),)),
    ("ledger export", (("--out ledger.parquet", "the predictions"), ("--out folder", "every table"))),
    ("ledger anchor", (("", "the newest hash, kept outside of the ledger"),)),
    ("alerts send", (("", "raises and delivers once"), ("--watch", "goes on, beside the server"))),
    ("alerts list", (("--since 2026-01-01", "what was raised, and how far it came"),)),
    ("alerts dead", (("", "messages that were given up"),)),
    ("alerts resend", (("--all", "puts them in again"),)),
    ("alerts review", (("--over ledger", "what alerts were worth"),)),
    ("run", (("--daily", "check, score and alerts, for cron"),)),
    ("keys create", (("--role csm --owner csm-01", "a key that opens one owner's accounts"),)),
    ("keys list", (("", "ids, roles and dates"),)),
    ("keys revoke", (("3f2a9c01", "closes a key for good"),)),
    ("backup", (("project.zip", "the project in one file, while it is in use"),)),
    ("restore", (("project.zip restored", "into a new folder"),)),
    ("personal list", (("", "what is stored where, about whom"),)),
    ("personal export", (("--account acc-0001 --out acc-0001.json", "all that is stored of an account"),)),
    ("personal erase", (("--contact contact-0001 --yes", "a contact is erased; the chain still verifies"),)),
    ("personal expire", (("--yes", "what is older than the setting `retention`"),)),
    ("completion", (("bash", 'a line for ~/.bashrc: eval "$(forewarn completion bash)"'),)),
)


def epilog_of(command: str, examples: tuple[tuple[str, str], ...]) -> str:
    """The end of a command's help, in click's markup for lines that are kept as they are.

    >>> print(epilog_of("check", (("--fix", "a diff"),)))
    \b
    Examples:
      # a diff
      forewarn check --fix
    """
    lines = [line for typed, does in examples for line in (f"  # {does}", f"  forewarn {command} {typed}".rstrip())]
    return "\n".join(["\b", "Examples:", *lines])


def commands_of(group: click.Group, before: str = "") -> dict[str, click.Command]:
    """Every command of a group and of the groups in it, by what is typed after `forewarn`.

    Parameters
    ----------
    group : Group
    before : str
        What is typed before the group's commands.

    Returns
    -------
    dict of str to Command
    """
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        path = f"{before} {name}".strip()
        found |= commands_of(command, path) if isinstance(command, click.Group) else {path: command}
    return found


def add_examples(group: click.Group) -> None:
    """Ends the help of each command with its examples.

    Parameters
    ----------
    group : Group
        The whole command line.
    """
    commands = commands_of(group)
    for name, examples in EXAMPLES:
        commands[name].epilog = epilog_of(name, examples)
