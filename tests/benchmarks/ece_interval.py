"""How often the 95 % interval of the calibration error (ECE) holds the true one, for right models and wrong ones.

`python tests/benchmarks/ece_interval.py [--sets 400]`. A true error is that of the probabilities against the true ones,
over bins of 200,000 accounts. "mirrored alone" is the interval as it was before it asked what noise alone makes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import expit, logit

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from evaluation.metrics import bootstrap, bootstrap_statistics, ece
from evaluation.metrics.validation import Array

BINS = 15
MODELS: dict[str, Callable[[Array], Array]] = {
    "right": lambda q: q,
    "moved by +.2 log-odds": lambda q: expit(logit(q) + 0.2),
    "moved by +.5 log-odds": lambda q: expit(logit(q) + 0.5),
    "half as spread": lambda q: expit(logit(q.mean()) + 0.5 * (logit(q) - logit(q.mean()))),
    "twice as spread": lambda q: expit(logit(q.mean()) + 2.0 * (logit(q) - logit(q.mean()))),
}
WIDTHS = (9, 6, 10, 8, 16, 7, 8)
SIZES = ((300, 4), (1000, 4), (1000, 12), (3000, 1))


def truths(random: np.random.Generator, accounts: int) -> Array:
    """True probabilities, one an account: 9 % on average."""
    return np.asarray(np.clip(random.beta(0.8, 8, accounts), 0.002, 0.998))


def true_error(model: Callable[[Array], Array]) -> float:
    q = truths(np.random.default_rng(0), 200_000)
    p = model(q)
    order, gap = np.argsort(p), q - p
    return float(np.abs(np.add.reduceat(gap[order], np.arange(0, len(q), len(q) // BINS + 1))).sum() / len(q))


def covered(model: Callable[[Array], Array], accounts: int, rows: int, sets: int) -> tuple[float, float, float, float]:
    """Share of sets whose interval holds the true error, mirrored alone and as it is; mean width; mean plain ECE."""
    truth, holds, width, plain = true_error(model), [], [], []
    for seed in range(sets):
        random = np.random.default_rng(seed)
        q = truths(random, accounts)
        # Of an account's rows a half share one draw, as windows that overlap do.
        shared, own = random.random(accounts).repeat(rows), random.random(accounts * rows)
        chance = np.where(np.tile(np.arange(rows) % 2 == 0, accounts), shared, own)
        y = (chance < q.repeat(rows)).astype(float)
        frame = pd.DataFrame({"account_id": np.arange(accounts).repeat(rows), "p": model(q).repeat(rows), "y": y})
        error, noise = bootstrap.draw(frame, {"ece": bootstrap_statistics.ece(bins=BINS)}, 200, seed)["ece"]
        before, now = (bootstrap.interval_of(error, noise=other) for other in (np.zeros_like(noise), noise))
        holds.append([one.low <= truth + 1e-12 and truth <= one.high for one in (before, now)])
        width.append(now.high - now.low)
        plain.append(ece(y, frame.p.to_numpy(), BINS))
    old, new = np.mean(holds, axis=0)
    return float(old), float(new), float(np.mean(width)), float(np.mean(plain))


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sets", type=int, default=400)
    sets = arguments.parse_args().sets
    names = ("accounts", "rows", "true ECE", "plain", "mirrored alone", "now", "width")
    print(f"{'model':24}" + "".join(f"{name:>{width}}" for name, width in zip(names, WIDTHS, strict=True)))
    for name, model in MODELS.items():
        for accounts, rows in SIZES:
            old, new, width, plain = covered(model, accounts, rows, sets)
            print(
                f"{name:24}{accounts:9}{rows:6}{true_error(model):10.4f}{plain:8.4f}{old:16.1%}{new:7.1%}{width:8.4f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
