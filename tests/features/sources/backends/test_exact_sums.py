"""Signals are the same to their last bit on any number of threads, before any of them is rounded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ibis
import numpy as np
import pandas as pd
import pytest
import yaml

from configs.settings import Settings
from configs.settings_file import load_settings
from features.assembly import postprocess
from features.dataset import load_dataset
from features.sources.backends.exact_sums import exact
from features.usage import event_batches, stream_rollup

END = pd.Timestamp("2025-07-01")
ROWS = 120_000


@pytest.fixture(scope="module")
def broken_numbers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Quantities, measures and amounts of many decimals, in files whose parts are read by several threads."""
    folder, rng = tmp_path_factory.mktemp("exact"), np.random.default_rng(3)
    accounts = [f"a{place}" for place in range(40)]
    at = END - pd.to_timedelta(rng.uniform(0.01, 700, ROWS), unit="D")
    event_batches = pd.DataFrame({"account_id": rng.choice(accounts, ROWS), "occurred_at": at})
    event_batches["user_id"] = rng.choice([f"u{number}" for number in range(9)], ROWS)
    event_batches["quantity"] = rng.gamma(1, 3, ROWS) * 10 ** -rng.uniform(0, 3, ROWS)
    event_batches["minutes"] = rng.uniform(0, 100, ROWS)
    invoices = event_batches[["account_id"]].assign(issued_at=at, amount=rng.gamma(1, 300, ROWS))
    invoices["due_at"] = at + pd.Timedelta(days=30)
    invoices["paid_at"] = invoices.due_at + pd.to_timedelta(rng.normal(0, 9, ROWS), unit="D")
    tables = {
        "accounts": pd.DataFrame({"account_id": accounts, "created_at": pd.Timestamp("2023-01-01")}),
        "outcomes": pd.DataFrame({"account_id": ["a1"], "occurred_at": [END - pd.Timedelta(days=9)], "kind": "churn"}),
        "usage_events": event_batches,
        "invoices": invoices.assign(kind="invoice"),
    }
    for name, rows in tables.items():
        rows.to_parquet(folder / f"{name}.parquet", row_group_size=10_000)
    return folder


def on_threads(folder: Path, threads: int) -> Settings:
    tables: dict[str, dict[str, Any]] = {path.stem: {"from": path.name} for path in folder.glob("*.parquet")}
    tables["usage_events"]["measures"] = ["minutes"]
    body = {"extends": "default", "tables": tables, "churn": {"kind": "outcome"}, "data_end": f"{END:%Y-%m-%d}"}
    path = folder / f"{threads}.yaml"
    path.write_text(yaml.safe_dump(body | {"engine": {"threads": threads}}))
    return load_settings(path)


@pytest.mark.parametrize("way", ["arrays", "engine"])
def test_the_same_bits_on_any_number_of_threads(
    broken_numbers: Path, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(postprocess, "significant", lambda values, out=None: values)
    monkeypatch.setattr(
        event_batches, "BATCH_ROWS", 1 << 14
    )  # some of them, that end elsewhere than the file's parts do
    if way == "engine":
        monkeypatch.setattr(stream_rollup, "SHARE", 0.0)  # no room for arrays
    as_ofs = list(pd.date_range("2025-01-01", END, freq="MS"))
    alone, *others = (load_dataset(on_threads(broken_numbers, count), as_ofs=as_ofs).signals for count in (1, 2, 4))
    assert {"usage_90d", "top_user_share_90d", "amount_90d", "usage_events_minutes_mean"} <= set(alone.columns)
    assert alone.usage_90d.nunique() > 200
    for other in others:
        pd.testing.assert_frame_equal(other, alone, check_exact=True)


def test_sums_and_means_are_the_plain_ones() -> None:
    rng = np.random.default_rng(5)
    frame = pd.DataFrame({"key": rng.integers(0, 9, 5000), "x": rng.normal(0, 50, 5000), "n": rng.integers(0, 9, 5000)})
    frame.loc[::7, "x"] = None
    rows = ibis.memtable(frame)
    parts = rows.group_by("key").aggregate(
        sum=rows.x.sum(), mean=rows.x.mean(), above=rows.x.sum(where=rows.x > 20), none=rows.x.mean(where=rows.x > 1e6)
    )
    asked = parts.order_by("key")
    plain, result = asked.execute(), exact(asked).execute()
    assert result["none"].isna().all()
    pd.testing.assert_frame_equal(result, plain, rtol=1e-12)
    assert "DECIMAL" in ibis.to_sql(exact(asked), dialect="duckdb")
    assert ibis.to_sql(exact(rows.n.sum().as_table())) == ibis.to_sql(rows.n.sum().as_table())


def test_decimals_add_up_as_they_are_written() -> None:
    """Floats do not: ten times .1 is not 1."""
    rows = ibis.memtable(pd.DataFrame({"x": [0.1] * 10}))
    assert exact(rows.aggregate(x=rows.x.sum())).execute().x[0] == 1.0
