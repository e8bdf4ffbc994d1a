"""The truth that the company knows of itself: what a plain simulation from the state says, by drivers as stated."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from features.synthetic import hazard
from features.synthetic.hazard import live
from features.synthetic.true_probabilities import true_probabilities


def test_the_truth_equals_a_plain_simulation_from_the_state():
    life = live(60, 12, 5, date(2025, 1, 1))
    calendar, row_count, draws = life.calendar, 4, 20_000
    as_of = int(calendar.month_starts()[6])
    truth = true_probabilities(life, 5)
    truth = truth[truth["as_of_day"] == as_of].sort_values("p_churn_90d").iloc[:: max(1, len(truth) // 12 // row_count)]
    rng = np.random.default_rng(0)
    weights = np.array([weight for _, weight in hazard.DRIVERS])
    keep, delay, shared = hazard.memory(), hazard.DELAY_DAYS, hazard.SHARED
    assert len(truth) >= row_count
    for row, expected in zip(truth["row"], truth["p_churn_90d"], strict=True):
        mood = np.repeat(weights @ life.drivers[:, row, as_of - delay : as_of + 1], draws).reshape(delay + 1, draws)
        path = list(mood)
        now = np.repeat(life.drivers[:, row, as_of][:, None], draws, axis=1)
        for _ in range(90 - delay):
            shock = np.sqrt(shared) * rng.standard_normal(draws) + np.sqrt(1 - shared) * rng.standard_normal(now.shape)
            now = keep * now + np.sqrt(1 - keep**2) * shock
            path.append(weights @ now)
        empty = [np.full(draws, chain[row, as_of]) for chain in (life.sponsor_gone, life.champion_gone)]
        endured = np.zeros(draws)
        for day in range(90):
            log_rate = hazard.BASE + life.offset[row, as_of + day] + path[day]
            for place in (0, 1):
                log_rate = log_rate + hazard.VACANCY_EFFECTS[place] * empty[place]
                leaves, returns = hazard.LEAVING_PER_DAY[place], hazard.REPLACED_PER_DAY[place]
                draw = rng.random(draws)
                empty[place] = np.where(empty[place], draw >= returns, draw < leaves)
            endured += np.exp(log_rate)
        survived = np.exp(-endured)
        assert 1 - survived.mean() == pytest.approx(expected, abs=4 * survived.std() / np.sqrt(draws) + 0.001)


def test_the_drivers_are_stationary_remember_and_share_as_stated():
    paths = hazard.drift(np.random.default_rng(1), 4000, 61)
    assert paths[:, :, 0].std() == pytest.approx(1, abs=0.02)
    assert paths[:, :, 60].std() == pytest.approx(1, abs=0.02)
    month = [np.corrcoef(path[:, 0], path[:, 60])[0, 1] for path in paths]
    assert np.mean(month) == pytest.approx(hazard.MONTHLY_MEMORY ** (60 / 30.4375), abs=0.02)
    assert np.corrcoef(paths[0, :, 30], paths[1, :, 30])[0, 1] == pytest.approx(hazard.SHARED, abs=0.04)
