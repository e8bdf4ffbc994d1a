"""Opens the engine that a project's `connection:` names."""

from __future__ import annotations

from configs.errors import Fault, SourceError
from configs.settings import Settings
from features.sources.backends.base import Engine
from features.sources.backends.duckdb import DuckDBEngine
from features.sources.backends.postgres import PostgresEngine, without_password


def connect(settings: Settings) -> Engine:
    """Opens the engine of a project.

    Parameters
    ----------
    settings : Settings
        Whose `connection` is duckdb://, postgres://user@host:port/db or spark://master.

    Returns
    -------
    Engine
        To be closed by whoever opened it.

    Raises
    ------
    SourceError
        When it cannot be reached, or is of no kind that is known.
    """
    scheme, _, rest = settings.connection.partition("://")
    if scheme == "duckdb":
        return DuckDBEngine.open(settings, rest)
    if scheme == "spark":
        # Half a second of imports that nobody else needs.
        from features.sources.backends.spark import SparkEngine

        return SparkEngine.open(settings, rest)
    if scheme in ("postgres", "postgresql"):
        return PostgresEngine.open(settings.connection)
    known = "duckdb://, postgres://user@host:port/db or spark://master"
    raise SourceError(Fault("connection", repr(without_password(settings.connection)), known, "fix connection:"))
