"""Effects of an interval's time: their columns by hand, a planted season and anniversary found, none invented."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from training.hazard.intervals import hazard_rows, make_intervals
from training.hazard.time_effects import (
    BIN_DAYS,
    KNOTS,
    MONTH_JOINED,
    PLACE_IN_TERM,
    SEASON,
    TENURE,
    TimeEffects,
    columns,
)
from training.hazard.time_effects_fit import find_entry_day, fit_time_effects
from training.known_labels import days

INTERVALS = make_intervals((30, 60, 90), 30)
START = pd.Timestamp("2022-01-01")
PLANTED = np.array([1.2, 0.6, 0.6, -0.4, -0.4, -0.4, 0.2, -0.4, -0.3, -0.3, -0.4, 0.0])


def history(
    seed: int, accounts: int = 700, months: int = 25, season: np.ndarray | None = None, anniversary: float = 0.0
) -> tuple[TimeEffects, dict[str, float]]:
    """Fitted to accounts that leave by calendar month and anniversary, and by nothing else."""
    rng = np.random.default_rng(seed)
    joined = -rng.integers(1, 48, accounts)
    alive = np.ones(accounts, bool)
    churn_at = np.full(accounts, np.datetime64("NaT"), dtype="datetime64[us]")
    frames = []
    effect = np.zeros(12) if season is None else season
    for month in range(months):
        as_of = START + pd.DateOffset(months=month)
        who = np.flatnonzero(alive)
        first = [START + pd.DateOffset(months=int(one)) for one in joined[who]]
        tenure = (as_of - pd.DatetimeIndex(first)).days.to_numpy(float)
        frames.append(pd.DataFrame({"account_id": who, "as_of": as_of, "tenure_days": tenure}))
        due = (month - joined[who]) % 12 == 0
        leaves = rng.random(len(who)) < expit(-3.9 + effect[as_of.month - 1] + anniversary * due)
        churn_at[who[leaves]] = (as_of + pd.to_timedelta(rng.integers(1, 28, leaves.sum()), unit="D")).to_numpy()
        alive[who[leaves]] = False
    end = START + pd.DateOffset(months=months)
    frame = pd.concat(frames, ignore_index=True).assign(days_to_renewal=np.nan, term_days=np.nan)
    labels = frame[["account_id", "as_of"]].assign(
        churn_at=churn_at[frame["account_id"].to_numpy()], observed_until=end
    )
    rows = hazard_rows(labels, INTERVALS, end)
    stage = np.full(len(frame), "value", dtype=object)
    return fit_time_effects(frame, rows, INTERVALS, stage, days(pd.Series([end]))[0])


def test_two_years_of_a_planted_season_are_found() -> None:
    effects, found = history(1, season=PLANTED)
    assert found["season_z"] > 2
    learnt = np.array(effects.season)
    assert np.corrcoef(learnt, PLANTED)[0, 1] > 0.9
    assert learnt[0] - learnt[[3, 4, 5, 7]].mean() == pytest.approx(1.6, abs=0.5)


def test_a_planted_anniversary_is_found_and_no_season() -> None:
    effects, _ = history(2, anniversary=1.5)
    assert np.argmax(effects.place_in_term) == 0
    assert effects.place_in_term[0] > 0.7
    assert not any(effects.season)


@pytest.mark.slow
def test_no_season_is_invented() -> None:
    """At most in 1 of 20 histories."""
    invented = [bool(history(100 + seed, accounts=400)[0]) for seed in range(20)]
    assert sum(invented) <= 1


def test_a_season_needs_two_years() -> None:
    effects, found = history(3, months=20, season=PLANTED)
    assert not any(effects.season)
    assert "season_z" not in found


def frame_of(as_of: str, tenure: float) -> pd.DataFrame:
    return pd.DataFrame({"account_id": ["a"], "as_of": [pd.Timestamp(as_of)], "tenure_days": [tenure]})


def test_shares_of_calendar_months_by_hand() -> None:
    """From 21 January on 30 days: 11 of January, 19 of February."""
    share = columns(SEASON, frame_of("2023-01-21", 0.0), INTERVALS, None)[0, 0]
    assert share[:3].tolist() == pytest.approx([11 / 30, 19 / 30, 0.0])


def test_place_in_term_by_hand() -> None:
    """Tenure 350: of the next 30 days 15.25 lie before the anniversary, in the twelfth month, and 14.75 after it."""
    share = columns(PLACE_IN_TERM, frame_of("2023-01-01", 350.0), INTERVALS, None)[0, 0]
    assert share[[11, 0]].tolist() == pytest.approx([15.25 / 30, 14.75 / 30])
    assert share.sum() == pytest.approx(1.0)
    assert 11 * BIN_DAYS < 350.0


def test_tenure_is_a_straight_line_between_knots() -> None:
    """Tenure 45 in the middle of the first interval: a quarter of the way from 30 to 90."""
    hats = columns(TENURE, frame_of("2023-01-01", 30.0), INTERVALS, None)[0, 0]
    assert hats[[KNOTS.index(30.0), KNOTS.index(90.0)]].tolist() == pytest.approx([0.75, 0.25])
    assert hats.sum() == pytest.approx(1.0)


def test_month_of_joining_by_hand() -> None:
    """30 days before the first of March 2023 is 30 January."""
    own = columns(MONTH_JOINED, frame_of("2023-03-01", 30.0), INTERVALS, None)[0]
    assert own.argmax(axis=1).tolist() == [0, 0, 0]
    assert own.sum() == INTERVALS.count


def test_accounts_there_when_the_data_began_have_no_day_of_joining() -> None:
    tenure = np.array([100.0] * 10 + list(range(1, 31)))
    frame = pd.DataFrame({"account_id": range(40), "as_of": pd.Timestamp("2023-06-01"), "tenure_days": tenure})
    day = find_entry_day(frame)
    assert day == days(pd.Series([pd.Timestamp("2023-06-01")]))[0] - 100.0
    for name in (TENURE, PLACE_IN_TERM, MONTH_JOINED):
        assert not columns(name, frame, INTERVALS, day)[:10].any()
        assert columns(name, frame, INTERVALS, day)[10:].any(axis=2).all()
    frame["tenure_days"] = np.arange(40.0)
    assert find_entry_day(frame) is None


def test_one_account_as_in_a_batch_and_parts_add_up() -> None:
    rng = np.random.default_rng(5)
    effects = TimeEffects(
        season=tuple(rng.normal(size=12)),
        tenure_days=tuple(rng.normal(size=len(KNOTS))),
        place_in_term=tuple(rng.normal(size=12)),
        month_joined=tuple(rng.normal(size=12)),
        means=tuple(tuple(rng.normal(size=3)) for _ in range(4)),
    )
    frame = pd.DataFrame(
        {
            "account_id": range(50),
            "as_of": START + pd.to_timedelta(rng.integers(0, 700, 50), unit="D"),
            "tenure_days": rng.integers(0, 3000, 50).astype(float),
        }
    )
    whole = effects.log_odds(frame, INTERVALS)
    for row in range(50):
        assert (effects.log_odds(frame.iloc[[row]], INTERVALS)[0] == whole[row]).all()
    base, parts = effects.contributions(frame, INTERVALS)
    assert np.allclose(base + sum(parts.values()), whole, atol=1e-12)
    assert TimeEffects.from_json(effects.to_json()) == effects
    assert not replace(effects, season=(0.0,) * 12).parts(frame, INTERVALS).get(SEASON, np.zeros(1)).any()
