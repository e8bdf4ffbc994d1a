"""What each family of signals is worth: log loss on purged rows with it and without, world by world.

    python tests/benchmarks/signal_families.py [--worlds demo-7 oulad] [--share .5] [--origins 2] [--trees]

Families are the signals of one set of source tables, the health scores, and what compares with peers, the family of
accounts or months before. The learners are fitted at the last origins before the data's end without one family at a
time, and judged on what was then to come. A gain (in thousandths of the mean log loss of a hazard row) above 0 means
that the family helps; z is clustered by account.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from configs.settings import Settings, Trees  # noqa: E402
from features.health import SCORES  # noqa: E402
from features.signal import Schema  # noqa: E402
from features.signals.trends_and_peers import TRENDS_AND_PEERS  # noqa: E402
from tests.benchmarks.worlds.catalogue import WORLDS, Made  # noqa: E402
from training.calibration import clustered_z  # noqa: E402
from training.fit import Rolling  # noqa: E402
from training.hazard import log_loss_rows  # noqa: E402

EVERY = ("trees", "logistic", "blend")
APART = {"health scores": {info.name for info in SCORES}, "trends and peers": {one.name for one in TRENDS_AND_PEERS}}


def families(schema: Schema) -> dict[str, tuple[str, ...]]:
    """Names of the signals of each, each signal in one."""
    found: dict[str, list[str]] = {}
    for info in schema.signals:
        apart = [name for name, names in APART.items() if info.name in names]
        found.setdefault(apart[0] if apart else " + ".join(info.tables) or "accounts", []).append(info.name)
    return {name: tuple(names) for name, names in found.items()}


def losses(
    made: Made, settings: Settings, left_out: tuple[str, ...], learners: tuple[str, ...]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """(purged log loss of each row by learner, the rows' accounts) without some signals."""
    training = settings.training
    excluded = [*training.exclude_signals, *left_out]
    without = settings.model_copy(update={"training": training.model_copy(update={"exclude_signals": excluded})})
    rows = Rolling(made.dataset, without).out_of_time(made.dataset.data_end)
    return {name: log_loss_rows(rows[name].log_odds, rows[name].churned) for name in learners}, rows["blend"].account


def measured(name: str, share: float, origins: int, trees: bool) -> None:
    made = next(world for world in WORLDS if world.name == name).make(share)
    learners = EVERY if trees else ("logistic",)
    update = {"calibration_origins": origins} | ({} if trees else {"trees": Trees(n_estimators=1)})
    training = made.settings.training.model_copy(update=update)
    settings = made.settings.model_copy(update={"training": training})
    all_in, account = losses(made, settings, (), learners)
    of_each = ", ".join(f"{learner} {loss.mean():.5f}" for learner, loss in all_in.items())
    print(f"\n{name} ({made.dataset.labels.account_id.nunique():,} accounts): {of_each}")
    print(f"| family | signals | {' | '.join(f'{learner} (z)' for learner in learners)} |")
    print("| --- " * (2 + len(learners)) + "|")
    for family, names in families(made.dataset.schema).items():
        without, _ = losses(made, settings, names, learners)
        gains = [without[learner] - all_in[learner] for learner in learners]
        told = " | ".join(f"{1e3 * gain.mean():+.3f} ({clustered_z(gain, account):+.1f})" for gain in gains)
        print(f"| {family} | {len(names)} | {told} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worlds", nargs="+", default=["demo-7", "memberships", "monthly-terms"])
    parser.add_argument("--share", type=float, default=1.0)
    parser.add_argument("--origins", type=int, default=2)
    parser.add_argument("--trees", action="store_true")
    asked = parser.parse_args()
    for name in asked.worlds:
        measured(name, asked.share, asked.origins, asked.trees)


if __name__ == "__main__":
    main()
