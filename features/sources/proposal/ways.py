"""How tables without an account of their own find theirs: the joins that `init` proposes as via:."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from configs.helper_tables import CANONICAL_KEYS
from configs.tables import TABLE_NAMES
from features.sources.leaky_names import words
from features.sources.proposal.guess import Guess
from features.sources.proposal.references import ENOUGH, References, Step


@dataclass(frozen=True)
class Helper:
    """A file that leads from its key to an account, or to the key of a further file.

    Attributes
    ----------
    name, origin, key : str
        What `tables:` calls it, where it is, and its key.
    account : str or None
        Its column with the account.
    via : tuple of (str, str) or None
        Otherwise the further table, and the column with the key of that.
    """

    name: str
    origin: str
    key: str
    account: str | None = None
    via: tuple[str, str] | None = None


@dataclass
class Ways:
    """The helpers that a proposal needs, by their names."""

    helpers: dict[str, Helper] = field(default_factory=dict)


def find_ways(references: References, chosen: list[Guess]) -> Ways:
    """Gives guesses their accounts: compares the ids that they name, and looks for joins where these are none.

    Parameters
    ----------
    references : References
    chosen : list of Guess
        Changed: `matched`, `via` and the column of accounts.

    Returns
    -------
    Ways
    """
    ways = Ways()
    accounts = next((guess for guess in chosen if guess.name == "accounts" and guess.theirs("account_id")), None)
    if accounts is None:
        return ways
    ident = (accounts.origin, accounts.columns["account_id"])
    by_file = {accounts.origin: ident[1]}
    for origin in references.files:
        if origin != accounts.origin and (column := _account_column(references, origin, ident)):
            by_file[origin] = column
    for guess in chosen:
        if guess is not accounts and guess.origin != accounts.origin:
            _settle(references, guess, by_file, ident, chosen, ways)
    return ways


def _account_column(references: References, origin: str, ident: tuple[str, str]) -> str | None:
    """The column of a file whose values are accounts."""
    shares = {
        column: references.share(origin, column, *ident)
        for column in references.key_like(origin)
        if references.telling(origin, column, *ident)
    }
    best = max(shares, key=lambda column: shares[column], default=None)
    return best if best is not None and shares[best] >= ENOUGH else None


def _settle(
    references: References,
    guess: Guess,
    by_file: dict[str, str],
    ident: tuple[str, str],
    chosen: list[Guess],
    ways: Ways,
) -> None:
    named = guess.theirs("account_id")
    if named is not None:
        guess.matched = references.share(guess.origin, named, *ident)
        if guess.matched >= ENOUGH:
            return
    found = by_file.get(guess.origin)
    if found is not None and found != named:
        guess.take_account(found)
        guess.matched = references.share(guess.origin, found, *ident)
        guess.doubts.append(f"{found} is taken for the account by its values: {guess.matched:.0%} of them are accounts")
        return
    steps = references.way(guess.origin, by_file)
    if not steps:
        if named is not None and guess.matched is not None:
            guess.doubts.append(f"only {guess.matched:.0%} of the ids in {named} are accounts")
        return
    step = steps[0]
    guess.take_account(None)
    guess.via = (_helper(steps, by_file, chosen, ways), step.column)
    guess.use(step.column)
    ended = f"{step.share:.0%} of its values are in {step.origin} as {step.key}"
    guess.doubts.append(f"{step.column} leads to the account through {guess.via[0]}: {ended}")


def _helper(steps: tuple[Step, ...], by_file: dict[str, str], chosen: list[Guess], ways: Ways) -> str:
    """The name of the table that the first step leads to; it and those after it are added to the ways."""
    step, further = steps[0], steps[1:]
    for guess in chosen:
        key = CANONICAL_KEYS.get(guess.name)
        if guess.origin == step.origin and key is not None and guess.theirs(key) == step.key and not guess.missing:
            return guess.name
    name = _name(step.origin)
    if name in ways.helpers and ways.helpers[name].key != step.key:
        name = f"{name}_by_{_name(step.key)}"
    while name in TABLE_NAMES or (name in ways.helpers and ways.helpers[name].origin != step.origin):
        name += "_keys"
    via = (_helper(further, by_file, chosen, ways), further[0].column) if further else None
    ways.helpers[name] = Helper(name, step.origin, step.key, None if further else by_file[step.origin], via)
    return name


def _name(origin: str) -> str:
    """
    >>> _name("raw/Users-2024.csv")
    'users_2024'
    """
    base = "_".join(words(re.sub(r"\..*$", "", origin.rpartition("/")[2])))
    return base if base and not base[0].isdigit() else f"file_{base}"
