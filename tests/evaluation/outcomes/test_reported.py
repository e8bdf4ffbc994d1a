"""What callers reported: it fills what the sources do not hold, and is shown where they hold otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from configs.settings import Settings
from evaluation.ledger import Ledger
from evaluation.outcomes import compare_reported, interventions_known, with_reported_will
from evaluation.outcomes.reported import reported_interventions
from features.labels import labels_for
from features.sources import Sources
from features.sources.sources import open_sources
from tests.evaluation.outcomes.test_company_facts import TABLES, day, settings

# Account a's contract ended on 2024-01-05; b's runs on.
AT = day("2024-07-01")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}") as opened:
        yield opened


@contextmanager
def project(folder: Path, *names: str) -> Iterator[tuple[Sources, Settings]]:
    chosen = settings(folder, "accounts", "contracts", *names)
    sources = open_sources(chosen)
    try:
        yield sources, chosen
    finally:
        sources.close()


def report(ledger: Ledger, kind: str, *row: Any, at: pd.Timestamp = AT) -> None:
    ledger.append(kind, [(0, *row)], asked_by="key:1", at=at)


def done(ledger: Ledger, account: str, started: str, ended: str | None = None, at: pd.Timestamp = AT) -> None:
    text = f"{started}T09:00:00.000000"
    report(
        ledger, "intervention", account, text, "call", ended and f"{ended}T00:00:00.000000", None, None, "kim", at=at
    )


def became(ledger: Ledger, account: str, kind: str, at: str, voluntary: int | None = None) -> None:
    report(ledger, "outcome", account, f"{at}T00:00:00.000000", kind, None, None, voluntary, "kim")


def test_reported_interventions_count_where_the_sources_have_no_table(ledger: Ledger, tmp_path: Path) -> None:
    with project(tmp_path) as (sources, chosen):
        assert interventions_known(sources, ledger, AT) is None
        assert interventions_known(sources, None, AT) is None
        assert compare_reported(sources, chosen, ledger, AT) is None
        done(ledger, "a", "2024-01-02")
        known = interventions_known(sources, ledger, AT)
        assert known is not None
        assert known[["account_id", "started_at"]].values.tolist() == [["a", pd.Timestamp("2024-01-02 09:00")]]
        assert known[["ended_at", "arm"]].isna().all(axis=None)
        told = compare_reported(sources, chosen, ledger, AT)
    assert told is not None
    assert (told.interventions, told.interventions_count, told.interventions_not_in_sources) == (1, True, 0)


def test_those_of_the_sources_count_where_they_have_a_table_and_what_they_lack_is_shown(
    ledger: Ledger, tmp_path: Path
) -> None:
    done(ledger, "b", "2024-01-01")  # theirs, some hours later
    done(ledger, "a", "2024-01-02")
    done(ledger, "a", "2024-07-01")  # on the day the sources end: they may not know it yet
    with project(tmp_path, "interventions") as (sources, chosen):
        known = interventions_known(sources, ledger, AT)
        told = compare_reported(sources, chosen, ledger, AT)
    assert known is not None
    assert known.account_id.tolist() == ["b"]
    assert told is not None
    assert (told.interventions, told.interventions_count) == (3, False)
    assert (told.interventions_not_in_sources, told.accounts) == (1, ("a",))


def test_what_is_reported_again_stands_as_last_and_only_what_was_reported_by_then_does(ledger: Ledger) -> None:
    done(ledger, "a", "2024-01-02", at=day("2024-01-03"))
    done(ledger, "a", "2024-01-02", "2024-02-01", at=day("2024-02-02"))
    assert reported_interventions(ledger, day("2024-01-02")).empty
    assert reported_interventions(ledger, day("2024-01-15")).ended_at.isna().tolist() == [True]
    assert reported_interventions(ledger, AT).ended_at.tolist() == [day("2024-02-01")]


def test_a_reported_churn_says_whether_it_was_voluntary_and_never_makes_one(ledger: Ledger, tmp_path: Path) -> None:
    became(ledger, "a", "churn", "2024-01-20", voluntary=1)
    became(ledger, "b", "churn", "2023-06-01", voluntary=0)
    pairs = pd.DataFrame({"account_id": ["a", "b"], "as_of": day("2023-12-01")}, index=[7, 3])
    with project(tmp_path) as (sources, chosen):
        labels = labels_for(sources, pairs, chosen)
        filled = with_reported_will(labels, sources, ledger, AT)
        before = with_reported_will(labels, sources, ledger, day("2024-06-01"))
        told = compare_reported(sources, chosen, ledger, AT)
    assert filled.index.tolist() == [7, 3]
    assert filled.voluntary.tolist() == [True, None]
    pd.testing.assert_frame_equal(filled.drop(columns="voluntary"), labels.drop(columns="voluntary"))
    pd.testing.assert_frame_equal(before, labels)
    assert told is not None
    assert (told.churns, told.churns_not_in_sources, told.accounts) == (2, 1, ("b",))


def test_the_sources_own_word_on_a_churn_is_kept(ledger: Ledger, tmp_path: Path) -> None:
    TABLES_HERE = {"outcomes": "account_id,occurred_at,kind,voluntary\na,2024-01-05,churn,false"}
    became(ledger, "a", "churn", "2024-01-05", voluntary=1)
    pairs = pd.DataFrame({"account_id": ["a"], "as_of": day("2023-12-01")})
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(TABLES, "outcomes", TABLES_HERE["outcomes"])
        with project(tmp_path, "outcomes") as (sources, chosen):
            filled = with_reported_will(labels_for(sources, pairs, chosen), sources, ledger, AT)
    assert filled.voluntary.tolist() == [False]


@pytest.mark.parametrize(
    ("account", "kind", "at", "differs"),
    [
        ("a", "churn", "2024-02-20", 0),  # 46 days after theirs
        ("a", "churn", "2023-08-01", 1),
        ("b", "churn", "2024-06-20", 0),  # not settled
        ("a", "renewal", "2024-01-04", 1),
        ("b", "renewal", "2024-02-20", 0),
        ("b", "expansion", "2024-02-20", 0),
    ],
)
def test_what_differs_from_the_sources_is_shown(
    ledger: Ledger, tmp_path: Path, account: str, kind: str, at: str, differs: int
) -> None:
    became(ledger, account, kind, at)
    with project(tmp_path) as (sources, chosen):
        told = compare_reported(sources, chosen, ledger, AT)
    if kind == "expansion":
        assert told is None
        return
    assert told is not None
    assert told.churns_not_in_sources + told.renewals_of_churned == differs
    assert told.accounts == (account,) * differs
