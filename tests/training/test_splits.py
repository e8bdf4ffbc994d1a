from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from configs.errors import DataError
from tests.training.label_rows import labels
from training.splits import assert_no_overlap, first_test, rolling_folds

pytestmark = pytest.mark.slow

MONTHS = tuple(pd.date_range("2024-01-01", "2024-12-01", freq="MS"))


@pytest.mark.parametrize(
    ("refit", "first", "origins", "sizes"),
    [
        ("quarter", "2024-03-01", ["2024-03-01", "2024-04-01", "2024-07-01", "2024-10-01"], [1, 3, 3, 3]),
        ("year", "2024-03-01", ["2024-03-01"], [10]),
        ("never", "2024-06-15", ["2024-07-01"], [6]),
        ("month", "2024-11-01", ["2024-11-01", "2024-12-01"], [1, 1]),
    ],
)
def test_folds_cover_every_as_of_from_the_first_once(refit, first, origins, sizes):
    folds = rolling_folds(MONTHS, pd.Timestamp(first), refit)
    assert [str(fold.origin.date()) for fold in folds] == origins
    assert [len(fold.as_ofs) for fold in folds] == sizes
    assert [day for fold in folds for day in fold.as_ofs] == [day for day in MONTHS if day >= pd.Timestamp(first)]
    assert all(fold.origin <= day for fold in folds for day in fold.as_ofs)


def test_a_first_test_day_after_the_last_as_of_is_refused():
    with pytest.raises(DataError, match=r"backtest\.from"):
        rolling_folds(MONTHS, pd.Timestamp("2025-06-01"), "quarter")


def test_the_first_test_is_where_enough_churned_accounts_were_known():
    rows = labels(
        [
            ("a", "2024-01-01", "2024-02-10"),
            ("b", "2024-01-01", "2024-03-20"),
            ("b", "2024-03-01", "2024-03-20"),
            ("c", "2024-03-01", None),
            ("c", "2024-04-01", None),
        ]
    )
    assert first_test(rows, pd.Timestamp("2025-01-01"), 1, 30) == pd.Timestamp("2024-03-01")
    assert first_test(rows, pd.Timestamp("2025-01-01"), 2, 30) == pd.Timestamp("2024-04-01")
    with pytest.raises(DataError, match="2 churned accounts known before the last as_of"):
        first_test(rows, pd.Timestamp("2025-01-01"), 3, 30)


def test_a_churn_whose_interval_has_not_ended_teaches_nothing_yet():
    """Left on 20 January, known on the 21st; the interval of 30 days that it falls in ends on the 31st."""
    days = ("2024-01-01", "2024-01-21", "2024-01-30", "2024-02-01")
    rows = labels([("a", "2024-01-01", "2024-01-20"), *(("b", day, None) for day in days)])
    assert first_test(rows, pd.Timestamp("2025-01-01"), 1, 30) == pd.Timestamp("2024-02-01")
    assert first_test(rows, pd.Timestamp("2025-01-01"), 1, 20) == pd.Timestamp("2024-01-21")


def test_a_planted_overlap_is_refused(rolling, cut):
    learners = rolling.learners(cut)
    assert_no_overlap(learners.rows.ends, cut)
    planted = pd.concat([learners.rows.ends, pd.Series([cut + pd.Timedelta(days=1)])])
    with pytest.raises(DataError, match="1 label windows that end after"):
        assert_no_overlap(planted, cut)


def test_nothing_after_the_cut_changes_what_is_fitted(dataset, settings, cut):
    """The future is replaced: other churns after the cut and other signals from the cut on give the same model."""
    from dataclasses import replace

    from training.fit.fit import fit_models

    cut = cut - pd.Timedelta(days=8 * 30)
    changed = dataset.labels.copy()
    after = changed["churn_at"] >= cut
    changed.loc[after, "churn_at"] = pd.NaT
    signals = dataset.signals.copy()
    future = signals["as_of"] >= cut
    signals.loc[future, "logins_28d"] = 999.0
    quick = settings.model_copy(update={"training": settings.training.model_copy(update={"calibration_origins": 1})})
    fitted = fit_models(dataset, quick, cut).churn
    refitted = fit_models(replace(dataset, labels=changed, signals=signals), quick, cut).churn
    rows = dataset.signals[~future].tail(200)
    assert np.array_equal(fitted.predict(rows).to_numpy(), refitted.predict(rows).to_numpy())
    assert fitted.base_rate == refitted.base_rate
    assert fitted.log == refitted.log
