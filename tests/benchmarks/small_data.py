"""Small data and no data, in figures: the demo company cut to few accounts, and with its labels shuffled.

`python tests/benchmarks/small_data.py [--draws N] [--accounts 100 200 300] [--company N]` makes the demo company once,
draws accounts from it, trains on what was known nine months before its end, and judges the probabilities at the main
horizon on the later snapshots of the same accounts. A table row is a draw: the step that training chose, its log loss
and the calibrated rules', their difference and its standard error clustered by account. Goals: never worse than the
rules by more than one standard error; with shuffled labels, "no usable signal" in nine of ten draws.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from configs.settings import Settings
from configs.settings_file import load_settings
from features.dataset import Dataset, load_dataset
from features.synthetic.company import company_config, make_company
from training.fit.fit import fit_models

MONTHS_KEPT = 9  # of snapshots after the cut; at 90 days six of them have matured


def demo(folder: Path, accounts: int) -> tuple[Dataset, Settings]:
    make_company(folder, accounts=accounts)
    (folder / "forewarn.yaml").write_text(yaml.safe_dump(company_config()), encoding="utf-8")
    settings = load_settings(folder / "forewarn.yaml")
    return load_dataset(settings), settings


def some_accounts(dataset: Dataset, count: int, seed: int) -> Dataset:
    """The snapshots of `count` accounts drawn at random."""
    names = np.sort(dataset.labels["account_id"].unique())
    chosen = set(np.random.default_rng([seed, count]).choice(names, count, replace=False))
    keep = dataset.labels["account_id"].isin(chosen).to_numpy()
    parts = {name: getattr(dataset, name)[keep].reset_index(drop=True) for name in ("signals", "labels")}
    return replace(dataset, **parts)


def shuffled(dataset: Dataset, seed: int) -> Dataset:
    """The accounts of a day swap their fates: who leaves no longer goes by any signal, nor by stage or tenure.

    Within a day, since the rows of a day know equally much of the future. Swapping whole lives would leave something to
    learn: the trouble that precedes a real leaving also ends the account's snapshots.
    """
    rng = np.random.default_rng([seed, 99])
    labels = dataset.labels.copy()
    place = np.arange(len(labels))
    for rows in labels.groupby("as_of").indices.values():
        place[rows] = rng.permutation(rows)
    for name in ("churn_at", "observed_until"):
        labels[name] = labels[name].to_numpy()[place]
    return replace(dataset, labels=labels)


def log_losses(y: np.ndarray, p: np.ndarray) -> np.ndarray:
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return -(y * np.log(p) + (1 - y) * np.log(1 - p))


def clustered_error(values: np.ndarray, account: np.ndarray) -> float:
    """Standard error of the mean, by account."""
    _, of = np.unique(account, return_inverse=True)
    sums = np.bincount(of, weights=values - values.mean())
    return float(np.sqrt((sums**2).sum()) / len(values))


def judge(dataset: Dataset, settings: Settings) -> dict[str, Any]:
    """One draw's figures on the snapshots from the cut on."""
    horizon = settings.main_horizon_days
    as_ofs = sorted(dataset.labels["as_of"].unique())
    cut = pd.Timestamp(as_ofs[-MONTHS_KEPT])
    fitted = fit_models(dataset, settings, cut)
    end = dataset.labels["as_of"] + pd.Timedelta(days=horizon)
    rows = ((dataset.labels["as_of"] >= cut) & (end <= dataset.labels["observed_until"])).to_numpy()
    frame, labels = dataset.signals[rows], dataset.labels[rows]
    y = (labels["churn_at"] < end[rows]).to_numpy(float)
    loss = {
        name: log_losses(y, model.predict(frame)[f"p_churn_{horizon}d"].to_numpy())
        for name, model in (("model", fitted.churn), ("rules", fitted.health), ("base", fitted.baselines[-1]))
    }
    gap = loss["model"] - loss["rules"]
    return {
        "churned": fitted.churn.log["churned_accounts"],
        "chosen": fitted.churn.chosen,
        "later_churned": int(labels.loc[y > 0, "account_id"].nunique()),
        **{f"log_loss_{name}": float(rows.mean()) for name, rows in loss.items()},
        "gap": float(gap.mean()),
        "gap_error": clustered_error(gap, labels["account_id"].to_numpy()),
    }


def table(dataset: Dataset, settings: Settings, sizes: list[int], draws: int) -> pd.DataFrame:
    """A row a draw; `task` is the number of accounts, or "shuffled"."""
    rows = []
    for size in sizes:
        for draw in range(draws):
            rows.append({"task": str(size), "draw": draw, **judge(some_accounts(dataset, size, draw), settings)})
            print(rows[-1], file=sys.stderr, flush=True)
    for draw in range(draws):
        rows.append({"task": "shuffled", "draw": draw, **judge(shuffled(dataset, draw), settings)})
        print(rows[-1], file=sys.stderr, flush=True)
    return pd.DataFrame(rows)


def verdict(found: pd.DataFrame) -> dict[str, str]:
    """Each goal as `reached of draws`."""
    out = {}
    for task, rows in found.groupby("task", sort=False):
        if task == "shuffled":
            out["no usable signal, shuffled"] = f"{int((rows.chosen == 'base_rate').sum())} of {len(rows)}"
        else:
            fine = rows.gap <= rows.gap_error
            out[f"{task} accounts, not worse than the rules by an error"] = f"{int(fine.sum())} of {len(rows)}"
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=10)
    parser.add_argument("--accounts", type=int, nargs="*", default=[100, 200, 300])
    parser.add_argument("--company", type=int, default=500, help="accounts of the company that is drawn from")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        dataset, settings = demo(Path(folder), asked.company)
    result = table(dataset, settings, asked.accounts, asked.draws)
    print(result.round(4).to_string(index=False))
    for goal, reached in verdict(result).items():
        print(f"{goal}: {reached}")


if __name__ == "__main__":
    main()
