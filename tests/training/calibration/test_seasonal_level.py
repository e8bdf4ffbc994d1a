"""The level of the same month a year before, where the settings say that the business is seasonal."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from training.calibration import seasonal_level
from training.calibration.seasonal_level import NONE, month_levels, month_shifts, shift_of
from training.fit.fit import fit_models
from training.fit.recalibrate import recalibrate
from training.hazard.discrete_time import churn_by

CUT = pd.Timestamp("2025-06-01")


def labels_of(*months: tuple[str, int, int]) -> pd.DataFrame:
    """For each (as_of, accounts, of them churned within 60 days) a snapshot an account, known until the cut."""
    parts = []
    for day, count, churned in months:
        as_of = pd.Timestamp(day)
        left = pd.Series(pd.NaT, index=range(count), dtype="datetime64[us]")
        left.iloc[:churned] = as_of + pd.Timedelta(days=59)
        parts.append(pd.DataFrame({"as_of": as_of, "churn_at": left, "observed_until": CUT}))
    return pd.concat(parts, ignore_index=True)


def test_levels_are_the_shares_of_the_year_before_counted_by_hand(monkeypatch):
    monkeypatch.setattr(seasonal_level, "MIN_CHURNS", 2)
    labels = labels_of(
        ("2024-05-01", 10, 9),  # more than a year before
        ("2024-06-15", 10, 4),
        ("2024-06-20", 10, 2),
        ("2024-09-01", 8, 2),
        ("2024-10-01", 8, 1),  # too few
        ("2024-11-01", 4, 4),  # all of them: no level that log-odds could have
        ("2025-04-15", 8, 4),  # its 60 days had not passed
    )
    assert month_levels(labels, CUT, CUT, 60) == {6: pytest.approx(0.3), 9: pytest.approx(0.25)}


def test_the_shift_of_a_month_brings_the_mean_to_its_level_and_the_others_to_their_mean():
    log_odds = np.random.default_rng(1).normal(-3.5, 1.0, (500, 4))
    shifts = month_shifts(log_odds, 3, {2: 0.05, 7: 0.2})
    for month, level in ((2, 0.05), (7, 0.2)):
        assert churn_by(log_odds + shifts[month - 1], (3,)).mean() == pytest.approx(level, abs=1e-8)
    rest = [shift for month, shift in enumerate(shifts, 1) if month not in (2, 7)]
    assert rest == pytest.approx([(shifts[1] + shifts[6]) / 2] * 10)
    assert month_shifts(log_odds, 3, {}) == month_shifts(log_odds[:0], 3, {2: 0.05}) == NONE
    days = pd.DataFrame({"as_of": pd.to_datetime(["2025-02-01", "2025-07-31"])})
    assert shift_of(shifts, days).tolist() == [shifts[1], shifts[6]]


@pytest.fixture(scope="module")
def seasonal(settings):
    return settings.model_copy(
        update={
            "training": settings.training.model_copy(update={"season_level": "last_year", "calibration_origins": 1})
        }
    )


@pytest.fixture(scope="module", autouse=True)
def few_will_do():
    """The company of these tests loses fewer a month than make a level."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(seasonal_level, "MIN_CHURNS", 5)
        yield


@pytest.fixture(scope="module")
def churn(dataset, seasonal, cut):
    return fit_models(dataset, seasonal, cut, half_samples=False).churn


def test_the_accounts_in_play_get_the_level_of_a_year_before(churn, dataset, cut):
    frame = dataset.signals[(dataset.signals["as_of"] == cut).to_numpy()]
    levels = churn.log["season_levels"]
    assert len(levels) >= 4
    assert churn.calibrator.level_shift == 0.0
    for month, level in levels.items():
        then = frame.assign(as_of=cut.replace(month=month, day=1))
        assert churn.predict(then)[f"p_churn_{churn.main_horizon_days}d"].mean() == pytest.approx(level, abs=1e-6)


def test_base_and_contributions_meet_the_probability_with_a_season(churn, dataset, cut):
    frame = dataset.signals[(dataset.signals["as_of"] == cut).to_numpy()]
    told, served = churn.explain(frame, 90), churn.predict(frame)["p_churn_90d"].to_numpy()
    assert np.abs(told.base + told.contributions.sum(axis=1) - served).max() < 1e-9
    assert np.abs(told.contributions[:, churn.explained.index("season")]).max() > 0


def test_a_renewed_calibration_counts_the_months_from_the_level_without_them(churn, dataset, seasonal):
    """The shifts that the model had must not be in what the new ones are counted from."""
    renewed, bare = (recalibrate(one, dataset, seasonal) for one in (churn, replace(churn, season=NONE)))
    assert any(churn.season)
    assert any(renewed.season)
    assert renewed.season == bare.season
