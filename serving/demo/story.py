"""A company that lives through a story (features/synthetic/scenario.py), scored month by month as the years went.

A model is trained on what was known at each quarter's start, and when the framework is published anew; every month's
first day is scored with the newest of them. Signals of a day never hold what came after it (a law, tested on each), so
they are built once; what taught a model had ended before its cut, as in the backtest, which shares the fits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import yaml

from configs.atomic_files import write_text
from configs.settings import Settings
from configs.settings_file import load_settings
from evaluation.promotion import mark_level, mark_reweighting
from features.synthetic import reweighted
from serving.commands.score import Scored, score_with
from serving.project import Project
from serving.scoring import Scorer
from training.fit import Rolling, fit_models
from training.tracking import LoadedModel, log_training

REFIT_MONTHS = (1, 4, 7, 10)
BY = "demo"


@dataclass(frozen=True)
class Lived:
    """Where the story ends: the project under the settings published last, its fits, and what each scoring found."""

    project: Project
    rolling: Rolling
    scored: list[Scored]


def live_through(config: Path, project: Project, published_at: pd.Timestamp) -> Lived:
    """Scores the months from `backtest.from` on, the data's end left out; `config` is rewritten at `published_at`."""
    dataset, start = project.dataset, first_scored_day(project.settings)
    days = [day for day in sorted(dataset.signals.as_of.unique()) if start <= day < dataset.data_end]
    rolling = Rolling(dataset, project.settings)
    model: LoadedModel | None = None
    scored = []
    for day in days:
        if day == published_at:
            project = project.borrowed(settings=publish(config))
            rolling = Rolling(project.dataset, project.settings)
        if model is None or day == published_at or day.month in REFIT_MONTHS:
            model = _trained(project, rolling, day, model)
        signals = project.dataset.signals
        frame = signals[(signals.as_of == day).to_numpy()].set_index("account_id", drop=False)
        scorer = Scorer(project.settings, model, frame, day, project.ledger, project.sources.data_end)
        scored.append(score_with(scorer, None, day.to_pydatetime()))
    return Lived(project, rolling, scored)


def first_scored_day(settings: Settings) -> pd.Timestamp:
    """The first day that is scored."""
    assert settings.backtest.from_ is not None  # the demo's own file says it
    return pd.Timestamp(settings.backtest.from_).as_unit("us")


def publish(config: Path) -> Settings:
    """Writes the story's weights into a project's file, and reads it again."""
    own = load_settings(config).framework.stages
    text = config.read_text(encoding="utf-8")
    more = reweighted([stage.model_dump(exclude_none=True) for stage in own])
    write_text(
        config, text + "# New weights of the health score, as published.\n" + yaml.safe_dump(more, sort_keys=False)
    )
    return load_settings(config)


def _trained(project: Project, rolling: Rolling, day: pd.Timestamp, before: LoadedModel | None) -> LoadedModel:
    """The model of that day: logged, registered, and marked where its health score goes by other weights or it
    serves another level."""
    settings, dataset = project.settings, project.dataset
    then = (dataset.signals.as_of <= day).to_numpy()
    signals, labels = (frame[then].reset_index(drop=True) for frame in (dataset.signals, dataset.labels))
    known = replace(dataset, signals=signals, labels=labels, data_end=day)
    logged = log_training(settings, fit_models(dataset, settings, day, rolling, project.tell), known)
    model = project.model(logged.version)
    mark_reweighting(project.ledger, model, before, BY, day)
    mark_level(project.ledger, model, before, BY, day)
    return model
