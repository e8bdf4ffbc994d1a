"""Proposes a forewarn.yaml from the files of a folder: a guess, with its doubts written beside it as comments."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import ibis
import ibis.expr.types as ir

from configs.errors import Fault, SourceError
from configs.tables import TABLES, Column, Table, table
from features.sources.backends import CSV, FILES, JSON
from features.sources.casting import looks_like
from features.sources.leaky_names import known_only_later, true_only_today, words
from features.sources.synonyms import ACCOUNT_ID, COLUMN_WORDS, CONSTANT_WORDS, RECORDED, SENSITIVE, TABLE_WORDS

ATTRIBUTE_MAX_WORDS = 50  # distinct values up to which a text column of accounts is worth proposing
NEAR = 0.85
TEXT_TIMES_SHARE = 0.9  # of the values of a text column that have to look like times for it to be proposed as one
IGNORED = ("source", "readme", "requirements", "package", "tsconfig", "settings", "config")


@dataclass
class Guess:
    """What one file, or a glob of alike files, is taken for."""

    origin: str
    rows: ir.Table
    name: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    attributes: list[str] = field(default_factory=list)
    measures: list[str] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)
    not_null: list[str] = field(default_factory=list)

    def theirs(self, ours: str) -> str | None:
        return self.columns.get(ours)

    @property
    def missing(self) -> list[str]:
        required = [one.name for one in table(self.name).columns if one.required]
        return [name for name in required if name not in self.columns and name not in self.constants]


def propose_mapping(folder: str | Path) -> str:
    """Proposes the text of a forewarn.yaml for the data files in a folder, with paths relative to it.

    Parameters
    ----------
    folder : str or Path
        Searched with one level below; SourceError when missing, or without a data file that looks like a known table.

    Returns
    -------
    str
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise SourceError(Fault(str(folder), "no such folder", "a folder with data files", "check the path"))
    origins = _origins(folder)
    if not origins:
        found = f"none of {', '.join(FILES)}"
        do = "put the exports of your tables there, one file or folder a table"
        raise SourceError(Fault(str(folder), found, "data files", do))
    connection = ibis.duckdb.connect()
    guesses, notes = [], []
    for origin, paths in sorted(origins.items()):
        try:
            guesses.append(Guess(origin, _read(connection, paths)))
        except Exception:
            notes.append(f"{origin}: cannot be read")
    chosen = _choose(guesses, notes)
    if not chosen:
        do = "rename the files after the tables (accounts.csv, contracts.csv, usage_events.csv ...)"
        raise SourceError(Fault(str(folder), ", ".join(sorted(origins)), "a file that looks like a known table", do))
    return _text(chosen, notes)


