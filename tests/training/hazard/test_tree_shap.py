"""Tree SHAP against LightGBM's, shap's own algorithm, the definition itself, and by hand."""

from __future__ import annotations

from itertools import combinations
from math import factorial
from types import SimpleNamespace

import lightgbm as lgb
import numpy as np
import pytest

from configs.errors import DataError
from training.hazard import tree_shap as module
from training.hazard import trees
from training.hazard.discrete_time import make_inputs
from training.hazard.tree_shap import tree_shap
from training.hazard.trees import column_signals, matrix_of_all, tree_columns

COLUMNS = 7
SETTINGS = {
    "plain": {},
    "monotone": {"monotone_constraints": [1, -1, 0, 1, 0, 0, -1]},
    "zero as missing": {"zero_as_missing": True},
    "no missing": {"use_missing": False},
}


def made(rows=1500, seed=0):
    """Columns on few values (ties), zeros, one with NaN in training, one that gets it only later."""
    rng = np.random.default_rng(seed)
    x = np.round(rng.normal(0, 2, (rows, COLUMNS)), 1)
    x[:, 1] = rng.integers(0, 4, rows)
    x[rng.random(rows) < 0.3, 0] = np.nan
    x[rng.random(rows) < 0.1, 4] = np.nan
    score = np.where(np.isnan(x[:, 0]), 1.0, -0.5 * x[:, 0]) + x[:, 1] * (x[:, 2] > 0) + x[:, 3] - (x[:, 4] > 1)
    return x, (rng.random(rows) < 1 / (1 + np.exp(-score))).astype(float)


def grown(leaves, rounds=25, rows=1500, **over):
    x, y = made(rows)
    params = {"objective": "binary", "num_leaves": leaves, "learning_rate": 0.2, "min_data_in_leaf": 5, "verbosity": -1}
    params |= {"num_threads": 1, "feature_fraction": 0.7, "seed": 3, "force_row_wise": True, **over}
    booster = lgb.train(params, lgb.Dataset(x, y, params=params), rounds)
    return lgb.Booster(model_str=booster.model_to_string())


def asked(booster, rows=300):
    """Fresh rows, NaN and 0 in every column somewhere, and for each threshold a row that lies exactly on it."""
    x, _ = made(rows, seed=1)
    rng = np.random.default_rng(2)
    x[rng.random(x.shape) < 0.1] = np.nan
    x[rng.random(x.shape) < 0.1] = 0.0
    x[0] = np.nan
    x[1], x[2] = np.inf, -np.inf
    frame = booster.trees_to_dataframe().dropna(subset="threshold")
    on = x[rng.integers(3, rows, len(frame))]
    column = frame["split_feature"].str.removeprefix("Column_").astype(int)
    on[np.arange(len(frame)), column] = frame["threshold"]
    return np.concatenate([x, on])


def ours(booster, x, moving=frozenset()):
    result = tree_shap(booster, moving)
    return result.expected, result.contributions(np.ascontiguousarray(x.T)[:, None, :])[:, 0, :].T


@pytest.mark.parametrize("leaves", [2, 4, 7, 15, 31])
@pytest.mark.parametrize("over", SETTINGS.values(), ids=SETTINGS)
def test_equals_lightgbm(leaves, over):
    booster = grown(leaves, **over)
    x = asked(booster)
    theirs = booster.predict(x, pred_contrib=True, num_threads=1)
    expected, result = ours(booster, x)
    assert np.abs(result - theirs[:, :-1]).max() < 1e-9
    assert expected == pytest.approx(theirs[0, -1], abs=1e-9)
    assert np.abs(theirs[:, :-1]).max() > 0.1


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")  # shap colours its plots in matplotlib's old way
@pytest.mark.parametrize("leaves", [4, 7, 15, 31])
def test_equals_shap(leaves):
    import shap

    booster = grown(leaves)
    x, _ = made(200, seed=1)
    explainer = shap.TreeExplainer(booster)
    explainer.model.model_type = "internal"  # shap's own algorithm: for LightGBM it would ask LightGBM itself
    assert ours(booster, x)[1] == pytest.approx(np.asarray(explainer.shap_values(x)), abs=1e-5)


