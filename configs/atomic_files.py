"""Files that are whole or absent: each is written under a temporary name and renamed in one step."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

MARK = b"forewarn"


def write_whole(path: Path, write: Callable[[Path], Any]) -> Path:
    """Calls `write` with a temporary path in the folder of `path`, then moves the result there; makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def write_text(path: Path, text: str) -> Path:
    return write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def write_bytes(path: Path, body: bytes) -> Path:
    return write_whole(path, lambda temporary: temporary.write_bytes(body))


def write_parquet(frame: pd.DataFrame, path: Path) -> Path:
    return write_whole(path, lambda temporary: frame.to_parquet(temporary, index=False))


def write_marked(frame: pd.DataFrame, path: Path, mark: dict[str, str]) -> Path:
    """Writes a frame as Parquet, with a mark of what it was made from in the file's metadata."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False)
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), MARK: json.dumps(mark).encode()})
    return write_whole(path, lambda temporary: pq.write_table(table, temporary))


def read_marked(
    path: Path, mark: dict[str, str], columns: Sequence[str] | None = None
) -> tuple[pd.DataFrame, dict[str, str]] | None:
    """A frame (or some columns of it) and its whole mark, if the file exists and its mark agrees with `mark`; None
    otherwise."""
    import pyarrow.parquet as pq

    if not path.exists():
        return None
    table = pq.read_table(path, columns=None if columns is None else list(columns))
    kept = json.loads((table.schema.metadata or {}).get(MARK, b"{}"))
    if any(kept.get(name) != value for name, value in mark.items()):
        return None
    return table.to_pandas(), kept
