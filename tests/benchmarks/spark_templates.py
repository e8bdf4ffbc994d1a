"""Every query of every template, with and without the tables and ids that it can miss, as a real Spark reads it.

    python tests/benchmarks/spark_templates.py [SYSTEMS]

Prints how many queries Spark analysed, and each that it refuses; tables are empty. Snowflake and BigQuery are not here:
their SQL is parsed alone.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from features.sources.templates import SYSTEMS, template
from features.sources.templates.landed import every_table
from tests.features.sources.templates.test_engines import queries

TYPES = {"text": "string", "time": "timestamp_ntz", "number": "double", "flag": "boolean"}


def refused(systems: tuple[str, ...], warehouse: str) -> tuple[int, list[str]]:
    """How many queries Spark looked at, and what it says of those that it cannot read."""
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    settings: dict[str, Any] = {
        "spark.sql.warehouse.dir": warehouse,
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.session.timeZone": "UTC",
    }
    spark = SparkSession.builder.master("local[2]").config(map=settings).getOrCreate()
    looked_at, faults = 0, []
    try:
        for name in systems:
            tables = every_table(template(name))
            spark.sql(f"create database {name}")
            for table, landed in tables.items():
                columns = ", ".join(f"`{column}` {TYPES[kind]}" for column, kind in landed.columns.items())
                spark.sql(f"create table {name}.`{table}` ({columns}) using parquet")
            for sql in queries(name, tables, "spark"):
                looked_at += 1
                try:
                    spark.sql(sql)  # analysed at once
                except PySparkException as error:
                    faults.append(f"{name}: {str(error).splitlines()[0]}")
    finally:
        spark.stop()
    return looked_at, faults


def main() -> None:
    systems = tuple(sys.argv[1].split(",")) if len(sys.argv) > 1 else SYSTEMS
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as warehouse:
        looked_at, faults = refused(systems, warehouse)
    print(
        f"{looked_at} queries of {len(systems)} templates, {len(faults)} refused, {time.perf_counter() - began:.0f} s"
    )
    print("\n".join(faults))


if __name__ == "__main__":
    main()
