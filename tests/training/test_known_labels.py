from __future__ import annotations

import pandas as pd
import pytest

from tests.training.label_rows import labels
from training.known_labels import churned_accounts, distinct_as_ofs, known_until, label_lag, rows_known

pytestmark = pytest.mark.slow


def test_a_window_counts_only_when_its_end_is_known():
    rows = labels([("a", "2024-01-01", None), ("a", "2024-01-02", None)])
    assert rows_known(rows, pd.Timestamp("2024-01-31"), 30).tolist() == [True, False]  # ends 01-31 and 02-01
    rows["observed_until"] = pd.Timestamp("2024-01-30")
    assert rows_known(rows, pd.Timestamp("2024-06-01"), 30).tolist() == [False, False]


def test_labels_that_end_before_the_data_end_as_long_before_every_cut():
    rows = labels([("a", "2024-01-01", "2024-03-01")], observed="2024-11-01")
    end = pd.Timestamp("2024-12-01")
    assert label_lag(rows, end) == pd.Timedelta(days=30)
    assert known_until(rows, end, pd.Timestamp("2024-03-15")) == pd.Timestamp("2024-02-14")
    assert churned_accounts(rows, known_until(rows, end, pd.Timestamp("2024-03-31"))) == 0
    assert churned_accounts(rows, known_until(rows, end, pd.Timestamp("2024-04-01"))) == 1


def test_as_ofs_rise(dataset):
    result = distinct_as_ofs(dataset.labels)
    assert list(result) == sorted(set(result))
    assert len(result) == 26


def test_snapshots_without_a_label_say_nothing_of_when_outcomes_are_known():
    """Who had left by the last as_of has no label; the others' end 61 settling days before the data do."""
    end = pd.Timestamp("2026-08-08")
    rows = labels([("a", "2026-05-01", None), ("b", "2026-08-01", None)], observed="2026-06-08")
    rows.loc[1, "observed_until"] = rows.loc[1, "as_of"]
    assert label_lag(rows, end) == pd.Timedelta(days=61)
    assert known_until(rows, end, end) == pd.Timestamp("2026-06-08")
