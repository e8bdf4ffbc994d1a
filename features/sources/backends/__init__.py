"""The engines behind the sources (DuckDB, PostgreSQL and Spark), one interface to all of them."""

from features.sources.backends.base import Engine, Query, SourceRows, one_time_type, reason
from features.sources.backends.connect import connect
from features.sources.backends.duckdb import DuckDBEngine
from features.sources.backends.files import CSV, FILES, JSON, digest, source_files
from features.sources.backends.ragged import ragged_fault, ragged_row

__all__ = [
    "CSV",
    "FILES",
    "JSON",
    "DuckDBEngine",
    "Engine",
    "Query",
    "SourceRows",
    "connect",
    "digest",
    "one_time_type",
    "ragged_fault",
    "ragged_row",
    "reason",
    "source_files",
]
