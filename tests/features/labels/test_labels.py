"""Labels by hand: the three kinds of churn, returns, voluntary or not, contraction apart, and feeds that stop."""

from __future__ import annotations

import pandas as pd
import pytest

from features.labels.labels import (
    contract_churns,
    contraction_labels,
    contracts_known_until,
    horizon_labels,
    labels_for,
    last_working_day,
)
from tests.features.labels.made_labels import CONTRACTS, OUTCOMES, QUIET, USES, Make, made, texts
from tests.features.small_company import Rows, day, pairs_of, settings_for, sources_of


def test_recorded_churns_end_the_labels_of_their_life(make_settings: Make) -> None:
    rows: Rows = [
        ("a", "2023-03-05", "churn", False),
        ("a", "2023-03-09", "churn", True),  # said twice: the first counts
        ("a", "2023-06-05", "reactivation", None),
        ("a", "2023-11-05", "churn", None),
        ("b", "2023-06-05", "renewal", None),
    ]
    pairs = [("a", one) for one in ("2023-02-01", "2023-03-05", "2023-03-06", "2023-05-01", "2023-06-06", "2023-12-01")]
    result = made(make_settings, "outcome", [*pairs, ("b", "2023-02-01")], "2024-01-01", {}, outcomes=(OUTCOMES, rows))
    # At 03-06, 05-01 and 12-01 the account had left: a churn on the very day of the as_of still lies ahead of it.
    assert texts(result.churn_at) == ["2023-03-05", "2023-03-05", None, None, "2023-11-05", None, None]
    assert result.voluntary.tolist() == [False, False, None, None, None, None, None]
    gone = result.observed_until == result.as_of
    assert gone.tolist() == [False, False, True, True, False, True, False]
    assert (result.observed_until[~gone] == day("2024-01-01")).all()
    in_30_days = horizon_labels(result, [30]).churned_30d
    assert in_30_days.fillna(-1).tolist() == [0.0, 1.0, -1.0, -1.0, 0.0, -1.0, 0.0]


def test_an_account_that_had_left_unrecorded_has_no_label(make_settings: Make) -> None:
    rows: Rows = [("a", "2024-02-27", "churn", None, "2024-03-05")]
    table = (f"{OUTCOMES} recorded_at", rows)
    pairs = [("a", "2024-02-01"), ("a", "2024-03-01"), ("b", "2024-03-01")]
    result = made(make_settings, "outcome", pairs, "2024-12-01", {}, outcomes=table)
    assert horizon_labels(result, [60]).churned_60d.fillna(-1).tolist() == [1.0, -1.0, 0.0]


def test_an_account_back_before_its_churn_was_recorded_is_in_its_next_life(make_settings: Make) -> None:
    rows: Rows = [
        ("a", "2024-01-10", "churn", None, "2024-02-20"),
        ("a", "2024-02-01", "reactivation", None, "2024-02-01"),
    ]
    table = (f"{OUTCOMES} recorded_at", rows)
    result = made(make_settings, "outcome", [("a", "2024-02-15")], "2024-12-01", {}, outcomes=table)
    assert horizon_labels(result, [60]).churned_60d.tolist() == [0.0]


@pytest.mark.parametrize("kind", ["outcome", "contract_end", "silence"])
def test_accounts_that_the_sources_do_not_know_have_no_label(make_settings: Make, kind: str) -> None:
    tables = {
        "outcomes": (OUTCOMES, [("gone", "2023-12-05", "churn", None)]),
        "contracts": (CONTRACTS, [("gone", "2023-01-01", "2023-12-01", 1.0), ("a", "2023-01-01", "2024-12-01", 1.0)]),
        "usage_events": (USES, [(name, f"2023-{month:02d}-03") for name in ("gone", "a") for month in range(1, 13)]),
    }
    pairs = [("gone", "2023-06-01"), ("never there", "2023-06-01"), ("a", "2023-06-01")]
    result = made(make_settings, kind, pairs, "2024-01-01", QUIET, **tables)
    assert result.index.tolist() == [0, 1, 2]
    assert horizon_labels(result, [10]).churned_10d.fillna(-1).tolist()[:2] == [-1.0, -1.0]
    assert contraction_labels(result, [10]).contracted_10d.fillna(-1).tolist()[:2] == [-1.0, -1.0]
    assert result.observed_until[2] > day("2023-06-01")


