"""A step in the level: found when it is there, told from chance and from a season, and carried on by what is served."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from training.calibration.calibrator import Calibrator, identity
from training.calibration.level_shift import LIMIT, find_level_shift
from training.fit.current_level import FirstIntervals
from training.fit.fit import fit_models

pytestmark = pytest.mark.slow

ACCOUNTS, MONTHS = 500, 24
FIRST = 19_000


def months(times=None, seed=1, accounts=ACCOUNTS, count=MONTHS, often=1):
    """(day, log-odds as served, churned): `times` the hazard by month; the model knows nothing of it."""
    rng = np.random.default_rng(seed)
    day = np.repeat(FIRST + 30.4 * np.arange(count), accounts * often).round()
    z = rng.normal(-4.0, 0.8, count * accounts)
    shift = np.log(np.ones(count) if times is None else np.asarray(times))
    churned = (rng.random(len(z)) < expit(z + np.repeat(shift, accounts))).astype(float)
    return day, np.repeat(z, often), np.repeat(churned, often)


def stepped(since, factor, count=MONTHS):
    return np.where(np.arange(count) >= since, factor, 1.0)


def test_a_step_is_found_with_its_day_and_its_size():
    day, z, churned = months(stepped(18, 2.2))
    result = find_level_shift(day, z, churned, 1.0)
    assert result.since == str(np.datetime64(round(FIRST + 30.4 * 18), "D"))
    assert result.shift == pytest.approx(np.log(2.2), abs=2 * result.error)
    assert 0.08 < result.error < 0.15
    assert result.since in result.why


def test_a_fall_is_found_as_well():
    result = find_level_shift(*months(stepped(15, 0.35)), 1.0)
    assert result.shift == pytest.approx(np.log(0.35), abs=0.35)


def test_chance_makes_a_step_in_five_histories_of_a_thousand_at_most():
    shifts = np.array([find_level_shift(*months(seed=seed), 1.0).shift for seed in range(1_000)])
    assert (shifts != 0).sum() <= 5


def test_what_was_so_a_year_before_is_a_season():
    times = np.ones(MONTHS)
    times[[8, 9, 20, 21]] = 2.5
    day, z, churned = months(times)
    until = day < FIRST + 30.4 * 22 - 5
    result = find_level_shift(day[until], z[until], churned[until], 1.0)
    assert result.shift == 0
    assert result.ratio > LIMIT
    assert result.why.endswith("a season")
    times[[8, 9]] = 1.0
    day, z, churned = months(times)
    assert find_level_shift(day[until], z[until], churned[until], 1.0).shift > 0.5


def test_with_less_than_a_year_before_nothing_is_taken_for_a_step():
    day, z, churned = months(stepped(18, 2.2))
    young = day >= FIRST + 30.4 * 10
    result = find_level_shift(day[young], z[young], churned[young], 1.0)
    assert result.shift == 0
    assert "less than a year" in result.why


def test_a_step_that_is_sure_but_small_is_left_to_the_next_retrain():
    result = find_level_shift(*months(stepped(15, 1.15), accounts=20_000), 1.0)
    assert result.shift == 0
    assert result.ratio > LIMIT
    assert "too little" in result.why


def test_a_churn_that_four_snapshots_saw_counts_once():
    times = stepped(18, 1.5)
    one = find_level_shift(*months(times, seed=4), 1.0).ratio
    four = find_level_shift(*months(times, seed=4, often=4), 0.25).ratio
    assert four == pytest.approx(one)


def test_no_churn_and_one_day_are_no_step():
    day, z, churned = months()
    assert find_level_shift(day, z, np.zeros(len(day)), 1.0).shift == 0
    first = day == day[0]
    assert find_level_shift(day[first], z[first], churned[first], 1.0).shift == 0


def test_a_calibrator_carries_the_step_on_and_keeps_it_when_stored():
    result = find_level_shift(*months(stepped(18, 2.2)), 1.0)
    before = identity(why="uncalibrated")
    after = before.with_level_shift(result, seed=1)
    z, stage = np.full((3, 2), -3.0), np.array(["adoption"] * 3)
    assert np.allclose(after.apply(z, stage), -3.0 + result.shift)
    assert after.pooled_line() == (result.shift, 1.0)
    assert after.spread(z, stage)[:, 0, 0].std() == pytest.approx(result.error, rel=0.35)
    assert not before.spread(z, stage).any()
    assert after.version != before.version
    again = Calibrator.from_json(json.loads(json.dumps(after.to_json())))
    assert again.version == after.version
    assert np.array_equal(again.apply(z, stage), after.apply(z, stage))


def test_only_what_was_known_by_the_cut_is_looked_at(dataset, rolling, cut):
    """Whoever leaves after it, the outcomes are the same; and no first interval that was still running counts."""
    until = rolling.until(cut)
    known = FirstIntervals.of(dataset, rolling.intervals, cut, until)
    labels = dataset.labels.assign(churn_at=dataset.labels["churn_at"].where(dataset.labels["churn_at"] < until))
    unaware = FirstIntervals.of(replace(dataset, labels=labels), rolling.intervals, cut, until)
    assert 0 < known.churned.sum() < len(known.churned)
    for name in ("day", "churned", "event_weight"):
        assert np.array_equal(getattr(known, name), getattr(unaware, name))
    ends = pd.Timestamp(0) + pd.to_timedelta(known.day + rolling.intervals.ends[0], unit="D")
    assert ends.max() <= until
    assert ends.max() > until - pd.Timedelta(days=31)


@pytest.fixture(scope="module")
def launched(simulate, settings):
    """A company that loses 2.5 times as many from its nineteenth month on, known three months later: (cut, frame of
    that day, models with and without the three months' outcomes as they came)."""
    _, dataset = simulate(accounts=900, months=26, seed=6, level=-4.8)
    days = sorted(dataset.labels["as_of"].unique())
    launch, cut = pd.Timestamp(days[18]), pd.Timestamp(days[21])
    rng = np.random.default_rng(2)
    labels = dataset.labels.copy()
    # Of the accounts that live on, some leave at a day of their own after the launch; nothing is seen of them after it.
    names = labels.loc[(labels["as_of"] >= launch) & labels["churn_at"].isna(), "account_id"].unique()
    gone = rng.choice(names, len(names) // 7, replace=False)
    at = pd.Series(launch + pd.to_timedelta(rng.integers(1, 90, len(gone)), unit="D"), index=gone)
    left = labels["account_id"].map(at)
    labels["churn_at"] = labels["churn_at"].where(left.isna(), left).astype("datetime64[us]")
    keep = ~(labels["as_of"] > labels["churn_at"])
    after = replace(dataset, signals=dataset.signals[keep], labels=labels[keep])
    now = (dataset.signals["as_of"] == cut).to_numpy()
    quick = settings.model_copy(update={"training": settings.training.model_copy(update={"calibration_origins": 1})})
    fitted = fit_models(after, quick, cut)
    return dataset.signals[now], fitted, fit_models(dataset, quick, cut)


def test_a_model_of_a_company_that_lives_through_a_launch_serves_the_new_level(launched):
    frame, fitted, quiet = launched
    step = fitted.churn.calibrator.level_shift
    assert quiet.churn.calibrator.level_shift == 0
    assert 0.3 < step < 1.5
    served = fitted.churn.predict(frame)["p_churn_90d"]
    without = replace(fitted.churn, calibrator=replace(fitted.churn.calibrator, level_shift=0.0)).predict(frame)
    assert served.mean() > 1.25 * without["p_churn_90d"].mean()
    assert fitted.health.log["level_shift"]["since"] == fitted.churn.calibrator.log["level_shift"]["since"]
    assert fitted.health.predict(frame)["p_churn_90d"].mean() == pytest.approx(served.mean(), rel=0.25)
    assert "the level is moved" in fitted.churn.log["calibration"]["level_shift"]["why"]


def test_base_and_contributions_meet_the_probability_with_a_step(launched):
    frame, fitted, _ = launched
    for model in (fitted.churn, fitted.health):
        told = model.explain(frame, 90)
        served = model.predict(frame)["p_churn_90d"].to_numpy()
        assert np.abs(told.base + told.contributions.sum(axis=1) - served).max() < 1e-9
    low, high = fitted.churn.interval(frame)
    p = fitted.churn.predict(frame)["p_churn_90d"].to_numpy()
    assert ((low <= p) & (p <= high)).all()
