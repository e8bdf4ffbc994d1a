"""What `init` does: a first look at the files, what it believes of them and why, and a project's file to begin with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from configs.atomic_files import write_text
from configs.errors import Fault, InputError, SourceError, UsageError

if TYPE_CHECKING:
    from features.sources import Question


@dataclass(frozen=True)
class Proposal:
    """A project's file that was written, and its text.

    `beliefs` and `doubts` by table, in sentences; `questions` are those that nobody answered, with what was written.
    """

    out: str
    text: str
    beliefs: dict[str, list[str]] = field(default_factory=dict)
    doubts: dict[str, list[str]] = field(default_factory=dict)
    questions: tuple[Question, ...] = ()
    systems: tuple[str, ...] = ()


def init(folder: Path, systems: tuple[str, ...] = (), answer: Callable[[Question], str] | None = None) -> Proposal:
    """Proposes folder/forewarn.yaml; UsageError when there is one, which is never overwritten.

    With `systems`, by the templates of these (`auto`: told from the columns); otherwise guessed from names and values.
    `answer` gives what the files do not say; without it the defaults are written.
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

    proposed = propose_mapping(folder, lambda text: refused(folder, text))
    answers = {} if answer is None else {question.key: answer(question) for question in proposed.questions}
    text = proposed.text(answers)
    write_text(path, text)
    open_ones = tuple(question for question in proposed.questions if question.key not in answers)
    told = tuple(told_from(landed_in(folder)))
    return Proposal(str(path), text, proposed.beliefs, proposed.doubts, open_ones, told)


def refused(folder: Path, text: str) -> dict[str, str]:
    """What `check` would refuse of a proposed forewarn.yaml: by table.column, or by table, why."""
    from configs.settings_file import load_settings
    from features.checks import find_suspects
    from features.sources import open_sources

    with TemporaryDirectory() as elsewhere:
        path = Path(elsewhere) / "forewarn.yaml"
        write_text(path, text)
        try:
            settings = load_settings(path).model_copy(update={"folder": folder.resolve()})
            sources = open_sources(settings)
        except SourceError as error:
            return {fault.where: fault.found for fault in error.faults}
        except InputError:
            return {}  # nothing that another mapping of these files would mend; `check` says what is missing
    try:
        return {suspect.column: suspect.why for suspect in find_suspects(settings, sources)}
    except SourceError as error:
        return {fault.where: fault.found for fault in error.faults}
    finally:
        sources.close()
