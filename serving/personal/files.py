"""The files of the state folder that name an account: their rows, and taking them out."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from configs.atomic_files import write_text, write_whole
from configs.state_paths import StatePaths
from evaluation.ledger import Subject

TEXTS = (".json", ".html", ".md", ".csv", ".txt", ".yaml", ".log")
LARGEST_TEXT = 200_000_000


@dataclass(frozen=True)
class FileRows:
    """What one file holds of somebody.

    Attributes
    ----------
    path : str
    rows : tuple of mapping
        Of a table; empty for a text that names them.
    what : str
        What is done with it when they are erased: rows taken out, or the whole file removed.
    """

    path: str
    rows: tuple[dict[str, Any], ...] = ()
    what: str = "removed"


def files_about(paths: StatePaths, subject: Subject) -> tuple[FileRows, ...]:
    """Every file of the state folder that has rows of an account, or names an account or a contact.

    Parameters
    ----------
    paths : StatePaths
    subject : Subject

    Returns
    -------
    tuple of FileRows
        Databases but for the usage by day are left out, and so are the models, which hold no rows.
    """
    return tuple(_found(paths, subject))


def _found(paths: StatePaths, subject: Subject) -> Iterator[FileRows]:
    if paths.usage.exists():
        yield FileRows(str(paths.usage))
    if paths.served.exists():
        yield FileRows(str(paths.served))
    for path in _files(paths):
        if path.suffix == ".parquet":
            rows = _rows(path, subject)
            if rows:
                yield FileRows(str(path), rows, "rows taken out")
        elif path.parent.name == "pushed":
            if subject.kind == "account" and subject.id in json.loads(path.read_text(encoding="utf-8")):
                yield FileRows(str(path), ({"account_id": subject.id},), "rows taken out")
        elif path.suffix in TEXTS and _names(path, subject):
            yield FileRows(str(path))


def _names(path: Path, subject: Subject) -> bool:
    is_text = path.stat().st_size <= LARGEST_TEXT
    return is_text and subject.is_named_in(path.read_text(encoding="utf-8", errors="replace"))


def _files(paths: StatePaths) -> Iterator[Path]:
    """Files of signals, scores, backtest, reports and pushes, and what is kept of checks."""
    kept = (paths.history.parent, paths.folder / "scores", paths.backtest, paths.reports, paths.folder / "pushed")
    folders = [*kept, paths.cache]
    for folder in folders:
        yield from sorted(path for path in folder.rglob("*") if path.is_file())
    if paths.features.exists():
        yield paths.features


def _rows(path: Path, subject: Subject) -> tuple[dict[str, Any], ...]:
    import pyarrow.parquet as pq

    if subject.kind != "account" or "account_id" not in pq.read_schema(path).names:
        return ()
    frame = pq.read_table(path, filters=[("account_id", "=", subject.id)])
    return tuple(frame.to_pylist())


def erase_files(found: tuple[FileRows, ...], subject: Subject) -> None:
    """Takes somebody out of the files that `files_about` found; each is whole before and after.

    Parameters
    ----------
    found : tuple of FileRows
    subject : Subject
        Account or contact.
    """
    for file in found:
        path = Path(file.path)
        if not path.exists():
            continue
        if path.suffix == ".parquet":
            _rewrite(path, subject)
        elif path.parent.name == "pushed":
            known = json.loads(path.read_text(encoding="utf-8"))
            known.pop(subject.id, None)
            write_text(path, json.dumps(known, sort_keys=True))
        elif path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
            path.with_name(f"{path.name}.wal").unlink(missing_ok=True)


def _rewrite(path: Path, subject: Subject) -> None:
    import pyarrow.parquet as pq

    schema = pq.read_schema(path)  # with the mark of what it was made from
    kept = pq.read_table(path, filters=[("account_id", "!=", subject.id)])
    write_whole(path, lambda temporary: pq.write_table(kept.cast(schema), temporary))


def expired_files(paths: StatePaths, today: date, days: int) -> tuple[Path, ...]:
    """Signals and scores of days more than so many days ago, by the day in their names.

    Parameters
    ----------
    paths : StatePaths
    today : date
    days : int

    Returns
    -------
    tuple of Path
    """
    last = today - timedelta(days=days)
    found = []
    for folder in (paths.history.parent, paths.folder / "scores"):
        for path in sorted(folder.glob("*.parquet")):
            if re.fullmatch(r"\d{4}-\d{2}-\d{2}", path.stem) and date.fromisoformat(path.stem) < last:
                found.append(path)
    return tuple(found)
