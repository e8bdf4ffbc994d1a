"""The one interface behind which DuckDB, PostgreSQL and Spark stand.

Signals, labels and checks are Ibis expressions, the same for every engine. What an engine has to do beside translating
them stands here: read what a mapping names, keep a result, take small frames, run, stay within memory.
"""

from __future__ import annotations

import glob
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
from ibis.backends.sql import SQLBackend

from configs.errors import Fault, SourceError, nearest
from configs.settings import Settings, TableSource
from features.sources.backends.excel import EXCEL, read_sheets, split_sheet
from features.sources.backends.files import FILES, PARQUET, is_file_name, matching_files
from features.sources.backends.query_text import one_select
from features.sources.backends.ragged import ragged_fault, ragged_row

BATCH_ROWS = 1_000_000

Query = Callable[[], pa.Table]
FileReader = Callable[[list[str]], ir.Table]


@dataclass(frozen=True)
class SourceRows:
    """A source as it stands, before anything is mapped.

    Attributes
    ----------
    table : ibis.expr.types.Table
        Its rows, under its own column names.
    origin : str
        What messages call it.
    files : tuple of pathlib.Path
        The files that it is read from; empty for tables and queries of a connection.
    textual : bool
        Whether every column came as text, so that the types of attributes have to be guessed.
    temporary : str or None
        The temporary table that holds the rows, to be dropped once they are mapped.
    """

    table: ir.Table
    origin: str
    files: tuple[Path, ...] = ()
    textual: bool = False
    temporary: str | None = None