def node(column, threshold, left, right, missing="None", default_left=True):
    """A split in the words of LightGBM's dump; leaves are (value, training rows)."""
    children = [one if isinstance(one, dict) else {"leaf_value": one[0], "leaf_count": one[1]} for one in (left, right)]
    return {
        "split_feature": column,
        "threshold": threshold,
        "decision_type": "<=",
        "missing_type": missing,
        "default_left": default_left,
        "internal_count": sum(child.get("leaf_count", child.get("internal_count")) for child in children),
        "left_child": children[0],
        "right_child": children[1],
    }


def dumped(*roots):
    return SimpleNamespace(dump_model=lambda: {"tree_info": [{"tree_structure": root} for root in roots]})


def test_by_hand():
    """A stump on column 0, and 8 where both columns are above their thresholds, which half of the rows each are."""
    booster = dumped(node(0, 5.0, (1.0, 75), (3.0, 25)), node(0, 0.0, (0.0, 50), node(1, 0.0, (0.0, 25), (8.0, 25))))
    expected, result = ours(booster, np.array([[5.0, 1.0], [6.0, 1.0], [-1.0, 1.0]]))
    assert expected == 1.5 + 2.0
    # Of 8 - 2 in the corner, 3 each; where column 0 fails: 0 - 2, of which column 1 gets +1 (half of 4 - 2 and 0 - 0).
    assert result == pytest.approx(np.array([[-0.5 + 3, 3], [1.5 + 3, 3], [-0.5 - 3, 1]]), abs=1e-12)


def value_of(tree, row, known):
    """The definition: a column that is not known is averaged over the training rows of each side."""
    if "leaf_value" in tree:
        return tree["leaf_value"]
    sides = (tree["left_child"], tree["right_child"])
    if tree["split_feature"] in known:
        return value_of(sides[0 if row[tree["split_feature"]] <= tree["threshold"] else 1], row, known)
    rows = [side.get("leaf_count", side.get("internal_count")) for side in sides]
    return sum(value_of(side, row, known) * count for side, count in zip(sides, rows, strict=True)) / sum(rows)


def by_definition(tree, row):
    columns = range(len(row))
    out = np.zeros(len(row))
    for column in columns:
        others = [one for one in columns if one != column]
        for size in range(len(row)):
            weight = factorial(size) * factorial(len(row) - size - 1) / factorial(len(row))
            for known in combinations(others, size):
                out[column] += weight * (value_of(tree, row, {*known, column}) - value_of(tree, row, {*known}))
    return out


def test_equals_the_definition_down_a_deep_path(monkeypatch):
    """A staircase of 16 splits on 6 columns, most of them met again further down: beyond any table, and within one."""
    rng = np.random.default_rng(0)
    tree = (1.0, 7)
    for step in range(16):
        leaf = (float(rng.normal()), int(rng.integers(1, 30)))
        sides = (leaf, tree) if step % 2 else (tree, leaf)
        tree = node(step % 6, float(rng.normal()), *sides)
    x = rng.normal(0, 2, (25, 6))
    wanted = np.array([by_definition(tree, row) for row in x])
    ready = tree_shap(dumped(tree)).steady
    assert len(ready.deep) == 5  # at 13, 14, 15 and twice 16 splits
    assert ours(dumped(tree), x)[1] == pytest.approx(wanted, abs=1e-12)
    monkeypatch.setattr(module, "MOST_BITS", 16)
    assert not tree_shap(dumped(tree)).steady.deep
    assert ours(dumped(tree), x)[1] == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("most_bits", [0, 2])
def test_row_by_row_equals_tables(monkeypatch, most_bits):
    booster = grown(7)
    x = asked(booster)
    wanted = ours(booster, x)[1]
    monkeypatch.setattr(module, "MOST_BITS", most_bits)
    assert tree_shap(booster).steady.deep
    assert np.abs(ours(booster, x)[1] - wanted).max() < 1e-12


def test_one_column_gets_everything():
    """Splits on one column only, again and again on a path: its share is the whole distance from the mean."""
    x, y = made()
    params = {"objective": "binary", "num_leaves": 15, "min_data_in_leaf": 5, "verbosity": -1, "num_threads": 1}
    booster = lgb.train(params, lgb.Dataset(x[:, :1], y), 20)
    expected, result = ours(booster, x[:, :1])
    assert np.abs(expected + result[:, 0] - booster.predict(x[:, :1], raw_score=True)).max() < 1e-12


