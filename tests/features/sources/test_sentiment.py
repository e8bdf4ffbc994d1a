"""Texts become a tone only when asked, and a tone that was given stays."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pandas as pd
import pytest

from configs.errors import SourceError
from configs.settings import Settings
from features.dataset import load_dataset
from features.sources.sources import open_sources

AS_OF = pd.Timestamp("2024-03-01")


@pytest.fixture
def settings(make_settings: Callable[..., Settings], write_tables: Callable[..., None]) -> Callable[..., Settings]:
    write_tables(
        {
            "accounts": pd.DataFrame({"account_id": ["a", "b"], "created_at": "2023-01-01"}),
            "contracts": pd.DataFrame({"account_id": ["a", "b"], "starts_at": "2023-01-01", "ends_at": "2024-12-31"}),
            "interactions": pd.DataFrame(
                {
                    "account_id": ["a", "b", "b"],
                    "occurred_at": "2024-02-01",
                    "kind": "email",
                    "initiated_by": "customer",
                    "sentiment": [None, None, 0.9],
                    "text": [
                        "This is terrible, we are very unhappy",
                        "Great product, many thanks!",
                        "This is terrible",
                    ],
                }
            ),
        }
    )
    tables = {name: {"from": f"{name}.csv"} for name in ("accounts", "contracts", "interactions")}
    return lambda **more: make_settings(tables=tables, data_end="2024-04-01", **more)


def tone(settings: Settings) -> list[float]:
    sources = open_sources(settings)
    try:
        return load_dataset(settings, sources, [AS_OF]).signals.interaction_sentiment_90d.tolist()
    finally:
        sources.close()


def test_texts_are_left_alone_by_default(settings: Callable[..., Settings]) -> None:
    first, second = tone(settings())
    assert pd.isna(first)
    assert second == 0.9


def test_texts_get_a_tone_where_none_was_given(settings: Callable[..., Settings]) -> None:
    pytest.importorskip("textblob", reason="textblob is not installed: pip install 'forewarn[sentiment]'")
    first, second = tone(settings(sentiment="textblob"))
    assert first < -0.5
    assert 0.6 < second < 0.9  # between the tone of the first text and the one that was given with the other


def test_a_missing_library_is_a_fault_that_says_how_to_get_it(
    settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "textblob", None)
    with pytest.raises(SourceError, match=r"pip install 'forewarn\[sentiment\]'"):
        open_sources(settings(sentiment="textblob"))
