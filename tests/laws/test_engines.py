"""The same numbers on every engine: counts equal, floats to 1e-9."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psycopg
import pytest
import yaml
from pandas.testing import assert_frame_equal

from configs.settings_file import load_settings
from features.dataset import Dataset, load_dataset
from features.sources.sources import open_sources

from .conftest import AS_OFS, Tables
from .corrected import with_versions

VERSIONED = ("accounts", "contracts", "outcomes", "usage_events", "tickets")
TYPES = {"i": "bigint", "f": "double precision", "b": "boolean", "M": "timestamp"}


def project(company: Tables, folder: Path, connection: str, origin: str) -> Path:
    """The company's own configuration, with each table read through `connection` from origin.format(name)."""
    body: dict[str, Any] = yaml.safe_load((company.folder / "forewarn.yaml").read_text())
    body["connection"] = connection
    for name, source in body["tables"].items():
        source["from"] = origin.format(name=name)
    (folder / "forewarn.yaml").write_text(yaml.safe_dump(body))
    return folder / "forewarn.yaml"


def built_there(path: Path) -> Dataset:
    settings = load_settings(path)
    sources = open_sources(settings)
    try:
        return load_dataset(settings, sources, AS_OFS)
    finally:
        sources.close()


def same(found: Dataset, expected: Dataset) -> None:
    assert found.schema == expected.schema
    for name in expected.signals:
        left, right = found.signals[name], expected.signals[name]
        if pd.api.types.is_float_dtype(right):
            np.testing.assert_allclose(left, right, rtol=1e-9, atol=1e-9, err_msg=name)
        else:
            assert (
                left.astype(object).where(left.notna(), None).tolist()
                == right.astype(object).where(right.notna(), None).tolist()
            ), name
    assert_frame_equal(found.labels, expected.labels, check_dtype=False)


@pytest.fixture
def server(company: Tables, postgres_url: str) -> str:
    """The company's tables in a schema of a real PostgreSQL server."""
    return brought(company, postgres_url)


def brought(company: Tables, postgres_url: str) -> str:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("drop schema if exists company cascade")
        connection.execute("create schema company")
        for path in sorted(company.folder.glob("*.parquet")):
            rows = pd.read_parquet(path)
            columns = ", ".join(f'"{name}" {TYPES.get(kind.kind, "text")}' for name, kind in rows.dtypes.items())
            connection.execute(f"create table company.{path.stem} ({columns})")
            body = io.StringIO()
            rows.to_csv(body, index=False, header=False, na_rep="\\N")
            with connection.cursor().copy(f"copy company.{path.stem} from stdin (format csv, null '\\N')") as copy:
                copy.write(body.getvalue())
    return postgres_url


def test_postgresql_gives_the_same_numbers(company: Tables, built: Dataset, server: str, tmp_path: Path) -> None:
    same(built_there(project(company, tmp_path, server, "company.{name}")), built)


# pyspark leaves closing the sockets through which answers come to the garbage collector.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
def test_spark_gives_the_same_numbers(company: Tables, built: Dataset, spark_url: str, tmp_path: Path) -> None:
    origin = f"{company.folder}/{{name}}.parquet"
    same(built_there(project(company, tmp_path, spark_url, origin)), built)


@pytest.fixture(scope="module")
def corrected(company: Tables, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """A third of the company's accounts, with versions in every table of a few."""
    body = yaml.safe_load((company.folder / "forewarn.yaml").read_text())
    body["tables"] = {name: body["tables"][name] for name in VERSIONED}
    body["framework"] = {"criteria": {"entry": {}}, "triggers": [], "escalations": [], "health_maps": []}
    kept = pd.read_parquet(company.folder / "accounts.parquet").account_id[::3]

    def change(name: str, rows: pd.DataFrame) -> pd.DataFrame:
        return with_versions(name, rows[rows.account_id.isin(kept)])

    return company.changed(tmp_path_factory.mktemp("corrected"), change, body)


@pytest.fixture(scope="module")
def rebuilt(corrected: Tables) -> Dataset:
    found = corrected.build()
    assert len(found.signals) > 20
    return found


@pytest.mark.slow
def test_postgresql_gives_the_same_numbers_of_corrected_rows(
    corrected: Tables, rebuilt: Dataset, postgres_url: str, tmp_path: Path
) -> None:
    same(built_there(project(corrected, tmp_path, brought(corrected, postgres_url), "company.{name}")), rebuilt)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.filterwarnings("ignore:Exception ignored in. <socket:pytest.PytestUnraisableExceptionWarning")
def test_spark_gives_the_same_numbers_of_corrected_rows(
    corrected: Tables, rebuilt: Dataset, spark_url: str, tmp_path: Path
) -> None:
    origin = f"{corrected.folder}/{{name}}.parquet"
    same(built_there(project(corrected, tmp_path, spark_url, origin)), rebuilt)