def test_outcomes_settle(make_settings: Make) -> None:
    rows: Rows = [("a", "2023-12-25", "churn", True)]
    result = made(
        make_settings, "outcome", [("a", "2023-12-01")], "2024-01-01", {"settling_days": 10}, outcomes=(OUTCOMES, rows)
    )
    assert result.observed_until.tolist() == [day("2023-12-22")]
    assert (result.churn_at.isna().all(), result.voluntary.tolist()) == (True, [None])


def test_the_last_outcome_is_not_the_end_of_the_outcomes(make_settings: Make) -> None:
    rows: Rows = [("a", "2023-02-05", "churn", None)]
    result = made(make_settings, "outcome", [("b", "2023-06-01")], "2024-01-01", {}, outcomes=(OUTCOMES, rows))
    assert horizon_labels(result, [180]).churned_180d.tolist() == [0.0]


def test_ends_of_contracts(make_settings: Make) -> None:
    rows: Rows = [
        ("a", "2023-01-01", "2023-06-01", 1.0),
        ("a", "2023-07-01", "2023-09-01", 1.0),  # exactly 30 days later: no churn
        ("a", "2023-10-02", "2024-09-01", 1.0),  # 31 days later: a new life
        ("b", "2023-01-01", None, 1.0),
        ("c", "2023-01-01", "2024-05-01", 1.0),  # on the gap before the data's end: still open
    ]
    outcomes: Rows = [("a", "2023-08-20", "churn", False), ("a", "2023-12-20", "churn", True)]
    pairs = [("a", "2023-05-01"), ("a", "2023-06-15"), ("a", "2023-09-01"), ("a", "2023-09-15"), ("a", "2023-11-01")]
    accounts = ("account_id created_at", [(name, "2023-01-01") for name in "abc"])
    result = made(
        make_settings,
        "contract_end",
        [*pairs, ("b", "2023-11-01"), ("c", "2023-11-01")],
        "2024-05-31",
        {},
        accounts=accounts,
        contracts=(CONTRACTS, rows),
        outcomes=(OUTCOMES, outcomes),
    )
    # In June it was renewed, and nobody knew: no label, like the one of September that was not.
    assert texts(result.churn_at) == ["2023-09-01", None, "2023-09-01"] + [None] * 4
    assert result.voluntary.tolist() == [False, None, False] + [None] * 4
    expected = ["2024-05-01", "2023-06-15", "2024-05-01", "2023-09-15", *["2024-05-01"] * 3]
    assert texts(result.observed_until) == expected


def test_a_cancelled_open_ended_contract_is_a_churn(make_settings: Make) -> None:
    rows: Rows = [("a", "2023-01-01", None, "2023-06-10"), ("b", "2023-01-01", "2023-12-01", "2023-06-10")]
    table = ("account_id starts_at ends_at cancelled_at", [*rows, ("b", "2024-01-20", None, None)])
    result = made(
        make_settings, "contract_end", [("a", "2023-05-01"), ("b", "2023-05-01")], "2024-02-01", {}, contracts=table
    )
    assert texts(result.churn_at) == ["2023-06-10", "2023-12-01"]


def test_contract_churns_are_decided_once_the_gap_has_passed() -> None:
    contracts = pd.DataFrame(
        {
            "account_id": ["b", "a", "a", "b", "c"],
            "at": pd.to_datetime(["2024-01-01", "2024-01-01", "2024-02-10", "2024-03-15", "2024-01-01"]),
            "ends_at": pd.to_datetime(["2024-02-01", "2024-02-01", "2025-06-01", "2025-06-01", "2024-11-02"]),
        }
    )
    result = contract_churns(contracts, 30, pd.Timestamp("2024-12-01"))
    assert result.account_id.tolist() == ["b"]
    assert result["at"].tolist() == [pd.Timestamp("2024-02-01")]
    assert contract_churns(contracts, 29, pd.Timestamp("2024-12-01")).account_id.tolist() == ["b", "c"]