class Engine(ABC):
    """An open connection to an engine, and what a build asks of it.

    Attributes
    ----------
    backend : ibis.backends.sql.SQLBackend
        The Ibis backend that translates expressions for it.
    name : str
        What messages call the engine.
    query_hint : str
        What to do about a query that the engine refuses.
    streams_in_order : bool
        Whether `batches` can keep the order of the source, and `stream` reads batches as they are made: what the
        rollup of usage in arrays needs.
    """

    name: str
    query_hint = "fix the SQL of query:"
    streams_in_order = False

    def __init__(self, backend: SQLBackend) -> None:
        self.backend = backend

    def read(self, settings: Settings, name: str, source: TableSource) -> SourceRows:
        """The rows that a canonical table is made from; text files are read as text only.

        So one bad value far down a file is a fault with a count and an example, and not a failure of the reader.

        Parameters
        ----------
        settings : Settings
            Whose folder paths count from.
        name : str
            The canonical table.
        source : TableSource
            The `from:` or `query:` of its mapping.

        Returns
        -------
        SourceRows

        Raises
        ------
        SourceError
            When they cannot be found or read, with what stands nearby under a similar name.
        """
        where = f"tables.{name}"
        if source.query is not None:
            return self._read_query(f"{where}.query", name, source.query)
        origin = source.from_ or ""
        if not names_files(settings, origin):
            return self._read_table(f"{where}.from", origin)
        if not self.file_readers():
            found = f"the file {origin} beside a {self.name} connection"
            do = "name a table (schema.table), or use connection: duckdb:// for files"
            raise SourceError(Fault(f"{where}.from", found, "a table of the connection", do))
        return self._read_files(settings, name, origin)

    def _read_query(self, where: str, name: str, query: str) -> SourceRows:
        temporary, query = f"forewarn_query_{name}", one_select(where, query, self.name)
        try:
            table = self.run_query(temporary, query)
        except Exception as error:
            raise SourceError(
                Fault(where, reason(error), f"SQL that {self.name} understands", self.query_hint)
            ) from None
        return SourceRows(table, f"the query of {name}", temporary=temporary)

    def _read_table(self, where: str, origin: str) -> SourceRows:
        schema, _, table = origin.rpartition(".")
        try:
            return SourceRows(self.table_of(origin), f"table {origin}")
        except Exception as error:
            why = reason(error)
        known = self.table_names(schema)
        hint = nearest(table, known) if known else "no tables there; name a file, or fix connection: or the schema"
        found = f"no table {origin!r}" if table not in known else f"table {origin!r} that cannot be read: {why}"
        raise SourceError(Fault(where, found, "a file or a table of the connection", hint[:300]))

    def _read_files(self, settings: Settings, name: str, origin: str) -> SourceRows:
        where = f"tables.{name}.from"
        origin, sheet = split_sheet(origin)
        paths = matching_files(settings, where, origin)
        names = [path.name.lower() for path in paths]
        readers = self.file_readers()
        kinds = (*(kind for kind, _ in readers), EXCEL)
        endings = next((kind for kind in kinds if all(name.endswith(kind) for name in names)), None)
        if endings is None:
            do = "convert it, or name files of one kind"
            raise SourceError(Fault(where, origin, "files of one kind: " + ", ".join(FILES), do))
        try:
            files = [str(path) for path in paths]
            if endings == EXCEL:
                table = self.materialize(f"forewarn_sheet_{name}", read_sheets(files, sheet))
            else:
                table = dict(readers)[endings](files)
        except SourceError:
            raise
        except Exception as error:
            do = "check the file (UTF-8, a header, one record a row)"
            if ragged := ragged_row(paths):
                raise SourceError(ragged_fault(where, ragged)) from None
            raise SourceError(Fault(where, f"{origin}: {reason(error)}", "a readable file", do)) from None
        return SourceRows(table, origin, tuple(paths), textual=endings != PARQUET)

    def file_readers(self) -> Sequence[tuple[tuple[str, ...], FileReader]]:
        """Endings of files, and how such files are read; none on a server, which does not see them."""
        return ()

    @abstractmethod
    def run_query(self, name: str, query: str) -> ir.Table:
        """What a SELECT in the user's own SQL answers, worked out once, as a temporary table of that name."""

    @abstractmethod
    def table_of(self, origin: str) -> ir.Table:
        """A table of the connection, by its name with or without a schema; the engine's own error where it is not."""

    @abstractmethod
    def table_names(self, schema: str) -> list[str]:
        """Names of tables for a hint; none where they cannot be listed, since the hint must not hide its fault."""

    def settle(self, name: str, rows: ir.Table, source: SourceRows, cheap: bool) -> ir.Table:
        """A canonical table as everything later reads it.

        It is stored once where reading or cleaning it is dear; otherwise, and on a server, whose tables may be too
        large to keep, it stays an expression over the source.

        Parameters
        ----------
        name : str
            What it is stored as.
        rows : ibis.expr.types.Table
            Under canonical names and types.
        source : SourceRows
            What they are made from.
        cheap : bool
            Whether no value of them has to be parsed or cleaned.

        Returns
        -------
        ibis.expr.types.Table
        """
        return rows

    def content(self, name: str, columns: Iterable[str]) -> str | None:
        """What changes with the rows of a settled table, not with their order; None where asking is too dear."""
        return None

    @abstractmethod
    def materialize(self, name: str, rows: ir.Table | pa.Table) -> ir.Table:
        """Works a result out once, into a temporary table of that name, in the place of an earlier one."""

    def upload(self, name: str, frame: pd.DataFrame) -> ir.Table:
        """A small frame as a temporary table of that name, in the place of an earlier one."""
        return self.materialize(name, arrow_of(frame))

    @abstractmethod
    def view(self, name: str, rows: ir.Table) -> ir.Table:
        """Rows under a name, worked out anew by whoever reads them."""

    @abstractmethod
    def drop(self, name: str) -> None:
        """Gives a temporary table back; nothing where there is none."""

    def hash_key(self, key: ir.Value) -> ir.Value:
        """A text key as a 64-bit number where the engine has a hash for it, null where it is; else the key itself.

        Among the keys of one account no two collide, and numbers are grouped faster.
        """
        return key

    @abstractmethod
    def limit_memory(self, settings: Settings, share: float = 1.0, in_order: bool = False) -> None:
        """Holds an embedded engine to `engine.memory_mb`, or a share of it.

        Parameters
        ----------
        settings : Settings
        share : float
            Of `engine.memory_mb`, beyond which the engine spills to disk.
        in_order : bool
            Whether rows that it is asked for come in the order of their source.
        """

    def to_pandas(self, rows: ir.Table) -> pd.DataFrame:
        """The rows as a frame."""
        frame: pd.DataFrame = self.backend.to_pandas(rows)
        return frame

    def to_arrow(self, rows: ir.Table) -> pa.Table:
        """The rows as an Arrow table."""
        return self.backend.to_pyarrow(rows)

    def count(self, rows: ir.Table) -> int:
        """How many rows there are."""
        return int(self.backend.to_pandas(rows.count()))

    def batches(self, rows: ir.Table, size: int = BATCH_ROWS) -> pa.RecordBatchReader:
        """The rows as a stream of Arrow batches of about `size` rows, never all of them in memory."""
        return self.backend.to_pyarrow_batches(rows, chunk_size=size)

    def stream(self, name: str, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> ir.Table:
        """Batches as a table of that name, which may be read once, and only until `drop_stream`."""
        return self.materialize(name, pa.Table.from_batches(batches, schema))

    def drop_stream(self, name: str) -> None:
        """Gives back a table that `stream` made."""
        self.drop(name)

    @abstractmethod
    def prepare(self, rows: ir.Table) -> Query:
        """An expression to be run again and again while tables under it are replaced; translated to SQL only once, but
        on PostgreSQL."""

    def close(self) -> None:
        """Ends the connection; its tables cannot be read afterwards."""
        self.backend.disconnect()


def arrow_of(frame: pd.DataFrame) -> pa.Table:
    """A frame as an Arrow table, without its index and without what pandas notes beside it."""
    return pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)


