"""Files as Spark reads them: text as text alone, columns of several files matched by name, times with their meaning."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.backends.sql import SQLBackend

from features.sources.backends.spark_dialect import session_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, DataFrameReader

_DELIMITERS = ",;\t|"
_OPENING = 65_536  # bytes in which a header is looked for


def read_csv(backend: SQLBackend, paths: list[str]) -> ir.Table:
    """Delimited text with a header; a row with more or fewer values than the header is an error of Spark's."""
    from pyspark.sql.types import StringType, StructType

    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for path in paths:
        groups.setdefault(_header(path), []).append(path)
    frames = []
    for (delimiter, names), same in groups.items():
        schema = StructType()
        for number, name in enumerate(names):
            schema = schema.add(name or f"column{number}", StringType())
        frames.append(
            _reader(backend, same).csv(
                [_address(path) for path in same],
                schema=schema,
                header=True,
                sep=delimiter,
                quote='"',
                escape='"',
                multiLine=True,
                mode="FAILFAST",
            )
        )
    return _named(backend, reduce(lambda left, right: left.unionByName(right, allowMissingColumns=True), frames))


def read_json(backend: SQLBackend, paths: list[str]) -> ir.Table:
    """JSON lines, or a file that is one array; nested columns are left out."""
    lists = _opening(paths[0]).lstrip().startswith("[")
    frame = _reader(backend, paths).json(
        [_address(path) for path in paths], primitivesAsString=True, multiLine=lists, mode="FAILFAST"
    )
    texts = [field.name for field in frame.schema.fields if field.dataType.typeName() == "string"]
    return _named(backend, frame.select(*(f"`{name}`" for name in texts)))


def read_parquet(backend: SQLBackend, paths: list[str]) -> ir.Table:
    """Columnar files; times in nanoseconds, which Spark sees as numbers, become times again."""
    merged = str(len(paths) > 1).lower()
    reader = _reader(backend, paths).option("mergeSchema", merged)
    if whole := _partitioned(paths):
        reader = reader.option("basePath", _address(whole))
    frame = reader.parquet(*[_address(path) for path in paths])
    return _with_zones(_named(backend, frame), frame, _nanoseconds(paths))


def _partitioned(paths: list[str]) -> str | None:
    """The folder above partitions (`year=2024/`); None where files lie in none."""
    parts = Path(paths[0]).parts
    at = next((number for number, part in enumerate(parts) if "=" in part), None)
    return None if at is None else str(Path(*parts[:at]))


def table(backend: SQLBackend, name: str) -> ir.Table:
    """A table of a catalog, of which `name` has as many parts as it takes."""
    frame = session_of(backend).table(".".join(f"`{part}`" for part in name.split(".")))
    return _with_zones(_named(backend, frame), frame, {})


def _with_zones(table: ir.Table, frame: DataFrame, nanoseconds: dict[str, bool]) -> ir.Table:
    """The table with its moments (TIMESTAMP) kept apart from what clocks showed (TIMESTAMP_NTZ): Ibis sees one type."""
    moments = {field.name: field.dataType.typeName() == "timestamp" for field in frame.schema.fields}
    columns: dict[str, ir.Value] = {}
    for name in table.columns:
        if name in nanoseconds:
            zone = "UTC" if nanoseconds[name] else None
            columns[name] = (table[name] // 1000).as_timestamp("us").cast(dt.Timestamp(timezone=zone))
        elif moments.get(name):
            columns[name] = table[name].cast(dt.Timestamp(timezone="UTC"))
    return table.mutate(**columns) if columns else table


def _nanoseconds(paths: list[str]) -> dict[str, bool]:
    """Columns with times in nanoseconds, and whether these are moments."""
    moments = {}
    for path in paths:
        for field in pq.read_schema(path):
            if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
                moments[field.name] = field.type.tz is not None
    return moments


def _reader(backend: SQLBackend, paths: list[str]) -> DataFrameReader:
    """Spark's reader, with an option that it ignores: what another session keeps of an older content is not taken."""
    facts = [(path, Path(path).stat().st_size, Path(path).stat().st_mtime_ns) for path in paths]
    return session_of(backend).read.option("forewarn.content", hashlib.sha256(repr(facts).encode()).hexdigest())


def _named(backend: SQLBackend, frame: DataFrame) -> ir.Table:
    name = ibis.util.gen_name("forewarn_source")
    frame.createOrReplaceTempView(name)
    return backend.table(name)


def _address(path: str) -> str:
    """A path as Spark takes it literally: on this machine, and no pattern."""
    return "file://" + re.sub(r"([\\*?\[\]{},])", r"\\\1", str(Path(path).absolute()))


def _opening(path: str) -> str:
    """How the text of a file begins, which may be packed."""
    with pa.input_stream(path, compression="detect") as file:
        return bytes(file.read(_OPENING)).decode("utf-8-sig", errors="replace")


def _header(path: str) -> tuple[str, tuple[str, ...]]:
    """The delimiter, which is the sign that occurs most often in the header outside of quotes, and the names."""
    opening = _opening(path)
    bare = re.sub('"[^"]*"', "", opening).partition("\n")[0]
    delimiter = max(_DELIMITERS, key=bare.count)
    return delimiter, tuple(next(csv.reader(io.StringIO(opening, newline=""), delimiter=delimiter), ()))
