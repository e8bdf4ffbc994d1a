"""Which files a `from:` names: endings that can be read, patterns, and what stands nearby where there is none."""

from __future__ import annotations

import glob
import hashlib
import re
from pathlib import Path

from configs.errors import Fault, SourceError, nearest
from configs.settings import Settings
from features.sources.backends.excel import EXCEL

CSV = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".csv.zst", ".tsv.zst")
JSON = (".jsonl", ".ndjson", ".json", ".jsonl.gz", ".ndjson.gz", ".jsonl.zst", ".ndjson.zst")
PARQUET = (".parquet", ".pq")
FILES = CSV + JSON + PARQUET + EXCEL
_LIKE_A_FILE = re.compile(
    r"\.(csv|tsv|jsonl|ndjson|json|parquet|pq|xls[xmb]?|ods|docx|txt|feather|avro|orc|gz|zst|zip)$", re.IGNORECASE
)


def is_file_name(origin: str) -> bool:
    """Whether a `from:` ends like a file, of a kind that can be read or not.

    >>> is_file_name("raw/a.csv"), is_file_name("a.docx"), is_file_name("crm.accounts")
    (True, True, False)
    """
    return bool(_LIKE_A_FILE.search(origin))


def matching_files(settings: Settings, where: str, origin: str) -> list[Path]:
    """The files that `from: origin` names, those of a folder too; SourceError when there is none, or an empty one."""
    path = settings.path(origin)
    if glob.has_magic(origin):
        matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True)) if Path(match).is_file()]
        if not matches:
            do = "check the pattern (it counts from the settings' folder)"
            raise SourceError(Fault(where, f"no file matches {origin}", "at least one file", do))
        return matches
    if path.is_dir():
        if inside := files_in(path):
            return inside
        found = f"the folder {origin} without data files"
        raise SourceError(Fault(where, found, "files of one kind: " + ", ".join(FILES), "check the path"))
    if not path.is_file():
        raise SourceError(Fault(where, f"no file {origin}", "a file", nearest_file(path)))
    if path.stat().st_size == 0:
        raise SourceError(Fault(where, f"{origin} is empty", "a header and rows", "export it again"))
    return [path]


def files_in(folder: Path) -> list[Path]:
    """The data files of a folder, partitions of it (`year=2024/`) included; not what tools hide there (`_SUCCESS`).

    Parameters
    ----------
    folder : pathlib.Path

    Returns
    -------
    list of pathlib.Path
        In the order of their names.
    """
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name.lower().endswith(FILES))
    parts = ((path, path.relative_to(folder).parts) for path in paths)
    return [path for path, inside in parts if not any(part.startswith((".", "_")) for part in inside)]


def nearest_file(path: Path) -> str:
    """What to do about a file that is missing: which names like it its folder has."""
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder.name!r}; fix the path (it counts from the settings' folder)"
    names = sorted(file.name for file in folder.iterdir() if file.is_file())[:200]
    return nearest(path.name, names)[:300] if names else f"the folder {folder.name!r} is empty"


def digest(paths: tuple[Path, ...]) -> str:
    """A fingerprint of files' content.

    Parameters
    ----------
    paths : tuple of pathlib.Path

    Returns
    -------
    str
        SHA-256 over their bytes, in the order of the paths, in hex.
    """
    total = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()
