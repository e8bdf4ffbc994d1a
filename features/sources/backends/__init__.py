"""The engines behind the sources (DuckDB, PostgreSQL and Spark), one interface to all of them."""

from features.sources.backends.base import Engine, Query, SourceRows, one_time_type, reason
from features.sources.backends.connect import connect
from features.sources.backends.duckdb import DuckDBEngine
from features.sources.backends.excel import EXCEL, read_sheets
from features.sources.backends.files import CSV, FILES, JSON, digest, files_in
from features.sources.backends.ragged import ragged_fault, ragged_row
from features.sources.backends.source_files import source_files
from features.sources.backends.typed_files import typed

__all__ = [
    "CSV",
    "EXCEL",
    "FILES",
    "JSON",
    "DuckDBEngine",
    "Engine",
    "Query",
    "SourceRows",
    "connect",
    "digest",
    "files_in",
    "one_time_type",
    "ragged_fault",
    "ragged_row",
    "read_sheets",
    "reason",
    "source_files",
    "typed",
]
