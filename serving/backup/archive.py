"""The file of a backup: a gzipped tar of regular files, and last a manifest with the SHA-256 of each."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from configs.errors import DataError, Fault

MANIFEST = "manifest.json"
PROJECT, STATE = "project", "state"  # the folders in the archive: beside the settings' file, and in the state folder
FORMAT = 1


@dataclass(frozen=True)
class Manifest:
    """What a backup holds.

    Attributes
    ----------
    format : int
        Of the file.
    forewarn, taken_at : str
        The version that wrote it, and when.
    config, state : str
        The settings' file, by its name below the project's folder, and the state folder, as the settings name it.
    ledger_hash : str or None
        The newest batch's; None where the project had no ledger.
    files : dict of str to str
        SHA-256 by path in the archive.
    """

    format: int
    forewarn: str
    taken_at: str
    config: str
    state: str
    ledger_hash: str | None
    files: dict[str, str]


class ArchiveWriter:
    """Adds files to a backup, each hashed from the bytes that are written."""

    def __init__(self, tar: tarfile.TarFile) -> None:
        self._tar = tar
        self.files: dict[str, str] = {}

    def add(self, path: Path, name: str) -> None:
        """A file under a name; one that has gone meanwhile is left out."""
        try:
            source = path.open("rb")
        except FileNotFoundError:
            return
        with source:  # one handle: a file that is replaced meanwhile is taken as it was
            digest = hashlib.file_digest(source, "sha256").hexdigest()
            info = tarfile.TarInfo(name)
            info.size, info.mode = source.tell(), 0o600
            source.seek(0)
            self._tar.addfile(info, source)
        self.files[name] = digest

    def close(self, manifest: Manifest) -> None:
        body = json.dumps(asdict(manifest), indent=1).encode()
        info = tarfile.TarInfo(MANIFEST)
        info.size, info.mode = len(body), 0o600
        self._tar.addfile(info, io.BytesIO(body))


@contextmanager
def writing(path: Path) -> Iterator[ArchiveWriter]:
    # Most of it is Parquet, which does not shrink any more.
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        yield ArchiveWriter(tar)


def extract(file: Path, folder: Path) -> Manifest:
    """Unpacks a backup into a folder and compares each file with the manifest.

    Parameters
    ----------
    file : Path
    folder : Path
        Empty.

    Returns
    -------
    Manifest

    Raises
    ------
    DataError
        With everything in it that is not as it was written, or where it is no backup.
    """
    do = "take another backup's file"
    try:
        with tarfile.open(file, "r:gz") as tar:
            for member in tar:
                parts = PurePosixPath(member.name).parts
                allowed = member.name == MANIFEST or (len(parts) > 1 and parts[0] in (PROJECT, STATE))
                if not member.isreg() or ".." in parts or not allowed:
                    raise DataError(Fault(str(file), f"an entry {member.name!r}", "files of a backup alone", do))
                tar.extract(member, folder, filter="data")
    except FileNotFoundError:
        raise DataError(Fault(str(file), "no such file", "a file of `forewarn backup`", "check the path")) from None
    except (tarfile.TarError, EOFError, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise DataError(Fault(str(file), str(error) or "cut short", "a whole file of `forewarn backup`", do)) from None
    return _checked(file, folder, do)


def _checked(file: Path, folder: Path, do: str) -> Manifest:
    try:
        manifest = Manifest(**json.loads((folder / MANIFEST).read_bytes()))
    except (OSError, ValueError, TypeError):
        raise DataError(Fault(str(file), "no manifest", "a whole file of `forewarn backup`", do)) from None
    if manifest.format != FORMAT:
        expected = f"format {FORMAT}"
        raise DataError(Fault(str(file), f"format {manifest.format}", expected, "install the newest forewarn"))
    (folder / MANIFEST).unlink()
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    faults = [
        Fault(name, "no such file" if name not in found else "other bytes", "as it was backed up", do)
        for name, digest in manifest.files.items()
        if name not in found or hashlib.sha256(found[name].read_bytes()).hexdigest() != digest
    ]
    faults += [Fault(name, "a file", "none", do) for name in sorted(set(found) - set(manifest.files))]
    if faults:
        raise DataError(faults)
    return manifest
