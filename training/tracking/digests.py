"""The SHA-256 of each of a model's files: written beside its version in the registry, compared by `load_version`.

A file of a model is text that a parser reads, LightGBM's among them, which ends the process over a text that is cut
short. So what is to score is compared before anything of it is parsed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from configs.errors import Fault, UsageError

TAG = "sha256"


def file_digests(folder: Path) -> dict[str, str]:
    """SHA-256 in hex of every file below a folder, by its path there."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def digest_of(digests: Mapping[str, str]) -> str:
    """One digest for all files of a model.

    >>> digest_of({"a": "1", "b": "2"}) == digest_of({"b": "2", "a": "1"})
    True
    """
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()


def check_files(folder: Path, registered: Mapping[str, str], version: str) -> str:
    """Compares a model's files with what the registry says of them.

    Parameters
    ----------
    folder : Path
        Of the files.
    registered : mapping of str to str
        SHA-256 by path; empty for a version that an older forewarn registered.
    version : str
        For the message.

    Returns
    -------
    str
        The digest of all files, see `digest_of`.

    Raises
    ------
    UsageError
        With every file that is missing, changed, or new.
    """
    found = file_digests(folder)
    faults = []
    for name in sorted({*registered, *found}) if registered else ():
        ours, theirs = found.get(name), registered.get(name)
        if ours != theirs:
            was = "no such file" if ours is None else f"sha256 {ours[:16]}..."
            expected = "no such file" if theirs is None else f"sha256 {theirs[:16]}..., as it was registered"
            do = "bring the file back, or `forewarn train` and `forewarn promote` another version"
            faults.append(Fault(f"version {version}, {name}", was, expected, do))
    if faults:
        raise UsageError(faults)
    return digest_of(found)
