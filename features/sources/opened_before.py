"""What opening the sources found of each table, kept in the state folder while nothing that it read has changed.

Whether a value is odd, a fact has several rows or an account's id another spelling takes a query or more of each table,
and every command opens all of them. The answers are the same while the bytes of the files, the settings and the code
are, so that they are read from there. Sources with any fault or doubt keep no answer, and are asked again.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from configs.atomic_files import write_text
from configs.errors import SourceError
from configs.settings import Settings
from features.sources.backends import source_files
from features.sources.row_answers import RowAnswers

ROOT = Path(__file__).resolve().parents[2]
READ_BY = ("configs", "features", "training", "evaluation", "serving")  # whose code has a say in what is found
READERS = ("duckdb", "ibis-framework", "pandas", "pyarrow")  # and the libraries that read the files
UNREAD = {"state", "serving", "alerts"}  # settings that say nothing of the sources


@dataclass
class OpenedBefore:
    """What was found of the tables; empty where nothing is known of them.

    Attributes
    ----------
    answers : dict of str to RowAnswers
        Of tables of whose values none is odd: what was asked of their rows.
    single : set of str
        Tables in which every fact has one row.
    matched : set of str
        Tables that spell all ids of accounts as accounts does.
    """

    answers: dict[str, RowAnswers] = field(default_factory=dict)
    single: set[str] = field(default_factory=set)
    matched: set[str] = field(default_factory=set)

    @classmethod
    def read(cls, settings: Settings, now: pd.Timestamp | None) -> OpenedBefore:
        """What was kept, where it holds: nothing has changed, and today is no day before it was found.

        Parameters
        ----------
        settings : Settings
        now : Timestamp or None
            Naive UTC; None where rows of any day are sound.

        Returns
        -------
        OpenedBefore
        """
        path = settings.paths.opened
        if not path.is_file():
            return cls()
        try:
            body = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return cls()
        if not _holds(body["day"], now) or body["mark"] != content_mark(settings):
            return cls()
        answers = {name: RowAnswers.from_json(given) for name, given in body["answers"].items()}
        return cls(answers, set(body["single"]), set(body["matched"]))

    def keep(self, settings: Settings, now: pd.Timestamp | None) -> None:
        """Keeps it, in a state folder that is there and can be written.

        Parameters
        ----------
        settings : Settings
        now : Timestamp or None
            As in `read`.
        """
        if not settings.paths.folder.is_dir() or (mark := content_mark(settings)) is None:
            return
        body = {
            "mark": mark,
            "day": None if now is None else f"{now:%Y-%m-%d}",
            "answers": {name: answers.to_json() for name, answers in self.answers.items()},
            "single": sorted(self.single),
            "matched": sorted(self.matched),
        }
        with suppress(OSError):
            write_text(settings.paths.opened, json.dumps(body))


def _holds(day: str | None, now: datetime | None) -> bool:
    """Rows that lay in no future by that day lie in none later; who asked for no day knows nothing of the future."""
    return now is None or (day is not None and day <= f"{now:%Y-%m-%d}")


def content_mark(settings: Settings) -> str | None:
    """Changes whenever anything does that could change what is found in the sources.

    Parameters
    ----------
    settings : Settings

    Returns
    -------
    str or None
        SHA-256, in hex, over the files' bytes, the settings, and the code that reads them; None where a table is a
        query's or one of the connection's, of which no file tells, or a file is missing.
    """
    try:
        files = source_files(settings)
    except SourceError:
        return None
    if files is None:
        return None
    if settings.signals is not None:
        files.append(settings.path(settings.signals))
    total = hashlib.sha256(json.dumps(settings.model_dump(mode="json", exclude=UNREAD), sort_keys=True).encode())
    try:
        for path in files:
            with path.open("rb") as file:
                total.update(hashlib.file_digest(file, "sha256").digest())
    except OSError:
        return None
    total.update(json.dumps([version(name) for name in READERS]).encode())
    for path in sorted(path for name in READ_BY for path in (ROOT / name).rglob("*.py")):
        stat = path.stat()
        total.update(f"{path.relative_to(ROOT)} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return total.hexdigest()
