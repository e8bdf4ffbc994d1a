"""Opens the connection of a project, and finds there what `from:` and `query:` name; nothing is interpreted yet.

Text files (CSV, JSON lines) are read as text only, so that one bad value far down a file is a fault with a count and an
example, and not a failure of the reader.
"""

from __future__ import annotations

import glob
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ibis
import ibis.expr.types as ir

from configs.errors import Fault, SourceError, nearest
from configs.settings import Settings, TableSource
from features.sources.backends import spark, spark_files
from features.sources.backends.spark import is_spark

CSV = (".csv", ".tsv", ".csv.gz", ".tsv.gz", ".csv.zst", ".tsv.zst")
JSON = (".jsonl", ".ndjson", ".json", ".jsonl.gz", ".ndjson.gz", ".jsonl.zst", ".ndjson.zst")
PARQUET = (".parquet", ".pq")
FILES = CSV + JSON + PARQUET
_LIKE_A_FILE = re.compile(
    r"\.(csv|tsv|jsonl|ndjson|json|parquet|pq|xlsx?|txt|feather|avro|orc|gz|zst|zip)$", re.IGNORECASE
)


@dataclass(frozen=True)
class Raw:
    """A source as it is found: `origin` names it in messages, `files` are empty unless it is read from files."""

    table: ir.Table
    origin: str
    files: tuple[Path, ...] = ()
    textual: bool = False  # every column came as text, so the types of attributes have to be guessed
    temporary: str | None = None


def without_password(url: str) -> str:
    """A connection's address, safe to print.

    >>> without_password("postgres://me:secret@host:5432/db")
    'postgres://me:***@host:5432/db'
    """
    return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", url)


def reason(error: Exception) -> str:
    """The first telling line of an engine's complaint, short enough to read."""
    lines = [line.strip(" \t:") for line in str(error).splitlines() if line.strip()]
    lines = lines[1:] if lines[1:] and lines[0].startswith("An error occurred while calling") else lines  # Java's
    return (lines[0] if lines else type(error).__name__)[:240]


def connect(settings: Settings) -> Any:
    """The Ibis backend of `settings.connection`; SourceError when it cannot be reached."""
    url = settings.connection
    scheme, _, rest = url.partition("://")
    if scheme == "duckdb":
        return _duckdb(settings, rest)
    if scheme == "spark":
        return spark.connect(rest, settings.engine)
    if scheme not in ("postgres", "postgresql"):
        found = repr(without_password(url))
        known = "duckdb://, postgres://user@host:port/db or spark://master"
        raise SourceError(Fault("connection", found, known, "mend connection:"))
    try:
        return ibis.connect(url, connect_timeout=10)
    except Exception as error:
        found = f"no answer from {without_password(url)}: {reason(error)}"
        raise SourceError(
            Fault("connection", found, "a database that can be reached", "check host, port, user and password")
        ) from None


def _duckdb(settings: Settings, rest: str) -> Any:
    in_memory = rest in ("", ":memory:")
    path = settings.path(rest)
    if not in_memory and not path.is_file():
        do = _nearest_file(path)
        raise SourceError(Fault("connection", f"no file {rest}", "a DuckDB database, or duckdb:// for files alone", do))
    try:
        connection = ibis.duckdb.connect() if in_memory else ibis.duckdb.connect(path, read_only=True)
    except Exception as error:
        raise SourceError(
            Fault(
                "connection",
                f"{rest}: {reason(error)}",
                "a DuckDB database",
                "check the file, and who else has it open",
            )
        ) from None
    connection.raw_sql(f"SET file_search_path = {_quoted(str(settings.folder))}")
    connection.raw_sql("SET autoinstall_known_extensions = false")
    connection.raw_sql("SET enable_progress_bar = false")  # it would stand among a command's answer on stdout
    return connection


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def is_duckdb(connection: Any) -> bool:
    return str(connection.name) == "duckdb"


def disconnect(connection: Any) -> None:
    """Ends a connection; tables of it cannot be read afterwards."""
    if is_spark(connection):
        spark.disconnect(connection)
    else:
        connection.disconnect()


def find(connection: Any, settings: Settings, name: str, source: TableSource) -> Raw:
    """The rows that canonical table `name` is made from; SourceError when they cannot be found or read."""
    where = f"tables.{name}"
    if source.query is not None:
        return _query(connection, f"{where}.query", name, source.query)
    origin = source.from_ or ""
    if not (_LIKE_A_FILE.search(origin) or glob.has_magic(origin) or _is_path(settings, origin)):
        return _table(connection, f"{where}.from", origin)
    if not (is_duckdb(connection) or is_spark(connection)):
        raise SourceError(
            Fault(
                f"{where}.from",
                f"the file {origin} beside a {connection.name} connection",
                "a table of the connection",
                "name a table (schema.table), or use connection: duckdb:// for files",
            )
        )
    return _files(connection, settings, f"{where}.from", origin)


def _is_path(settings: Settings, origin: str) -> bool:
    return "/" in origin or "\\" in origin or settings.path(origin).exists()


def _query(connection: Any, where: str, name: str, query: str) -> Raw:
    temporary = f"forewarn_query_{name}"
    body = query.strip().rstrip(";")
    try:
        if is_spark(connection):
            return Raw(spark.asked(connection, temporary, body), f"the query of {name}", temporary=temporary)
        _run(connection, f"CREATE TEMPORARY TABLE {temporary} AS {body}")
        return Raw(_temporary(connection, temporary), f"the query of {name}", temporary=temporary)
    except Exception as error:
        do = "mend the SQL of query:" + " (paths count from the settings' folder)" * is_duckdb(connection)
        raise SourceError(Fault(where, reason(error), f"SQL that {connection.name} understands", do)) from None


