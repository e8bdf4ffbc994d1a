"""The model and its yardsticks on companies that it was not made on: `make worlds`.

    python tests/benchmarks/worlds/run.py [--worlds memberships demo-7 ...] [--share .5] [--write]

Each world is backtested as its project says, and the yardsticks are fitted at the same folds and judged on the same
rows, at 90 and 180 days: AUC, log loss, calibration error, slope, and by how much the model's log loss is below each
yardstick's, with an interval over accounts. Where the true probabilities are known they stand beside. `--write` puts
the table into docs/worlds.md (figures of earlier runs of other worlds stay); `--share` takes that share of each world's
accounts, which the table says. Public data sets are left out where FOREWARN_DATA does not name them.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from evaluation import metrics  # noqa: E402
from evaluation.backtest import Backtest, backtest  # noqa: E402
from evaluation.metrics import bootstrap, bootstrap_statistics  # noqa: E402
from tests.benchmarks.demo_seeds import slope  # noqa: E402
from tests.benchmarks.worlds import page, yardsticks  # noqa: E402
from tests.benchmarks.worlds.catalogue import WORLDS, Made, World  # noqa: E402
from tests.figures.test_figures import judged  # noqa: E402

HORIZONS = (90, 180)
BASELINES = ("contracts", "logistic")


def measured(world: World, share: float) -> list[dict[str, object]]:
    """A row a horizon and model."""
    made = world.make(share)
    return judged_world(world.name, made, backtest(made.dataset, made.settings))


def judged_world(name: str, made: Made, found: Backtest) -> list[dict[str, object]]:
    out = []
    for days in (days for days in HORIZONS if days in made.settings.horizons_days):
        rows = judged(found, days)
        others = [one for one in BASELINES if one in rows]
        by_hand = yardsticks.predicted(made.dataset, rows, days)
        rows = pd.concat([rows, by_hand], axis=1)
        if made.truth is not None:
            truth = made.truth[["account_id", "as_of", f"p_churn_{days}d"]]
            rows = rows.merge(truth.rename(columns={f"p_churn_{days}d": "truth"}), validate="one_to_one")
        counts = {"left": rows.loc[rows.y > 0, "account_id"].nunique(), "accounts": rows.account_id.nunique()}
        for model in ("p", *by_hand.columns, *others, *(["truth"] if "truth" in rows else [])):
            out.append({"world": name, "days": days, **counts, **figures(rows, model)})
    return out


def figures(rows: pd.DataFrame, name: str) -> dict[str, object]:
    y, p = rows.y.to_numpy(dtype=float), np.clip(rows[name].to_numpy(dtype=float), 1e-6, 1 - 1e-6)
    kept = rows.assign(**{name: p})
    gain = None
    if name != "p":
        gain = bootstrap.paired(kept, bootstrap_statistics.log_loss(name), bootstrap_statistics.log_loss("p"))
    return {
        "model": "forewarn" if name == "p" else name,
        "auc": metrics.auc(y, p),
        "log_loss": metrics.log_loss(y, p),
        "ece": metrics.ece(y, p),
        "slope": slope(y, p),
        "true_slope": slope(rows.truth.to_numpy(dtype=float), p) if "truth" in rows else np.nan,
        "mean": float(p.mean()),
        "observed": float(y.mean()),
        "gain": np.nan if gain is None else gain.value,
        "low": np.nan if gain is None else gain.low,
        "high": np.nan if gain is None else gain.high,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", nargs="+", choices=[world.name for world in WORLDS])
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore", message="X does not have valid feature names")
    for world in WORLDS:
        if asked.worlds and world.name not in asked.worlds:
            continue
        if world.public and not os.environ.get("FOREWARN_DATA"):
            print(f"{world.name}: left out, FOREWARN_DATA names no folder", flush=True)
            continue
        began = time.monotonic()
        rows = measured(world, asked.share)
        print(f"\n{world.name} ({time.monotonic() - began:.0f} s)\n{page.text(rows)}", flush=True)
        if asked.write:
            page.write(ROOT / "docs" / "worlds.md", rows)


if __name__ == "__main__":
    main()
