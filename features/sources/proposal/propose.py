"""Proposes a forewarn.yaml from the files of a folder: a guess, with its doubts written beside it as comments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import ibis

from configs.errors import Fault, SourceError
from configs.tables import TABLES
from features.sources.backends import FILES
from features.sources.proposal.candidates import Guess, fill, table_names
from features.sources.proposal.data_files import data_files, read_typed
from features.sources.proposal.mapping_yaml import mapping_yaml

Examine = Callable[[str], Mapping[str, str]]
ROUNDS = 3  # what is left out may bring another column to light


def propose_mapping(folder: str | Path, examine: Examine | None = None) -> str:
    """Proposes the text of a forewarn.yaml for the data files in a folder, with paths relative to it.

    Parameters
    ----------
    folder : str or Path
        Searched with one level below.
    examine : callable or None
        What `check` would refuse of a proposed text: by table.column, why. These are left out, with the reason beside
        them; None leaves the values of columns unexamined.

    Returns
    -------
    str

    Raises
    ------
    SourceError
        When the folder is missing, or has no data file that looks like a known table.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise SourceError(Fault(str(folder), "no such folder", "a folder with data files", "check the path"))
    origins = data_files(folder)
    if not origins:
        found = f"none of {', '.join(FILES)}"
        do = "put the exports of your tables there, one file or folder a table"
        raise SourceError(Fault(str(folder), found, "data files", do))
    connection = ibis.duckdb.connect()
    guesses, notes = [], []
    for origin, paths in sorted(origins.items()):
        try:
            guesses.append(Guess(origin, read_typed(connection, paths)))
        except Exception:
            notes.append(f"{origin}: cannot be read")
    chosen = _choose(guesses, notes)
    if not chosen:
        do = "rename the files after the tables (accounts.csv, contracts.csv, usage_events.csv ...)"
        raise SourceError(Fault(str(folder), ", ".join(sorted(origins)), "a file that looks like a known table", do))
    text = mapping_yaml(chosen, notes)
    for _ in range(ROUNDS if examine is not None else 0):
        assert examine is not None
        if not _leave_out(chosen, examine(text)):
            break
        text = mapping_yaml(chosen, notes)
    return text


def _leave_out(chosen: list[Guess], refused: Mapping[str, str]) -> bool:
    """Takes refused columns out of the guesses; whether there were any that can be."""
    guesses = {guess.name: guess for guess in chosen}
    changed = [
        guesses[name].leave_out(ours, why)
        for name, ours, why in ((*column.split(".", 1), why) for column, why in refused.items())
        if name in guesses
    ]
    return any(changed)


def _choose(guesses: list[Guess], notes: list[str]) -> list[Guess]:
    """At most one file a table: the one that fills more of its required columns."""
    best: dict[str, Guess] = {}
    for guess in guesses:
        candidates = table_names(guess.origin)
        if not candidates:
            notes.append(f"{guess.origin}: no table of that sort is known; columns {', '.join(guess.rows.columns)}")
            continue
        fitting = [fill(Guess(guess.origin, guess.rows, name)) for name in candidates]
        fittest = min(fitting, key=lambda fit: len(fit.missing))
        rival = best.get(fittest.name)
        if rival is None:
            best[fittest.name] = fittest
            continue
        better, other = (fittest, rival) if len(fittest.missing) < len(rival.missing) else (rival, fittest)
        best[fittest.name] = better
        notes.append(f"{other.origin}: looks like {other.name} too, which {better.origin} fills better")
    return [best[canonical.name] for canonical in TABLES if canonical.name in best]
