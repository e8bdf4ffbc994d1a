"""The law over subscriptions without an end: with their billing period they are what one row a term would be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from configs.settings import Settings
from features.dataset import Dataset, load_dataset
from features.sources import known_at, open_sources

END = pd.Timestamp("2025-06-01")
MONTHS = {"monthly": 1, "quarterly": 3, "annual": 12}
ACCOUNTS = 40


def subscriptions() -> tuple[pd.DataFrame, pd.DataFrame]:
    """The same subscriptions twice: a row each, and a row a term up to the one in which notice was given."""
    rng = np.random.default_rng(3)
    rows, terms = [], []
    for number in range(ACCOUNTS):
        start = pd.Timestamp("2023-01-01") + pd.Timedelta(days=int(rng.integers(0, 700)))
        notice = start + pd.Timedelta(days=int(rng.integers(1, 600)), hours=12)
        notice = notice if rng.random() < 0.5 and notice < END else pd.NaT
        period = str(rng.choice(list(MONTHS)))
        common = {"account_id": f"a{number:02d}", "billing_period": period, "arr": float(rng.integers(5, 50) * 100)}
        rows.append({**common, "contract_id": f"k{number}", "starts_at": start, "cancelled_at": notice})
        for term in range(100):
            begins, ends = (start + pd.DateOffset(months=MONTHS[period] * (term + more)) for more in (0, 1))
            if begins >= END:
                break
            is_last = pd.notna(notice) and notice <= ends
            own = {"contract_id": f"k{number}-{term}", "starts_at": begins, "ends_at": ends}
            terms.append({**common, **own, "cancelled_at": notice if is_last else pd.NaT})
            if is_last:
                break
    return pd.DataFrame(rows), pd.DataFrame(terms)


@pytest.fixture(scope="module")
def make_dataset(tmp_path_factory: pytest.TempPathFactory) -> Callable[[pd.DataFrame], tuple[Dataset, Settings]]:
    from configs.settings_file import DEFAULT_FILE, merge, settings_from
    from configs.yaml_file import read_yaml

    def make(contracts: pd.DataFrame) -> tuple[Dataset, Settings]:
        folder: Path = tmp_path_factory.mktemp("terms")
        contracts.to_parquet(folder / "contracts.parquet", index=False)
        accounts = pd.DataFrame({"account_id": contracts.account_id.unique(), "created_at": pd.Timestamp("2022-12-31")})
        accounts.to_parquet(folder / "accounts.parquet", index=False)
        body = {
            "data_end": f"{END:%Y-%m-%d}",
            "tables": {name: {"from": f"{name}.parquet"} for name in ("accounts", "contracts")},
            "snapshots": {"every": "month", "from": "2023-02-01"},
        }
        settings = settings_from(merge(read_yaml(DEFAULT_FILE), body), folder)
        return load_dataset(settings), settings

    return make


def test_a_billing_period_makes_the_rows_of_each_term(make_dataset: Callable[..., tuple[Dataset, Settings]]) -> None:
    rows, terms = subscriptions()
    (by_row, _), (by_term, _) = make_dataset(rows), make_dataset(terms)
    assert by_row.signals.days_to_renewal.notna().all()
    assert by_row.labels.churn_at.notna().sum() > 20
    assert_frame_equal(by_row.signals, by_term.signals, check_dtype=False, check_categorical=False)
    assert_frame_equal(by_row.labels, by_term.labels)


def test_terms_are_those_that_were_known(make_dataset: Callable[..., tuple[Dataset, Settings]]) -> None:
    """What is known on a day does not change with what comes after it: notice, and terms that have begun since."""
    dataset, settings = make_dataset(subscriptions()[0])
    day = pd.Timestamp("2024-07-01")
    sources = open_sources(settings)
    try:
        then = load_dataset(settings, known_at(sources, day), [day]).signals
    finally:
        sources.close()
    now = dataset.signals[dataset.signals.as_of == day]
    assert len(now) > 10
    assert_frame_equal(
        then.reset_index(drop=True), now.reset_index(drop=True), check_dtype=False, check_categorical=False
    )


def test_without_a_billing_period_there_is_no_renewal(make_dataset: Callable[..., tuple[Dataset, Settings]]) -> None:
    dataset, _ = make_dataset(subscriptions()[0].assign(billing_period="whenever"))
    assert dataset.signals.days_to_renewal.isna().all()
