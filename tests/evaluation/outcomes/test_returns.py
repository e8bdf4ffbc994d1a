"""Contractions and returns: judged apart from churn, in the sense of the churn, and anew when they come to light."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from configs.settings import Settings
from evaluation.ledger.ledger import Ledger
from evaluation.outcomes.outcomes import judged_so_far, returns, with_returns
from features.sources.sources import open_sources
from tests.evaluation.outcomes.judging import Labels, forecast, judge, later, outcome, project_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return project_settings(tmp_path)


@pytest.fixture
def ledger(settings: Settings) -> Iterator[Ledger]:
    with Ledger.open(settings) as opened:
        yield opened


def contracted(frame: pd.DataFrame, account: str) -> list[float]:
    row = frame[frame.account_id == account].iloc[0]
    return [row[f"contracted_{days}d"] for days in (30, 60, 90, 180)]


def test_contractions_and_returns_are_judged_apart(ledger: Ledger, settings: Settings) -> None:
    """a pays less and stays, b pays less and leaves, c leaves and comes back, d's contraction is not known yet."""
    forecast(ledger, "abcd")
    labels = Labels(
        {"b": 50, "c": 20}, 100, {"b": True, "c": False},
        contracted={"a": 40, "b": 10, "d": 70}, returned={"c": 60}, contractions_known=65,
    )  # fmt: skip
    result = judge(ledger, labels, settings, later(101))
    frame, nan = result.frame.set_index("account_id"), np.nan
    assert [outcome(result.frame, one)[2] for one in "abcd"] == [0, 1, 1, 0]
    for account, expected in {"a": [0, 1, nan, nan], "b": [1, 1, nan, nan], "d": [0, 0, nan, nan]}.items():
        np.testing.assert_array_equal(contracted(result.frame, account), expected)
    assert frame.voluntary.to_dict() == {"a": None, "b": True, "c": False, "d": None}
    assert frame.contraction_at.tolist()[:2] == [later(40), later(10)]
    assert frame.contraction_at.isna().tolist() == [False, False, True, True]
    assert frame.reactivated_at.isna().tolist() == [True, True, False, True]
    assert frame.reactivated_at["c"] == later(60)
    pd.testing.assert_frame_equal(judged_so_far(ledger, settings, later(101)), result.frame)


def test_a_return_and_a_contraction_that_come_to_light_are_new_judgements(ledger: Ledger, settings: Settings) -> None:
    forecast(ledger, "ab")
    judge(ledger, Labels({"a": 10}, 95, contractions_known=65), settings, later(95))
    second = judge(ledger, Labels({"a": 10}, 100, returned={"a": 98}, contractions_known=65), settings, later(100))
    assert (second.new, second.changed) == (0, 1)
    third = judge(ledger, Labels({"a": 10}, 100, returned={"a": 98}, contracted={"b": 80}), settings, later(101))
    assert third.changed == 2  # a's contraction window has matured further as well
    assert contracted(third.frame, "b") == pytest.approx([0, 0, 1, np.nan], nan_ok=True)
    # sources that no longer tell of contractions do not undo what is known of them
    fourth = judge(ledger, Labels({"a": 10}, 100, returned={"a": 98}, contractions_known=0), settings, later(102))
    assert (fourth.new, fourth.changed) == (0, 0)
    assert contracted(fourth.frame, "b")[2] == 1
    every = ledger.judgements(latest=False)
    assert every[every.account_id == "a"].reactivated_at.isna().tolist() == [True, False, False]
    assert every.judged_at.tolist() == [later(95)] * 2 + [later(100)] + [later(101)] * 2
    assert ledger.verify().ok


RETURNS = {
    "contract_end": [("a", "2023-08-01"), ("b", "2023-09-15")],
    "outcome": [("a", "2023-03-01"), ("a", "2023-08-01")],
    "silence": [("a", "2023-09-01")],
}


@pytest.mark.parametrize(("kind", "expected"), RETURNS.items(), ids=RETURNS)
def test_returns_in_the_sense_of_the_churn(make_settings, write_tables, kind: str, expected: list) -> None:
    """a is back within the allowed gap in March, and after a longer pause in August; b in September."""
    rows = [("a", "2022-01-01", "2023-02-10"), ("a", "2023-03-01", "2023-05-01"), ("a", "2023-08-01", "2024-08-01"),
            ("b", "2022-01-01", "2023-06-01"), ("b", "2023-09-15", "2024-09-15")]  # fmt: skip
    events = ["2023-01-05", "2023-02-01", "2023-04-20", "2023-09-01"]
    tables = {
        "accounts": pd.DataFrame({"account_id": ["a", "b"], "created_at": "2022-01-01"}),
        "contracts": pd.DataFrame(rows, columns=["account_id", "starts_at", "ends_at"]),
        "usage_events": pd.DataFrame({"account_id": "a", "occurred_at": events}),
        "outcomes": pd.DataFrame({"account_id": "a", "occurred_at": ["2023-02-10", "2023-05-01"], "kind": "churn"}),
    }
    write_tables(tables)
    body = {name: {"from": f"{name}.csv"} for name in tables}
    made = make_settings(tables=body, churn={"kind": kind}, data_end="2024-01-01")
    sources = open_sources(made)
    result = returns(sources, made).sort_values(["account_id", "at"])
    assert [(row.account_id, f"{row.at:%Y-%m-%d}") for row in result.itertuples()] == expected
    left = pd.DataFrame({"account_id": ["a", "a", "b", "c"], "as_of": pd.Timestamp("2023-01-01").as_unit("us")})
    left["churn_at"] = pd.to_datetime(["2023-05-01", None, "2023-06-01", "2023-06-01"]).astype("datetime64[us]")
    back = with_returns(left, sources, made).reactivated_at
    after = [next((at for who, at in expected if who == account and at >= day), None)
             for account, day in (("a", "2023-05-01"), ("b", "2023-06-01"))]  # fmt: skip
    assert [None if pd.isna(one) else f"{one:%Y-%m-%d}" for one in back] == [after[0], None, after[1], None]
