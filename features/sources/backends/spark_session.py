"""Spark's session: found running or started, and stopped with the last of those that stand on it.

Anything else that a deployment needs (catalogs, credentials, executors' memory) belongs in Spark's own
spark-defaults.conf. pyspark is imported only when a project asks for it.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import tempfile
from pathlib import Path
from typing import IO, TYPE_CHECKING

from ibis.backends.sql import SQLBackend

from configs.errors import Fault, SourceError
from configs.settings import EngineSettings
from features.sources.backends.spark_dialect import backend_class, session_of

if TYPE_CHECKING:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

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

# There is one Spark to a process. These sessions stand on one that we started, and the last of them stops it.
_open: list[SparkSession] = []


def master_of(rest: str, threads: int | None = None) -> str:
    """What Spark calls the master of `spark://{rest}`.

    >>> master_of(""), master_of("", threads=2), master_of("local[4]"), master_of("yarn"), master_of("host:7077")
    ('local[*]', 'local[2]', 'local[4]', 'yarn', 'spark://host:7077')
    """
    if not rest:
        return f"local[{threads or '*'}]"
    own_name = rest == "yarn" or rest.startswith("local") or "://" in rest
    return rest if own_name else f"spark://{rest}"


def connect(rest: str, engine: EngineSettings) -> SQLBackend:
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
    # Spark makes a folder for tables of its own; unless a folder is set, that is not to be the current folder.
    has_folder = running is not None or context.getConf().contains("spark.sql.warehouse.dir")
    options = {} if has_folder else {"spark.sql.warehouse.dir": f"{context._temp_dir}/warehouse"}
    session = SparkSession(context, options=options).newSession()
    if running is None or _open:
        _open.append(session)
    backend = backend_class()()
    backend.register_options()  # as Ibis does for backends that it finds by name
    return backend.connect(session, **_SESSION)


def _started(master: str, engine: EngineSettings) -> SparkContext:
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
    errors = [line for line in lines if re.search("error|exception|not set", line, re.IGNORECASE)]
    return (errors[0] if errors else str(error).strip().partition("\n")[0])[:240]


def disconnect(backend: SQLBackend) -> None:
    """Gives back what the session kept; a Spark that was started for it stops with the last session there."""
    session = session_of(backend)
    if session in _open:
        _open.remove(session)
        if not _open:
            session.stop()
            return
    for row in session.sql("SHOW TABLES").collect():
        if row.isTemporary and not row.namespace:
            session.catalog.dropTempView(row.tableName)
