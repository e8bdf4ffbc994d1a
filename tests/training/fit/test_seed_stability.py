from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from training.calibration.calibrator import identity
from training.fit.baselines import Parts, assemble
from training.fit.seed_stability import reseeded


def test_the_same_seed_gives_the_same_trees_and_the_next_one_others(fitted, dataset, later):
    churn = fitted.churn
    assert churn.trees is not None
    before = replace(churn, log={**churn.log, "seed": churn.log["seed"] - 1})
    assert reseeded(before, dataset, dataset.schema).trees.booster_text == churn.trees.booster_text
    other = reseeded(churn, dataset, dataset.schema)
    assert other.trees.booster_text != churn.trees.booster_text
    assert other.linear is churn.linear
    one, two = (model.predict(later)["p_churn_90d"] for model in (churn, other))
    assert not np.array_equal(one, two)
    assert one.corr(two, method="spearman") > 0.95


def test_a_model_without_trees_has_nothing_to_draw(fitted, dataset, rolling, settings, cut):
    parts = Parts(settings, rolling.intervals, 0.1, fitted.churn.log)
    logistic = assemble("churn", "logistic", rolling.learners(cut), parts, identity())
    assert reseeded(logistic, dataset, dataset.schema) is logistic


def test_it_is_trained_on_the_rows_of_its_cut_alone(fitted, dataset, cut):
    """Snapshots after the cut, and outcomes known only after it, change nothing."""
    churn_at = dataset.labels["churn_at"]
    spoilt = dataset.labels.assign(churn_at=churn_at.where(churn_at < cut))
    spoilt.loc[spoilt["as_of"] >= cut, "churn_at"] = spoilt["as_of"]
    result = reseeded(fitted.churn, replace(dataset, labels=spoilt), dataset.schema)
    truth = reseeded(fitted.churn, dataset, dataset.schema)
    assert result.trees.booster_text == truth.trees.booster_text


@pytest.mark.parametrize("part", ["trees", "monotone", "churn_events"])
def test_it_has_the_size_that_the_log_names(fitted, dataset, part):
    log = dict(fitted.churn.log)
    log |= {"trees": {**log["trees"], "n_estimators": 7}, "monotone": not log["monotone"], "churn_events": 9_999}
    changed = replace(fitted.churn, log={**fitted.churn.log, part: log[part]})
    one, two = (reseeded(model, dataset, dataset.schema).trees for model in (changed, fitted.churn))
    assert one.booster_text != two.booster_text
    assert part != "trees" or one.booster.num_trees() == 7