def test_trees_that_did_not_split():
    booster = grown(4, rounds=3, min_data_in_leaf=10_000)
    x, _ = made(5, seed=1)
    expected, result = ours(booster, x)
    assert result.tolist() == np.zeros((5, COLUMNS)).tolist()
    assert booster.predict(x, raw_score=True) == pytest.approx(np.full(5, expected), abs=1e-12)
    expected, _ = ours(dumped({"leaf_value": 0.25}, node(0, 0.0, (1.0, 1), (2.0, 3))), x)
    assert expected == 0.25 + 1.75


def test_sets_of_categories_are_refused():
    tree = node(0, "1||2", (1.0, 1), (2.0, 3)) | {"decision_type": "=="}
    with pytest.raises(DataError, match="split by '=='"):
        tree_shap(dumped(tree))


@pytest.mark.parametrize("leaves", [4, 31])
def test_a_row_alone_and_in_a_batch_agree_to_the_last_bit(leaves):
    booster = grown(leaves)
    x = asked(booster)
    _, batch = ours(booster, x)
    for size in (1, 2, 7):
        for at in (0, 3, 50, len(x) - size):
            assert np.array_equal(ours(booster, x[at : at + size])[1], batch[at : at + size])


def test_columns_that_move_between_intervals():
    """Two of them, over three intervals, one the same for all rows: each interval as if it were alone."""
    booster = grown(7)
    x = asked(booster)[:200]
    rng = np.random.default_rng(4)
    whole = np.repeat(x.T[:, None, :], 3, axis=1)
    whole[2] = rng.normal(0, 2, (3, 200))
    whole[5] = np.array([-1.0, 0.0, 1.0])[:, None]
    columns = [*np.ascontiguousarray(x.T)[:, None, :]]
    columns[2], columns[5] = whole[2], whole[5, :, :1]
    ready = tree_shap(booster, moving=frozenset({2, 5}))
    assert ready.steady.tables
    assert ready.moving.tables
    result = ready.contributions(columns)
    for number in range(3):
        assert np.abs(result[:, number].T - ours(booster, whole[:, number].T)[1]).max() < 1e-12


def test_of_a_hazard_by_signal(fitted, later, monkeypatch):
    """The trees of a fitted model, in small chunks: LightGBM's own, summed by signal; fewer intervals are the first."""
    churn = fitted.churn
    inputs = make_inputs(later.head(90), churn.encoder, churn.intervals)
    matrix = matrix_of_all(inputs, churn.encoder, churn.intervals)
    theirs = churn.trees.booster.predict(matrix, pred_contrib=True).reshape(90, churn.intervals.count, -1)
    wanted = np.zeros((90, len(churn.explained.signals), churn.intervals.count))
    for column, name in enumerate(column_signals(churn.encoder)):
        wanted[:, churn.explained.index(name), :] += theirs[:, :, column] * churn.trees.effect_decay
    expected, whole = churn.trees.contributions(inputs, churn.encoder, churn.explained)
    assert np.abs(whole - wanted).max() < 1e-9
    assert expected == pytest.approx(churn.trees.intercepts + churn.trees.effect_decay * theirs[0, 0, -1], abs=1e-9)
    assert np.ptp(churn.trees.effect_decay) > 0.05
    monkeypatch.setattr(trees, "CHUNK", 7 * churn.intervals.count)
    assert np.array_equal(churn.trees.contributions(inputs, churn.encoder, churn.explained)[1], whole)
    assert np.array_equal(churn.trees.contributions(inputs, churn.encoder, churn.explained, 2)[1], whole[:, :, :2])
    alone = churn.trees.contributions(inputs.take(np.array([41])), churn.encoder, churn.explained)[1]
    assert np.array_equal(alone[0], whole[41])


def test_the_columns_are_those_of_the_matrix(fitted, later):
    churn = fitted.churn
    inputs = make_inputs(later.head(30), churn.encoder, churn.intervals)
    columns = tree_columns(inputs, churn.encoder, churn.intervals, 2)
    stacked = np.stack([np.broadcast_to(column, (2, 30)) for column in columns])
    matrix = matrix_of_all(inputs, churn.encoder, churn.intervals, 2)
    assert np.array_equal(stacked.transpose(2, 1, 0).reshape(60, -1), matrix, equal_nan=True)
