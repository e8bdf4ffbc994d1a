"""Labels of contraction: falls of revenue under contract, told apart from churn, and known the gap before the end."""

from __future__ import annotations

import pandas as pd
import pytest

from features.labels.contractions import arr_falls
from features.labels.labels import (
    contraction_labels,
    horizon_labels,
)
from tests.features.labels.made_labels import CONTRACTS, OUTCOMES, Make, made, texts
from tests.features.small_company import Rows


def test_contraction_is_told_apart_from_churn(make_settings: Make) -> None:
    outcomes: Rows = [
        ("a", "2023-03-05", "contraction", None),
        ("a", "2023-05-05", "churn", True),
        ("a", "2023-06-05", "reactivation", None),
        ("a", "2023-07-05", "contraction", None),  # of the next life
        ("b", "2023-03-10", "contraction", None),
        ("b", "2023-11-25", "contraction", None),  # within the settling days
    ]
    pairs = [("a", "2023-02-01"), ("a", "2023-04-01"), ("a", "2023-05-10"), ("a", "2023-07-01"), ("b", "2023-03-11")]
    result = made(make_settings, "outcome", pairs, "2023-12-01", {"settling_days": 10}, outcomes=(OUTCOMES, outcomes))
    assert texts(result.churn_at) == ["2023-05-05", "2023-05-05", None, None, None]
    assert texts(result.contraction_at) == ["2023-03-05", None, None, "2023-07-05", None]
    assert texts(result.contraction_observed_until) == ["2023-11-21"] * 2 + ["2023-05-10"] + ["2023-11-21"] * 2
    shrank = contraction_labels(result, [60, 360])
    assert shrank.contracted_60d.fillna(-1).tolist() == [1.0, 0.0, -1.0, 1.0, 0.0]
    assert shrank.contracted_360d.isna().all()


def test_contractions_of_contracts_are_known_the_gap_before_the_end(make_settings: Make) -> None:
    contracts: Rows = [
        ("a", "2023-01-01", "2023-06-01", 100.0),
        ("a", "2023-06-20", "2024-06-01", 90.0),
        ("b", "2023-01-01", "2024-06-01", 100.0),
    ]
    outcomes: Rows = [("b", "2023-06-05", "contraction", None)]
    result = made(
        make_settings,
        "outcome",
        [("a", "2023-05-01"), ("b", "2023-05-01")],
        "2023-12-01",
        {},
        contracts=(CONTRACTS, contracts),
        outcomes=(OUTCOMES, outcomes),
    )
    assert texts(result.contraction_at) == ["2023-06-20", "2023-06-05"]
    assert texts(result.contraction_observed_until) == ["2023-11-01"] * 2
    assert texts(result.observed_until) == ["2023-12-01"] * 2


def test_without_outcomes_and_arr_nothing_is_known_of_contraction(make_settings: Make) -> None:
    contracts = ("account_id starts_at ends_at", [("a", "2023-01-01", "2024-06-01")])
    result = made(make_settings, "contract_end", [("a", "2023-05-01")], "2023-12-01", {}, contracts=contracts)
    assert contraction_labels(result, [30]).contracted_30d.isna().all()
    assert horizon_labels(result, [30]).churned_30d.tolist() == [0.0]


FALLS: dict[str, tuple[list[tuple[str, str | None, float | None]], list[str]]] = {
    "renewed for less": ([("2023-01-01", "2024-01-01", 100), ("2024-01-01", None, 95)], ["2024-01-01"]),
    "by less than the share": ([("2023-01-01", "2024-01-01", 100), ("2024-01-01", None, 95.5)], []),
    "for more": ([("2023-01-01", "2024-01-01", 100), ("2024-01-01", None, 120)], []),
    "for less after a pause": ([("2023-01-01", "2024-01-01", 100), ("2024-01-31", None, 50)], ["2024-01-01"]),
    "the same after a pause": ([("2023-01-01", "2024-01-01", 100), ("2024-01-31", None, 100)], []),
    "after too long a pause: a churn": ([("2023-01-01", "2024-01-01", 100), ("2024-02-01", None, 50)], []),
    "the same, begun before the end": ([("2023-01-01", "2024-01-01", 100), ("2023-12-10", None, 100)], []),
    "less, begun before the end": ([("2023-01-01", "2024-01-01", 100), ("2023-12-10", None, 60)], ["2024-01-01"]),
    "one of two contracts ends": ([("2023-01-01", "2023-07-01", 40), ("2023-01-01", None, 60)], ["2023-07-01"]),
    "the last one ends": ([("2023-01-01", "2023-07-01", 40)], []),
    "twice within a gap": (
        [("2023-01-01", "2023-07-01", 40), ("2023-01-01", "2023-07-11", 30), ("2023-01-01", None, 30)],
        ["2023-07-01", "2023-07-11"],
    ),
    "an add-on takes its place": (
        [("2023-01-01", "2023-07-01", 40), ("2023-01-01", None, 60), ("2023-07-21", None, 40)],
        [],
    ),
    "unknown revenue": ([("2023-01-01", "2023-07-01", 40), ("2023-01-01", None, None), ("2023-01-01", None, 9)], []),
    "sums of floats": (
        [("2023-01-01", "2023-02-01", 0.1), ("2023-01-01", "2023-02-01", 0.2), ("2023-02-01", None, 0.3)],
        [],
    ),
}


@pytest.mark.parametrize("name", FALLS)
def test_falls_of_revenue_under_contract(name: str) -> None:
    rows, expected = FALLS[name]
    other = ("z", "2022-01-01", None, 1000.0)  # another account's steps lie on both sides
    frame = pd.DataFrame(
        [other, *(("m", *row) for row in rows), ("a", "2025-01-01", None, 5.0)], columns=CONTRACTS.split()
    )
    frame = frame.rename(columns={"starts_at": "at"}).astype(
        {"at": "datetime64[us]", "ends_at": "datetime64[us]", "arr": float}
    )
    result = arr_falls(frame, 0.05, pd.Timedelta(days=30))
    assert texts(result["at"]) == expected
    assert set(result.account_id) <= {"m"}
