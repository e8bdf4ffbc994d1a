"""Writes the forewarn.yaml of a proposed mapping, with its doubts beside it as comments."""

from __future__ import annotations

import re

from configs.tables import TABLES, table
from features.sources.proposal.candidates import Guess


def _churn(chosen: dict[str, Guess]) -> list[str]:
    """The definition of churn that the tables allow, the most certain first."""
    outcomes, contracts = chosen.get("outcomes"), chosen.get("contracts")
    if outcomes and not outcomes.missing:
        return ["churn:", "  kind: outcome                    # a row of outcomes of the kind churn"]
    if contracts and not contracts.missing and (contracts.theirs("ends_at") or contracts.theirs("terminated_at")):
        return [
            "churn:",
            "  kind: contract_end               # a contract ends and no other starts within the gap",
            "  allowed_gap_days: 30",
        ]
    likely = ["invoices", "usage_events", *(known.name for known in TABLES if known.activity)]
    activity = next((name for name in likely if name in chosen), None)
    if activity is None:
        return ["# churn: these files do not show it; add contracts with their ends, outcomes, or an activity table"]
    return [
        "churn:",
        "  kind: silence                    # no row for `days`; in play while the last lies within active_days",
        f"  silence: {{of: {activity}, days: 90, active_days: 180}}",
    ]


def mapping_yaml(guesses: list[Guess], notes: list[str]) -> str:
    """The text of a forewarn.yaml that maps the chosen files; `notes` list the others, as comments."""
    chosen = {guess.name: guess for guess in guesses}
    lines = [
        "# Proposed by `forewarn init` from the files it found: read it, fix it, then run `forewarn check`.",
        "extends: default",
        "connection: duckdb://",
        "timezone: UTC                      # of times that carry no zone of their own",
        "# data_end: 2024-01-01             # first day not covered; by default the day after the last fact",
        "",
        "tables:",
    ]
    if "accounts" not in chosen:
        lines += _derived_accounts(guesses)
    for guess in guesses:
        lines += _table_lines(guess)
    lines += [
        "",
        *_churn(chosen),
        "snapshots: {every: month}",
        "horizons_days: [30, 60, 90, 180]",
        "main_horizon_days: 90",
    ]
    if notes:
        lines += ["", "# Not used:", *(f"#   {note}" for note in notes)]
    return "\n".join(lines) + "\n"


def _derived_accounts(guesses: list[Guess]) -> list[str]:
    """Without a file of accounts, an account begins with its first row in another table."""
    source = next(
        (guess for guess in guesses if guess.theirs("account_id") and guess.theirs(table(guess.name).time)), None
    )
    if source is None:
        return ["  # accounts: no file looks like accounts; it is required, with account_id and created_at"]
    ident, time = source.columns["account_id"], source.columns[table(source.name).time]
    return [
        "  accounts:                        # no file looks like accounts: each begins with its first row elsewhere",
        "    query: >-",
        f'      select "{ident}" as account_id, min("{time}") as created_at from \'{source.origin}\' group by 1',
    ]


def _plain(name: str) -> str:
    """A name as YAML would write it inside a flow mapping.

    >>> _plain("start_date"), _plain("on"), _plain("Customer ID")
    ('start_date', "'on'", "'Customer ID'")
    """
    reserved = {"on", "off", "yes", "no", "y", "n", "true", "false", "null"}
    simple = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) and name.lower() not in reserved
    return name if simple else "'" + name.replace("'", "''") + "'"


def _table_lines(guess: Guess) -> list[str]:
    lines = [f"  {guess.name}:"]
    lines += [f"    # {doubt}" for doubt in guess.doubts]
    lines += [f"    # required and not found: {name}" for name in guess.missing]
    if guess.not_null:
        where = " and ".join(f'"{name}" is not null' for name in guess.not_null)
        lines.append("    query: >-")
        lines.append(f"      select * from '{guess.origin}' where {where}")
    else:
        lines.append(
            f"    from: {_plain(guess.origin) if not re.fullmatch(r'[A-Za-z0-9_./-]+', guess.origin) else guess.origin}"
        )
    renamed = {ours: theirs for ours, theirs in guess.columns.items() if ours != theirs}
    if renamed:
        lines.append(
            "    columns: {" + ", ".join(f"{ours}: {_plain(theirs)}" for ours, theirs in renamed.items()) + "}"
        )
    if guess.constants:
        lines.append("    constants: {" + ", ".join(f"{key}: {value}" for key, value in guess.constants.items()) + "}")
    if guess.attributes:
        lines.append(f"    attributes: [{', '.join(map(_plain, guess.attributes))}]")
    if guess.measures:
        lines.append(f"    measures: [{', '.join(map(_plain, guess.measures))}]")
    if guess.unused:
        lines.append(f"    # not used: {', '.join(guess.unused)}")
    return lines