def spans(*rows: tuple[str, str, str | None]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["account_id", "at", "ends_at"])
    return frame.astype({"at": "datetime64[us]", "ends_at": "datetime64[us]"})


KEPT = [("a", "2023-01-01", "2023-06-01"), ("a", "2023-06-01", None), ("b", "2023-01-01", "2023-05-01")]

STOPPED: dict[str, tuple[list[tuple[str, str, str | None]], str]] = {
    "nothing fell due since the last start": (KEPT, "2023-12-02"),
    "one end waits for the next start": ([*KEPT, ("c", "2023-01-01", "2023-08-01")], "2023-08-01"),
    "the first of two": ([*KEPT, ("c", "2023-01-01", "2023-08-01"), ("d", "2023-01-01", "2023-07-15")], "2023-07-15"),
    "three: it has stopped with its last start": (
        [*KEPT, *((name, "2023-01-01", "2023-08-01") for name in "cde")],
        "2023-05-02",
    ),
    "a later start is a sign of life": (
        [*KEPT, *((name, "2023-01-01", "2023-08-01") for name in "cde"), ("f", "2023-08-02", None)],
        "2023-12-02",
    ),
    "what is signed for later is none": (
        [*KEPT, *((name, "2023-01-01", "2023-08-01") for name in "cde"), ("f", "2024-03-01", None)],
        "2023-05-02",
    ),
    "renewed ahead of time: nothing is open": (
        [*KEPT, ("c", "2023-01-01", "2023-08-01"), ("c", "2023-05-20", "2024-08-01")],
        "2023-12-02",
    ),
    "an end on the last day is too young to tell": ([*KEPT, ("c", "2023-01-01", "2023-12-31")], "2023-12-02"),
    "all begin on one day of the year": (
        [(name, "2022-01-01", "2022-12-31") for name in "cdefgh"] + [("c", "2023-01-01", "2024-01-01")],
        "2023-12-02",
    ),
}


@pytest.mark.parametrize("name", STOPPED)
def test_contracts_are_known_until(name: str) -> None:
    rows, expected = STOPPED[name]
    assert contracts_known_until(spans(*rows), pd.Timedelta(days=30), day("2024-01-01")) == day(expected)


def test_silence_is_churn_when_it_is_complete(make_settings: Make) -> None:
    uses: Rows = [
        ("a", "2023-03-10 12:00"),
        ("a", "2023-04-09 11:59:59"),  # one second short of 30 days
        ("a", "2023-05-09 11:59:59"),  # 30 days to the second: the silence was complete
        ("b", "2023-09-20"),
    ]
    pairs = [("a", "2023-03-15"), ("a", "2023-04-10"), ("a", "2023-05-01"), ("a", "2023-06-01"), ("a", "2023-09-01")]
    outcomes = (OUTCOMES, [("a", "2023-04-20", "churn", True)])
    result = made(
        make_settings,
        "silence",
        [*pairs, ("b", "2023-09-01"), ("b", "2023-09-21")],
        "2024-01-01",
        QUIET,
        usage_events=(USES, uses),
        outcomes=outcomes,
    )
    # From the as_of on: at 04-10 the next use comes within 30 days, and the silence after it runs until 06-08; at 06-01
    # nothing came any more. At 09-01 the last use lies too far back to be in play. b was not in play, and is known only
    # until the last day that had any use.
    assert texts(result.churn_at) == ["2023-05-09", "2023-06-08", "2023-06-08", "2023-06-30", None, None, None]
    assert result.voluntary.tolist() == [True, None, None, None, None, None, None]
    assert texts(result.observed_until) == ["2023-09-21"] * 4 + ["2023-09-01", "2023-09-01", "2023-09-21"]


