"""The law over corrected rows: at each as_of the newest version known then counts, in every table."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from configs.tables import TABLES, table
from features.dataset import Dataset
from features.sources.sources import known_at

from .conftest import AS_OFS, Tables

LAST = pd.Timestamp("2025-09-30")  # the last day of the company's data
SHARE = 0.2  # of the rows that are corrected, a half of them twice
NUMBERS = ("arr", "amount", "quantity", "seats", "arr_change")
WORDS = ("priority", "plan", "role", "attended", "initiated_by", "voluntary", "segment", "arm", "sentiment", "score")


def with_versions(name: str, rows: pd.DataFrame) -> pd.DataFrame:
    """Every row with an id where its table knows one, and some of them corrected, up to half a year later: other
    values, and with an id another time."""
    rng = np.random.default_rng(len(rows))
    spec, rows = table(name), rows.reset_index(drop=True)
    for key in spec.key:
        if key not in rows:
            rows[key] = [f"{name}-{number}" for number in range(len(rows))]
    if "recorded_at" not in rows:
        rows["recorded_at"] = pd.NaT
    rows["recorded_at"] = rows.recorded_at.astype("datetime64[us]")
    parts, corrected = [rows], rows
    for share in (SHARE, 0.5):
        corrected = corrected.sample(frac=share, random_state=7).copy()
        known = corrected.recorded_at.fillna(corrected[spec.time])
        known = known.where(known > corrected[spec.time], corrected[spec.time])
        corrected["recorded_at"] = known + pd.to_timedelta(rng.integers(1, 180 * 24, len(corrected)), unit="h")
        for column in NUMBERS:
            if column in corrected:
                corrected[column] = (corrected[column] * rng.choice([0.0, 0.5, 2.0], len(corrected))).round(2)
        for column in WORDS:
            if column in corrected:
                corrected[column] = corrected[column].sample(frac=1, random_state=3).to_numpy()
        if spec.key and name not in ("accounts", "contracts"):
            moved = corrected[spec.time] + pd.to_timedelta(rng.integers(-20, 20, len(corrected)), unit="D")
            corrected[spec.time] = moved.clip(upper=LAST)
        parts.append(corrected)
    return pd.concat(parts, ignore_index=True)


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
    assert set(corrected.open().versions) == given & {one.name for one in TABLES}


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
