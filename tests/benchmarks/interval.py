"""How often the interval holds an account's true probability, on the demo company, whose truth lies beside its tables.

`python tests/benchmarks/interval.py [--seeds 7 8 9] [--accounts 500]` makes a company a seed, trains 8 months before
its end, and counts among the later snapshots at each nominal level; the last row is the mean. Goal: within 3 points.
(The same on a second generator, with other noise: tests/training/test_unseen.py.)
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import pandas as pd
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from configs.settings import load_settings
from features.build import load_dataset
from features.company import TRUTH, company_config, make_company
from training.fit import fit_models

LEVELS = (0.80, 0.90, 0.95)
MONTHS_KEPT = 8


def held(folder: Path, accounts: int, seed: int) -> dict[str, float]:
    make_company(folder, accounts=accounts, seed=seed)
    (folder / "forewarn.yaml").write_text(yaml.safe_dump(company_config()), encoding="utf-8")
    settings = load_settings(folder / "forewarn.yaml")
    dataset = load_dataset(settings)
    cut = pd.Timestamp(sorted(dataset.labels["as_of"].unique())[-MONTHS_KEPT])
    churn = fit_models(dataset, settings, cut).churn
    truth = pd.read_parquet(folder / TRUTH)[["account_id", "as_of", f"p_churn_{churn.main_horizon_days}d"]]
    frame = dataset.signals[dataset.signals["as_of"] >= cut].merge(truth, on=["account_id", "as_of"])
    p = frame.pop(str(truth.columns[-1])).to_numpy()
    found = {}
    for level in LEVELS:
        low, high = churn.interval(frame, level)
        found[f"{level:.0%}"] = float(((low <= p) & (p <= high)).mean())
    return {"churned": churn.log["churned_accounts"], "hidden_sd": churn.hidden_sd, **found}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="*", default=list(range(7, 17)))
    parser.add_argument("--accounts", type=int, default=500)
    asked = parser.parse_args()
    rows = {}
    for seed in asked.seeds:
        with tempfile.TemporaryDirectory() as folder:
            rows[str(seed)] = held(Path(folder), asked.accounts, seed)
    table = pd.DataFrame(rows).T
    table.loc["mean"] = table.mean()
    print(table.round(3).to_string())


if __name__ == "__main__":
    main()
