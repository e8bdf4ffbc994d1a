"""Times a quarter's whole retrain against the sum of its bare fits, in processor seconds of one run.

The retrain is what `forewarn train` does once the signals are built: the search for columns that know the future, the
learners of the cut and of its calibration origins, the choice among them, calibration, intervals' widths, model card,
data sheet, MLflow. Its bare fits are the calls of LightGBM (binning and boosting), of the penalised logistic and of
the likelihood of the rules' weights on the matrices of that same run. Building the signals, which `forewarn train` does
first, is timed by itself, as is what MLflow takes for a run however small: its import and its migration of a new store,
seconds whatever the data.

`python tests/benchmarks/retrain.py --accounts N [--dir DIR]`; a demo company is made in DIR where there is none.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from configs.settings_file import load_settings
from features.dataset import load_dataset
from features.sources.sources import open_sources
from features.synthetic.company import company_config, make_company
from serving.commands.train import train
from serving.project import Project
from training.fit import baselines, learners
from training.hazard import trees
from training.health import score_model
from training.health.weight_likelihood import Problem
from training.tracking import registry, runs

LIMIT = 1.3


class Clock:
    """Processor seconds of the calls of some functions, on whatever threads they run."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def timed(self, name: str, work: Callable[..., Any], of_process: bool = False) -> Callable[..., Any]:
        clock = time.process_time if of_process else time.thread_time

        def timed(*arguments: Any, **more: Any) -> Any:
            begun = clock()
            try:
                return work(*arguments, **more)
            finally:
                self.seconds[name] = self.seconds.get(name, 0.0) + clock() - begun

        return timed


@contextmanager
def watched(clock: Clock) -> Any:
    """Every bare fit of a training timed, each where it is called from; and the logging of the run."""
    with mock.patch.object(trees.lgb, "train", clock.timed("LightGBM", trees.lgb.train)):
        # Each under the name by which it is called there: one that has moved is an error, and no part missed.
        fits = [(one, "fit_linear", one.fit_linear) for one in (learners, baselines, score_model)]
        patches = [mock.patch.object(one, name, clock.timed("logistic", fit)) for one, name, fit in fits]
        patches += [mock.patch.object(Problem, "fit", clock.timed("rules' weights", Problem.fit))]
        patches += [mock.patch.object(runs, "log_training", clock.timed("logging", runs.log_training, True))]
        for patch in patches:
            patch.start()
        try:
            yield
        finally:
            for patch in patches:
                patch.stop()


def retrain(folder: Path, accounts: int) -> dict[str, float]:
    """Processor seconds by part; `whole` holds all but `signals` and `mlflow's own`."""
    config = folder / "forewarn.yaml"
    if not config.exists():
        make_company(folder, accounts)
        config.write_text(yaml.safe_dump(company_config(), sort_keys=False), encoding="utf-8")
    with tempfile.TemporaryDirectory() as state:
        settings = load_settings(config).model_copy(update={"state": state})
        clock = Clock()
        sources = open_sources(settings)
        dataset = clock.timed("signals", load_dataset, True)(settings, sources)
        clock.timed("mlflow's own", registry.versions, True)(settings)
        with watched(clock):
            trained = clock.timed("whole", train, True)(Project(settings, sources=sources, dataset=dataset))
    signals = len(dataset.schema.signals)
    print(f"{len(dataset.signals):,} snapshots, {signals} signals, {trained.log['hazard_rows']:,} hazard rows")
    return clock.seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--accounts", type=int, default=2_000)
    parser.add_argument("--dir", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = arguments.dir or Path(made)
        folder.mkdir(parents=True, exist_ok=True)
        seconds = retrain(folder, arguments.accounts)
    for name, taken in seconds.items():
        print(f"{name:14}{taken:9.2f} s")
    bare = seconds["LightGBM"] + seconds["logistic"] + seconds.get("rules' weights", 0.0)
    whole = seconds["whole"]
    print(f"whole retrain / bare fits: {whole:.2f} / {bare:.2f} = {whole / bare:.2f} (at most {LIMIT})")


if __name__ == "__main__":
    main()
