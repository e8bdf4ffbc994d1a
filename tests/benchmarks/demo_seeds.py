"""How near the model comes to the demo company's own truth, over companies drawn with several seeds.

    python tests/benchmarks/demo_seeds.py --seeds 7 11 12 [--accounts 500]

The share of the truth's AUC lift over .5 on out-of-time rows at the main horizon, the ratio of log losses, and how
often the interval beside a probability, nominally 90 %, holds the truth.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import yaml
from sklearn.metrics import log_loss

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from configs.settings import load_settings  # noqa: E402
from evaluation import metrics  # noqa: E402
from evaluation.backtest import backtest  # noqa: E402
from features.build import load_dataset  # noqa: E402
from features.company import company_config, make_company  # noqa: E402


def measure(folder: Path, seed: int, accounts: int) -> dict[str, float]:
    company = make_company(folder, accounts, seed=seed)
    (folder / "forewarn.yaml").write_text(yaml.safe_dump(company_config()))
    settings = load_settings(folder / "forewarn.yaml")
    column = f"p_churn_{settings.main_horizon_days}d"
    rows = backtest(load_dataset(settings), settings).predictions
    rows = rows.dropna(subset=[f"churned_{settings.main_horizon_days}d"])
    truth = company.truth[["account_id", "as_of", column]].rename(columns={column: "truth"})
    rows = rows.merge(truth, on=["account_id", "as_of"], validate="one_to_one")
    y = rows[f"churned_{settings.main_horizon_days}d"].to_numpy(dtype=float)
    auc, best = metrics.auc(y, rows[column].to_numpy()), metrics.auc(y, rows.truth.to_numpy())
    losses = log_loss(y, rows[column]) / log_loss(y, rows.truth)
    low, high = (rows[f"p_{end}_{settings.main_horizon_days}d"] for end in ("low", "high"))
    held = float(((low <= rows.truth) & (rows.truth <= high)).mean())
    return {"auc": auc, "best": best, "lift": (auc - 0.5) / (best - 0.5), "loss_ratio": losses, "held": held}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 11, 12])
    parser.add_argument("--accounts", type=int, default=500)
    chosen = parser.parse_args()
    lifts = []
    for seed in chosen.seeds:
        with tempfile.TemporaryDirectory() as folder:
            found = measure(Path(folder), seed, chosen.accounts)
        lifts.append(found["lift"])
        print(
            f"seed {seed}: AUC {found['auc']:.4f}, truth {found['best']:.4f}, {found['lift']:.1%} of its lift; "
            f"log loss {found['loss_ratio']:.3f} times the truth's; {found['held']:.1%} of true probabilities held",
            flush=True,
        )
    print(f"mean {np.mean(lifts):.1%}")


if __name__ == "__main__":
    main()
