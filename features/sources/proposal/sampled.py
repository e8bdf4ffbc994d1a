"""Large text files, of which a sample answers most questions of a first look: lines from all over a file, and one scan.

A sample is what a few hundred stretches of the file hold, each from the beginning of a line to the end of one. Where a
text may run over several lines (a quote is open at the end of one) lines are no rows, and the rows are drawn by reading
the whole file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LARGE_BYTES, SAMPLE_BYTES = 100_000_000, 6_000_000  # of all files of a table together
STRETCHES = 200
BY_LINES = (".csv", ".tsv", ".jsonl", ".ndjson")  # neither packed nor columnar


def is_large(paths: Sequence[str]) -> bool:
    """Whether a table's files are read by a sample: text, and larger together than `LARGE_BYTES`.

    Parameters
    ----------
    paths : sequence of str
        The table's files.

    Returns
    -------
    bool
    """
    return all(path.lower().endswith(BY_LINES) for path in paths) and _bytes(paths) > LARGE_BYTES


def _bytes(paths: Sequence[str]) -> int:
    return sum(Path(path).stat().st_size for path in paths)


def write_samples(paths: Sequence[str], into: Mapping[str, Path]) -> None:
    """Writes a sample of each of a table's files, of about `SAMPLE_BYTES` together.

    Parameters
    ----------
    paths : sequence of str
        Of one table, `is_large`.
    into : mapping of str to Path
        By path, where its sample is written.
    """
    share = SAMPLE_BYTES / _bytes(paths)
    for path in paths:
        if not _write_lines(Path(path), into[path], share):
            _write_drawn(Path(path), into[path], share)


def _write_lines(path: Path, out: Path, share: float) -> bool:
    """Whole lines from all over a file; False where these may be no rows."""
    size = path.stat().st_size
    length = max(int(size * share / STRETCHES), 1)
    with path.open("rb") as file, out.open("wb") as sample:
        head = b"" if path.name.lower().endswith((".jsonl", ".ndjson")) else file.readline()
        sample.write(head)
        first = file.tell()
        for place in range(STRETCHES):
            start = first + (size - first) * place // STRETCHES
            file.seek(max(start - 1, 0))
            file.readline()  # to the beginning of a line; one that begins just here is kept
            lines = file.readlines(length)
            if head and any(line.count(b'"') % 2 for line in lines):
                return False
            if lines and not lines[-1].endswith(b"\n"):
                lines[-1] += b"\n"
            sample.writelines(lines)
    return True


def _write_drawn(path: Path, out: Path, share: float) -> None:
    import duckdb

    with duckdb.connect() as connection:
        connection.read_csv(str(path), all_varchar=True, header=True).create_view("whole")
        rows = f"SELECT * FROM whole USING SAMPLE {100 * share:.6f} PERCENT (bernoulli, 7)"
        connection.sql(rows).write_csv(str(out), header=True)


@dataclass(frozen=True)
class WholeFacts:
    """What one scan of all of a table's files says.

    Attributes
    ----------
    rows : int
    given : mapping of str to int
        By column, how many rows have a value.
    first, last : mapping of str to str
        By column of times, the first and the last.
    """

    rows: int
    given: Mapping[str, int]
    first: Mapping[str, str]
    last: Mapping[str, str]


def whole_facts(paths: Sequence[str], columns: Sequence[str], times: Sequence[str]) -> WholeFacts | None:
    """Counts every row of a large table once; None where its files cannot be read to their end, as `check` will say.

    Parameters
    ----------
    paths : sequence of str
    columns, times : sequence of str
        Those that are counted, and those among them whose extent is asked for.

    Returns
    -------
    WholeFacts or None
    """
    import duckdb

    asked = ["count(*)", *(f"count({_quoted(name)})" for name in columns)]
    for name in times:
        at = f"try_cast({_quoted(name)} as timestamp)"
        asked += [f"cast(min({at}) as varchar)", f"cast(max({at}) as varchar)"]
    is_json = paths[0].lower().endswith((".jsonl", ".ndjson"))
    read = (
        "read_json(?, union_by_name=true)"
        if is_json
        else "read_csv(?, all_varchar=true, header=true, union_by_name=true)"
    )
    try:
        with duckdb.connect() as connection:
            (answers,) = connection.execute(f"select {', '.join(asked)} from {read}", [list(paths)]).fetchall()
    except duckdb.Error:
        return None
    given = dict(zip(columns, answers[1:], strict=False))
    extents = answers[1 + len(columns) :]
    return WholeFacts(
        rows=answers[0],
        given=given,
        first=dict(zip(times, map(str, extents[::2]), strict=True)),
        last=dict(zip(times, map(str, extents[1::2]), strict=True)),
    )


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
