"""Prepared days as they are written: whole or not at all, one folder a day, and which of them is the newest."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from configs.atomic_files import write_text
from serving.prepared.day import BODIES_FILE, FORMAT, INDEX_FILE, DayHeader, Summary
from serving.prepared.lists import DayLists

CURRENT_FILE = "current.json"


@dataclass(frozen=True)
class PreparedAccount:
    """All that is written of one account: bodies of its answers, values of its row in the ledger, its summary.

    Attributes
    ----------
    summary : Summary
    score, explain : bytes
        The JSON of its prediction with the strongest reasons, and with all of them.
    row : sequence
        Of the ledger, without its number.
    signals_hash : str
    """

    summary: Summary
    score: bytes
    explain: bytes
    row: Sequence[Any]
    signals_hash: str


class DayWriter:
    """Writes a day account by account; `close` makes the folder appear, whole."""

    def __init__(self, folder: Path) -> None:
        folder.parent.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        self._bodies: BinaryIO = (self._temporary / BODIES_FILE).open("wb")
        self._digest = hashlib.sha256()
        self._offset = 0
        self._places: list[list[int | str]] = []
        self._summaries: list[tuple[Any, ...]] = []

    def add(self, account: PreparedAccount) -> None:
        places: list[int | str] = []
        for body in (account.score, account.explain, json.dumps(account.row, separators=(",", ":")).encode()):
            self._bodies.write(body)
            self._digest.update(body)
            places += [self._offset, len(body)]
            self._offset += len(body)
        self._places.append([*places, account.signals_hash])
        self._summaries.append(astuple(account.summary))

    def close(self, header: DayHeader, lists: DayLists | None = None) -> Path:
        """The folder, in which the day now is."""
        self._bodies.close()
        index = {
            "format": FORMAT,
            "header": asdict(header),
            "digest": self._digest.hexdigest(),
            "lists": asdict(lists or DayLists()),
            "summaries": self._summaries,
            "places": self._places,
        }
        (self._temporary / INDEX_FILE).write_text(json.dumps(index, separators=(",", ":")), encoding="utf-8")
        shutil.rmtree(self.folder, ignore_errors=True)
        os.replace(self._temporary, self.folder)
        return self.folder

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bodies.close()
        shutil.rmtree(self._temporary, ignore_errors=True)


def set_current(served: Path, key: str) -> None:
    """Names the newest of the days in the folder `served`.

    Parameters
    ----------
    served : Path
    key : str
        The name of the day's folder.
    """
    write_text(served / CURRENT_FILE, json.dumps({"format": FORMAT, "day": key}))


def current_day(served: Path) -> Path | None:
    """The folder of the newest day.

    Parameters
    ----------
    served : Path
        Where prepared days are.

    Returns
    -------
    Path or None
        None where none was prepared.
    """
    try:
        found = json.loads((served / CURRENT_FILE).read_bytes())
    except (OSError, ValueError):
        return None
    folder = served / str(found.get("day"))
    return folder if found.get("format") == FORMAT and folder.is_dir() else None


def remove_days(served: Path, keep: Sequence[str]) -> None:
    """Removes prepared days but those that are kept; whoever reads one has it open and reads on.

    Parameters
    ----------
    served : Path
        Where prepared days are.
    keep : sequence of str
        Names of their folders.
    """
    for folder in served.iterdir() if served.is_dir() else ():
        if folder.is_dir() and folder.name not in keep:
            shutil.rmtree(folder, ignore_errors=True)
