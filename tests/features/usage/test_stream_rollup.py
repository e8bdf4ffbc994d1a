"""Usage added up in arrays and usage grouped by the engine give the same signals, whatever rows come and whenever."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from pandas.testing import assert_frame_equal, assert_series_equal

from configs.settings import Settings
from configs.settings_file import load_settings
from features.dataset import load_dataset
from features.signals.catalogue import signals_of
from features.sources.sources import known_at, open_sources
from features.timeline.outages import daily_totals
from features.timeline.visibility import first_visible
from features.usage import sql_rollup, strategy, stream_rollup
from features.usage.arrays import DayArrays, KeyArrays
from features.usage.key_index import KeyIndex
from features.usage.window_segments import Calendar
from tests.features.by_hand import frame_of

DAY = pd.Timedelta(days=1)
END = pd.Timestamp("2025-07-01")
AS_OFS = {
    "monthly": pd.date_range("2024-06-01", END, freq="MS"),
    "weekly": pd.date_range("2025-01-06", "2025-06-30", freq="W-MON"),
    "daily": pd.date_range("2025-04-20", "2025-06-10", freq="D"),
    "far apart": pd.DatetimeIndex(["2023-03-01", "2025-06-01", "2025-06-02"]),
    "alone": pd.DatetimeIndex([END]),
}


def events(measured: bool) -> pd.DataFrame:
    """Events in no order: late by hours and by months, at midnight, of nobody and of no feature, of quantity 0,
    unknown, negative and broken, of an account that nobody knows; some measures missing."""
    rng, count = np.random.default_rng(8), 6000
    at = END - pd.to_timedelta(rng.uniform(0.01, 1000, count), unit="D")
    at = at.where(rng.random(count) < 0.95, at.normalize())
    late = np.where(rng.random(count) < 0.3, rng.integers(1, 100 * 24, count), rng.integers(0, 2, count))
    made = pd.DataFrame(
        {
            "account_id": rng.choice(["a", "b", "c", "d", "e", "unknown"], count, p=[0.4, 0.3, 0.15, 0.1, 0.01, 0.04]),
            "occurred_at": at,
            "recorded_at": np.where(rng.random(count) < 0.1, pd.NaT, at + pd.to_timedelta(late, unit="h")),
            "user_id": rng.choice([None, *(f"u{number}" for number in range(30))], count),
            "feature": rng.choice([None, "x", "y", "z"], count),
            "quantity": rng.choice([0.0, 1.0, 2.5, -1.0, 7.1, np.nan], count),
        }
    )
    if measured:
        made["minutes"] = rng.choice([np.nan, 0.0, 3.25, 10.1], count)
        made["rarely"] = np.where(rng.random(count) < 0.003, rng.random(count), np.nan)
    made["recorded_at"] = pd.to_datetime(made.recorded_at)
    return made


def project(folder: Path, measured: bool = True, **settings: Any) -> Settings:
    accounts = pd.DataFrame({"account_id": [*"abcde", "absent"], "created_at": pd.Timestamp("2022-01-01")})
    churned = pd.DataFrame({"account_id": ["a"], "occurred_at": [pd.Timestamp("2022-01-02")], "kind": ["renewal"]})
    for name, rows in {"accounts": accounts, "outcomes": churned, "usage_events": events(measured)}.items():
        rows.to_parquet(folder / f"{name}.parquet")
    tables: dict[str, dict[str, Any]] = {
        name: {"from": f"{name}.parquet"} for name in ("accounts", "outcomes", "usage_events")
    }
    if measured:
        tables["usage_events"]["measures"] = ["minutes", "rarely"]
    body = {"extends": "default", "tables": tables, "churn": {"kind": "outcome"}, "data_end": f"{END:%Y-%m-%d}"}
    (folder / "forewarn.yaml").write_text(yaml.safe_dump(body | settings))
    return load_settings(folder / "forewarn.yaml")


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Which strategy each fold used."""
    result: dict[str, str] = {}
    real: Callable[[Any, str], Any] = strategy.RollupStrategies.of

    def of(self: Any, fold: str) -> Any:
        strategy_of_fold = real(self, fold)
        result[fold] = type(strategy_of_fold).__name__
        return strategy_of_fold

    monkeypatch.setattr(strategy.RollupStrategies, "of", of)
    return result


