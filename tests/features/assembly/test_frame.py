"""The columns of a frame while it is worked out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from configs.settings import Settings
from features.assembly.frame import Columns, assemble, tier_names
from tests.features.small_company import settings_for, sources_of


def test_numbers_lie_together_and_keep_the_order_in_which_they_came() -> None:
    t = Columns({"account_id": pd.Series(list("abc")), "hidden": pd.Series([1, 2, 3])})
    many = [f"n{number}" for number in range(Columns.BLOCK + 3)]  # more than one block of them
    for number, name in enumerate(many):
        room = t.numbers(name)
        assert np.isnan(room).all()
        room[:] = number
        if number == 1:
            t["text"] = pd.Series(["x", "y", "z"])
    assert t.numbers("n1") is t.numbers("n1")
    t.numbers("n1")[2] = -1.0
    assert t.n1.tolist() == [1.0, 1.0, -1.0]
    frame = t.first(2, ("hidden",))
    assert frame.columns.tolist() == ["account_id", "n0", "n1", "text", *many[2:]]
    assert frame.text.tolist() == ["x", "y"]
    assert frame[many].iloc[1].tolist() == list(map(float, range(len(many))))
    assert np.shares_memory(frame["n5"].to_numpy(), t.numbers("n5"))


def test_a_tier_by_arr_is_the_segment_where_none_is_mapped(make_settings: Callable[..., Settings]) -> None:
    settings = settings_for(make_settings, "contract_end")
    contracts = ("account_id starts_at ends_at arr", [("a", "2023-02-01", "2024-02-01", 250_000.0)])
    days = pd.DatetimeIndex(["2023-06-01"]).as_unit("us")
    frame, schema = assemble(sources_of("2024-01-01", contracts=contracts), settings, days)
    assert frame.set_index("account_id").segment.to_dict() == {"a": "enterprise"}
    assert "account_segment" not in schema.names  # ARR is a signal already
    mapped = ("account_id created_at segment", [("a", "2023-01-01", "gold")])
    frame, schema = assemble(sources_of("2024-01-01", contracts=contracts, accounts=mapped), settings, days)
    assert frame.segment.tolist() == ["gold"]
    assert "account_segment" in schema.names


def test_an_account_of_unknown_arr_is_in_no_tier(make_settings: Callable[..., Settings]) -> None:
    framework = settings_for(make_settings, "contract_end").framework
    arr = np.array([np.nan, 0.0, 10_000.0, 1e9])
    assert tier_names(arr, framework, pd.RangeIndex(4)).tolist() == [None, "smb", "mid_market", "enterprise"]
    assert tier_names(None, framework, pd.RangeIndex(2)).tolist() == [None, None]
