"""Proposes a forewarn.yaml from the files of a folder: what it believes and why, what it doubts, what it asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from configs.errors import Fault, SourceError
from configs.tables import TABLES
from features.sources.backends import FILES, DuckDBEngine
from features.sources.proposal.candidates import fill, leave_out_empty, referred_to, table_names
from features.sources.proposal.data_files import data_files, read_typed
from features.sources.proposal.evidence import evidence
from features.sources.proposal.guess import Guess, Refusal
from features.sources.proposal.mapping_yaml import mapping_yaml
from features.sources.proposal.questions import Question, questions
from features.sources.proposal.references import References
from features.sources.proposal.sampled import is_large, write_samples
from features.sources.proposal.ways import Ways, find_ways

Examine = Callable[[str], Mapping[str, Refusal]]
ROUNDS = 6  # what is left out may bring another column to light


@dataclass(frozen=True)
class ProposedMapping:
    """A mapping as `init` proposes it.

    Attributes
    ----------
    guesses : sequence of Guess
        A table each.
    ways : Ways
        Through which other tables they find their accounts.
    notes : sequence of str
        On files that are not used.
    questions : tuple of Question
        What the files do not say.
    """

    guesses: Sequence[Guess]
    ways: Ways
    notes: Sequence[str]
    questions: tuple[Question, ...]

    def text(self, answers: Mapping[str, str] | None = None) -> str:
        """The forewarn.yaml; `answers` are to the questions, by their keys."""
        return mapping_yaml(self.guesses, self.ways, self.notes, self.questions, answers or {})

    @property
    def beliefs(self) -> dict[str, list[str]]:
        """By table, the sentences that speak for its guess."""
        return {guess.name: [f"from {guess.origin}", *guess.evidence] for guess in self.guesses}

    @property
    def doubts(self) -> dict[str, list[str]]:
        """By table, what a reader should check."""
        return {guess.name: guess.doubts for guess in self.guesses if guess.doubts}


def propose_mapping(folder: str | Path, examine: Examine | None = None) -> ProposedMapping:
    """Proposes a forewarn.yaml for the data files in a folder, with paths relative to it.

    Parameters
    ----------
    folder : str or Path
        Searched with one level below.
    examine : callable or None
        What `check` would refuse of a proposed text: by table.column, or by table, why. These are left out, with the
        reason beside them; None leaves the values of columns unexamined.

    Returns
    -------
    ProposedMapping

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
    engine = DuckDBEngine.at()
    try:
        with TemporaryDirectory() as samples:
            return _proposed(engine, origins, examine, Path(samples))
    finally:
        engine.close()


def _proposed(
    engine: DuckDBEngine, origins: Mapping[str, list[str]], examine: Examine | None, samples: Path
) -> ProposedMapping:
    files, notes, large = {}, [], {}
    for number, (origin, paths) in enumerate(sorted(origins.items())):
        try:
            if is_large(paths):
                large[origin] = paths
                sampled = {path: samples / f"{number}-{at}{Path(path).suffix}" for at, path in enumerate(paths)}
                write_samples(paths, sampled)
                files[origin] = read_typed(engine.backend, [*map(str, sampled.values())])
            else:
                files[origin] = read_typed(engine.backend, paths)
        except Exception:
            notes.append(f"{origin}: cannot be read")
    chosen = _choose([Guess(origin, rows, paths=large.get(origin, ())) for origin, rows in files.items()], notes)
    if not chosen:
        do = "rename the files after the tables (accounts.csv, contracts.csv, usage_events.csv ...)"
        raise SourceError(Fault(str(folder_of(origins)), ", ".join(sorted(origins)), "a file of a known table", do))
    whole = {origin: read_typed(engine.backend, paths) for origin, paths in large.items()}
    ways = find_ways(References(engine, files, whole), chosen)
    for guess in chosen:
        guess.evidence = evidence(engine, guess)
    for _ in range(ROUNDS):
        _drop_incomplete(chosen, notes)
        proposed = ProposedMapping(chosen, ways, notes, questions(chosen))
        if examine is None or not _leave_out(chosen, examine(proposed.text()), notes):
            break
    return ProposedMapping(chosen, ways, notes, questions(chosen))


def folder_of(origins: Mapping[str, list[str]]) -> Path:
    """The folder of the first file."""
    return Path(next(iter(origins.values()))[0]).parent


def _drop_incomplete(chosen: list[Guess], notes: list[str]) -> None:
    """A table without what it needs is not proposed; accounts can then begin with their first row elsewhere."""
    for guess in [guess for guess in chosen if guess.missing]:
        others = [other for other in chosen if other is not guess and not other.missing]
        if guess.name == "accounts" and not any(other.theirs("account_id") for other in others):
            continue
        chosen.remove(guess)
        notes.append(f"{guess.origin}: looks like {guess.name}, but has no {', no '.join(guess.missing)}")


def _leave_out(chosen: list[Guess], refused: Mapping[str, Refusal], notes: list[str]) -> bool:
    """Takes refused columns, or tables, out of the guesses; whether there were any that can be."""
    guesses = {guess.name: guess for guess in chosen}
    changed = False
    for where, refusal in refused.items():
        name, _, ours = where.removeprefix("tables.").partition(".")
        guess = guesses.get(name)
        if guess is None or guess not in chosen:
            continue
        if guess.leave_out(ours, refusal):
            changed = True
        elif name != "accounts" and len(chosen) > 1:
            chosen.remove(guess)
            notes.append(f"{guess.origin}: looks like {name}, but {ours or 'its rows'} cannot be used ({refusal.why})")
            changed = True
    return changed


def _choose(guesses: list[Guess], notes: list[str]) -> list[Guess]:
    """At most one file a table: the one that fills more of its required columns, of these the one others refer to."""
    best: dict[str, Guess] = {}
    refers = referred_to(guesses)

    def rank(guess: Guess) -> tuple[int, int, int]:
        return len(guess.missing), -refers[guess.origin], guess.is_about_others

    for guess in guesses:
        candidates = table_names(guess.origin)
        if not candidates:
            notes.append(f"{guess.origin}: no table of that sort is known; columns {', '.join(guess.rows.columns)}")
            continue
        fitting = [fill(Guess(guess.origin, guess.rows, name, paths=guess.paths)) for name in candidates]
        fittest = min(fitting, key=lambda fit: len(fit.missing))
        rival = best.get(fittest.name)
        if rival is None:
            best[fittest.name] = fittest
            continue
        better, other = (fittest, rival) if rank(fittest) < rank(rival) else (rival, fittest)
        best[fittest.name] = better
        notes.append(f"{other.origin}: looks like {other.name} too, which {better.origin} fills better")
    chosen = [best[canonical.name] for canonical in TABLES if canonical.name in best]
    for guess in chosen:
        if guess.paths:
            leave_out_empty(guess)  # only now, since it reads all of a large file
    return chosen
