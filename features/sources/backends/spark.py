"""Spark as an engine: its session, its dialect where Ibis and Spark differ, and results kept as cached views.

Anything else that a deployment needs (catalogs, credentials, executors' memory) belongs in Spark's own
spark-defaults.conf. pyspark is imported only when a project asks for it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import math
import os
import re
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import IO, Any

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pandas as pd
import pyarrow as pa
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.pyspark import PySparkCompiler
from ibis.formats.pandas import PandasData

from configs.errors import Fault, SourceError
from configs.settings import Engine

_WHERE, _EXPECTED = "connection", "a Spark session"
_LEAST_MEMORY_MB = 1024  # a local Spark takes 450 MB for itself
_SESSION = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "false",  # what cannot be read is null, and counted as a fault of the source
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.legacy.parquet.nanosAsLong": "true",  # Spark cannot read such times at all: spark_files.py does
}
_LOCAL = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
}
_QUIET = {
    "spark.app.name": "forewarn",
    "spark.log.level": "ERROR",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


_ZONES = (
    ("([T ][0-9]{2}:[0-9]{2})([Z+-])", "$1:00$2"),
    ("([+-][0-9]{2})([0-9]{2})$", "$1:$2"),
    ("([+-][0-9]{2})$", "$1:00"),
)

# There is one Spark to a process. These sessions stand on one that we started, and the last of them stops it.
_open: list[Any] = []


class Dialect(PySparkCompiler):
    """Ibis's translation to Spark SQL, with the meaning that DuckDB and PostgreSQL give to the same expressions."""

    __slots__ = ()

    def visit_NonNullLiteral(self, op: Any, *, value: Any, dtype: dt.DataType) -> Any:
        if dtype.is_floating() and math.isfinite(value):
            return self.cast(sge.convert(repr(float(value))), dt.float64)  # a bare 14.5 is a DECIMAL(3, 1)
        return super().visit_NonNullLiteral(op, value=value, dtype=dtype)

    def visit_Cast(self, op: Any, *, arg: Any, to: dt.DataType) -> Any:
        if op.arg.dtype.is_string() and to.is_timestamp() and to.timezone is not None:
            for written, read in _ZONES:  # Spark reads 12:00:00+01:00 alone; not 12:00, +01 or +0100
                arg = self.f.regexp_replace(arg, sge.convert(written), sge.convert(read))
        return super().visit_Cast(op, arg=arg, to=to)

    def visit_CountStar(self, op: Any, *, arg: Any, where: Any) -> Any:
        return super().visit_CountStar(op, arg=arg, where=None) if where is None else self.f.count_if(where)

    def visit_ExtractEpochSeconds(self, op: Any, *, arg: Any) -> Any:
        micros = self.f.unix_micros(self.cast(arg, dt.timestamp))  # unix_timestamp would drop parts of a second
        return self.cast(micros, dt.float64) / self.cast(sge.convert(1_000_000), dt.float64)

    def visit_TimestampFromUNIX(self, op: Any, *, arg: Any, unit: Any) -> Any:
        if unit.short == "us":
            return self.f.timestamp_micros(arg)
        return super().visit_TimestampFromUNIX(op, arg=arg, unit=unit)

    def visit_RegexReplace(self, op: Any, *, arg: Any, pattern: Any, replacement: Any) -> Any:
        if isinstance(op.replacement, ops.Literal):
            replacement = sge.convert(re.sub(r"\\([0-9])", r"$\1", str(op.replacement.value)))
        return super().visit_RegexReplace(op, arg=arg, pattern=pattern, replacement=replacement)

    def visit_ScalarUDF(self, op: Any, **arguments: Any) -> Any:
        if op.__func_name__ != "timezone":
            return super().visit_ScalarUDF(op, **arguments)
        zone, at = arguments.values()
        if op.args[1].dtype.timezone is not None:
            return self.f.from_utc_timestamp(at, zone)
        # Of two moments at which clocks show the same (an hour set back), Spark takes the first, the others the last.
        found = self.f.to_utc_timestamp(at, zone)
        for minutes in (30, 60):
            later = found + sge.Interval(this=sge.convert(str(minutes)), unit=sge.var("MINUTE"))
            found = self.if_(self.f.from_utc_timestamp(later, zone).eq(self.cast(at, dt.timestamp)), later, found)
        return found


@cache
def _backend() -> Any:
    from ibis.backends.pyspark import Backend

    class Spark(Backend):
        """Ibis's backend, its answers fetched as Arrow: times keep their microseconds, and may lie past 2262."""

        compiler = Dialect()

        def execute(self, expr: ir.Expr, /, *, params: Any = None, limit: Any = None, **options: Any) -> Any:
            self._run_pre_execute_hooks(expr)
            table = expr.as_table()
            frame = fetched(self, self.compile(table, params=params, limit=limit, **options))
            return expr.__pandas_result__(PandasData.convert_table(frame, table.schema()))

    return Spark


def is_spark(connection: Any) -> bool:
    return str(connection.name) == "pyspark"


def master_of(rest: str, threads: int | None = None) -> str:
    """What Spark calls the master of `spark://{rest}`.

    >>> master_of(""), master_of("", threads=2), master_of("local[4]"), master_of("yarn"), master_of("host:7077")
    ('local[*]', 'local[2]', 'local[4]', 'yarn', 'spark://host:7077')
    """
    if not rest:
        return f"local[{threads or '*'}]"
    own_name = rest == "yarn" or rest.startswith("local") or "://" in rest
    return rest if own_name else f"spark://{rest}"


