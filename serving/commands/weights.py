"""`forewarn weights`: whether other weights of the health score would have foretold more, and the file with them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from configs.atomic_files import write_text
from configs.errors import Fault, UsageError
from configs.framework import DIMENSIONS, Framework
from configs.settings import Settings
from configs.settings_file import load_settings
from evaluation.backtest import gains, level_changes, newest_window, score_bands
from features.dataset import Dataset
from features.health import STAGE, rule_scores
from features.labels import horizon_labels
from serving.project import Project
from training.fit import Reweighted, fit_steps, out_of_time
from training.health import published
from training.splits import churn_events, known_until


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
    """The weights of one lifecycle stage, and the churns that speak for them."""

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
class Reweighing:
    """Whether other weights would have foretold more, and the file that proposes them.

    `steps`: each step's figures and gains; `worth`: the step worth taking, None for none; `fitted`: the step whose
    weights are shown. `window`, `levels` and `out` are None where nothing is proposed.
    """

    horizon_days: int
    origins: list[str]
    rows: int
    accounts: int
    churned_accounts: int
    steps: list[dict[str, Any]]
    worth: str | None
    answer: list[str]
    fitted: str
    weights: list[StageWeights]
    signals: list[SignalWeight]
    bands: list[dict[str, Any]]
    window: dict[str, Any] | None
    levels: dict[str, Any] | None
    out: str | None
    config_version: str


def weights(project: Project, config: Path, out: Path | None) -> Reweighing:
    """Judges the steps on later windows, fits them on all that is known, and writes the one worth taking.

    The proposal extends `config` and stands beside it, since paths count from a file's folder; UsageError when `out`
    does not, or exists. DataError, with the numbers, when there are too few churned accounts, and with every column of
    the sources that may know the future.
    """
    _check_out(config, out)
    project.require_no_suspects()
    settings, dataset = project.settings, project.dataset
    judged, origins = out_of_time(dataset, settings, project.tell)
    project.tell("working out the gains")
    found = gains(judged, settings)
    worth = found["worth"]
    until = known_until(dataset.labels, dataset.data_end, dataset.data_end)
    steps = fit_steps(dataset.signals, dataset.labels, until, settings, settings.evaluation.bootstrap_draws)
    shown = steps["signals" if worth == "signals" else "dimensions"]
    result = Reweighing(
        horizon_days=settings.main_horizon_days,
        origins=[f"{origin:%Y-%m-%d}" for origin in origins],
        rows=len(judged),
        accounts=int(judged.account_id.nunique()),
        churned_accounts=int(judged.account_id[judged.y == 1].nunique()),
        **found,
        fitted=shown.step,
        weights=_stage_table(settings.framework, shown, dataset, settings),
        signals=_signal_table(settings.framework, steps["signals"]),
        bands=score_bands(_scored(dataset, settings), settings),
        window=None,
        levels=None,
        out=None,
        config_version=settings.version,
    )
    if worth not in ("dimensions", "signals"):
        return result
    proposal = settings.model_copy(update={"framework": shown.framework})
    last = dataset.signals[dataset.signals.as_of == dataset.signals.as_of.max()]
    before, after = (rule_scores(last, framework).health for framework in (settings.framework, shown.framework))
    path = out or config.with_name(f"{config.stem}-weights-{proposal.version}.yaml")
    write_text(path, _yaml(config, settings, shown, result.answer))
    assert load_settings(path) == proposal  # the file says what was found, and nothing else
    return replace(
        result,
        window=newest_window(judged, "published", worth, settings),
        levels=level_changes(last, before, after, settings.framework.levels),
        out=str(path),
        config_version=proposal.version,
    )


def _check_out(config: Path, out: Path | None) -> None:
    if out is None:
        return
    here = config.resolve().parent
    if out.resolve().parent != here:
        do = "choose a file there: the paths in it count from its folder"
        raise UsageError(Fault("--out", str(out), f"a file in {here}, beside {config.name}", do))
    if out.exists():
        raise UsageError(Fault("--out", f"{out}, which exists", "a new file", "choose another name, or move it away"))


def _stage_table(framework: Framework, fitted: Reweighted, dataset: Dataset, settings: Settings) -> list[StageWeights]:
    """Each stage's weights before and after, with the interval over accounts and the churns that speak for them."""
    y = horizon_labels(dataset.labels, [settings.main_horizon_days]).iloc[:, 0].to_numpy()
    ends = known_until(dataset.labels, dataset.data_end, dataset.data_end)
    low, high = np.quantile(fitted.stage_draws, (0.025, 0.975), axis=0)
    table = []
    for place, (one, other) in enumerate(zip(framework.stages, fitted.framework.stages, strict=True)):
        inside = (dataset.signals[STAGE] == one.name).to_numpy()
        before, after = one.weights.as_dict(), other.weights.as_dict()
        dimensions = [
            WeightChange(name, before[name], after[name], float(low[place, number]), float(high[place, number]))
            for number, name in enumerate(DIMENSIONS)
        ]
        churns = churn_events(dataset.labels[inside & (y == 1)], ends)
        table.append(StageWeights(one.name, churns, dimensions))
    return table


def _signal_table(framework: Framework, fitted: Reweighted) -> list[SignalWeight]:
    low, high = np.quantile(fitted.signal_draws, (0.025, 0.975), axis=0)
    after = published(fitted.framework)[1]
    return [
        SignalWeight(one.signal, one.dimension, one.weight, float(after[place]), float(low[place]), float(high[place]))
        for place, one in enumerate(framework.health_maps)
    ]


def _scored(dataset: Dataset, settings: Settings) -> pd.DataFrame:
    """Snapshots whose main window has passed, with the configured score and what happened."""
    y = horizon_labels(dataset.labels, [settings.main_horizon_days]).iloc[:, 0].to_numpy()
    frame = dataset.signals
    rows = frame[["account_id", "as_of", STAGE]].assign(health=rule_scores(frame, settings.framework).health, y=y)
    return rows[rows.y.notna()]


def _yaml(config: Path, settings: Settings, fitted: Reweighted, answer: list[str]) -> str:
    """A project's file that differs from `config` in nothing but the weights; says on top why."""
    changed: dict[str, Any] = {"stages": [one.model_dump(exclude_none=True) for one in fitted.framework.stages]}
    if fitted.step == "signals":
        changed["health_maps"] = [
            one.model_dump(mode="json", exclude_none=True) for one in fitted.framework.health_maps
        ]
    head = [
        f"Weights of the health score, proposed by `forewarn weights` from those of configuration {settings.version}."
    ]
    comment = "".join(f"# {sentence}\n" for sentence in head + answer)
    content = {"extends": config.name, "framework": changed}
    return comment + yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=120)
