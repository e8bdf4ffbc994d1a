"""`forewarn backup`: everything that a project keeps, as it stood at one moment, while others go on using it."""

from __future__ import annotations

import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import yaml

from configs.atomic_files import write_whole
from configs.settings import Settings
from configs.settings_file import files_of, read_body
from evaluation.ledger import Ledger
from evaluation.ledger.transfer import copy_ledger
from serving.backup.archive import FORMAT, PROJECT, STATE, ArchiveWriter, Manifest, writing
from serving.project import Project

# What is made again when it is missed: the day's answers, charts' script, BentoML's home, usage folded by day.
MADE_AGAIN = frozenset({"served", "cache", "bentoml", "signals.duckdb", "signals.duckdb.wal"})
SQLITE_HEADER = b"SQLite format 3\x00"
BESIDE_DATABASES = ("-wal", "-shm", "-journal")


@dataclass(frozen=True)
class BackedUp:
    """A backup that was written; `left_out` says in sentences what it does not hold.

    Attributes
    ----------
    file : str
    files : int
        How many it holds.
    size_mb : float
    ledger_batches : int
    ledger_hash : str or None
        Of the newest batch; None without a ledger.
    left_out : tuple of str
    """

    file: str
    files: int
    size_mb: float
    ledger_batches: int
    ledger_hash: str | None
    left_out: tuple[str, ...]


def backup(project: Project, config: Path, out: Path, now: datetime, with_data: bool = False) -> BackedUp:
    """Writes a project's settings, models, ledger, keys, scores and reports into one file, whole or not at all.

    Parameters
    ----------
    project : Project
    config : Path
        Its settings' file.
    out : Path
        The file to write; any that is there is replaced.
    now : datetime
    with_data : bool
        Also the source tables' files below the project's folder.

    Returns
    -------
    BackedUp
    """
    settings, left_out = project.settings, list(_left_out(project.settings, with_data))
    written: list[Manifest] = []
    with tempfile.TemporaryDirectory(dir=out.resolve().parent, prefix=".backup-") as temporary:
        project.tell("copying the databases")
        copies = _databases(settings, Path(temporary))
        hash_, batches = (None, 0) if "ledger.db" not in copies else _newest(copies["ledger.db"])

        def write(file: Path) -> None:
            with writing(file) as archive:
                project.tell("packing")
                left_out.extend(_add_settings(archive, settings, config))
                if with_data:
                    left_out.extend(_add_data(archive, settings))
                for name, copy in copies.items():
                    archive.add(copy, f"{STATE}/{name}")
                _add_state(archive, settings, out)
                name = config.resolve().relative_to(settings.folder).as_posix()
                state = settings.state if settings.paths.folder.is_relative_to(settings.folder) else ".forewarn"
                of = (FORMAT, version("forewarn"), now.isoformat(), name, state)
                manifest = Manifest(*of, hash_, archive.files)
                archive.close(manifest)
                written.append(manifest)

        write_whole(out, write)
    out.chmod(0o600)  # the digests of keys are in it
    size = out.stat().st_size / 1e6
    return BackedUp(str(out), len(written[0].files), size, batches, hash_, tuple(left_out))


def _databases(settings: Settings, folder: Path) -> dict[str, Path]:
    """A copy of each database as it stands now, by its path below the state folder; a ledger elsewhere as SQLite's.

    MLflow's store comes first: what it names was written before it was named, and is never changed.
    """
    state = settings.paths.folder
    found = [path for path in sorted(state.rglob("*.db")) if _is_ours(path, state) and _is_sqlite(path)]
    copies: dict[str, Path] = {}
    for path in sorted(found, key=lambda path: path != settings.paths.tracking):
        if path == settings.paths.ledger and settings.serving.ledger is not None:
            continue
        name = path.relative_to(state).as_posix()
        copies[name] = folder / f"{len(copies)}.db"
        with closing(sqlite3.connect(path, timeout=120)) as source, closing(sqlite3.connect(copies[name])) as copy:
            source.backup(copy)
    if settings.serving.ledger is not None:
        copies["ledger.db"] = folder / "ledger.db"
        copy_ledger(settings.ledger_url, f"sqlite:///{copies['ledger.db']}")
        with closing(sqlite3.connect(copies["ledger.db"])) as copy:
            copy.execute("pragma wal_checkpoint(truncate)")
    return copies


def _newest(ledger: Path) -> tuple[str, int]:
    with Ledger.open(f"sqlite:///{ledger}") as opened:
        newest = opened.head()
    with closing(sqlite3.connect(ledger)) as raw:
        raw.execute("pragma wal_checkpoint(truncate)")
    return newest.hash, newest.batch_id


def _is_ours(path: Path, state: Path) -> bool:
    """Whether a file of the state folder belongs into a backup: none in the making, none that is made again."""
    parts = path.relative_to(state).parts
    hidden = any(part.startswith(".") or part == "__pycache__" for part in parts)
    return not hidden and parts[0] not in MADE_AGAIN and not path.name.endswith(BESIDE_DATABASES)


def _is_sqlite(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(SQLITE_HEADER)) == SQLITE_HEADER


def _add_state(archive: ArchiveWriter, settings: Settings, out: Path) -> None:
    state = settings.paths.folder
    for path in sorted(state.rglob("*")):
        name = f"{STATE}/{path.relative_to(state).as_posix()}"
        taken = name in archive.files or path.resolve() == out.resolve() or path == settings.paths.ledger
        if not taken and _is_ours(path, state) and path.is_file():
            archive.add(path, name)


def _add_settings(archive: ArchiveWriter, settings: Settings, config: Path) -> list[str]:
    """The settings' file, those that it extends and the project's own signals; returns what is not as it was.

    Settings of a file outside the project's folder are written into the one that the backup holds.
    """
    paths, said = files_of(config), []
    if all(path.is_relative_to(settings.folder) for path in paths):
        _add_below(archive, settings.folder, paths)
    else:
        with tempfile.NamedTemporaryFile("w", suffix=".yaml", encoding="utf-8") as merged:
            yaml.safe_dump(read_body(config), merged, sort_keys=False, allow_unicode=True)
            merged.flush()
            archive.add(Path(merged.name), f"{PROJECT}/{paths[0].relative_to(settings.folder).as_posix()}")
        said.append("comments in the settings: a file outside the project's folder was merged into them")
    if settings.signals is not None:
        said += _add_below(archive, settings.folder, [settings.path(settings.signals)])
    return said


def _add_data(archive: ArchiveWriter, settings: Settings) -> list[str]:
    from features.sources import source_files

    files = source_files(settings)
    if files is None:
        return ["source tables of a query or a database"]
    return _add_below(archive, settings.folder, files)


def _add_below(archive: ArchiveWriter, folder: Path, paths: list[Path]) -> list[str]:
    elsewhere = []
    for path in paths:
        if path.is_relative_to(folder):
            archive.add(path, f"{PROJECT}/{path.relative_to(folder).as_posix()}")
        else:
            elsewhere.append(f"{path}, which lies outside the project's folder")
    return elsewhere


def _left_out(settings: Settings, with_data: bool) -> list[str]:
    said = [] if with_data else ["the source tables (--data takes their files along)"]
    if settings.serving.tracking is not None:
        said.append("models and runs, which are on an MLflow server of their own")
    return said
