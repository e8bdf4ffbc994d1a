"""What an explanation costs: tree SHAP here, shap.TreeExplainer's, LightGBM's own and prediction alone, on one thread.

`python tests/benchmarks/explanations.py [--leaves 4 7 15] [--accounts 5000] [--repetitions 3]` grows models on 161
random signals and the four columns of timing, and explains the same rows with each: every account in three intervals.
Times are of the processor, the least of the repetitions, in microseconds a row; then how many times as long as ours.
"same matrix": every interval's row is worked out by itself, as the others do; "shared": as served, once for what the
intervals of an account have in common. The tables are made before, once a model.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import lightgbm as lgb
import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from training.hazard.discrete_time import Explained, Inputs
from training.hazard.encoding import Encoder
from training.hazard.intervals import Intervals
from training.hazard.tree_shap import TreeShap, tree_shap
from training.hazard.trees import CHUNK, TreeHazard, column_signals, matrix_of_all

SIGNALS = 161
INTERVALS = Intervals((0, 30, 60, 90))
ENCODER = Encoder(tuple(f"s{place}" for place in range(SIGNALS)), ())
NAMES = tuple(dict.fromkeys(column_signals(ENCODER)))
EXPLAINED = Explained(NAMES, ("usage",) * len(NAMES))


def random_inputs(accounts: int, seed: int) -> Inputs:
    """Signals of many or few values, a third of them missing at times; a renewal within a year or none known."""
    rng = np.random.default_rng(seed)
    values = np.round(rng.normal(size=(accounts, SIGNALS)) * np.resize([1.0, 3.0, 30.0, 300.0], SIGNALS))
    values[rng.random(values.shape) < np.resize([0.2, 0.0, 0.0], SIGNALS)] = np.nan
    ahead = rng.uniform(0, 365, accounts)[:, None] - np.array(INTERVALS.starts)[None, :]
    ahead = np.where(ahead < 0, ahead + 365, ahead)
    ahead[rng.random(accounts) < 0.1] = np.nan
    return Inputs(values, np.zeros((accounts, 0), dtype=np.int64), (ahead < 30).astype(float), ahead)


def random_trees(leaves: int, rounds: int = 300, accounts: int = 6_000) -> TreeHazard:
    """As large as training's; the hazard hangs on a fifth of the signals and on the renewal."""
    inputs = random_inputs(accounts, seed=1)
    x = matrix_of_all(inputs, ENCODER, INTERVALS)
    rng = np.random.default_rng(2)
    effects = rng.normal(size=SIGNALS) * (rng.random(SIGNALS) < 0.2)
    z = np.nan_to_num(inputs.values / np.resize([1.0, 3.0, 30.0, 300.0], SIGNALS)) @ effects * 0.4
    log_odds = z[:, None] + 1.5 * inputs.falls - 2.0
    churned = rng.random(log_odds.size) < 1 / (1 + np.exp(-log_odds.ravel()))
    params = {"objective": "binary", "num_leaves": leaves, "learning_rate": 0.03, "min_data_in_leaf": 50}
    params |= {"lambda_l2": 20, "feature_fraction": 0.3, "max_bin": 127, "num_threads": 1, "verbosity": -1, "seed": 7}
    booster = lgb.train(params, lgb.Dataset(x, churned.astype(float), params=params), rounds)
    count = INTERVALS.count
    return TreeHazard.from_text(booster.model_to_string(), INTERVALS, np.ones(count), np.zeros(count))


def of_matrix(ready: TreeShap, x: np.ndarray) -> np.ndarray:
    """Tree SHAP of a plain matrix (rows, columns), as the others take and give it."""
    out = np.empty(x.shape)
    for at in range(0, len(x), CHUNK):
        columns = list(np.ascontiguousarray(x[at : at + CHUNK].T)[:, None, :])
        out[at : at + CHUNK] = ready.contributions(columns)[:, 0, :].T
    return out


def rivals(booster: lgb.Booster) -> dict[str, Callable[[np.ndarray], np.ndarray]]:
    """Each explains a matrix. For LightGBM's models shap.TreeExplainer asks LightGBM, unless told to do it itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # shap colours its plots in matplotlib's old way
        import shap

        as_it_comes, itself = shap.TreeExplainer(booster), shap.TreeExplainer(booster)
    itself.model.model_type = "internal"

    def shap_values(x: np.ndarray) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says how the shape of its answer changed
            return np.asarray(as_it_comes.shap_values(x))

    return {
        "shap.TreeExplainer": shap_values,
        "shap's own algorithm": lambda x: np.asarray(itself.shap_values(x)),
        "LightGBM's": lambda x: np.asarray(booster.predict(x, pred_contrib=True, num_threads=1))[:, :-1],
    }


def seconds(task: Callable[[], object]) -> float:
    """Of the processor: the machine may have other work."""
    start = time.process_time()
    task()
    return time.process_time() - start


def compared(leaves: int, accounts: int, repetitions: int) -> pd.DataFrame:
    trees = random_trees(leaves)
    inputs = random_inputs(accounts, seed=3)
    x = matrix_of_all(inputs, ENCODER, INTERVALS)
    made_in = seconds(lambda: trees.shap)
    ready = tree_shap(trees.booster)
    ours = of_matrix(ready, x[:300])
    tasks: dict[str, Callable[[], object]] = {
        "ours, same matrix": lambda: of_matrix(ready, x),
        "ours, shared": lambda: trees.contributions(inputs, ENCODER, EXPLAINED),
    }
    for name, explain in rivals(trees.booster).items():
        if np.abs(explain(x[:300]) - ours).max() > 1e-5:
            raise SystemExit(f"{name} found other values than ours")
        tasks[name] = lambda explain=explain: explain(x)  # type: ignore[misc]
    tasks["prediction alone"] = lambda: trees.booster.predict(x, raw_score=True, num_threads=1)
    # In turns, so that a slow minute of the machine is everyone's.
    result = pd.DataFrame([{name: seconds(task) for name, task in tasks.items()} for _ in range(repetitions)]).min()
    table = pd.DataFrame({"us a row": result / len(x) * 1e6})
    for name in ("ours, same matrix", "ours, shared"):
        table[f"times {name}"] = result / result[name]
    table.index.name = f"{leaves} leaves, {len(x)} rows; tables made in {made_in:.2f} s"
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--leaves", type=int, nargs="*", default=[4, 7, 15])
    parser.add_argument("--accounts", type=int, default=5_000)
    parser.add_argument("--repetitions", type=int, default=3)
    asked = parser.parse_args()
    with threadpool_limits(limits=1):
        for leaves in asked.leaves:
            print(compared(leaves, asked.accounts, asked.repetitions).round(1).to_string(), flush=True)


if __name__ == "__main__":
    main()
