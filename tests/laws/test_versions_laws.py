"""The law over corrected rows: at each as_of the newest version known then counts, in every table."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from configs.tables import TABLES
from features.dataset import Dataset
from features.sources.sources import known_at

from .conftest import AS_OFS, Tables
from .corrected import with_versions


@pytest.fixture(scope="module")
def corrected(company: Tables, tmp_path_factory: pytest.TempPathFactory) -> Tables:
    return company.changed(tmp_path_factory.mktemp("corrected"), with_versions)


@pytest.fixture(scope="module")
def rebuilt(corrected: Tables) -> Dataset:
    return corrected.build()


def assert_same(found: Dataset, expected: Dataset, as_of: pd.Timestamp) -> None:
    rows = [one.signals[one.signals.as_of == as_of].reset_index(drop=True) for one in (found, expected)]
    assert len(rows[1]) > 20
    assert_frame_equal(rows[0], rows[1], rtol=1e-7, check_like=True)


def test_every_table_has_versions(corrected: Tables) -> None:
    given = {path.stem for path in corrected.folder.glob("*.parquet")}
    assert set(corrected.open().versions) == given & {table.name for table in TABLES}


def test_corrections_change_signals(built: Dataset, rebuilt: Dataset) -> None:
    keys = ["account_id", "as_of"]
    both = built.signals.merge(rebuilt.signals, on=keys, suffixes=("", "_corrected"))
    changed = [name for name in ("arr", "usage_30d", "tickets_90d") if not both[name].equals(both[f"{name}_corrected"])]
    assert changed == ["arr", "usage_30d", "tickets_90d"]


@pytest.mark.parametrize("as_of", AS_OFS, ids=str)
def test_same_from_everything_and_from_what_was_known(corrected: Tables, rebuilt: Dataset, as_of: pd.Timestamp) -> None:
    assert_same(corrected.build(as_of, sources=known_at(corrected.open(), as_of)), rebuilt, as_of)


@pytest.mark.parametrize("as_of", AS_OFS, ids=str)
def test_same_from_everything_and_from_the_files_of_that_day(
    corrected: Tables, rebuilt: Dataset, as_of: pd.Timestamp, tmp_path: Path
) -> None:
    stood = corrected.changed(tmp_path, lambda _, rows: rows[~(rows.recorded_at > as_of)])
    assert_same(stood.build(as_of), rebuilt, as_of)