def connect(rest: str, engine: Engine) -> Any:
    """The Ibis backend over a Spark session of its own; SourceError where there is no Spark to be had.

    A Spark that runs in this process already is used, and left running at the end.
    """
    if importlib.util.find_spec("pyspark") is None:
        raise SourceError(Fault(_WHERE, "pyspark is not installed", _EXPECTED, "pip install 'forewarn[spark]'"))
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

    master, running = master_of(rest, engine.threads), SparkContext._active_spark_context
    if running is not None and rest and running.master != master:
        found = f"a Spark of {running.master} that runs in this process already"
        raise SourceError(Fault(_WHERE, found, f"Spark of {master}", "stop the one, or write spark:// to use it"))
    context = running or _started(master, engine)
    # Spark makes a folder for tables of its own; unless it was told where, that is not to be the current folder.
    told = running is not None or context.getConf().contains("spark.sql.warehouse.dir")
    options = {} if told else {"spark.sql.warehouse.dir": f"{context._temp_dir}/warehouse"}
    session = SparkSession(context, options=options).newSession()
    if running is None or _open:
        _open.append(session)
    backend = _backend()()
    backend.register_options()  # as Ibis does for backends that it finds by name
    return backend.connect(session, **_SESSION)


def _started(master: str, engine: Engine) -> Any:
    from pyspark import SparkConf, SparkContext
    from pyspark.java_gateway import launch_gateway

    settings = {"spark.master": master, **_QUIET}
    if master.startswith("local"):
        memory = {"spark.driver.memory": f"{max(engine.memory_mb, _LEAST_MEMORY_MB)}m"}
        settings |= {**_LOCAL, **memory, "spark.sql.shuffle.partitions": str(_cores(master))}
    conf = SparkConf().setAll(list(settings.items()))
    with tempfile.TemporaryFile() as log:  # Java's greetings; kept only to say why Spark did not come up
        try:
            gateway = None
            if SparkContext._gateway is None:
                if not _java():
                    do = "install a Java runtime (Debian: default-jre-headless), or set JAVA_HOME; Spark needs 17 or 21"
                    raise SourceError(Fault(_WHERE, "no Java", _EXPECTED, do))
                gateway = launch_gateway(conf, {"stderr": log})
            return SparkContext(conf=conf, gateway=gateway)
        except SourceError:
            raise
        except Exception as error:
            found = f"no Spark of {master}: {_why(log, error)}"
            do = "check the master, and that Java is 17 or 21"
            raise SourceError(Fault(_WHERE, found, _EXPECTED, do)) from None


def _cores(master: str) -> int:
    written = re.match(r"local\[([0-9]+)", master)
    return int(written[1]) if written else 1 if master == "local" else os.cpu_count() or 1


def _java() -> bool:
    home = os.environ.get("JAVA_HOME")
    return bool(shutil.which("java", path=str(Path(home) / "bin")) if home else shutil.which("java"))


def _why(log: IO[bytes], error: Exception) -> str:
    log.seek(0)
    lines = [line.strip() for line in log.read()[-8000:].decode(errors="replace").splitlines()]
    telling = [line for line in lines if re.search("error|exception|not set", line, re.IGNORECASE)]
    return (telling[0] if telling else str(error).strip().partition("\n")[0])[:240]


def disconnect(connection: Any) -> None:
    """Gives back what the session kept; a Spark that was started for it stops with the last session there."""
    session = connection._session
    if session in _open:
        _open.remove(session)
        if not _open:
            session.stop()
            return
    for row in session.sql("SHOW TABLES").collect():
        if row.isTemporary and not row.namespace:
            session.catalog.dropTempView(row.tableName)


def keep(connection: Any, name: str, rows: ir.Table | pa.Table | pd.DataFrame) -> ir.Table:
    """Works rows out once, into a cached view of that name, in the place of an earlier one.

    Other views made from the earlier one keep what they had; SQL that names it sees the new one.
    """
    session = connection._session
    frame = session.sql(connection.compile(rows)) if isinstance(rows, ir.Table) else session.createDataFrame(rows)
    drop(connection, name)
    frame = frame.cache()
    frame.count()
    frame.createOrReplaceTempView(name)
    return connection.table(name)


def view(connection: Any, name: str, rows: ir.Table) -> ir.Table:
    """Rows under a name, worked out anew by whoever reads them."""
    connection._session.sql(connection.compile(rows)).createOrReplaceTempView(name)
    return connection.table(name)


def asked(connection: Any, name: str, query: str) -> ir.Table:
    """What a SELECT in the user's SQL answers, once, under a name; any other statement is refused by Spark's parser."""
    session = connection._session
    session.sql(f"CREATE OR REPLACE TEMPORARY VIEW {name} AS {query}")
    return keep(connection, name, connection.table(name))


def known_tables(connection: Any, schema: str) -> list[str]:
    """Names for a hint; none where the schema cannot be listed."""
    inside = " IN " + ".".join(f"`{part}`" for part in schema.split(".")) if schema else ""
    try:
        tables = connection._session.sql(f"SHOW TABLES{inside}").collect()
    except Exception:  # the hint must not hide the fault that it belongs to
        return []
    return sorted(one.tableName for one in tables if not one.tableName.startswith("forewarn_"))[:200]


def drop(connection: Any, name: str) -> None:
    """Gives a view back, with what is cached of it; nothing where there is none."""
    with contextlib.suppress(Exception):
        connection._session.catalog.dropTempView(name)


def fetched(connection: Any, sql: str) -> pd.DataFrame:
    """What SQL answers, as a frame."""
    return connection._session.sql(sql).toArrow().to_pandas()
