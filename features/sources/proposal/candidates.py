"""Which canonical table a file may stand for, and which of its columns become which; scored by what stays missing."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

import ibis.expr.types as ir

from configs.tables import TABLES, Column, Table, table
from features.sources.casting import looks_like
from features.sources.leaky_names import (
    counted_so_far,
    is_sensitive,
    known_only_later,
    measured_later,
    true_only_today,
    words,
)
from features.sources.proposal.guess import Guess
from features.sources.proposal.synonyms import (
    ACCOUNT_ID,
    COLUMN_WORDS,
    CONSTANT_WORDS,
    DELETED,
    RECORDED,
    TABLE_WORDS,
)
from features.sources.time_forms import written_as

ATTRIBUTE_MAX_WORDS = 50  # distinct values up to which a text column of accounts is worth proposing
NEAR = 0.85
TEXT_TIMES_SHARE = 0.9  # of the values of a text column that have to look like times for it to be proposed as one


def _stem(word: str) -> str:
    return word[:-3] + "y" if word.endswith("ies") else word.removesuffix("s") if len(word) > 3 else word


def table_names(origin: str) -> list[str]:
    """Tables that a file's name may stand for, the likeliest first.

    >>> table_names("raw/churn_events.csv"), table_names("Subscriptions.parquet")
    (['outcomes', 'usage_events'], ['contracts'])
    """
    base = origin.split("/")[-1].split(".")[0]
    name_words = words(base if words(base) else origin.split("/")[0])
    if "_".join(name_words) in {known.name for known in TABLES}:
        return ["_".join(name_words)]
    stems = {_stem(word) for word in name_words} | set(name_words)
    # A table without synonyms of its own is known by its own name, in the singular too.
    named = [name for name, synonyms in TABLE_WORDS if stems & set(synonyms)]
    with_synonyms = {name for name, _ in TABLE_WORDS}
    others = [
        known.name
        for known in TABLES
        if known.name not in with_synonyms and set(map(_stem, words(known.name))) <= stems
    ]
    return [*others, *named]


def referred_to(guesses: Iterable[Guess]) -> dict[str, int]:
    """By file, in how many others a column is called after its name, as customer_id is after customers.csv."""
    columns = {guess.origin: {_normal(name) for name in guess.rows.columns} for guess in guesses}
    counts = {}
    for origin in columns:
        said = [_stem(word) for word in words(origin.rpartition("/")[2].split(".")[0]) if word not in ("data", "sf")]
        name = "_".join(said) + "_id"
        counts[origin] = sum(name in names for other, names in columns.items() if other != origin)
    return counts


def fill(guess: Guess) -> Guess:
    """Maps the columns of `guess.name`, then the constants, then what is left over; changes and returns the guess."""
    canonical = table(guess.name)
    free = {_normal(name): name for name in guess.rows.columns}
    guess.deleted = next((free.pop(name) for name in list(free) if _says_deleted(guess.rows, free[name])), None)
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
    if not guess.paths:
        leave_out_empty(guess)
    for name in free.values():
        _left_over(guess, canonical, name)
    return guess


def _normal(name: str) -> str:
    """A name without what connectors and CRMs put around it.

    >>> _normal("property_createdate"), _normal("Health Score__c"), _normal("Customer ID")
    ('createdate', 'health_score', 'customer_id')
    """
    said = words(name)
    said = said[1:] if len(said) > 1 and said[0] in ("property", "properties") else said
    return "_".join(said[:-1] if len(said) > 1 and said[-1] == "c" else said)


def _says_deleted(rows: ir.Table, name: str) -> bool:
    """A flag by its name and its values: rows that it is set in were taken away in the source."""
    kind = rows[name].type()
    return _normal(name) in DELETED and (kind.is_boolean() or kind.is_integer())


def _match(canonical: Table, column: Column, free: dict[str, str], rows: ir.Table) -> str | None:
    """The source column for a canonical one: same name, then a known synonym, then a near name; types must fit."""
    known = COLUMN_WORDS.get(canonical.name, {}).get(column.name, ())
    if column.name == "account_id":
        known = (*known, *ACCOUNT_ID)
    if column.name == "recorded_at":
        known = RECORDED
    near = get_close_matches(column.name, list(free), n=1, cutoff=NEAR)
    typed = [name for name in free if column.name in ("kind", "feature") and name.endswith("_type")]
    fitting = [free[name] for name in (column.name, *known, *near, *typed) if name in free]
    fitting = [name for name in dict.fromkeys(fitting) if _fits(rows[name], column)]
    if canonical.key == (column.name,) and len(fitting) > 1:  # a key has a value of its own in every row
        counts = rows.aggregate(
            rows=rows.count(), **{f"n_{at}": rows[name].nunique() for at, name in enumerate(fitting)}
        )
        answers = counts.to_pandas().iloc[0]
        fitting = [fitting[at] for at in sorted(range(len(fitting)), key=lambda at: -answers[f"n_{at}"])]
    return fitting[0] if fitting else None


def _fits(value: ir.Value, column: Column) -> bool:
    kind = value.type()
    fits = {
        "time": kind.is_temporal() or kind.is_string() or kind.is_null() or kind.is_integer(),
        "number": kind.is_numeric() and not kind.is_boolean(),
        "flag": kind.is_boolean() or kind.is_integer() or kind.is_string(),
        "text": not (kind.is_temporal() or kind.is_nested()),
    }[column.kind]
    if fits and column.kind == "time" and kind.is_integer():
        extent = value.as_table().aggregate(low=value.min(), high=value.max()).to_pandas().iloc[0]
        return bool(extent.notna().all()) and written_as(float(extent["low"]), float(extent["high"])) is not None
    if fits and column.kind == "time" and kind.is_string():
        counts = value.as_table().aggregate(given=value.count(), read=value.count(where=looks_like(value, "time")))
        read, given = (int(counts.to_pandas()[name].iloc[0]) for name in ("read", "given"))
        return given == 0 or read / given >= TEXT_TIMES_SHARE
    if not fits or not column.allowed_values:
        return fits
    frequent = value.cast("string").topk(20).to_pandas().iloc[:, 0].dropna()
    return set(frequent) <= set(column.allowed_values)


def leave_out_empty(guess: Guess) -> None:
    """Required columns with empty values: their rows are left out by a query, and a doubt says how many."""
    canonical = table(guess.name)
    required = [column.name for column in canonical.columns if column.required and column.name in guess.columns]
    if not required:
        return
    if guess.whole is not None:
        empty = {name: guess.whole.rows - guess.whole.given[guess.columns[name]] for name in required}
    else:
        counts = {name: guess.rows.count(where=guess.rows[guess.columns[name]].isnull()) for name in required}
        empty = {str(name): int(n) for name, n in guess.rows.aggregate(**counts).to_pandas().iloc[0].items()}
    for name in required:
        if count := empty[name]:
            guess.not_null.append(guess.columns[name])
            guess.doubts.append(f"{count:,} rows without {guess.columns[name]} are left out")


def _left_over(guess: Guess, canonical: Table, name: str) -> None:
    value = guess.rows[name]
    kind = value.type()
    name_words = words(name)
    is_id = "id" in name_words or "uuid" in name_words
    number = kind.is_numeric() and not kind.is_boolean()
    if canonical.name == "accounts" and not is_id and not kind.is_temporal() and not kind.is_nested():
        if known_only_later(name):
            guess.doubts.append(f"{name} is left out: it sounds like knowledge from after the fact")
        elif true_only_today(name):
            guess.doubts.append(f"{name} is left out: it sounds like the state of today, not of back then")
        elif counted_so_far(name):
            guess.doubts.append(f"{name} is left out: it sounds like a figure of today, counted or added up until now")
        elif is_sensitive(name):
            guess.doubts.append(f"{name} is left out: a score should not act on it unless somebody decides so")
        elif number or kind.is_boolean() or _few_words(guess.rows, value):
            guess.attributes.append(name)
        else:
            guess.unused.append(name)
    elif number and not is_id and (canonical.activity or canonical.name == "contracts"):
        if (
            measured_later(name, canonical.name)
            and not known_only_later(name)
            and (moment := _moment(guess, canonical))
        ):
            guess.measures.append(name)
            guess.known_from[name] = moment
            guess.doubts.append(f"{name} counts from {moment} on: it sounds like what is known only then")
        elif known_only_later(name) or measured_later(name, canonical.name):
            guess.doubts.append(f"{name} is left out: it sounds like what is known only later than its row begins")
        else:
            guess.measures.append(name)
    else:
        guess.unused.append(name)


def _moment(guess: Guess, canonical: Table) -> str | None:
    """The one moment of a row that is filled in later, where a measure can be tied to it."""
    moments = [column.name for column in canonical.columns if column.filled_later and column.name in guess.columns]
    return moments[0] if canonical.activity and len(moments) == 1 else None


def _few_words(rows: ir.Table, value: ir.Value) -> bool:
    counts = rows.aggregate(words=value.nunique(), given=value.count()).to_pandas().iloc[0]
    return 1 < counts["words"] <= min(ATTRIBUTE_MAX_WORDS, counts["given"] / 2)