def _origins(folder: Path) -> dict[str, list[str]]:
    """Files by how `from:` would name them: alike ones (usage_2024_01.csv, usage_2024_02.csv) by one pattern."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted([*folder.glob("*"), *folder.glob("*/*")]):
        relative = path.relative_to(folder)
        hidden = any(part.startswith((".", "_")) for part in relative.parts)
        if path.is_file() and not hidden and path.name.lower().endswith(FILES) and path.stat().st_size:
            pattern = relative.with_name(re.sub(r"\d+", "*", relative.name)).as_posix()
            if not any(word in IGNORED for word in words(relative.name.split(".")[0])):
                found[re.sub(r"\*([-_.]?\*)+", "*", pattern)].append(path)
    return {
        pattern if len(paths) > 1 else paths[0].relative_to(folder).as_posix(): [str(path) for path in paths]
        for pattern, paths in found.items()
    }


def _read(connection: ibis.BaseBackend, paths: list[str]) -> ir.Table:
    name = paths[0].lower()
    if name.endswith(CSV):
        return connection.read_csv(paths, union_by_name=True)
    if name.endswith(JSON):
        return connection.read_json(paths, union_by_name=True)
    return connection.read_parquet(paths, union_by_name=True)


def _choose(guesses: list[Guess], notes: list[str]) -> list[Guess]:
    """At most one file a table: the one that fills more of its required columns."""
    best: dict[str, Guess] = {}
    for guess in guesses:
        candidates = _table_names(guess.origin)
        if not candidates:
            notes.append(f"{guess.origin}: no table of that sort is known; columns {', '.join(guess.rows.columns)}")
            continue
        fitting = [_filled(Guess(guess.origin, guess.rows, name)) for name in candidates]
        one = min(fitting, key=lambda fit: len(fit.missing))
        rival = best.get(one.name)
        if rival is None or len(one.missing) < len(rival.missing):
            best[one.name], one = one, rival or one
        if rival is not None:
            notes.append(f"{one.origin}: looks like {one.name} too, which {best[one.name].origin} fills better")
    return [best[canonical.name] for canonical in TABLES if canonical.name in best]


def _stem(word: str) -> str:
    return word[:-3] + "y" if word.endswith("ies") else word.removesuffix("s") if len(word) > 3 else word


def _table_names(origin: str) -> list[str]:
    """Tables that a file's name may stand for, the likeliest first.

    >>> _table_names("raw/churn_events.csv"), _table_names("Subscriptions.parquet")
    (['outcomes', 'usage_events'], ['contracts'])
    """
    base = origin.split("/")[-1].split(".")[0]
    said = words(base if words(base) else origin.split("/")[0])
    if "_".join(said) in {one.name for one in TABLES}:
        return ["_".join(said)]
    stems = {_stem(word) for word in said} | set(said)
    # A table without synonyms of its own is known by its own name, in the singular too.
    named = [name for name, synonyms in TABLE_WORDS if stems & set(synonyms)]
    with_synonyms = {name for name, _ in TABLE_WORDS}
    others = [one.name for one in TABLES if one.name not in with_synonyms and set(map(_stem, words(one.name))) <= stems]
    return [*others, *named]


def _filled(guess: Guess) -> Guess:
    """Maps the columns, then the constants, then what is left over."""
    canonical = table(guess.name)
    free = {_normal(name): name for name in guess.rows.columns}
    for column in canonical.columns:
        theirs = _match(canonical, column, free, guess.rows)
        if theirs is not None:
            guess.columns[column.name] = theirs
            free.pop(_normal(theirs))
    for column in canonical.columns:
        rules = CONSTANT_WORDS.get((canonical.name, column.name))
        if column.name in guess.columns or not rules:
            continue
        guess.constants[column.name] = next(value for word, value in rules if word in guess.origin.lower())
    _look(guess, canonical)
    for name in free.values():
        _left_over(guess, canonical, name)
    return guess


def _normal(name: str) -> str:
    return "_".join(words(name))


def _match(canonical: Table, column: Column, free: dict[str, str], rows: ir.Table) -> str | None:
    """The source column for a canonical one: same name, then a known synonym, then a near name; types must fit."""
    known = COLUMN_WORDS.get(canonical.name, {}).get(column.name, ())
    if column.name == "account_id":
        known = (*known, *ACCOUNT_ID)
    if column.name == "recorded_at":
        known = RECORDED
    near = get_close_matches(column.name, list(free), n=1, cutoff=NEAR)
    typed = [name for name in free if column.name in ("kind", "feature") and name.endswith("_type")]
    for name in (column.name, *known, *near, *typed):
        if name in free and _fits(rows[free[name]], column):
            return free[name]
    return None


def _fits(value: ir.Value, column: Column) -> bool:
    kind = value.type()
    fits = {
        "time": kind.is_temporal() or kind.is_string() or kind.is_null(),
        "number": kind.is_numeric() and not kind.is_boolean(),
        "flag": kind.is_boolean() or kind.is_integer() or kind.is_string(),
        "text": not (kind.is_temporal() or kind.is_nested()),
    }[column.kind]
    if fits and column.kind == "time" and kind.is_string():
        found = value.as_table().aggregate(given=value.count(), read=value.count(where=looks_like(value, "time")))
        read, given = (int(found.to_pandas()[name].iloc[0]) for name in ("read", "given"))
        return given == 0 or read / given >= TEXT_TIMES_SHARE
    if not fits or not column.words:
        return fits
    found = value.cast("string").topk(20).to_pandas().iloc[:, 0].dropna()
    return set(found) <= set(column.words)


def _look(guess: Guess, canonical: Table) -> None:
    """Required columns with empty values: their rows are left out by a query; the doubt is said."""
    required = [one.name for one in canonical.columns if one.required and one.name in guess.columns]
    if not required:
        return
    empty = guess.rows.aggregate(
        **{name: guess.rows.count(where=guess.rows[guess.columns[name]].isnull()) for name in required}
    ).to_pandas()
    for name in required:
        if count := int(empty[name].iloc[0]):
            guess.not_null.append(guess.columns[name])
            guess.doubts.append(f"{count:,} rows without {guess.columns[name]} are left out")


def _left_over(guess: Guess, canonical: Table, name: str) -> None:
    value = guess.rows[name]
    kind = value.type()
    said = words(name)
    is_id = "id" in said or "uuid" in said
    number = kind.is_numeric() and not kind.is_boolean()
    if canonical.name == "accounts" and not is_id and not kind.is_temporal() and not kind.is_nested():
        if known_only_later(name):
            guess.doubts.append(f"{name} is left out: it sounds like knowledge from after the fact")
        elif true_only_today(name):
            guess.doubts.append(f"{name} is left out: it sounds like the state of today, not of back then")
        elif set(said) & set(SENSITIVE):
            guess.doubts.append(f"{name} is left out: a score should not act on it unless somebody decides so")
        elif number or kind.is_boolean() or _few_words(guess.rows, value):
            guess.attributes.append(name)
        else:
            guess.unused.append(name)
    elif number and not is_id and (canonical.activity or canonical.name == "contracts"):
        guess.measures.append(name)
    else:
        guess.unused.append(name)


def _few_words(rows: ir.Table, value: ir.Value) -> bool:
    found = rows.aggregate(words=value.nunique(), given=value.count()).to_pandas().iloc[0]
    return 1 < found["words"] <= min(ATTRIBUTE_MAX_WORDS, found["given"] / 2)


def _churn(chosen: dict[str, Guess]) -> list[str]:
    """The definition of churn that the tables allow, the most certain first."""
    outcomes, contracts = chosen.get("outcomes"), chosen.get("contracts")
    if outcomes and not outcomes.missing:
        return ["churn:", "  kind: outcome                    # a row of outcomes of the kind churn"]
    if contracts and not contracts.missing and contracts.theirs("ends_at"):
        return [
            "churn:",
            "  kind: contract_end               # a contract ends and no other starts within the gap",
            "  allowed_gap_days: 30",
        ]
    likely = ["invoices", "usage_events", *(one.name for one in TABLES if one.activity)]
    activity = next((name for name in likely if name in chosen), None)
    if activity is None:
        return [
            "# churn: cannot be told from these files; add contracts with their ends, outcomes, or an activity table"
        ]
    return [
        "churn:",
        "  kind: silence                    # no row for `days`; in play while the last lies within active_days",
        f"  silence: {{of: {activity}, days: 90, active_days: 180}}",
    ]


def _text(guesses: list[Guess], notes: list[str]) -> str:
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
    source = next((one for one in guesses if one.theirs("account_id") and one.theirs(table(one.name).time)), None)
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
