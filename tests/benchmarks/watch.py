"""How the monitoring does on demo companies drawn with several seeds, with a story and without.

    python tests/benchmarks/watch.py --seeds 7 11 12 [--accounts 500] [--story]

Without a story: alarms in the fifteen months that the backtest covers, the AUC that was estimated before labels less
the one that came out, quarter by quarter, the same of the company's own true probabilities (what chance alone leaves),
and slope and error of the probabilities at the main horizon, beside those of the true ones. With one: the months from
the launch to the alarm of the level, every alarm that is none of the story's, and slope and error likewise; there the
true probabilities know of the launch from its day on, and nothing of it before. Their error is also told as it would
be had they heard of it one and two months late, as those who learn from outcomes do.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from configs.settings_file import load_settings  # noqa: E402
from evaluation import metrics  # noqa: E402
from evaluation.backtest import backtest  # noqa: E402
from evaluation.metrics.calibration import calibration_slope_intercept, ece  # noqa: E402
from evaluation.metrics.expected_performance import expected_auc  # noqa: E402
from evaluation.monitoring.monitor import monitor  # noqa: E402
from evaluation.monitoring.result import Monitoring  # noqa: E402
from features.dataset import load_dataset  # noqa: E402
from features.sources.sources import open_sources  # noqa: E402
from features.synthetic.company import company_config, make_company  # noqa: E402
from features.synthetic.scenario import Story  # noqa: E402
from features.timeline.outages import outages_by_feed  # noqa: E402

LAUNCH = pd.Timestamp("2025-02-01")
LEVEL = ("more_churn", "calibration")


def watched(folder: Path, seed: int, accounts: int, story: Story | None) -> tuple[Monitoring, pd.DataFrame]:
    """What the monitoring finds; the matured rows with churned_90d and `truth`."""
    company = make_company(folder, accounts, seed=seed, story=story)
    (folder / "forewarn.yaml").write_text(yaml.safe_dump(company_config()))
    settings = load_settings(folder / "forewarn.yaml")
    sources = open_sources(settings)
    dataset = load_dataset(settings, sources)
    rows = backtest(dataset, settings).predictions
    rows["cut"] = pd.to_datetime(rows.fold)
    result = monitor(rows, settings, rows.cut.min(), dataset.signals, dataset.schema, outages_by_feed(sources))
    truth = company.truth[["account_id", "as_of", "p_churn_90d"]].rename(columns={"p_churn_90d": "truth"})
    known = rows[rows.churned_90d.notna()].merge(truth, on=["account_id", "as_of"], validate="one_to_one")
    return result, known


def expected_less_true(known: pd.DataFrame) -> list[float]:
    """By quarter, the expected AUC of the true probabilities less the one that they reach."""
    by_quarter = known.groupby(known.as_of.dt.to_period("Q"))
    pairs = [(part.churned_90d.to_numpy(dtype=float), part.truth.to_numpy()) for _, part in by_quarter]
    return [expected_auc(p) - metrics.auc(y, p) for y, p in pairs]


def say_slope(found: Monitoring) -> str:
    slope, ece = found.figures.matured.slope, found.figures.matured.ece
    if slope is None or ece is None:
        return f"slope and ECE refused: {found.figures.matured.refused}"
    return (
        f"slope {slope.value:.2f} ({slope.low:.2f} to {slope.high:.2f}),"
        f" ECE {ece.value:.3f} ({ece.low:.3f} to {ece.high:.3f})"
    )


def say_truth(known: pd.DataFrame) -> str:
    y, p = known.churned_90d.to_numpy(dtype=float), known.truth.to_numpy()
    return f"of the true probabilities {calibration_slope_intercept(y, p)[0]:.2f} and {ece(y, p):.3f}"


def say_late(folder: Path, seed: int, accounts: int, known: pd.DataFrame) -> str:
    """The true probabilities' error, with those of the same company left alone until they hear of the launch."""
    twin = make_company(folder / "twin", accounts, seed=seed).truth[["account_id", "as_of", "p_churn_90d"]]
    both = known.merge(twin.rename(columns={"p_churn_90d": "unaware"}), on=["account_id", "as_of"])
    result = []
    for months in (1, 2):
        unaware = (both.as_of >= LAUNCH) & (both.as_of < LAUNCH + pd.DateOffset(months=months))
        p = both.truth.where(~unaware, both.unaware)
        result.append(f"{ece(both.churned_90d.to_numpy(dtype=float), p.to_numpy()):.3f}")
    return f"told of the launch one and two months late {' and '.join(result)}"


def say_story(seed: int, found: Monitoring, known: pd.DataFrame, late: str) -> None:
    tripped = [one.as_of for one in found.figures.watched["more_churn"] if one.tripped and one.as_of >= LAUNCH]
    others = []
    for alarm in found.alarms:
        told = alarm.kind == "outage" or (alarm.kind in LEVEL and alarm.figure > 1 and alarm.last >= LAUNCH)
        others += [] if told else [str(alarm)]
    when = f"{(tripped[0] - LAUNCH).days // 28} months after the launch" if tripped else "never"
    named = [alarm.scope for alarm in found.alarms if alarm.kind == "outage"]
    print(f"seed {seed}: level alarm {when}; outage of {', '.join(named) or 'nothing'}; {len(others)} other alarms")
    for other in others:
        print(f"  {other}")
    print(f"  {say_slope(found)}; {say_truth(known)}, {late}")


def say_quiet(seed: int, found: Monitoring, known: pd.DataFrame) -> list[float]:
    graded = [estimate.graded for estimate in found.figures.estimates if estimate.graded is not None]
    errors = [one.error for one in graded]
    print(
        f"seed {seed}: {len(found.alarms)} alarms; estimated less true AUC"
        f" {', '.join(f'{error:+.3f}' for error in errors)} ({sum(one.within for one in graded)} within the interval);"
        f" {say_slope(found)}; {say_truth(known)}"
    )
    for alarm in found.alarms:
        print(f"  {alarm}")
    return errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[7, 11, 12])
    parser.add_argument("--accounts", type=int, default=500)
    parser.add_argument("--story", action="store_true")
    chosen = parser.parse_args()
    errors: list[float] = []
    floor: list[float] = []
    for seed in chosen.seeds:
        with tempfile.TemporaryDirectory() as folder:
            result, known = watched(Path(folder), seed, chosen.accounts, Story() if chosen.story else None)
            late = say_late(Path(folder), seed, chosen.accounts, known) if chosen.story else ""
        if chosen.story:
            say_story(seed, result, known, late)
        else:
            errors += say_quiet(seed, result, known)
            floor += expected_less_true(known)
        sys.stdout.flush()
    for name, gaps in (("estimated", errors), ("with the true probabilities", floor)):
        size = np.abs(gaps)
        if gaps:
            print(
                f"{name}: {len(gaps)} quarters, within .03 of what came out in {(size <= 0.03).sum()}, off by"
                f" {size.mean():.3f} on average, by {np.mean(gaps):+.3f} in one direction"
            )


if __name__ == "__main__":
    main()
