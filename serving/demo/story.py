"""A company that lives through a story (features/synthetic/scenario.py), scored month by month as the years went.

A model is trained on what was known at each quarter's start, and when the framework is published anew; every month's
first day is scored with the newest of them. Signals of a day never hold what came after it (a law, tested on each), so
they are built once; what taught a model had ended before its cut, as in the backtest, which shares the fits.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from configs.atomic_files import write_text
from configs.progress import Progress
from configs.settings import Settings
from configs.settings_file import load_settings
from evaluation.ledger import Ledger
from evaluation.promotion import mark_level, mark_reweighting
from features.dataset import Dataset, load_dataset
from features.sources import Sources
from features.synthetic import reweighted
from serving.commands import stages
from serving.scoring import Scorer
from training.fit import Rolling, fit_models
from training.tracking import LoadedModel, load_version, log_training

REFIT_MONTHS = (1, 4, 7, 10)
BY = "demo"


@dataclass(frozen=True)
class Lived:
    """Where the story ends: the settings published last, with their data set and fits, and what each scoring found."""

    settings: Settings
    dataset: Dataset
    rolling: Rolling
    scored: list[dict[str, Any]]


def live_through(
    config: Path, settings: Settings, sources: Sources, dataset: Dataset, published_at: pd.Timestamp, tell: Progress
) -> Lived:
    """Scores the months from `backtest.from` on, the data's end left out; `config` is rewritten at `published_at`."""
    days = [day for day in sorted(dataset.signals.as_of.unique()) if began(settings) <= day < dataset.data_end]
    rolling = Rolling(dataset, settings)
    model: LoadedModel | None = None
    scored = []
    for day in days:
        if day == published_at:
            settings = publish(config)
            dataset = load_dataset(settings, sources)
            rolling = Rolling(dataset, settings)
        if model is None or day == published_at or day.month in REFIT_MONTHS:
            model = _trained(settings, dataset, rolling, day, model, tell)
        frame = dataset.signals[(dataset.signals.as_of == day).to_numpy()].set_index("account_id", drop=False)
        with Ledger.open(settings) as ledger:
            scorer = Scorer(settings, model, frame, day, ledger)
            scored.append(stages.score_with(scorer, None, day.to_pydatetime()))
    return Lived(settings, dataset, rolling, scored)


def began(settings: Settings) -> pd.Timestamp:
    """The first day that is scored."""
    assert settings.backtest.from_ is not None  # the demo's own file says it
    return pd.Timestamp(settings.backtest.from_).as_unit("us")


def publish(config: Path) -> Settings:
    """Writes the story's weights into a project's file, and reads it again."""
    own = load_settings(config).framework.stages
    text = config.read_text(encoding="utf-8")
    more = reweighted([one.model_dump(exclude_none=True) for one in own])
    write_text(
        config, text + "# New weights of the health score, as published.\n" + yaml.safe_dump(more, sort_keys=False)
    )
    return load_settings(config)


def _trained(
    settings: Settings,
    dataset: Dataset,
    rolling: Rolling,
    day: pd.Timestamp,
    before: LoadedModel | None,
    tell: Progress,
) -> LoadedModel:
    """The model of that day: logged, registered, and marked where its health score goes by other weights or it
    serves another level."""
    then = (dataset.signals.as_of <= day).to_numpy()
    signals, labels = (frame[then].reset_index(drop=True) for frame in (dataset.signals, dataset.labels))
    known = replace(dataset, signals=signals, labels=labels, data_end=day)
    logged = log_training(settings, fit_models(dataset, settings, day, rolling, tell), known)
    model = load_version(settings, logged.version)
    with Ledger.open(settings) as ledger:
        mark_reweighting(ledger, model, before, BY, day)
        mark_level(ledger, model, before, BY, day)
    return model
