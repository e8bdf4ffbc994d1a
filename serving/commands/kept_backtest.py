"""The backtest that is kept in the state folder, as later commands read it and as it is added to a training's run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from configs.atomic_files import read_marked
from configs.errors import Fault, UsageError
from configs.settings import Settings

if TYPE_CHECKING:
    from evaluation.backtest import RandomSplitGap, RandomSplitRefusal
    from evaluation.validity import Finding
    from training.tracking import Nested

PREDICTIONS, BASELINES, METRICS = "predictions.parquet", "baselines.parquet", "metrics.json"


@dataclass(frozen=True)
class KeptBacktest:
    """A backtest of today's settings.

    Attributes
    ----------
    predictions, baselines : DataFrame
        Out-of-time rows of the churn model, and of the others on the same rows (column `model`).
    mark : dict
        What it was made from: `fingerprint` of the data set, version of the `settings`.
    findings : tuple of Finding
        What the checks found in it.
    random_split : RandomSplitGap, RandomSplitRefusal or None
        The gap to a random split.
    answer : BacktestAnswer
        What it says first.
    """

    predictions: pd.DataFrame
    baselines: pd.DataFrame
    mark: dict[str, str]
    findings: tuple[Finding, ...]
    random_split: RandomSplitGap | RandomSplitRefusal | None
    answer: BacktestAnswer


@dataclass(frozen=True)
class BacktestAnswer:
    """What a backtest says first.

    Attributes
    ----------
    has_signal : bool
        Whether most of its scorings had a usable signal.
    headlines : tuple of str
        Its sentences, the answer first.
    """

    has_signal: bool
    headlines: tuple[str, ...]

    @classmethod
    def of(cls, metrics: Mapping[str, Any]) -> BacktestAnswer:
        """Of what stands in metrics.json; of an older version's, which had no `has_signal`, it is taken to be there."""
        return cls(metrics.get("has_signal") is not False, tuple(metrics["headlines"]))

    @property
    def first(self) -> str:
        """The first sentence."""
        return self.headlines[0]


def read_backtest(settings: Settings) -> KeptBacktest:
    """The kept backtest; UsageError when there is none, or one of other settings."""
    from evaluation.backtest import RandomSplitGap
    from evaluation.validity import Finding

    folder = settings.paths.backtest
    mark = {"settings": settings.version}
    predictions, baselines = read_marked(folder / PREDICTIONS, mark), read_marked(folder / BASELINES, mark)
    if predictions is None or baselines is None or predictions[1] != baselines[1]:
        found = "one of other settings" if (folder / PREDICTIONS).exists() else "none"
        raise UsageError(Fault("backtest", found, "a backtest of today's settings", "run `forewarn backtest` first"))
    metrics = json.loads((folder / METRICS).read_text(encoding="utf-8"))
    names = {field.name for field in fields(Finding)}
    if any(set(finding) != names for finding in metrics["checks"]):
        do = "run `forewarn backtest` again"
        raise UsageError(Fault("backtest", "one of another version of forewarn", "one of this version", do))
    findings = tuple(Finding(**finding) for finding in metrics["checks"])
    split = metrics.get("random_split")
    gap = None if split is None else RandomSplitGap.from_json(split)
    return KeptBacktest(predictions[0], baselines[0], predictions[1], findings, gap, BacktestAnswer.of(metrics))


def kept_answer(settings: Settings, fingerprint: str, folder: Path) -> BacktestAnswer | None:
    """What the backtest in `folder` says first; None unless it is one of these data and settings."""
    metrics = _kept_metrics(settings, fingerprint, folder)
    return None if metrics is None else BacktestAnswer.of(metrics)


def _kept_metrics(settings: Settings, fingerprint: str, folder: Path) -> dict[str, Any] | None:
    path = folder / METRICS
    metrics: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    same = metrics.get("mark") == {"fingerprint": fingerprint, "settings": settings.version}
    return metrics if same else None


def log_kept_backtest(settings: Settings, fingerprint: str, folder: Path) -> str | None:
    """Adds the backtest in `folder` to the run of the newest training of these data and settings; None without one."""
    from evaluation.report import figures
    from training.tracking import flat_metrics, log_backtest

    path, metrics = folder / METRICS, _kept_metrics(settings, fingerprint, folder)
    if metrics is None:
        return None
    plots = {f"plots/{plot.name}": plot.read_bytes() for plot in sorted((folder / "plots").glob("*.png"))}
    files = {**plots, f"backtest/{METRICS}": path.read_bytes()}
    folds = [_fold_run(fold) for fold in metrics["by_fold"]]
    return log_backtest(settings, fingerprint, flat_metrics(figures(metrics)), files, folds)


def _fold_run(fold: Mapping[str, Any]) -> Nested:
    from training.tracking import Nested

    params = {name: fold[name] for name in ("fold", "first_as_of", "last_as_of")}
    return Nested(f"fold {fold['fold']}", params, {name: fold[name] for name in fold if name not in params})
