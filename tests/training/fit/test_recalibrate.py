from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from configs.errors import DataError
from training.calibration.platt import fit_shrunken_platt
from training.fit.fit import fit_models
from training.fit.recalibrate import recalibrate, recalibrate_rules
from training.known_labels import days
from training.model.churn_model import ChurnModel

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def drifting(simulate, settings):
    """A company whose churn rises all the time, the model and the rules of its fourteenth month."""
    made, dataset = simulate(accounts=500, months=26, seed=8, level=-5.2, drift_per_month=0.08)
    cut = pd.Timestamp(sorted(dataset.labels["as_of"].unique())[14])
    result = fit_models(dataset, settings, cut)
    return made, dataset, result.churn, result.health


@pytest.fixture(scope="module")
def renewed(drifting, settings):
    return recalibrate(drifting[2], drifting[1], settings)


def test_what_came_true_since_moves_the_level(drifting, renewed):
    made, dataset, model, _ = drifting
    rows = (dataset.labels["as_of"] >= dataset.data_end - pd.Timedelta(days=90)).to_numpy()
    truth = made.truth.loc[rows, "p_churn_90d"].mean()
    before, after = (one.predict(dataset.signals[rows])["p_churn_90d"].mean() for one in (model, renewed))
    assert before < 0.8 * truth
    assert abs(after - truth) < 0.75 * abs(before - truth)


def test_the_learners_cut_and_the_calibrators_are_two_days(drifting, renewed):
    _, dataset, model, _ = drifting
    assert model.cuts.learners == model.cuts.calibrator == pd.Timestamp(model.log["cut"])
    assert renewed.cuts.learners == model.cuts.learners < renewed.cuts.calibrator == dataset.data_end
    assert renewed.cuts.last == dataset.data_end


def test_the_rules_learn_of_the_new_level_and_score_as_before(drifting, settings):
    made, dataset, _, rules = drifting
    later = recalibrate_rules(rules, dataset, settings)
    rows = (dataset.labels["as_of"] >= dataset.data_end - pd.Timedelta(days=90)).to_numpy()
    truth = made.truth.loc[rows, "p_churn_90d"].mean()
    before, after = (one.predict(dataset.signals[rows])["p_churn_90d"].mean() for one in (rules, later))
    assert before < 0.8 * truth
    assert abs(after - truth) < 0.75 * abs(before - truth)
    pd.testing.assert_frame_equal(later.scores(dataset.signals), rules.scores(dataset.signals))


def test_the_learners_are_left_alone_and_the_version_is_new(drifting, renewed, tmp_path):
    model = drifting[2]
    assert renewed.trees is model.trees
    assert renewed.linear is model.linear
    assert renewed.calibrator.method != "none"
    said = renewed.log["recalibration"]
    assert said["from_version"] == model.calibrator.version != said["to_version"] == renewed.calibrator.version
    assert said["churned_accounts_since"] > 0
    model.save(tmp_path / "old")
    renewed.save(tmp_path / "new")
    assert (tmp_path / "old/trees.txt").read_bytes() == (tmp_path / "new/trees.txt").read_bytes()
    assert ChurnModel.load(tmp_path / "new").calibrator.version == renewed.calibrator.version


def test_a_calibration_gone_wrong_is_replaced(fitted, dataset, settings, rolling, later, simulated):
    blocks = rolling.out_of_time(pd.Timestamp(fitted.churn.log["cut"]))
    wrong = replace(fit_shrunken_platt(blocks["blend"], 1), intercept=2.0)
    spoilt = replace(fitted.churn, calibrator=wrong)
    result = recalibrate(spoilt, dataset, settings, rolling)
    truth = simulated.truth.loc[later.index, "p_churn_90d"].mean()
    assert spoilt.predict(later)["p_churn_90d"].mean() > 2 * truth
    assert result.predict(later)["p_churn_90d"].mean() == pytest.approx(truth, rel=0.15)


def test_only_rows_out_of_time_are_used(fitted, dataset, rolling, cut):
    churn = fitted.churn
    rows = rolling.since(cut, dataset.data_end, churn.chosen, lambda frame: churn.log_odds(churn.inputs(frame)))
    origins = rolling.origins(cut)
    day = (pd.Timestamp(0) + pd.to_timedelta(np.unique(rows.origin), unit="D")).to_list()
    assert day[: len(origins)] == list(origins)
    assert min(day[len(origins) :]) == cut
    for origin in origins:
        assert (rolling.learners(origin).rows.ends <= origin).all()
    uncalibrated = churn.log_odds(churn.inputs(dataset.signals[dataset.signals["as_of"] >= cut]))
    own = rows.take(rows.origin >= days(pd.Series([cut]))[0])
    assert set(np.unique(own.log_odds)) <= set(np.unique(uncalibrated))


def test_without_a_churn_since_there_is_nothing_to_renew_on(fitted, dataset, settings, cut):
    keep = (dataset.labels["as_of"] < cut).to_numpy()
    end = dataset.labels[keep].assign(observed_until=cut)
    early = replace(dataset, signals=dataset.signals[keep], labels=end, data_end=cut)
    with pytest.raises(DataError, match="no churn among the snapshots since"):
        recalibrate(fitted.churn, early, settings)
