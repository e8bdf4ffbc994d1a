"""How near the model comes to the demo company's own truth, over companies drawn with several seeds.

    python tests/benchmarks/demo_seeds.py --seeds 7 11 12 [--accounts 500]

The share of the truth's AUC lift over .5 on out-of-time rows at the main horizon, the ratio of log losses, calibration
error, the slope of the outcomes and of the true probabilities on the served log-odds (over 1: too timid), and how often
the interval beside a probability, nominally 90 %, holds the truth.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import yaml
from scipy.special import logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from configs.settings_file import load_settings  # noqa: E402
from evaluation import metrics  # noqa: E402
from evaluation.backtest import backtest  # noqa: E402
from evaluation.metrics.calibration import ece  # noqa: E402
from features.dataset import load_dataset  # noqa: E402
from features.synthetic.company import company_config, make_company  # noqa: E402


def slope(outcome: np.ndarray, p: np.ndarray) -> float:
    """Of the log-odds of `outcome` (0 or 1, or a probability) on those of p."""
    x = np.tile(logit(p), 2)[:, None]
    y, weight = np.repeat([1, 0], len(p)), np.concatenate([outcome, 1 - outcome])
    return float(LogisticRegression(C=np.inf).fit(x, y, sample_weight=weight).coef_[0, 0])


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
    p = rows[column].to_numpy()
    return {
        "auc": auc,
        "best": best,
        "lift": (auc - 0.5) / (best - 0.5),
        "loss_ratio": losses,
        "ece": ece(y, p),
        "slope": slope(y, p),
        "true_slope": slope(rows.truth.to_numpy(), p),
        "held": held,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 11, 12])
    parser.add_argument("--accounts", type=int, default=500)
    chosen = parser.parse_args()
    every = []
    for seed in chosen.seeds:
        with tempfile.TemporaryDirectory() as folder:
            result = measure(Path(folder), seed, chosen.accounts)
        every.append(result)
        print(
            f"seed {seed}: AUC {result['auc']:.4f}, truth {result['best']:.4f}, {result['lift']:.1%} of its lift; "
            f"log loss {result['loss_ratio']:.3f} times the truth's, ECE {result['ece']:.4f}; slope of outcomes "
            f"{result['slope']:.2f}, of the truth {result['true_slope']:.2f}; {result['held']:.1%} of the truth held",
            flush=True,
        )
    means = {name: float(np.mean([one[name] for one in every])) for name in every[0]}
    print(
        f"mean: {means['lift']:.1%} of the lift, log loss {means['loss_ratio']:.3f} times the truth's; slope of "
        f"outcomes {means['slope']:.2f}, of the truth {means['true_slope']:.2f}; {means['held']:.1%} held"
    )


if __name__ == "__main__":
    main()
