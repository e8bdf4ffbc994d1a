"""How often chance alone makes a level shift: quiet histories, whose churns follow their predictions exactly.

    python tests/benchmarks/quiet_levels.py --histories 1000

A row for each size of company and length of history: how many histories have a day whose likelihood ratio passes the
limit of `training/calibration/level_shift.py`, and in how many of those the level is moved, since the shift is large
enough and no season.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path
from sys import path as import_path

import numpy as np
from scipy.special import expit

import_path.insert(0, str(Path(__file__).parents[2]))

from training.calibration.level_shift import LIMIT, find_level_shift

MONTH_DAYS = 30.4


def quiet_history(
    accounts: int, months: int, rate: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(day, log-odds, churned) of monthly snapshots, whose log-odds spread by .8 around the monthly rate of churn."""
    day = np.repeat(np.round(19_000 + MONTH_DAYS * np.arange(months)), accounts)
    log_odds = rng.normal(np.log(rate / (1 - rate)), 0.8, accounts * months)
    return day, log_odds, (rng.random(len(log_odds)) < expit(log_odds)).astype(float)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--histories", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=7)
    options = parser.parse_args()
    print(f"of {options.histories:,} quiet histories; limit {LIMIT:g}")
    print("accounts  months  churn a month  pass the limit  level moved")
    for accounts, months, rate in product((300, 2_000), (24, 48), (0.01, 0.03)):
        rng = np.random.default_rng([options.seed, accounts, months, round(1e4 * rate)])
        shifts = [find_level_shift(*quiet_history(accounts, months, rate, rng), 1.0) for _ in range(options.histories)]
        passed = sum(shift.ratio >= LIMIT for shift in shifts)
        moved = sum(shift.shift != 0 for shift in shifts)
        print(f"{accounts:8,}  {months:6}  {rate:13.0%}  {passed:14}  {moved:11}", flush=True)


if __name__ == "__main__":
    main()