@pytest.mark.parametrize("data_end", ["2023-12-12", "2024-01-01", "2024-06-01"])
def test_a_feed_that_stopped_makes_nobody_silent(make_settings: Make, data_end: str) -> None:
    """Uses stop on 12-11, however much later the data end: a, there on every day, did not leave, and b did."""
    days = [f"{number:%Y-%m-%d}" for number in pd.date_range("2023-06-01", "2023-12-11", freq="D")]
    uses: Rows = [*(("a", day) for day in days), ("b", "2023-09-10"), ("b", "2023-11-05")]
    pairs = [("a", "2023-11-01"), ("b", "2023-11-01")]
    result = made(make_settings, "silence", pairs, data_end, QUIET, usage_events=(USES, uses))
    assert texts(result.observed_until) == ["2023-12-12"] * 2
    assert texts(result.churn_at) == [None, "2023-12-04"]
    assert horizon_labels(result, [40, 45]).fillna(-1).to_numpy().tolist() == [[0.0, -1.0], [1.0, -1.0]]


def daily(weeks: int, weekday: int, weekend: int, tail: list[int]) -> pd.Series:
    """Rows a day from a Monday on, so many weeks, then the tail."""
    rows = [weekday] * 5 + [weekend] * 2
    counts = [*(rows * weeks), *tail]
    return pd.Series(counts, pd.date_range("2023-01-02", periods=len(counts), freq="D").as_unit("us"))


TAILS: dict[str, tuple[pd.Series, int]] = {
    "nothing missing": (daily(30, 100, 80, []), 0),
    "the days without rows, and the trickle before them": (daily(30, 100, 80, [3] * 18 + [0] * 5), 23),
    "the weekend is no trickle": (daily(30, 100, 0, []), 2),
    "a weekend of few before the trickle goes with it": (daily(30, 100, 2, [3] * 5), 7),
    "too few rows to tell": (daily(30, 4, 4, [0, 1, 0, 1]), 0),
    "one low day of a small feed may be chance": (daily(30, 20, 20, [1]), 0),
    "two are not": (daily(30, 20, 20, [1, 1]), 2),
    "a feed that became small counts as it is": (daily(30, 100, 80, [3] * 91), 0),
    "a long trickle": (daily(30, 100, 80, [3] * 80), 80),
    "too young to compare": (daily(12, 100, 80, [3] * 10), 0),
}


@pytest.mark.parametrize("name", TAILS)
def test_last_working_day(name: str) -> None:
    counts, missing = TAILS[name]
    last = counts.index[-1] + pd.Timedelta(days=1)
    assert last_working_day(counts[counts > 0], day("2030-01-01")) == last - pd.Timedelta(days=missing)


def test_a_feed_without_rows_is_known_as_far_as_the_data() -> None:
    assert last_working_day(pd.Series(dtype="int64"), day("2024-01-01")) == day("2024-01-01")


def test_labels_keep_the_order_and_the_index_of_the_pairs(make_settings: Make) -> None:
    rows: Rows = [("a", "2023-03-05", "churn", None)]
    pairs = pairs_of(("b", "2023-02-01"), ("a", "2023-03-01"), ("a", "2023-02-01")).set_index(pd.Index([7, 3, 5]))
    result = labels_for(
        sources_of("2024-01-01", outcomes=(OUTCOMES, rows)), pairs, settings_for(make_settings, "outcome")
    )
    assert result.index.tolist() == [7, 3, 5]
    assert result.account_id.tolist() == ["b", "a", "a"]
    assert texts(result.churn_at) == [None, "2023-03-05", "2023-03-05"]
    assert result.columns.tolist() == [
        "account_id",
        "as_of",
        "churn_at",
        "observed_until",
        "voluntary",
        "contraction_at",
        "contraction_observed_until",
    ]
