"""The engines behind the sources: DuckDB, PostgreSQL and Spark."""

from features.sources.backends.connect import (
    CSV,
    FILES,
    JSON,
    Raw,
    connect,
    digest,
    disconnect,
    find,
    is_duckdb,
    reason,
)
from features.sources.backends.spark import is_spark

__all__ = ["CSV", "FILES", "JSON", "Raw", "connect", "digest", "disconnect", "find", "is_duckdb", "is_spark", "reason"]
