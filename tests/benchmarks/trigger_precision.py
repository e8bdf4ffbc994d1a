"""What the trigger `usage_decline` is worth beside the rule that it replaced, on the demo company or a project's data.

    python tests/benchmarks/trigger_precision.py [--seeds 7 11] [--accounts 500] [--config FILE ...]

Before: two weeks with a fifth less use than the two before them, whatever that was made of. Now: the trigger of the
settings. For each: the share of accounts a month on which it fires (with the smallest and largest month), the share of
those that left within the main horizon with its 95 % interval over accounts, and the lift over everybody's.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from configs.settings import Settings  # noqa: E402
from configs.settings_file import load_settings  # noqa: E402
from evaluation.outcomes import trigger_values  # noqa: E402
from features.dataset import load_dataset  # noqa: E402
from features.labels import horizon_labels  # noqa: E402
from features.synthetic.company import company_config, make_company  # noqa: E402
from training.health import fired_triggers  # noqa: E402

OLD_AT_MOST = 0.8  # of the use in the two weeks before
NAME = "usage_decline"


def compare(title: str, settings: Settings) -> None:
    """Prints both rules on every row whose main window has passed."""
    dataset = load_dataset(settings)
    days = settings.main_horizon_days
    churned = horizon_labels(dataset.labels, [days])[f"churned_{days}d"].to_numpy()
    frame = dataset.signals[~np.isnan(churned)]
    rows = frame[["account_id", "as_of"]].assign(y=churned[~np.isnan(churned)]).reset_index(drop=True)
    before = (frame.usage_before_14d > 0) & (frame.usage_14d <= OLD_AT_MOST * frame.usage_before_14d)
    names = fired_triggers(frame, settings.framework)
    now = np.array([NAME in fired for fired in names], dtype=bool)
    some = np.array([bool(fired) for fired in names], dtype=bool)
    every = {f"{NAME} before": before.to_numpy(), f"{NAME} now": now, "any trigger now": some}
    print(f"{title}: {len(rows):,} rows, {rows.y.mean():.1%} left within {days} days")
    for value in trigger_values(every, rows, settings.evaluation.min_churned_accounts)[:-1]:
        print(f"  {value}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="*", default=[7, 11])
    parser.add_argument("--accounts", type=int, default=500)
    parser.add_argument("--config", type=Path, nargs="*", default=[], help="forewarn.yaml of projects")
    chosen = parser.parse_args()
    for seed in [] if chosen.config else chosen.seeds:
        with tempfile.TemporaryDirectory() as folder:
            make_company(Path(folder), chosen.accounts, seed=seed)
            (Path(folder) / "forewarn.yaml").write_text(yaml.safe_dump(company_config()))
            compare(f"demo company, seed {seed}", load_settings(Path(folder) / "forewarn.yaml"))
    for path in chosen.config:
        compare(str(path.name), load_settings(path))


if __name__ == "__main__":
    main()
