"""Who is in play, and when a life began, by hand: late records, gaps, silences, cancelled and open-ended contracts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from configs.settings import Churn, Settings
from features.labels.labels import labels_for
from features.timeline.episodes import churns_and_returns, customer_spells
from features.timeline.readers import contract_rows
from features.timeline.snapshots import snapshots
from tests.features.small_company import Rows, settings_for, sources_of

Make = Callable[..., Settings]
END = "2025-01-01"


def found(make: Make, kind: str, as_ofs: list[str], churn: dict[str, object], **tables: tuple[str, Rows]) -> list[str]:
    """account as_of spell_start of each snapshot, as text."""
    settings = settings_for(make, kind, **churn)
    rows = snapshots(sources_of(END, **tables), settings, pd.DatetimeIndex(as_ofs))
    return [f"{row.account_id} {row.as_of:%Y-%m-%d} {row.spell_start:%Y-%m-%d}" for row in rows.itertuples()]


CONTRACTS = "account_id starts_at ends_at"


def test_a_contract_within_the_gap_goes_on_with_the_life_and_a_later_one_begins_another(make_settings: Make) -> None:
    rows: Rows = [
        ("a", "2023-02-01", "2023-06-01"),
        ("a", "2023-07-01", "2023-10-01"),  # exactly 30 days after: within the gap
        ("b", "2023-02-01", "2023-06-01"),
        ("b", "2023-07-02", "2023-10-01"),  # 31 days after
    ]
    as_ofs = ["2023-02-01", "2023-02-02", "2023-06-01", "2023-06-15", "2023-08-01", "2023-10-02"]
    assert found(make_settings, "contract_end", as_ofs, {}, contracts=(CONTRACTS, rows)) == [
        "a 2023-02-02 2023-01-01",
        "b 2023-02-02 2023-01-01",
        "a 2023-06-01 2023-01-01",
        "b 2023-06-01 2023-01-01",
        "a 2023-06-15 2023-01-01",  # while nobody knows yet what follows
        "b 2023-06-15 2023-01-01",
        "a 2023-08-01 2023-01-01",
        "b 2023-08-01 2023-07-02",
        "a 2023-10-02 2023-01-01",
        "b 2023-10-02 2023-07-02",
    ]


def test_a_contract_that_was_recorded_late_closes_the_gap_only_once_it_is_known(make_settings: Make) -> None:
    rows: Rows = [
        ("a", "2023-02-01", "2023-06-01", "2023-02-01"),
        ("a", "2023-06-01", "2023-08-01", "2023-11-15"),
        ("a", "2023-08-01", "2023-12-31", "2023-08-01"),
    ]
    table = (f"{CONTRACTS} recorded_at", rows)
    assert found(make_settings, "contract_end", ["2023-07-01", "2023-11-01", "2023-12-01"], {}, contracts=table) == [
        "a 2023-11-01 2023-08-01",
        "a 2023-12-01 2023-01-01",
    ]


def test_an_open_ended_contract_ends_when_it_is_cancelled_and_a_paid_one_when_it_is_over(make_settings: Make) -> None:
    rows: Rows = [("a", "2023-02-01", None, "2023-04-10"), ("b", "2023-02-01", "2023-08-01", "2023-04-10")]
    table = (f"{CONTRACTS} cancelled_at", rows)
    as_ofs = ["2023-04-10", "2023-05-01", "2023-08-01", "2023-09-01"]
    assert [one[:12] for one in found(make_settings, "contract_end", as_ofs, {}, contracts=table)] == [
        "a 2023-04-10",
        "b 2023-04-10",
        "b 2023-05-01",
        "b 2023-08-01",
    ]


def test_contracts_are_read_once_and_a_change_of_one_answer_is_not_in_the_next() -> None:
    first, other = (sources_of(END, contracts=(CONTRACTS, [("a", day, None)])) for day in ("2023-02-01", "2023-03-01"))
    rows = contract_rows(first, Churn())
    rows["ends_at"] = rows["at"]
    rows.loc[0, "account_id"] = "z"
    first.close()  # so that nothing can be read again
    assert contract_rows(first, Churn()).account_id.tolist() == ["a"]
    assert contract_rows(first, Churn()).ends_at.isna().all()
    assert [f"{one:%m-%d}" for one in contract_rows(other, Churn())["at"]] == ["03-01"]


OUTCOMES = "account_id occurred_at kind voluntary recorded_at"


def test_a_recorded_churn_ends_a_life_once_it_is_known_and_a_reactivation_begins_the_next(make_settings: Make) -> None:
    rows: Rows = [
        ("a", "2023-03-05", "churn", True, "2023-04-03"),
        ("a", "2023-06-05", "reactivation", None, "2023-06-05"),
        ("a", "2023-08-05", "churn", None, "2023-08-05"),
        ("a", "2023-08-20", "churn", None, "2023-08-20"),  # said twice
        ("a", "2023-10-05", "reactivation", None, "2023-10-05"),
        ("a", "2023-10-25", "reactivation", None, "2023-10-25"),
    ]
    as_ofs = [f"2023-{month:02d}-01" for month in range(3, 13)]
    of_a = [one for one in found(make_settings, "outcome", as_ofs, {}, outcomes=(OUTCOMES, rows)) if one[0] == "a"]
    assert of_a == [
        "a 2023-03-01 2023-01-01",
        "a 2023-04-01 2023-01-01",  # had left, but nobody knew
        "a 2023-07-01 2023-06-05",
        "a 2023-08-01 2023-06-05",
        "a 2023-11-01 2023-10-05",
        "a 2023-12-01 2023-10-05",
    ]


def test_a_first_contract_is_no_return_and_a_second_one_is(make_settings: Make) -> None:
    churns: Rows = [(name, "2023-01-20", "churn", None, "2023-01-20") for name in "ab"]
    contracts: Rows = [("a", "2023-02-01", "2024-02-01"), ("b", "2023-01-10", "2024-02-01"), ("b", "2023-03-10", None)]
    tables = {"outcomes": (OUTCOMES, churns), "contracts": (CONTRACTS, contracts)}
    assert found(make_settings, "outcome", ["2023-04-01"], {}, **tables) == ["b 2023-04-01 2023-03-10"]


def test_silence_and_the_row_that_ends_it(make_settings: Make) -> None:
    uses: Rows = [("a", "2023-01-10 10:00"), ("a", "2023-02-09 09:59:59"), ("a", "2023-03-11 09:59:59")]
    rule = {"silence": {"of": "usage_events", "days": 30, "active_days": 60}}
    as_ofs = ["2023-01-10", "2023-02-01", "2023-03-01", "2023-04-01", "2023-05-10", "2023-05-11"]
    # Between the first two rows lies one second less than 30 days, between the last two 30 days to the second.
    assert found(make_settings, "silence", as_ofs, rule, usage_events=("account_id occurred_at", uses)) == [
        "a 2023-02-01 2023-01-01",
        "a 2023-03-01 2023-01-01",
        "a 2023-04-01 2023-03-11",
        "a 2023-05-10 2023-03-11",
    ]


def test_a_use_that_was_recorded_late_ends_a_silence_only_once_it_is_known(make_settings: Make) -> None:
    uses: Rows = [
        ("a", "2023-01-10", "2023-01-10"),
        ("a", "2023-01-30", "2023-03-20"),
        ("a", "2023-02-20", "2023-02-20"),
    ]
    rule = {"silence": {"of": "usage_events", "days": 30, "active_days": 60}}
    table = ("account_id occurred_at recorded_at", uses)
    assert found(make_settings, "silence", ["2023-03-01", "2023-04-01"], rule, usage_events=table) == [
        "a 2023-03-01 2023-02-20",
        "a 2023-04-01 2023-01-01",
    ]


def test_lives_of_overlapping_and_unordered_rows() -> None:
    rows = pd.DataFrame(
        [
            ("b", "2023-05-01", None),
            ("a", "2023-03-01", "2023-04-01"),
            ("a", "2023-01-01", "2023-12-01"),  # outlasts the one after it
            ("a", "2023-12-06", "2024-01-01"),
            ("a", "2024-01-06 00:00:01", "2024-02-01"),
            ("b", "2023-01-01", "2023-02-01"),
        ],
        columns=["account_id", "at", "ends_at"],
    ).astype({"at": "datetime64[us]", "ends_at": "datetime64[us]"})
    made = customer_spells(rows, pd.Timedelta(days=5)).sort_values(["account_id", "began"])
    assert made.account_id.tolist() == ["a", "a", "b", "b"]
    assert [f"{one:%m-%d}" for one in made.began] == ["01-01", "01-06", "01-01", "05-01"]
    assert [f"{one:%Y-%m-%d}" for one in made.ended[:3]] == ["2024-01-01", "2024-02-01", "2023-02-01"]
    assert made["first"].tolist() == [True, False, True, False]
    assert customer_spells(rows.iloc[:0], pd.Timedelta(days=5)).empty


def test_turns_alternate_and_begin_with_a_churn() -> None:
    at = pd.to_datetime(["2023-01-01", "2023-02-01", "2023-02-01", "2023-03-01", "2023-04-01"])
    alive = [True, False, True, False, True]
    made = churns_and_returns(pd.DataFrame({"account_id": "a", "at": at, "alive": alive}))
    assert made["at"].dt.month.tolist() == [2, 4]
    assert made.alive.tolist() == [False, True]


@pytest.mark.parametrize("kind", ["outcome", "contract_end", "silence"])
def test_snapshots_and_labels_of_ten_thousand_accounts(
    make_settings: Make, in_sorts: Callable[..., float], kind: str
) -> None:
    rng, count = np.random.default_rng(3), 10_000
    names = [f"acc-{number:05d}" for number in range(count)]
    born = pd.Timestamp("2023-01-01") + pd.to_timedelta(rng.integers(0, 300, count), unit="D")
    renewed = born + pd.to_timedelta(rng.integers(340, 420, count), unit="D")
    contracts = pd.concat(
        [
            pd.DataFrame({"account_id": names, "starts_at": born, "ends_at": born + pd.Timedelta(days=365)}),
            pd.DataFrame({"account_id": names, "starts_at": renewed, "ends_at": renewed + pd.Timedelta(days=365)}),
        ]
    ).assign(arr=rng.integers(100, 200, 2 * count).astype("float64"))
    who, when = rng.integers(0, count, 2000), pd.to_timedelta(rng.integers(0, 700, 2000), unit="D")
    outcomes = pd.DataFrame({"account_id": np.array(names)[who], "occurred_at": pd.Timestamp("2023-01-02") + when})
    outcomes = outcomes.assign(kind="churn", voluntary=True, recorded_at=outcomes.occurred_at + pd.Timedelta(days=3))
    who, when = rng.integers(0, count, 100_000), pd.to_timedelta(rng.integers(0, 17_000, 100_000), unit="h")
    uses = pd.DataFrame({"account_id": np.array(names)[who], "occurred_at": pd.Timestamp("2023-01-02") + when})
    accounts = pd.DataFrame({"account_id": names, "created_at": born})
    given = {"accounts": accounts, "contracts": contracts, "outcomes": outcomes, "usage_events": uses}
    sources = sources_of(END, **{name: (" ".join(rows), rows) for name, rows in given.items()})  # type: ignore[arg-type]
    settings = settings_for(make_settings, kind)
    made: list[pd.DataFrame] = []

    def make() -> None:
        pairs = snapshots(sources, settings, pd.date_range("2023-01-01", "2024-12-01", freq="MS"))
        made.extend((pairs, labels_for(sources, pairs, settings)))

    assert in_sorts(make) < 120  # a loop over accounts takes thousands
    pairs, labels = made
    assert len(pairs) > 100_000
    assert labels.churn_at.notna().mean() > 0.03
