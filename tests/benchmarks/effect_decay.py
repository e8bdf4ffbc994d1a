"""How the slope of outcomes on the log-odds falls from interval to interval, with and without time_varying_effect.py.

`python tests/benchmarks/effect_decay.py [--seeds 7 12] [--accounts 500]` makes a demo company a seed, cut 8 months
before its end. Each quarter of the accounts is predicted by learners that the other accounts taught; 1 is right. No
snapshot from the cut on is looked at.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import yaml
from scipy.special import expit, logit

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from configs.settings import Settings
from configs.settings_file import load_settings
from features.dataset import Dataset, load_dataset
from features.synthetic.company import company_config, make_company
from training.fit.rolling_origin import Rolling
from training.hazard.intervals import hazard_rows
from training.optim import minimised

FOLDS = 4
MONTHS_KEPT = 8
SHOWN = ("trees", "logistic", "rules", "blend_rules")


def slope(z: np.ndarray, y: np.ndarray) -> float:
    """Of a logistic regression of y (m,) on z (m,)."""
    x = np.stack([np.ones(len(z)), z - z.mean()], axis=1)

    def loss(beta: np.ndarray) -> float:
        return float((np.logaddexp(0.0, x @ beta) - y * (x @ beta)).sum())

    def slopes(beta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p = expit(x @ beta)
        return x.T @ (p - y), x.T @ (x * (p * (1 - p))[:, None])

    return float(minimised(loss, slopes, np.array([logit(y.mean()), 1.0]), 40, 1e-12)[0][1])


def by_interval(dataset: Dataset, settings: Settings) -> pd.DataFrame:
    """Slope of each learner (rows) in each interval (columns), predicted by folds of accounts."""
    whole = Rolling(dataset, settings)
    cut = pd.Timestamp(sorted(dataset.labels["as_of"].unique())[-MONTHS_KEPT])
    account, names = pd.factorize(dataset.labels["account_id"])
    fold = (np.random.default_rng(0).permutation(len(names)) % FOLDS)[account]
    before = (dataset.labels["as_of"] < cut).to_numpy()
    parts: list[dict[str, np.ndarray]] = []
    for number in range(FOLDS):
        taught, held = fold != number, before & (fold == number)
        few = [one[taught].reset_index(drop=True) for one in (dataset.signals, dataset.labels)]
        learners = Rolling(replace(dataset, signals=few[0], labels=few[1]), settings).learners(cut)
        rows = hazard_rows(dataset.labels[held].reset_index(drop=True), whole.intervals, whole.until(cut))
        result = learners.log_odds(dataset.signals[held], whole.intervals)
        told = {name: result[name][rows.snapshot, rows.interval] for name in SHOWN}
        parts.append({"interval": rows.interval, "churned": rows.churned, **told})
    rows_of = pd.DataFrame({name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
    table = {
        int(str(number)) + 1: {name: slope(one[name].to_numpy(), one["churned"].to_numpy()) for name in SHOWN}
        for number, one in rows_of.groupby("interval")
    }
    return pd.DataFrame(table)


def undecayed(*given: object) -> tuple[np.ndarray, np.ndarray]:
    """In the place of `fit_effect_decay`: every interval alike."""
    count = int(str(given[-1]))
    return np.ones(count), np.zeros(count)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 12])
    parser.add_argument("--accounts", type=int, default=500)
    asked = parser.parse_args()
    for seed in asked.seeds:
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            make_company(folder, accounts=asked.accounts, seed=seed)
            (folder / "forewarn.yaml").write_text(yaml.safe_dump(company_config()), encoding="utf-8")
            settings = load_settings(folder / "forewarn.yaml")
            dataset = load_dataset(settings)
            with (
                mock.patch("training.hazard.linear_fit.fit_effect_decay", undecayed),
                mock.patch("training.hazard.trees.fit_effect_decay", undecayed),
            ):
                print(f"\nseed {seed}, without\n{by_interval(dataset, settings).round(2).to_string()}", flush=True)
            print(f"with\n{by_interval(dataset, settings).round(2).to_string()}", flush=True)


if __name__ == "__main__":
    main()
