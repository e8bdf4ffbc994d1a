"""The signals in words, as docs/signals.md holds them: `python -m features.signals.describe > docs/signals.md`."""

from __future__ import annotations

from features.frames import tables_of as own_tables
from features.health import SCORES
from features.signal import Signal
from features.signals.catalogue import APART, EVERY, TENURE

DIMENSIONS = (
    ("usage", "How much, how often, how broadly and by how many the product is used."),
    ("engagement", "What the customer does beside using it: appointments, replies, tickets, milestones."),
    ("financial", "What is paid, how punctually, on what terms, and how that changes."),
    ("relationship", "The people who carry the account, and what they say."),
    ("account", "Across the dimensions: stage, scores and their change."),
)
WAYS = {1: "higher", -1: "lower", 0: "-"}
HEAD = """# Signals

One row a signal, made from the definitions by `python -m features.signals.describe`; a test keeps it current.
Every signal is worked out at an as_of from what had happened before it and was known by then. *Healthier* says in which
direction it speaks for the account. A window of n days ends at as_of unless it says otherwise. An account that has the
feed but no row in it has the *empty* value; where that is missing, or the account has no such feed, the signal is
missing. *Outage* says what days without the feed do: counts and sums are scaled to the days on which it worked, days
since something leave the others out; when the feed worked on under half of the window, scaled ones and those marked so
are missing. *Peers* marks signals that look at other accounts at the same as_of.

Beside these, measures of a table (`measures:` in the mapping) become their last value, mean and sums over 30, 90 and
395 days, attributes of accounts become `account_<name>`, and each milestone that a lifecycle criterion asks for becomes
`milestone_<name>`. Coverage by dimension, the lifecycle stage with the criterion that decided, and `feed_outage_days`
(of the last 30) stand in the frame beside the signals.
"""


def tables_of(signal: Signal, known: dict[str, Signal]) -> tuple[str, ...]:
    """The source tables that a signal is made from, through the signals that it is `of`."""
    found = own_tables(signal)
    for name in signal.of:
        found |= set(tables_of(known[name], known)) if name in known else {"all"}
    return tuple(sorted(found)) or ("accounts",)


def catalogue() -> str:
    """docs/signals.md as text."""
    known = {one.name: one for one in (TENURE, *EVERY, *APART)}
    parts = [HEAD]
    for dimension, words in DIMENSIONS:
        rows = [_row(one, known) for one in (TENURE, *EVERY) if one.dimension == dimension]
        rows += [
            f"| `{one.name}` | {one.sentence} | {one.unit} | {WAYS[one.healthier]} | - | all | - | - |"
            for one in SCORES
            if one.dimension == dimension
        ]
        parts.append(f"## {dimension.capitalize()}\n\n{words} {len(rows)} signals.\n\n{_table(rows)}")
    rows = [_row(one, known) for one in APART]
    said = "What we do about an account stands beside its signals and is never given to a model: help is not a cause."
    parts.append(f"## Kept apart\n\n{said}\n\n{_table(rows)}")
    return "\n".join(parts)


def _table(rows: list[str]) -> str:
    head = "| name | what it says | unit | healthier | window | tables | empty | outage |"
    return "\n".join([head, "| --- | --- | --- | --- | --- | --- | --- | --- |", *rows]) + "\n"


def _row(one: Signal, known: dict[str, Signal]) -> str:
    window = "-"
    if one.window_days is not None:
        ends = f", up to {one.window_from_days} days before" if one.window_from_days else ""
        window = f"{one.window_days} days{ends}"
    empty = "missing" if one.empty is None else f"{one.empty:g}"
    sentence = one.sentence + (" *(peers)*" if one.peers else "")
    outage = {"none": "-", "scale": "scaled", "since": "left out", "void": "missing"}[one.outage]
    cells = [f"`{one.name}`", sentence, one.unit or "-", WAYS[one.healthier], window]
    return f"| {' | '.join([*cells, ', '.join(tables_of(one, known)), empty, outage])} |"


if __name__ == "__main__":
    print(catalogue(), end="")
