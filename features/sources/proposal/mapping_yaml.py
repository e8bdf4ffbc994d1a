"""Writes the forewarn.yaml of a proposed mapping, with its doubts beside it as comments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from configs.tables import table
from features.sources.proposal.guess import Guess
from features.sources.proposal.questions import SILENCE_DAYS, Question, churn_kinds
from features.sources.proposal.ways import Helper, Ways


def _churn(kinds: Mapping[str, str], answers: Mapping[str, str]) -> list[str]:
    """The definition of churn: the one that was chosen, or the most certain."""
    if not kinds:
        return ["# churn: these files do not show it; add contracts with their ends, outcomes, or an activity table"]
    kind = answers.get("churn.kind", next(iter(kinds)))
    if kind == "outcome":
        return ["churn:", "  kind: outcome                    # a row of outcomes of the kind churn"]
    if kind == "contract_end":
        return [
            "churn:",
            "  kind: contract_end               # a contract ends and no other starts within the gap",
            "  allowed_gap_days: 30",
        ]
    days = answers.get("churn.silence.days", SILENCE_DAYS)
    return [
        "churn:",
        "  kind: silence                    # no row for `days`; in play while the last lies within active_days",
        f"  silence: {{of: {kinds[kind]}, days: {days}, active_days: {2 * int(days)}}}",
    ]


def mapping_yaml(
    guesses: Sequence[Guess],
    ways: Ways,
    notes: Sequence[str],
    questions: Sequence[Question],
    answers: Mapping[str, str],
) -> str:
    """The text of a forewarn.yaml that maps the chosen files; `notes` list the others, as comments."""
    chosen = {guess.name: guess for guess in guesses}
    zone = f"timezone: {answers.get('timezone', 'UTC')}"
    lines = ["# Proposed by `forewarn init` from the files it found: read it, fix it, then run `forewarn check`."]
    open_ones = [question for question in questions if question.key not in answers]
    if open_ones:
        lines += ["# What the files do not say (`forewarn init --ask` asks):"]
        lines += [f"#   {question.key}: {question.text} (written: {question.default})" for question in open_ones]
    lines += [
        "extends: default",
        "connection: duckdb://",
        f"{zone:<34} # of times that carry no zone of their own",
        "# data_end: 2024-01-01             # first day not covered; by default the day after the last fact",
        *([f"currency: {answers['currency']}"] if "currency" in answers else []),
        "",
        "tables:",
    ]
    if "accounts" not in chosen:
        lines += _derived_accounts(guesses)
    for guess in guesses:
        lines += _table_lines(guess)
    for helper in ways.helpers.values():
        lines += _helper_lines(helper)
    lines += [
        "",
        *_churn(churn_kinds(guesses), answers),
        "snapshots: {every: month}",
        "horizons_days: [30, 60, 90, 180]",
        "main_horizon_days: 90",
    ]
    if notes:
        lines += ["", "# Not used:", *(f"#   {note}" for note in notes)]
    return "\n".join(lines) + "\n"


def _helper_lines(helper: Helper) -> list[str]:
    columns = {"key": helper.key, **({"account_id": helper.account} if helper.account else {})}
    shown = ", ".join(f"{ours}: {_plain(theirs)}" for ours, theirs in columns.items())
    lines = [f"  {helper.name}:                   # leads from its key to an account"]
    lines += [f"    from: {_origin(helper.origin)}", f"    columns: {{{shown}}}"]
    return lines + ([f"    via: {{{helper.via[0]}: {_plain(helper.via[1])}}}"] if helper.via else [])


def _origin(origin: str) -> str:
    return origin if re.fullmatch(r"[A-Za-z0-9_./-]+", origin) else _plain(origin)


def _derived_accounts(guesses: Sequence[Guess]) -> list[str]:
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
    lines += [f"    # {sentence}" for sentence in guess.evidence]
    lines += [f"    # {doubt}" for doubt in guess.doubts]
    lines += [f"    # required and not found: {name}" for name in guess.missing]
    if guess.not_null:
        where = " and ".join(f'"{name}" is not null' for name in guess.not_null)
        lines.append("    query: >-")
        lines.append(f"      select * from '{guess.origin}' where {where}")
    else:
        lines.append(f"    from: {_origin(guess.origin)}")
    if guess.via:
        lines.append(f"    via: {{{guess.via[0]}: {_plain(guess.via[1])}}}")
    if guess.deleted:
        lines.append(f"    deleted: {_plain(guess.deleted)}")
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
    if guess.known_from:
        ties = ", ".join(f"{_plain(name)}: {moment}" for name, moment in guess.known_from.items())
        lines.append(f"    known_from: {{{ties}}}      # empty before that moment")
    if guess.unused:
        lines.append(f"    # not used: {', '.join(guess.unused)}")
    return lines
