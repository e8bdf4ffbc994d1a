"""Ibis's translation to Spark SQL, where Ibis and Spark differ in what an expression means."""

from __future__ import annotations

import math
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import ibis.expr.types as ir
import pandas as pd
import sqlglot.expressions as sge
from ibis.backends.sql import SQLBackend
from ibis.backends.sql.compilers.pyspark import PySparkCompiler
from ibis.formats.pandas import PandasData

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_ZONES = (
    ("([T ][0-9]{2}:[0-9]{2})([Z+-])", "$1:00$2"),
    ("([+-][0-9]{2})([0-9]{2})$", "$1:$2"),
    ("([+-][0-9]{2})$", "$1:00"),
)


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
        moment = self.f.to_utc_timestamp(at, zone)
        for minutes in (30, 60):
            later = moment + sge.Interval(this=sge.convert(str(minutes)), unit=sge.var("MINUTE"))
            moment = self.if_(self.f.from_utc_timestamp(later, zone).eq(self.cast(at, dt.timestamp)), later, moment)
        return moment


@cache
def backend_class() -> Any:
    """Ibis's backend of Spark with this dialect; pyspark is imported only here, when a project asks for it."""
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


def session_of(backend: SQLBackend) -> SparkSession:
    """The Spark session that a backend of `backend_class` stands on, which Ibis keeps to itself."""
    return backend._session


def fetched(backend: SQLBackend, sql: str) -> pd.DataFrame:
    """What SQL answers, as a frame."""
    return session_of(backend).sql(sql).toArrow().to_pandas()
