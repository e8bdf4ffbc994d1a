"""What `check` and `features` do: the sources, from what is wrong with them to a table of signals."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from configs.atomic_files import write_parquet
from configs.errors import SourceError
from serving import checked
from serving.checked import Checked
from serving.project import Project

if TYPE_CHECKING:
    import pandas as pd

    from configs.settings import Settings
    from evaluation.outcomes import TriggerValue
    from features.dataset import Dataset
    from features.sources import Sources

TRIGGER_AS_OFS = 24  # the newest matured ones, on which `check` judges the triggers


@dataclass(frozen=True)
class FeaturesWritten:
    """A table of signals that was written: one row an account and as_of; days as ISO dates, coverage 0 to 1."""

    out: str
    rows: int
    accounts: int
    as_ofs: int
    first: str | None
    last: str | None
    signals: int
    coverage: float | None
    fingerprint: str


def check(project: Project) -> Checked:
    """What the sources hold; SourceError with every fault of theirs and of the rules that read their signals.

    What was found last stands while files, settings and code are the same.
    """
    if (before := project.last_check) is not None:
        project.tell("nothing has changed since the last check")
        return before
    from features.checks import check as report_on
    from features.signals import framework_faults

    project.tell("reading the sources")
    try:
        sources = project.sources
    except SourceError as error:
        raise SourceError((*framework_faults(project.settings), *error.faults)) from None
    report = report_on(project.settings, sources)
    found = Checked(report, _triggers(project, sources) if report.churns and report.churns.events else ())
    checked.keep(project.settings, found, project.now)
    return found


def _triggers(project: Project, sources: Sources) -> tuple[TriggerValue, ...]:
    """What each trigger was worth on the newest as_ofs whose main window has passed; nothing where there are none."""
    import numpy as np
    import pandas as pd

    from evaluation.outcomes import trigger_values
    from features.dataset import load_dataset
    from features.labels import horizon_labels
    from features.timeline import calendar_days
    from training.health import fired_triggers

    settings, main = project.settings, project.settings.main_horizon_days
    days = calendar_days(sources, settings)
    days = days[days <= sources.data_end - pd.Timedelta(days=main)][-TRIGGER_AS_OFS:]
    if not len(days):
        return ()
    project.tell("working out what the triggers are worth")
    read = [trigger.signal for trigger in settings.framework.triggers]
    dataset = load_dataset(settings, sources, [*days], read)
    churned = horizon_labels(dataset.labels, (main,))[f"churned_{main}d"]
    known = churned.notna().to_numpy()
    frame = dataset.signals[known]
    rows = frame[["account_id", "as_of"]].assign(y=churned[known].astype(float).to_numpy())
    names = fired_triggers(frame, settings.framework)
    fired = {
        trigger.name: np.array([trigger.name in of_row for of_row in names], dtype=bool)
        for trigger in settings.framework.triggers
    }
    return trigger_values(fired, rows, settings.evaluation.min_churned_accounts)


def features(
    dataset: Dataset, out: Path, settings: Settings, *, labels: bool = False, rules: bool = False
) -> FeaturesWritten:
    """Signals, stage and coverage of every snapshot, into a Parquet file.

    With `labels`, what happened next is added (`churn_at`, `observed_until`, `churned_90d` and its like;
    empty where a window has not passed); with `rules`, what needs no model: `health_level`, and `triggers` as JSON.
    """
    frame = dataset.signals
    if labels:
        frame = frame.assign(**_labels_beside(dataset, settings))
    if rules:
        frame = frame.assign(**_rules_beside(frame, settings))
    write_parquet(frame, out)
    return FeaturesWritten(
        out=str(out),
        rows=len(frame),
        accounts=int(frame.account_id.nunique()),
        as_ofs=int(frame.as_of.nunique()),
        first=str(frame.as_of.min().date()) if len(frame) else None,
        last=str(frame.as_of.max().date()) if len(frame) else None,
        signals=len(dataset.schema.signals),
        coverage=float(frame.coverage.mean()) if len(frame) else None,
        fingerprint=dataset.fingerprint,
    )


def _labels_beside(dataset: Dataset, settings: Settings) -> dict[str, pd.Series]:
    """What happened after each snapshot, and whether within each horizon; row by row as the signals."""
    from features.labels import contraction_labels, horizon_labels

    labels, horizons = dataset.labels, settings.horizons_days
    whether = [horizon_labels(labels, horizons), contraction_labels(labels, horizons)]
    tables = [labels.drop(columns=["account_id", "as_of"]), *whether]
    return {str(name): table[name] for table in tables for name in table}


def _rules_beside(frame: pd.DataFrame, settings: Settings) -> dict[str, pd.Series]:
    """The risk level by the health score alone, and the triggers that fire; row by row as the signals."""
    import pandas as pd

    from training.health import fired_triggers, health_levels

    levels = health_levels(frame.health_score.to_numpy(), settings.framework.levels)
    triggers = [json.dumps(names) for names in fired_triggers(frame, settings.framework)]
    columns = {"health_level": levels, "triggers": triggers}
    return {name: pd.Series(values, index=frame.index, dtype=object) for name, values in columns.items()}
