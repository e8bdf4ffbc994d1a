"""`forewarn weights`: whether other health weights would have predicted churn better, and the file with them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from configs.atomic_files import write_text
from configs.errors import Fault, UsageError
from configs.framework import DIMENSIONS, Framework
from configs.settings import Settings
from configs.settings_file import load_settings
from evaluation.backtest import (
    LevelChanges,
    NewestWindow,
    RefusedBands,
    ScoreBand,
    StepFigures,
    gains,
    level_changes,
    newest_window,
    score_bands,
)
from features.dataset import Dataset
from features.health import STAGE, rule_scores
from features.labels import horizon_labels
from serving.project import Project
from training.fit import Reweighted, fit_steps, out_of_time
from training.health import published
from training.known_labels import churn_events, known_until


@dataclass(frozen=True)
class WeightChange:
    """A dimension's weight in one stage, before and after, with the interval of the latter over accounts."""

    dimension: str
    before: float
    after: float
    low: float
    high: float


@dataclass(frozen=True)
class StageWeights:
    """The weights of one lifecycle stage, and the churn events behind them."""

    stage: str
    churns: int
    dimensions: list[WeightChange]


@dataclass(frozen=True)
class SignalWeight:
    """A signal's weight within its dimension, before and after, with the interval of the latter over accounts."""

    signal: str
    dimension: str
    before: float
    after: float
    low: float
    high: float


@dataclass(frozen=True)
class WeightEvaluation:
    """Whether other weights would have predicted churn better, and the file that proposes them.

    `recommended`: the step worth taking, None for none; `fitted`: the step whose weights are shown. `window`, `levels`
    and `out` are None where nothing is proposed.
    """

    horizon_days: int
    origins: list[str]
    rows: int
    accounts: int
    churned_accounts: int
    steps: tuple[StepFigures, ...]
    recommended: str | None
    headlines: tuple[str, ...]
    fitted: str
    weights: list[StageWeights]
    signals: list[SignalWeight]
    bands: tuple[ScoreBand | RefusedBands, ...]
    window: NewestWindow | None
    levels: LevelChanges | None
    out: str | None
    config_version: str


def weights(project: Project, config: Path, out: Path | None) -> WeightEvaluation:
    """Judges the steps on later windows, fits them on all that is known, and writes the one worth taking.

    The proposal extends `config` and lies beside it, since paths count from a file's folder; UsageError when `out` does
    not, or exists. DataError, with the numbers, when there are too few churned accounts, and with every column of
    the sources that may know the future.
    """
    _check_out(config, out)
    project.require_no_suspects()
    settings, dataset = project.settings, project.dataset
    judged, origins = out_of_time(dataset, settings, project.tell)
    project.tell("working out the gains")
    gained = gains(judged, settings)
    recommended = gained.recommended
    until = known_until(dataset.labels, dataset.data_end, dataset.data_end)
    steps = fit_steps(dataset.signals, dataset.labels, until, settings, settings.evaluation.bootstrap_draws)
    shown = steps["signals" if recommended == "signals" else "dimensions"]
    result = WeightEvaluation(
        horizon_days=settings.main_horizon_days,
        origins=[f"{origin:%Y-%m-%d}" for origin in origins],
        rows=len(judged),
        accounts=int(judged.account_id.nunique()),
        churned_accounts=int(judged.account_id[judged.y == 1].nunique()),
        steps=gained.steps,
        recommended=recommended,
        headlines=gained.headlines,
        fitted=shown.step,
        weights=_stage_table(settings.framework, shown, dataset, settings),
        signals=_signal_table(settings.framework, steps["signals"]),
        bands=score_bands(_scored(dataset, settings), settings),
        window=None,
        levels=None,
        out=None,
        config_version=settings.version,
    )
    if recommended not in ("dimensions", "signals"):
        return result
    proposal = settings.model_copy(update={"framework": shown.framework})
    last = dataset.signals[dataset.signals.as_of == dataset.signals.as_of.max()]
    before, after = (rule_scores(last, framework).health for framework in (settings.framework, shown.framework))
    path = out or config.with_name(f"{config.stem}-weights-{proposal.version}.yaml")
    write_text(path, _yaml(config, settings, shown, result.headlines))
    assert load_settings(path) == proposal  # the file holds the new weights, and nothing else
    return replace(
        result,
        window=newest_window(judged, "published", recommended, settings),
        levels=level_changes(last, before, after, settings.framework.levels),
        out=str(path),
        config_version=proposal.version,
    )


def _check_out(config: Path, out: Path | None) -> None:
    if out is None:
        return
    folder = config.resolve().parent
    if out.resolve().parent != folder:
        do = "choose a file there: the paths in it count from its folder"
        raise UsageError(Fault("--out", str(out), f"a file in {folder}, beside {config.name}", do))
    if out.exists():
        raise UsageError(Fault("--out", f"{out}, which exists", "a new file", "choose another name, or move it away"))


def _stage_table(framework: Framework, fitted: Reweighted, dataset: Dataset, settings: Settings) -> list[StageWeights]:
    """Each stage's weights before and after, with the interval over accounts and the churn events behind them."""
    y = horizon_labels(dataset.labels, [settings.main_horizon_days]).iloc[:, 0].to_numpy()
    ends = known_until(dataset.labels, dataset.data_end, dataset.data_end)
    low, high = np.quantile(fitted.stage_draws, (0.025, 0.975), axis=0)
    table = []
    for row, (stage, fitted_stage) in enumerate(zip(framework.stages, fitted.framework.stages, strict=True)):
        inside = (dataset.signals[STAGE] == stage.name).to_numpy()
        before, after = stage.weights.as_dict(), fitted_stage.weights.as_dict()
        dimensions = [
            WeightChange(name, before[name], after[name], float(low[row, column]), float(high[row, column]))
            for column, name in enumerate(DIMENSIONS)
        ]
        churns = churn_events(dataset.labels[inside & (y == 1)], ends)
        table.append(StageWeights(stage.name, churns, dimensions))
    return table


def _signal_table(framework: Framework, fitted: Reweighted) -> list[SignalWeight]:
    low, high = np.quantile(fitted.signal_draws, (0.025, 0.975), axis=0)
    after = published(fitted.framework)[1]
    return [
        SignalWeight(
            health_map.signal,
            health_map.dimension,
            health_map.weight,
            float(after[index]),
            float(low[index]),
            float(high[index]),
        )
        for index, health_map in enumerate(framework.health_maps)
    ]


def _scored(dataset: Dataset, settings: Settings) -> pd.DataFrame:
    """Snapshots whose main window has passed, with the configured score and what happened."""
    y = horizon_labels(dataset.labels, [settings.main_horizon_days]).iloc[:, 0].to_numpy()
    frame = dataset.signals
    rows = frame[["account_id", "as_of", STAGE]].assign(health=rule_scores(frame, settings.framework).health, y=y)
    return rows[rows.y.notna()]


def _yaml(config: Path, settings: Settings, fitted: Reweighted, headlines: Sequence[str]) -> str:
    """A project's file that differs from `config` in nothing but the weights; its comment says why."""
    changed = {"stages": [stage.model_dump(exclude_none=True) for stage in fitted.framework.stages]}
    if fitted.step == "signals":
        changed["health_maps"] = [
            health_map.model_dump(mode="json", exclude_none=True) for health_map in fitted.framework.health_maps
        ]
    title = (
        f"Weights of the health score, proposed by `forewarn weights` from those of configuration {settings.version}."
    )
    comment = "".join(f"# {sentence}\n" for sentence in (title, *headlines))
    content = {"extends": config.name, "framework": changed}
    return comment + yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=120)
