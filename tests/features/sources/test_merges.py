"""Accounts that were merged: their facts count for the survivor once that is known, and none is there twice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from configs.errors import SourceError
from configs.settings import Settings
from features.dataset import load_dataset
from features.sources import Sources, known_at, open_sources

Make = Callable[..., Settings]
DAY = pd.Timestamp
FILES = {
    "accounts": "account_id,created_at\nold,2023-01-01\nnew,2023-01-01\nother,2023-01-01\n",
    "contracts": (
        "account_id,starts_at,ends_at,arr\nold,2023-01-01,2024-01-01,100\n"
        "new,2023-01-01,2024-01-01,200\nother,2023-01-01,2024-01-01,300\n"
    ),
    "usage_events": "account_id,occurred_at\nold,2023-03-01\nnew,2023-03-02\nold,2023-06-05\n",
    "outcomes": (
        "account_id,occurred_at,kind\nold,2023-02-01,expansion\nold,2023-06-01,churn\nother,2023-09-01,churn\n"
        "new,2023-10-01,renewal\n"
    ),
    "merges": "account_id,into_account_id,merged_at\nold,new,2023-06-01\n",
}


def opened(make_settings: Make, folder: Path, **files: str) -> Sources:
    for name, text in {**FILES, **files}.items():
        (folder / f"{name}.csv").write_text(text)
    return open_sources(settings(make_settings))


def settings(make_settings: Make) -> Settings:
    tables: dict[str, Any] = {name: {"from": f"{name}.csv"} for name in FILES}
    return make_settings(tables=tables, data_end="2023-12-01")


def rows_of(sources: Sources, name: str) -> list[list[str]]:
    frame = sources.engine.to_pandas(sources.tables[name])
    return sorted(frame[["account_id", sources_time(name)]].astype(str).values.tolist())


def sources_time(name: str) -> str:
    return {"usage_events": "occurred_at", "outcomes": "occurred_at", "accounts": "created_at"}[name]


def test_facts_of_a_merged_account_count_for_the_survivor(make_settings: Make, tmp_path: Path) -> None:
    sources = opened(make_settings, tmp_path)
    assert [account for account, _ in rows_of(sources, "accounts")] == ["new", "other"]
    assert rows_of(sources, "usage_events") == [["new", "2023-03-01"], ["new", "2023-03-02"], ["new", "2023-06-05"]]
    # The churn that the merge was booked as is none; the expansion before it counts.
    assert rows_of(sources, "outcomes") == [["new", "2023-02-01"], ["new", "2023-10-01"], ["other", "2023-09-01"]]
    assert "1 accounts count for the one they were merged into; 1 of them are taken out of accounts" in str(
        sources.warnings
    )
    sources.close()


def test_the_survivor_knows_them_from_the_merge_on(make_settings: Make, tmp_path: Path) -> None:
    sources = opened(make_settings, tmp_path)
    assert rows_of(known_at(sources, DAY("2023-05-31")), "usage_events") == [["new", "2023-03-02"]]
    assert len(rows_of(known_at(sources, DAY("2023-06-02")), "usage_events")) == 2
    days = [DAY("2023-05-31"), DAY("2023-06-10")]
    frame = load_dataset(settings(make_settings), sources, days).signals.set_index(["account_id", "as_of"])
    assert sorted(set(frame.index.get_level_values(0))) == ["new", "other"]
    assert frame.arr[("new", days[0])] == 200
    assert frame.arr[("new", days[1])] == 300  # two contracts, which start alike and are no versions of one another
    sources.close()


def test_a_merge_recorded_later_is_known_later(make_settings: Make, tmp_path: Path) -> None:
    merges = "account_id,into_account_id,merged_at,recorded_at\nold,new,2023-06-01,2023-08-01\n"
    sources = opened(make_settings, tmp_path, merges=merges)
    assert len(rows_of(known_at(sources, DAY("2023-07-31")), "usage_events")) == 1
    assert len(rows_of(known_at(sources, DAY("2023-08-01")), "usage_events")) == 3
    sources.close()


def test_through_several_merges_to_the_last(make_settings: Make, tmp_path: Path) -> None:
    merges = "account_id,into_account_id,merged_at\nold,new,2023-06-01\nnew,other,2023-07-01\n"
    sources = opened(make_settings, tmp_path, merges=merges)
    assert [account for account, _ in rows_of(sources, "accounts")] == ["other"]
    assert {account for account, _ in rows_of(sources, "usage_events")} == {"other"}
    assert rows_of(known_at(sources, DAY("2023-06-20")), "usage_events") == []
    sources.close()


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("old,new,2023-06-01\nold,other,2023-07-01\n", "1 accounts merged more than once, for example 'old'"),
        ("old,new,2023-06-01\nnew,old,2023-07-01\n", "a circle: 'new', 'old'"),
        ("old,new,soon\n", "merges.merged_at: found 1 row that cannot be read"),
    ],
)
def test_merges_that_make_no_sense(rows: str, says: str, make_settings: Make, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=says):
        opened(make_settings, tmp_path, merges="account_id,into_account_id,merged_at\n" + rows)
