"""What `backtest` does: predictions that were out of time when they were made, judged, drawn and kept."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from configs.atomic_files import write_bytes, write_marked, write_text
from configs.json_object import JsonObject
from serving.project import Project
from serving.promotion.kept_backtest import BASELINES, METRICS, PREDICTIONS, BacktestMetrics, log_kept_backtest

if TYPE_CHECKING:
    import pandas as pd

    from training.fit import Rolling


@dataclass(frozen=True)
class Backtested:
    """A backtest that was written to the folder `out`; `metrics` is what its metrics.json holds.

    Not `passed` where a check failed: its figures are then no answer.
    """

    out: str
    run_id: str | None
    metrics: BacktestMetrics

    @property
    def failed_checks(self) -> tuple[str, ...]:
        """Codes of the checks that failed: the figures beside them cannot be trusted."""
        return tuple(check.code for check in self.metrics.checks if check.severity == "fail")

    @property
    def passed(self) -> bool:
        return not self.failed_checks

    def to_json(self) -> JsonObject:
        metrics = self.metrics.to_json()
        answer = {name: metrics[name] for name in ("has_signal", "headlines")}
        outcome = {"passed": self.passed, "failed_checks": self.failed_checks}
        return {**answer, "out": self.out, "run_id": self.run_id, **outcome, **metrics}


def backtest(project: Project, out: Path | None = None, rolling: Rolling | None = None) -> Backtested:
    """Predictions that were out of time when they were made, the baselines on the same rows, figures and plots.

    They are added to the run of the newest training of the same data and settings. DataError names every column of the
    sources that may know the future.
    """
    project.require_no_suspects()
    from evaluation.backtest import RandomSplitGap, compare_with_random_split
    from evaluation.backtest import backtest as roll
    from evaluation.monitoring import taught_until
    from evaluation.report import ReportInputs, by_fold, drawings, summarise
    from evaluation.validity import evidence_of, run_checks
    from training.fit import Rolling

    settings, dataset, tell = project.settings, project.dataset, project.tell
    rolling = rolling or Rolling(dataset, settings)
    rolled = roll(dataset, settings, tell, rolling)
    tell("comparing with a random split")
    split = compare_with_random_split(dataset, settings, rolled.folds)
    tell("checking the run")
    taught = taught_until(project.ledger_or_none, settings)
    gap = split if isinstance(split, RandomSplitGap) else None
    evidence = evidence_of(dataset, rolled, settings, rolling, taught, gap)
    findings = run_checks(evidence)
    tell("working out the figures")
    baselines = _with_other_scores(project, rolled.predictions, rolled.baselines)
    summary = summarise(ReportInputs(rolled.predictions, baselines, random_split=split), settings)
    folder = out or project.paths.backtest
    mark = {"fingerprint": dataset.fingerprint, "settings": settings.version}
    write_marked(rolled.predictions, folder / PREDICTIONS, mark)
    write_marked(baselines, folder / BASELINES, mark)
    for name, body in drawings(summary, rolled.explained).items():
        write_bytes(folder / name, body)
    metrics = BacktestMetrics(
        mark=mark,
        folds=tuple(f"{day:%Y-%m-%d}" for day in rolled.folds),
        by_fold=tuple(by_fold(rolled.predictions, settings)),
        checks=tuple(findings),
        figures=summary,
    )
    write_text(folder / METRICS, json.dumps(metrics.to_json(), indent=1, allow_nan=False))
    tell("logging the figures")
    return Backtested(str(folder), log_kept_backtest(settings, dataset.fingerprint, folder), metrics)


def _with_other_scores(project: Project, predictions: pd.DataFrame, baselines: pd.DataFrame) -> pd.DataFrame:
    """The baselines, and among them what other platforms thought of the accounts, where `health_scores` is mapped."""
    import pandas as pd

    from evaluation.backtest import other_scores

    sources = project.sources
    if sources.health_scores is None:
        return baselines
    scores = sources.engine.to_pandas(sources.health_scores)
    return pd.concat([baselines, other_scores(scores, predictions, baselines)], ignore_index=True)
