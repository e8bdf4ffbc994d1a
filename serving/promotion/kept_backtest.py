"""The backtest that is kept in the state folder, as later commands read it and as it is added to a training's run."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Self, cast

import pandas as pd

from configs.atomic_files import read_marked
from configs.errors import Fault, UsageError
from configs.json_object import JsonObject
from configs.settings import Settings

if TYPE_CHECKING:
    from evaluation.backtest import RandomSplitGap, RandomSplitRefusal
    from evaluation.report import FoldFigures, Summary
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


# What a report shows beside the figures of a backtest, which looks at neither the ledger nor the feeds.
ASKED_OF_THE_LEDGER = ("events", "outages", "monitoring")


@dataclass(frozen=True)
class BacktestMetrics:
    """What metrics.json holds.

    Attributes
    ----------
    mark : dict of str to str
        What the backtest was made from, as in `KeptBacktest`.
    folds : tuple of str
        Its origins, ISO days.
    by_fold : tuple of FoldFigures
    checks : tuple of Finding
        What the checks found.
    figures : Summary
        The figures of a report on its rows.
    """

    mark: dict[str, str]
    folds: tuple[str, ...]
    by_fold: tuple[FoldFigures, ...]
    checks: tuple[Finding, ...]
    figures: Summary

    @property
    def answer(self) -> BacktestAnswer:
        """What a machine reads first, too."""
        return BacktestAnswer.of(self.figures)

    def to_json(self) -> JsonObject:
        """The answer first; without what only a report can say."""
        from evaluation.jsonable import to_jsonable

        figures = {name: figure for name, figure in self.figures.items() if name not in ASKED_OF_THE_LEDGER}
        answer = {name: figures[name] for name in ("has_signal", "headlines")}
        beside = {"mark": self.mark, "folds": self.folds, "by_fold": self.by_fold, "checks": self.checks}
        return {**answer, **to_jsonable(beside), **figures}

    @classmethod
    def of(cls, body: JsonObject) -> Self:
        """From what `to_json` made."""
        from evaluation.report import FoldFigures
        from evaluation.validity import Finding

        return cls(
            mark=body["mark"],
            folds=tuple(body["folds"]),
            by_fold=tuple(FoldFigures(**fold) for fold in body["by_fold"]),
            checks=tuple(Finding(**finding) for finding in body["checks"]),
            figures=cast("Summary", body),
        )


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
    def of(cls, metrics: Summary) -> BacktestAnswer:
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
    kept = BacktestMetrics.of(metrics)
    split = metrics.get("random_split")
    gap = None if split is None else RandomSplitGap.from_json(split)
    return KeptBacktest(predictions[0], baselines[0], predictions[1], kept.checks, gap, kept.answer)


def kept_answer(settings: Settings, fingerprint: str, folder: Path) -> BacktestAnswer | None:
    """What the backtest in `folder` says first; None unless it is one of these data and settings."""
    metrics = _kept_metrics(settings, fingerprint, folder)
    return None if metrics is None else BacktestAnswer.of(cast("Summary", metrics))


def _kept_metrics(settings: Settings, fingerprint: str, folder: Path) -> JsonObject | None:
    path = folder / METRICS
    metrics: JsonObject = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
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
    kept = BacktestMetrics.of(metrics)
    folds = [_fold_run(fold) for fold in kept.by_fold]
    return log_backtest(settings, fingerprint, flat_metrics(figures(kept.figures)), files, folds)


def _fold_run(fold: FoldFigures) -> Nested:
    from training.tracking import Nested

    params = {"fold": fold.fold, "first_as_of": fold.first_as_of, "last_as_of": fold.last_as_of}
    return Nested(
        f"fold {fold.fold}", params, {name: value for name, value in fold.to_json().items() if name not in params}
    )
