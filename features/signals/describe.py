"""The signals in words, as docs/signals.md holds them: `python -m features.signals.describe > docs/signals.md`."""

from __future__ import annotations

from features.frames import tables_of as own_tables
from features.health import SCORES
from features.signal import AggregateSignal, DerivedSignal, Signal
from features.signals.catalogue import ALL_SIGNALS, INTERVENTION_SIGNALS, TENURE, made_of

DIMENSIONS = (
    ("usage", "How much, how often, how broadly and by how many users the product is used."),
    ("engagement", "What the customer does beside using it: appointments, replies, tickets, milestones."),
    ("financial", "What is paid, how punctually, on what terms, and how that changes."),
    ("relationship", "The contacts who carry the account, and what they say."),
    ("account", "Across the dimensions: stage, scores and their change."),
)
DIRECTIONS = {1: "higher", -1: "lower", 0: "-"}
OUTAGES = {"none": "-", "scale": "scaled", "since": "left out", "void": "missing"}
HEAD = """# Signals

One row a signal, made from the definitions by `python -m features.signals.describe`; a test keeps it current.
Every signal is worked out at an as_of from what had happened before it and was known by then. *Healthier* says in which
direction it speaks for the account. A window of n days ends at as_of unless it says otherwise. An account that
has had a row of the source table by then, but none that counts, has the *empty* value; an account that never had one is
missing, but for signals of outcomes and interventions, and of usage where it has seats. *Outage* is what days on which
nothing of the table arrived do: counts and sums are scaled to the other days, days since something leave them out; when
the table worked on under half of the window, scaled signals and those with *missing* there are missing. *Peers* are
signals that look at other accounts at the same as_of: to compare, or to lean on them where there is little to go by.

Beside these, measures of a table (`measures:` in the mapping) become their last value, mean and (but for
contracts) sums over 30, 90 and 395 days, attributes of accounts become `account_<name>`, those of contracts
`contract_<name>`, as the contract has it that began last, and each milestone that a lifecycle criterion asks for
becomes `milestone_<name>`. Coverage by dimension, the lifecycle stage with the criterion
that decided, and `feed_outage_days` (of the last 30) are further columns of the frame.
"""


def tables_of(signal: Signal, known: dict[str, Signal]) -> tuple[str, ...]:
    """The source tables that a signal needs, itself or through the signals that it is `of`."""
    tables = own_tables(signal)
    for name in made_of(signal):
        tables |= set(tables_of(known[name], known)) if name in known else {"all"}
    return tuple(sorted(tables)) or ("accounts",)


def catalogue() -> str:
    """docs/signals.md as text."""
    listed = (TENURE, *ALL_SIGNALS)
    known = {signal.name: signal for signal in (*listed, *INTERVENTION_SIGNALS)}
    parts = [HEAD]
    for dimension, sentence in DIMENSIONS:
        rows = [_row(signal, known) for signal in listed if signal.dimension == dimension]
        rows += [
            f"| `{score.name}` | {score.sentence} | {score.unit} | {DIRECTIONS[score.healthier]} | - | all | - | - |"
            for score in SCORES
            if score.dimension == dimension
        ]
        parts.append(f"## {dimension.capitalize()}\n\n{sentence} {len(rows)} signals.\n\n{_table(rows)}")
    rows = [_row(signal, known) for signal in INTERVENTION_SIGNALS]
    why = "What we do about an account is written beside its signals and never given to a model: help is not a cause."
    parts.append(f"## Kept apart\n\n{why}\n\n{_table(rows)}")
    return "\n".join(parts)


def _table(rows: list[str]) -> str:
    head = "| name | what it says | unit | healthier | window | tables | empty | outage |"
    return "\n".join([head, "| --- | --- | --- | --- | --- | --- | --- | --- |", *rows]) + "\n"


def _row(signal: Signal, known: dict[str, Signal]) -> str:
    window, empty, outage = "-", "missing", "-"
    if signal.window_days is not None:
        window = f"{signal.window_days} days"
    if isinstance(signal, AggregateSignal):
        window += f", up to {signal.window_from_days} days before" if signal.window_from_days else ""
        empty = empty if signal.empty is None else f"{signal.empty:g}"
        outage = OUTAGES[signal.outage]
    peers = isinstance(signal, AggregateSignal | DerivedSignal) and signal.peers
    sentence = signal.sentence + (" *(peers)*" if peers else "")
    cells = [f"`{signal.name}`", sentence, signal.unit or "-", DIRECTIONS[signal.healthier], window]
    return f"| {' | '.join([*cells, ', '.join(tables_of(signal, known)), empty, outage])} |"


if __name__ == "__main__":
    print(catalogue(), end="")
