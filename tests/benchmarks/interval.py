"""How often the interval holds an account's true probability, on the demo company, whose truth lies beside its tables.

`python tests/benchmarks/interval.py [--seeds 7 8 9] [--accounts 500]` makes a company a seed, trains 8 months before
its end, and counts among the later snapshots at each nominal level; the last row is the mean. Goal: within 3 points.
With `--simulated` the companies are those of a second generator, with other noise (the first five as in
test_residual_heterogeneity.py), and trained eighteen months after their beginning; with `--fresh` as well, those on
which no choice of the method was made. `open` is what lies between the truth and the interval's center beside the
hidden part, in squared log-odds; `halves` and `sandwich` are the two estimates of it (training/fit/interval_width.py).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import yaml
from scipy.special import logit

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from configs.settings_file import load_settings
from features.dataset import load_dataset
from features.synthetic.company import TRUTH, company_config, make_company
from tests.training.conftest import dataset_of, project_settings, simulator
from training.fit.fit import fit_models
from training.fit.interval_width import STAND_IN_SCALE
from training.model.churn_model import ChurnModel
from training.model.residual_heterogeneity import center_of

LEVELS = (0.80, 0.90, 0.95)
MONTHS_KEPT = 8
SIMULATED_CUT = 18  # months
# Accounts, seed, noise of the signals.
SIMULATED = (
    *((500, 41, 0.3), (500, 42, 0.5), (800, 43, 0.5), (500, 44, 1.0), (800, 45, 0.8)),
    *((500, 51, 0.3), (500, 52, 0.5), (800, 53, 0.5), (500, 54, 1.0), (800, 55, 0.8)),
    *((3000, 46, 0.5), (3000, 47, 1.0)),
)
FRESH = ((500, 61, 0.5), (500, 62, 0.8), (800, 63, 0.3), (800, 64, 1.0), (500, 65, 0.3), (3000, 66, 0.7))


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
    return counted(churn, frame, p)


def held_simulated(folder: Path, accounts: int, seed: int, noise: float) -> dict[str, float]:
    settings = project_settings(folder, training={"calibration_origins": 1})
    made = simulator.simulate(accounts=accounts, months=26, seed=seed, level=-4.6, noise=noise)
    cut = pd.Timestamp(sorted(made.signals["as_of"].unique())[SIMULATED_CUT])
    churn = fit_models(dataset_of(made), settings, cut).churn
    later = (made.signals["as_of"] >= cut).to_numpy()
    return counted(churn, made.signals[later], made.truth.loc[later, "p_churn_90d"].to_numpy())


def counted(churn: ChurnModel, frame: pd.DataFrame, p: np.ndarray) -> dict[str, float]:
    """Share of the rows whose true probability p the interval holds, by level."""
    result = {}
    for level in LEVELS:
        low, high = churn.interval(frame, level)
        result[f"{level:.0%}"] = float(((low <= p) & (p <= high)).mean())
    main = f"p_churn_{churn.main_horizon_days}d"
    served, sd = churn.predict(frame)[main].to_numpy(), churn.spread(frame)[1]
    missed = float(((logit(p) - center_of(served, sd)) ** 2).mean())
    halves = churn.log.get("half_samples", {})
    # What is open beside the hidden part, in squared log-odds, and what the two estimates of it say.
    parts = {
        "open": missed - churn.frailty_sd**2,
        "halves": halves.get("sampling_variance", np.nan) + halves.get("missing_variance", np.nan),
        "sandwich": STAND_IN_SCALE**2 * halves.get("sandwich_variance", np.nan),
    }
    widths = {"frailty_sd": churn.frailty_sd, "excess_kurtosis": churn.excess_kurtosis, "scale": churn.sampling_scale}
    return {"churned": churn.log["churned_accounts"], **widths, **parts, **result}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, nargs="*", default=list(range(7, 17)))
    parser.add_argument("--accounts", type=int, default=500)
    parser.add_argument("--simulated", action="store_true", help="companies of the second generator instead")
    parser.add_argument("--fresh", action="store_true", help="of these, such as took no part in choosing the method")
    asked = parser.parse_args()
    rows = {}
    simulated = FRESH if asked.fresh else SIMULATED
    for accounts, seed, noise in (
        simulated if asked.simulated else [(asked.accounts, seed, 0.0) for seed in asked.seeds]
    ):
        with tempfile.TemporaryDirectory() as folder:
            where = Path(folder)
            result = held_simulated(where, accounts, seed, noise) if asked.simulated else held(where, accounts, seed)
        rows[f"{seed} ({accounts})"] = result
    table = pd.DataFrame(rows).T
    table.loc["mean"] = table.mean()
    print(table.round(3).to_string())


if __name__ == "__main__":
    main()