def both(settings: Settings, as_ofs: pd.DatetimeIndex, used: dict[str, str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The frame of signals from arrays, and as grouped by the engine."""
    added = load_dataset(settings, as_ofs=list(as_ofs)).signals
    assert set(used.values()) == {"ArrayRollup"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream_rollup, "SHARE", 0.0)  # no room for arrays
        grouped = load_dataset(settings, as_ofs=list(as_ofs)).signals
    assert set(used.values()) == {"SqlRollup"}
    return added, grouped


@pytest.mark.parametrize("measured", [True, False], ids=["measures", "none"])
@pytest.mark.parametrize("when", AS_OFS)
def test_both_strategies_give_the_same_signals(tmp_path: Path, used: dict[str, str], when: str, measured: bool) -> None:
    settings = project(tmp_path, measured)
    added, grouped = both(settings, AS_OFS[when], used)
    sources = open_sources(settings)
    names = [one.name for one in signals_of(sources, settings.framework) if str(frame_of(one)).startswith("usage_")]
    sources.close()
    assert len(names) > (40 if measured else 30)
    assert added[names].notna().any().all() or when == "far apart"
    assert_frame_equal(added, grouped, rtol=1e-9, atol=1e-9)


def test_both_strategies_give_the_same_signals_of_a_kept_state(tmp_path: Path, used: dict[str, str]) -> None:
    settings = project(tmp_path, engine={"incremental": True})
    added, grouped = both(settings, AS_OFS["monthly"], used)
    assert_frame_equal(added, grouped, rtol=1e-9, atol=1e-9)
    plain = settings.model_copy(update={"engine": settings.engine.model_copy(update={"incremental": False})})
    assert_frame_equal(added, load_dataset(plain, as_ofs=list(AS_OFS["monthly"])).signals, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("share", "cells_a_row", "strategy_of"),
    [
        (0.5, 0, {"usage_days": "SqlRollup", "usage_users": "SqlRollup", "usage_features": "SqlRollup"}),
        (0.5, 0.4, {"usage_days": "SqlRollup", "usage_users": "SqlRollup", "usage_features": "ArrayRollup"}),
        (0.0003, 8, {"usage_days": "ArrayRollup", "usage_users": "SqlRollup", "usage_features": "ArrayRollup"}),
        (0.0, 8, {"usage_days": "SqlRollup", "usage_users": "SqlRollup", "usage_features": "SqlRollup"}),
    ],
)
def test_what_does_not_fit_is_grouped(
    tmp_path: Path,
    used: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    share: float,
    cells_a_row: float,
    strategy_of: dict[str, str],
) -> None:
    settings = project(tmp_path, measured=False, engine={"memory_mb": 512})
    expected = load_dataset(settings, as_ofs=list(AS_OFS["monthly"])).signals
    monkeypatch.setattr(stream_rollup, "FEW", 0)
    monkeypatch.setattr(stream_rollup, "CELLS_A_ROW", cells_a_row)
    monkeypatch.setattr(stream_rollup, "SHARE", share)
    result = load_dataset(settings, as_ofs=list(AS_OFS["monthly"])).signals
    assert used == strategy_of
    assert_frame_equal(result, expected, rtol=1e-9, atol=1e-9)


def test_with_too_many_late_rows_all_is_grouped(
    tmp_path: Path, used: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = project(tmp_path)
    expected = load_dataset(settings, as_ofs=list(AS_OFS["weekly"])).signals
    monkeypatch.setattr(stream_rollup, "LATE_BYTES", 1 << 30)
    result = load_dataset(settings, as_ofs=list(AS_OFS["weekly"])).signals
    assert set(used.values()) == {"SqlRollup"}
    assert_frame_equal(result, expected, rtol=1e-9, atol=1e-9)


def test_a_pass_finds_the_statistics_that_scans_of_the_source_do(tmp_path: Path) -> None:
    settings = project(tmp_path)
    sources = open_sources(settings)
    ids = pd.Index([*"abcde", "absent"])
    numbered = pd.DataFrame({"account_id": ids, "account": np.arange(len(ids), dtype="int32")})
    units = strategy.Units(sources.engine, sql_rollup.units(sources))
    accounts, calendars = sources.engine.upload("numbers", numbered), {"usage_days": Calendar(AS_OFS["alone"], (90,))}
    result = strategy.RollupStrategies(units, accounts, ids, calendars, ("minutes", "rarely"), settings).statistics
    assert result is not None
    totals, first = daily_totals(sources, "usage_events"), first_visible(sources, "usage_events")
    sources.close()
    assert (totals.visible - totals.day > DAY).sum() > 500
    assert_frame_equal(result.totals, totals)
    visible = result.first_visible.sort_index()
    assert_series_equal(visible, first[list("abcde")], check_names=False, check_index_type=False)


def test_before_the_first_row_nothing_is_seen_and_nothing_told(tmp_path: Path, used: dict[str, str]) -> None:
    settings, early = project(tmp_path), pd.DatetimeIndex(["2022-02-01"])
    sources = open_sources(settings)
    known = known_at(sources, early[0])
    assert known.tables["usage_events"].count().execute() == 0
    result = load_dataset(settings, known, list(early)).signals
    sources.close()
    assert set(used.values()) == {"ArrayRollup"}
    assert result.usage_30d.isna().all()
    assert (result.coverage_usage == 0).all()


def test_arrays_do_not_go_back_in_time() -> None:
    calendar = Calendar(AS_OFS["monthly"].as_unit("us"), (30, 60, 90))
    for arrays in (DayArrays(calendar, 2, ()), KeyArrays(calendar, "usage_users", 1000, 100_000)):
        assert arrays.visible(3).num_rows == 0
        with pytest.raises(ValueError, match="no longer known"):
            arrays.visible(0)


def test_distinct_keys_have_numbers_of_their_own() -> None:
    """Keys that want the same place, at the table's end and at its beginning, and more of them than there was room."""
    rng = np.random.default_rng(2)
    crowded = np.uint64(2**64 - 1) - rng.permutation(3000).astype("uint64")
    spread = rng.integers(0, 2**64, 20_000, dtype="uint64")
    index, known = KeyIndex(), dict[int, int]()
    for keys in (crowded[:10], np.zeros(1, "uint64"), crowded, spread, np.append(spread[::-1], crowded), spread[:0]):
        for key, number in zip(keys.tolist(), index.number(keys).tolist(), strict=True):
            assert known.setdefault(key, number) == number
    assert sorted(known.values()) == list(range(index.count))
