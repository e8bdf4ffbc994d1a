"""What `init` does: a first look at the files, what it believes of them and why, and a project's file to begin with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from configs.atomic_files import write_text
from configs.errors import Fault, InputError, SourceError, UsageError

if TYPE_CHECKING:
    from features.sources import Question, Refusal


@dataclass(frozen=True)
class Proposal:
    """A project's file that was written.

    Attributes
    ----------
    out, text : str
        Its path, and what stands in it.
    beliefs, doubts : dict of str to list of str
        By table, in sentences.
    questions : tuple of Question
        Those that nobody answered, with what was written.
    systems : tuple of str
        Systems whose templates fit the files.
    """

    out: str
    text: str
    beliefs: dict[str, list[str]] = field(default_factory=dict)
    doubts: dict[str, list[str]] = field(default_factory=dict)
    questions: tuple[Question, ...] = ()
    systems: tuple[str, ...] = ()


def init(folder: Path, systems: tuple[str, ...] = (), answer: Callable[[Question], str] | None = None) -> Proposal:
    """Proposes folder/forewarn.yaml.

    Parameters
    ----------
    folder : pathlib.Path
        Of the data files.
    systems : tuple of str
        By whose templates (`auto`: told from the columns); none: guessed from names and values.
    answer : callable, optional
        Gives what the files do not say; without it the defaults are written.

    Returns
    -------
    Proposal

    Raises
    ------
    UsageError
        When there is such a file, which is never overwritten.
    """
    path = folder / "forewarn.yaml"
    if path.exists():
        raise UsageError(Fault(str(path), "a file", "none yet", "move it away first; init never overwrites"))
    if systems:
        from features.sources.templates import mapping_of_folder

        text = mapping_of_folder(folder, systems).yaml()
        write_text(path, text)
        return Proposal(str(path), text, systems=systems)
    from features.sources import propose_mapping
    from features.sources.templates import landed_in, told_from

    with examined(folder) as looked_at:
        proposed = propose_mapping(folder, lambda text: refused(looked_at, text))
    answers = {} if answer is None else {question.key: answer(question) for question in proposed.questions}
    text = proposed.text(answers)
    write_text(path, text)
    open_ones = tuple(question for question in proposed.questions if question.key not in answers)
    told = tuple(told_from(landed_in(folder)))
    return Proposal(str(path), text, proposed.beliefs, proposed.doubts, open_ones, told)


@contextmanager
def examined(folder: Path) -> Iterator[Path]:
    """The folder, or one in which large text files have a sample of their rows: `check` reads all of them, in minutes.

    Parameters
    ----------
    folder : Path
    """
    from features.sources import data_files, is_large, write_samples

    large = {path: paths for paths in data_files(folder).values() if is_large(paths) for path in paths}
    if not large:
        yield folder
        return
    with TemporaryDirectory() as elsewhere:
        for path in folder.rglob("*"):
            there = Path(elsewhere) / path.relative_to(folder)
            if path.is_dir():
                there.mkdir(exist_ok=True)
            elif str(path) not in large:
                there.symlink_to(path.resolve())
        for paths in {id(paths): paths for paths in large.values()}.values():
            write_samples(paths, {path: Path(elsewhere) / Path(path).relative_to(folder) for path in paths})
        yield Path(elsewhere)


def refused(folder: Path, text: str) -> dict[str, Refusal]:
    """What `check` would refuse of a proposed forewarn.yaml: by table.column, or by table, why."""
    from configs.settings_file import load_settings
    from features.checks import find_suspects
    from features.sources import Refusal, open_sources

    with TemporaryDirectory() as elsewhere:
        path = Path(elsewhere) / "forewarn.yaml"
        write_text(path, text)
        try:
            settings = load_settings(path).model_copy(update={"folder": folder.resolve()})
            sources = open_sources(settings)
        except SourceError as error:
            return {fault.where: Refusal(fault.found) for fault in error.faults}
        except InputError:
            return {}  # nothing that another mapping of these files would mend; `check` says what is missing
    try:
        suspects = find_suspects(settings, sources)
        return {suspect.column: Refusal(suspect.why, suspect.known_from) for suspect in suspects}
    except SourceError as error:
        return {fault.where: Refusal(fault.found) for fault in error.faults}
    finally:
        sources.close()