def _run(connection: Any, sql: str) -> None:
    cursor = connection.raw_sql(sql)
    if not is_duckdb(connection):
        cursor.close()  # a cursor of PostgreSQL left open keeps its transaction


def _temporary(connection: Any, name: str) -> ir.Table:
    if is_duckdb(connection):
        return connection.table(name)
    return connection.table(name, database=connection._session_temp_db)


def _table(connection: Any, where: str, origin: str) -> Raw:
    schema, _, table = origin.rpartition(".")
    try:
        if is_spark(connection):
            return Raw(spark_files.table(connection, origin), f"table {origin}")
        return Raw(connection.table(table, database=schema or None), f"table {origin}")
    except Exception as error:
        why = reason(error)
    known = _known_tables(connection, schema)
    hint = nearest(table, known) if known else "no tables there; name a file, or mend connection: or the schema"
    found = f"no table {origin!r}" if table not in known else f"table {origin!r} that cannot be read: {why}"
    raise SourceError(Fault(where, found, "a file or a table of the connection", hint[:300]))


def _known_tables(connection: Any, schema: str) -> list[str]:
    """Names for a hint only; written as SQL because ibis 12 cannot list the tables of DuckDB 2."""
    if is_spark(connection):
        return spark.known_tables(connection, schema)
    here = f"= {_quoted(schema)}" if schema else "NOT IN ('information_schema', 'pg_catalog')"
    sql = f"SELECT table_name FROM information_schema.tables WHERE table_schema {here} ORDER BY 1 LIMIT 200"
    try:
        cursor = connection.raw_sql(sql)
        names = [str(name) for (name,) in cursor.fetchall()]
        if not is_duckdb(connection):
            cursor.close()
    except Exception:  # the hint must not hide the fault that it belongs to
        return []
    return names


def _nearest_file(path: Path) -> str:
    folder = path.parent
    if not folder.is_dir():
        return f"there is no folder {folder.name!r}; mend the path (it counts from the settings' folder)"
    names = sorted(one.name for one in folder.iterdir() if one.is_file())[:200]
    return nearest(path.name, names)[:300] if names else f"the folder {folder.name!r} is empty"


def _paths(settings: Settings, where: str, origin: str) -> list[Path]:
    path = settings.path(origin)
    if glob.has_magic(origin):
        found = [Path(one) for one in sorted(glob.glob(str(path), recursive=True)) if Path(one).is_file()]
        if not found:
            do = "check the pattern (it counts from the settings' folder)"
            raise SourceError(Fault(where, f"no file matches {origin}", "at least one file", do))
        return found
    if path.is_dir():
        do = f"write {origin.rstrip('/')}/*.parquet or the like"
        raise SourceError(Fault(where, f"{origin} is a folder", "a file or a pattern", do))
    if not path.is_file():
        raise SourceError(Fault(where, f"no file {origin}", "a file", _nearest_file(path)))
    if path.stat().st_size == 0:
        raise SourceError(Fault(where, f"{origin} is empty", "a header and rows", "export it again"))
    return [path]


def _files(connection: Any, settings: Settings, where: str, origin: str) -> Raw:
    paths = _paths(settings, where, origin)
    readers: tuple[tuple[tuple[str, ...], Callable[[Any, list[str]], ir.Table]], ...] = (
        (CSV, _read_csv),
        (JSON, _read_json),
        (PARQUET, _read_parquet),
    )
    fitting = [one for one in readers if all(path.name.lower().endswith(one[0]) for path in paths)]
    if not fitting:
        do = "convert it, or name files of one kind"
        raise SourceError(Fault(where, origin, "files of one kind: " + ", ".join(FILES), do))
    endings, read = fitting[0]
    try:
        table = read(connection, [str(path) for path in paths])
    except Exception as error:
        do = "check the file (UTF-8, a header, one record a row)"
        raise SourceError(Fault(where, f"{origin}: {reason(error)}", "a readable file", do)) from None
    return Raw(table, origin, tuple(paths), textual=endings is not PARQUET)


def _read_csv(connection: Any, paths: list[str]) -> ir.Table:
    if is_spark(connection):
        return spark_files.read_csv(connection, paths)
    return connection.read_csv(paths, all_varchar=True, header=True, union_by_name=True)


def _read_json(connection: Any, paths: list[str]) -> ir.Table:
    if is_spark(connection):
        return spark_files.read_json(connection, paths)
    # The first reading finds the columns (and whether they nest); the second leaves every value as it was written.
    found = connection.read_json(paths, sample_size=-1, union_by_name=True)
    nested = {name for name, kind in found.schema().items() if kind.is_nested()}
    if nested:
        found = found.drop(*nested)
    return connection.read_json(paths, columns=dict.fromkeys(found.columns, "VARCHAR"), union_by_name=True)


def _read_parquet(connection: Any, paths: list[str]) -> ir.Table:
    if is_spark(connection):
        return spark_files.read_parquet(connection, paths)
    return connection.read_parquet(paths, union_by_name=True)


def digest(paths: tuple[Path, ...]) -> str:
    """SHA-256 over the bytes of files, in order of their paths."""
    total = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            total.update(hashlib.file_digest(file, "sha256").digest())
    return total.hexdigest()
