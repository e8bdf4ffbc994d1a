from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from configs.settings import Trees
from training.hazard.discrete_time import churn_by, make_inputs
from training.hazard.linear import LinearHazard
from training.hazard.trees import matrix_of_all, tree_size


def test_survival_by_hand():
    odds = np.log(np.array([[0.1, 0.2, 0.3]]) / (1 - np.array([[0.1, 0.2, 0.3]])))
    assert churn_by(odds, (1, 3))[0] == pytest.approx([0.1, 1 - 0.9 * 0.8 * 0.7])


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # shap colours its plots in matplotlib's old way
def test_tree_contributions_equal_shap(fitted, later):
    import shap

    churn = fitted.churn
    inputs = make_inputs(later.head(20), churn.encoder, churn.intervals)
    _, ours = churn.trees.contributions(inputs, churn.encoder, churn.explained)
    matrix = matrix_of_all(inputs, churn.encoder, churn.intervals)
    explainer = shap.TreeExplainer(churn.trees.booster)
    explainer.model.model_type = "internal"  # shap's own algorithm: for LightGBM it would ask LightGBM itself
    theirs = np.asarray(explainer.shap_values(matrix)).reshape(20, churn.intervals.count, -1)
    theirs = theirs * churn.trees.effect_decay[None, :, None]
    index_of = churn.explained.index
    for column, name in enumerate([*churn.encoder.numbers, *(category.name for category in churn.encoder.categories)]):
        if name != "days_to_renewal":  # the timing columns of the renewal are counted under its name
            assert ours[:, index_of(name), :] == pytest.approx(theirs[:, :, column], abs=1e-5)
    assert ours.sum(axis=1) == pytest.approx(theirs.sum(axis=2), abs=1e-5)


@pytest.mark.parametrize("learner", ["trees", "linear"])
def test_parts_add_up_to_the_log_odds(fitted, later, learner):
    churn = fitted.churn
    inputs = make_inputs(later.iloc[::8], churn.encoder, churn.intervals)
    if learner == "trees":
        base, parts = churn.trees.contributions(inputs, churn.encoder, churn.explained)
        whole = churn.trees.log_odds(inputs, churn.encoder)
    else:
        base, parts = churn.linear.contributions(inputs, churn.encoder, churn.explained)
        whole = churn.linear.log_odds(inputs)
    assert np.abs(base + parts.sum(axis=1) - whole).max() < 1e-9


def test_the_linear_learner_finds_the_maximum_of_its_likelihood(rolling, cut, dataset):
    """Its gradient vanishes: checked by finite differences on the intercept, where there is no penalty to speak of."""
    learners = rolling.learners(cut)
    frame = dataset.signals[dataset.signals["as_of"] < cut]
    inputs = make_inputs(frame, learners.encoder, rolling.intervals)
    z = learners.linear.log_odds(inputs)[learners.rows.snapshot, learners.rows.interval]
    assert (1 / (1 + np.exp(-z))).sum() == pytest.approx(learners.rows.churned.sum(), rel=1e-4)


def test_hazard_rises_as_a_signal_gets_less_healthy(rolling, cut, later):
    learners = rolling.learners(cut)
    assert learners.monotone
    worse = later.assign(logins_28d=later["logins_28d"] / 4, days_late=later["days_late"] + 20)
    before = learners.trees.log_odds(make_inputs(later, learners.encoder, rolling.intervals), learners.encoder)
    after = learners.trees.log_odds(make_inputs(worse, learners.encoder, rolling.intervals), learners.encoder)
    assert (after >= before).all()
    assert (after > before).mean() > 0.3


def test_the_linear_learner_round_trips_to_the_last_bit(fitted, later):
    churn = fitted.churn
    again = LinearHazard.from_json(json.loads(json.dumps(churn.linear.to_json(), allow_nan=False)))
    inputs = make_inputs(later, churn.encoder, churn.intervals)
    assert np.array_equal(again.log_odds(inputs), churn.linear.log_odds(inputs))
    assert np.array_equal(again.spread(inputs.take(np.arange(9))), churn.linear.spread(inputs.take(np.arange(9))))


def test_extreme_and_missing_values_stay_finite(fitted, later):
    wild = later.head(3).copy()
    wild["logins_28d"] = [1e30, np.nan, -1e30]
    wild["nps"] = np.nan
    p = fitted.churn.predict(wild).to_numpy()
    assert np.isfinite(p).all()
    assert ((p > 0) & (p < 1)).all()


def test_only_the_untouched_default_grows_with_the_data():
    assert tree_size(Trees(), 500) == Trees()
    assert tree_size(Trees(), 501) == tree_size(Trees(), 2_000) == Trees(n_estimators=600)
    assert tree_size(Trees(), 2_001).num_leaves == 15
    assert tree_size(Trees(num_leaves=5), 2_001).num_leaves == 5


def test_an_empty_frame_gives_an_empty_answer(fitted, later):
    none = later.head(0)
    assert list(fitted.churn.predict(none).columns) == ["p_churn_30d", "p_churn_60d", "p_churn_90d", "p_churn_180d"]
    assert fitted.churn.explain(none, 90).contributions.shape[0] == 0
    assert isinstance(fitted.churn.predict(none).index, pd.Index)
