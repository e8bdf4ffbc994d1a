from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml

from configs.errors import DataError
from configs.settings import Trees
from training.fit import tuning
from training.fit.rolling_origin import Rolling
from training.fit.tuning import tune
from training.hazard.discrete_time import log_loss_rows
from training.hazard.trees import tree_size

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def small(simulate):
    return simulate(accounts=250, months=18, seed=6, level=-4.0)[1]


@pytest.fixture
def project(settings, tmp_path):
    return settings.model_copy(update={"folder": tmp_path})


def test_a_study_goes_on_where_it_stopped(small, project):
    messages: list[str] = []
    rolling = Rolling(small, project)
    first = tune(small, project, 2, messages.append, rolling)
    assert [trial.number for trial in first.trials] == [0, 1]
    assert first.trials[0].params == Trees().model_dump()  # the default is the first that is tried
    assert first.trials[0].value == pytest.approx(first.study.default_log_loss)
    assert [message for message in messages if message.startswith("trial ")][1].startswith("trial 2 of 2: ")
    second = tune(small, project, 2, None, rolling)
    assert [trial.number for trial in second.trials] == [0, 1, 2, 3]
    assert second.trials[:2] == first.trials
    assert len({str(trial.params) for trial in second.trials}) == 4
    assert second.study.best_log_loss == min(trial.value for trial in second.trials if trial.state == "COMPLETE")
    other = project.model_copy(update={"name": "another"})
    assert tune(small, other, 1, None, rolling).study.trials == 1


def test_only_what_betters_the_newest_origin_beyond_an_error_is_adopted(small, project):
    """Planted losses: a size that wins the older origins, and on the newest gains a little or much."""
    gains = {"noise": 0.0, "clear": 0.05}
    rng = np.random.default_rng(0)
    rolling = Rolling(small, project)
    newest = rolling.origins(small.data_end)[-1]
    for name, gain in gains.items():

        def planted(rolling, block, size, gain=gain):
            result = tuning.log_losses(rolling, block, Trees(n_estimators=1))
            if size == Trees():
                return result
            if block.learners.cut != newest:
                return result - 0.1
            return result - gain + 0.3 * rng.normal(size=len(result)) * (gain == 0.0)

        result = tune(small, project.model_copy(update={"name": name}), 3, None, rolling, planted)
        assert result.adopted == (name == "clear"), result.study.why
        assert (result.trees == Trees()) == (name != "clear")
        assert result.study.best != result.study.default
        assert Trees(**yaml.safe_load(result.line)["training"]["trees"]) == result.trees
        assert ("adopted" in result.study.why.split(": ")[-1]) == result.adopted


def test_a_trial_of_the_default_is_the_blend_that_serves(rolling, cut):
    """With the default size, what is judged are the purged predictions of the blend with rules, row by row."""
    origin = rolling.origins(cut)[-1]
    learners = rolling.learners(origin)
    block = tuning.origin_block(rolling, origin, cut, cut)
    result = tuning.log_losses(rolling, block, tree_size(Trees(), learners.events))
    assert learners.learned_rules is not None
    served, without = (newest(rolling.out_of_time(cut)[name]) for name in ("blend_rules", "blend"))
    assert result == pytest.approx(log_loss_rows(served.log_odds, served.churned), rel=1e-9)
    assert np.abs(result - log_loss_rows(without.log_odds, without.churned)).max() > 1e-3


def newest(rows):
    return rows.take(rows.origin == rows.origin.max())


def test_a_hopeless_trial_is_pruned(dataset, project, rolling):
    """Planted losses that get worse from trial to trial: after the first few, a trial stops at its first origins."""
    calls: list[tuple[pd.Timestamp, bool]] = []

    def planted(rolling, block, size):
        calls.append((block.learners.cut, size == Trees()))
        return np.full(len(block.account), 0.1 + 0.01 * len(calls))

    assert len(rolling.origins(dataset.data_end)) > 2
    result = tune(dataset, project, tuning.STARTUP_TRIALS + 3, None, rolling, planted)
    assert result.study.pruned >= 1
    assert result.trials[0].state == "COMPLETE"


def test_one_origin_proves_nothing(small, project):
    keep = (small.labels["as_of"] < sorted(small.labels["as_of"].unique())[4]).to_numpy()
    end = pd.Timestamp(sorted(small.labels["as_of"].unique())[4])
    labels = small.labels[keep].assign(observed_until=end)
    few = replace(small, signals=small.signals[keep], labels=labels, data_end=end)
    with pytest.raises(DataError, match="two or more: one to search on"):
        tune(few, project, 1)