def one_time_type(rows: ir.Table) -> ir.Table:
    """Times of whatever resolution the engine reports under one name of type: tables can then be put together.

    Parameters
    ----------
    rows : ibis.expr.types.Table

    Returns
    -------
    ibis.expr.types.Table
    """
    return rows.cast({name: "timestamp" for name, kind in rows.schema().items() if kind.is_timestamp()})


def quoted(text: str) -> str:
    """Text as a literal of SQL.

    >>> quoted("it's")
    "'it''s'"
    """
    return "'" + text.replace("'", "''") + "'"


def reason(error: Exception) -> str:
    """The first line of an engine's error that says what is wrong, short enough to read.

    Parameters
    ----------
    error : Exception
        As the engine raised it, a trace of Java's included.

    Returns
    -------
    str
        At most 240 characters.
    """
    lines = [line.strip(" \t:") for line in str(error).splitlines() if line.strip()]
    lines = lines[1:] if lines[1:] and lines[0].startswith("An error occurred while calling") else lines  # Java's
    return (lines[0] if lines else type(error).__name__)[:240]


def tables_listed_sql(schema: str) -> str:
    """Lists tables in SQL, because ibis 12 cannot list those of DuckDB 2."""
    of_schema = f"= {quoted(schema)}" if schema else "NOT IN ('information_schema', 'pg_catalog')"
    return f"SELECT table_name FROM information_schema.tables WHERE table_schema {of_schema} ORDER BY 1 LIMIT 200"


def names_files(settings: Settings, origin: str) -> bool:
    """Whether a `from:` names files, rather than a table of the connection."""
    return is_file_name(split_sheet(origin)[0]) or glob.has_magic(origin) or _is_path(settings, origin)


def _is_path(settings: Settings, origin: str) -> bool:
    origin, _ = split_sheet(origin)
    return bool(re.search(r"[/\\]", origin)) or settings.path(origin).exists()
