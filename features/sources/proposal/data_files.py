"""Which data files a folder has, and what is in them: the material of a proposed mapping."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

import ibis
import ibis.expr.types as ir

from features.sources.backends import CSV, FILES, JSON, files_in
from features.sources.leaky_names import words

SAMPLE_ROWS = 2_000
IGNORED = ("source", "readme", "requirements", "package", "tsconfig", "settings", "config")


def data_files(folder: Path) -> dict[str, list[str]]:
    """The data files of a folder and the folders in it, by what `from:` would name them.

    Alike ones (usage_2024_01.csv, usage_2024_02.csv) go by one pattern (usage_*.csv).

    Parameters
    ----------
    folder : Path

    Returns
    -------
    dict of str to list of str
        Paths by name.
    """
    matches: dict[str, list[Path]] = defaultdict(list)
    partitioned = [path for path in sorted(folder.glob("*")) if path.is_dir() and any(path.glob("*=*"))]
    for path in partitioned:
        matches[path.relative_to(folder).as_posix()] = files_in(path)
    for path in sorted([*folder.glob("*"), *folder.glob("*/*")]):
        relative = path.relative_to(folder)
        hidden = any(part.startswith((".", "_")) for part in relative.parts)
        if path.is_file() and not hidden and path.name.lower().endswith(FILES) and path.stat().st_size:
            pattern = relative.with_name(re.sub(r"\d+", "*", relative.name)).as_posix()
            if not any(word in IGNORED for word in words(relative.name.split(".")[0])):
                matches[re.sub(r"\*([-_.]?\*)+", "*", pattern)].append(path)
    whole = {path.relative_to(folder).as_posix() for path in partitioned}
    return {
        pattern if len(paths) > 1 or pattern in whole else paths[0].relative_to(folder).as_posix(): [*map(str, paths)]
        for pattern, paths in matches.items()
        if paths
    }


def read_typed(connection: ibis.BaseBackend, paths: list[str]) -> ir.Table:
    """Files of one kind as a table, with the types that DuckDB infers.

    Parameters
    ----------
    connection : ibis.BaseBackend
        Of DuckDB.
    paths : list of str

    Returns
    -------
    ibis.expr.types.Table
    """
    name = paths[0].lower()
    if name.endswith(CSV):
        return connection.read_csv(paths, union_by_name=True)
    if name.endswith(JSON):
        return connection.read_json(paths, union_by_name=True)
    return connection.read_parquet(paths, union_by_name=True)


def _as_inferred(text: ir.Table, inferred: ibis.Schema) -> ir.Table:
    """Text under the types inferred; times stay text where they are written in a way that only a guess reads."""
    kinds = {name: kind for name, kind in inferred.items() if name in text.columns and not kind.is_string()}
    times = {name: text[name] for name, kind in kinds.items() if kind.is_temporal()}
    if times:
        some = text.limit(SAMPLE_ROWS)
        asked = {f"given_{at}": some[name].count() for at, name in enumerate(times)}
        asked |= {f"read_{at}": some[name].try_cast(kinds[name]).count() for at, name in enumerate(times)}
        counts = some.aggregate(**asked).to_pandas().iloc[0]
        unread = {name for at, name in enumerate(times) if counts[f"read_{at}"] < counts[f"given_{at}"]}
        kinds = {name: kind for name, kind in kinds.items() if name not in unread}
    return text.mutate(**{name: text[name].try_cast(kind) for name, kind in kinds.items()})
