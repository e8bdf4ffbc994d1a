"""A data set's whole history out of time, from the first day with enough churns on, against one model a horizon.

`FOREWARN_DATA=... python tests/benchmarks/history.py [configs/examples/oulad.yaml] [--horizons 90 180]` refits as the
project's backtest does, but from the beginning instead of from `backtest.from`, and prints the figures of
tests/figures/test_figures.py over all those days and by fold. Folds at which fewer than 1,000 snapshots had a window
that was over are left out, since the reference has nothing to learn from there.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from configs.settings_file import load_settings
from evaluation.metrics.calibration import ece
from tests.figures.test_figures import against_one_a_horizon, judged, run
from training.known_labels import rows_known

ROOT = Path(__file__).resolve().parents[2]
LEAST_ROWS = 1_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path, nargs="?", default=ROOT / "configs" / "examples" / "oulad.yaml")
    parser.add_argument("--horizons", type=int, nargs="+", default=[90, 180])
    asked = parser.parse_args()
    settings = load_settings(asked.config)
    whole = settings.model_copy(update={"backtest": settings.backtest.model_copy(update={"from_": None})})
    dataset, result = run(whole)
    for days in asked.horizons:
        taught = [
            fold
            for fold in sorted(result.predictions.fold.unique())
            if rows_known(dataset.labels, pd.Timestamp(fold), days).sum() >= LEAST_ROWS
        ]
        kept = replace(result, predictions=result.predictions[result.predictions.fold.isin(taught)])
        against_one_a_horizon(f"{settings.name} from {taught[0]}", dataset, kept, days)
        for fold, part in judged(kept, days).groupby("fold"):
            y, p = part.y.to_numpy(), part.p.to_numpy()
            print(f"    {fold}: {y.mean():.4f} left, {p.mean():.4f} predicted, ECE {ece(y, p):.4f}")


if __name__ == "__main__":
    main()
