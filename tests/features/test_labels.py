"""Labels by hand: an account that had left unrecorded is neither kept nor lost; contract ends respect the gap."""

from __future__ import annotations

import pandas as pd

from features.labels import _already_gone, contract_churns


def test_an_account_that_had_left_unrecorded_has_no_label() -> None:
    days = pd.to_datetime(["2024-03-01", "2024-04-01", "2024-03-01"])
    pairs = pd.DataFrame({"account_id": ["a", "a", "b"], "as_of": days})
    at, visible = pd.Timestamp("2024-02-27"), pd.Timestamp("2024-03-05")
    churns = pd.DataFrame({"account_id": ["a"], "at": [at], "visible": [visible]})
    assert _already_gone(pairs, churns).tolist() == [True, False, False]


def test_a_contract_within_the_gap_is_no_churn() -> None:
    contracts = pd.DataFrame(
        {
            "account_id": ["a", "a", "b", "b"],
            "at": pd.to_datetime(["2024-01-01", "2024-02-10", "2024-01-01", "2024-03-15"]),
            "ends_at": pd.to_datetime(["2024-02-01", "2025-06-01", "2024-02-01", "2025-06-01"]),
        }
    )
    found = contract_churns(contracts, 30, pd.Timestamp("2024-12-01"))
    assert found.account_id.tolist() == ["b"]
    assert found["at"].tolist() == [pd.Timestamp("2024-02-01")]
