"""`forewarn monitor`: what was predicted, and how it has fared since: the ledger's scorings, else the backtest's.

A calendar month is watched by what the ledger holds of it; a month without a scoring, by the backtest's out-of-time
rows. Both have the same columns, and a day up to which the model that made them had learnt (`cut`).
"""

from __future__ import annotations

from datetime import datetime

import pandas as pd

from configs.atomic_files import read_marked
from configs.errors import Fault, UsageError
from evaluation.monitoring import (
    CONFIG,
    CUT,
    HEALTH,
    KEY,
    MODEL,
    MonitoringSummary,
    WatchedSource,
    cuts_of,
    monitor,
    served_rows,
)
from evaluation.outcomes import FORECASTS
from evaluation.promotion import LedgerEvent, ledger_events
from serving.project import Project
from serving.promotion.kept_backtest import PREDICTIONS


def watch(
    project: Project, now: datetime, since: datetime | None = None, served: pd.DataFrame | None = None
) -> MonitoringSummary:
    """How predictions have fared, and which alarms are on, since a day if one is given.

    `served` as `watched_rows` takes it. UsageError where nothing was predicted yet.
    """
    project.tell("gathering predictions")
    rows = watched_rows(project, pd.Timestamp(now), served)
    frame, schema = project.history
    project.tell("looking for drift")
    cut = rows[CUT].min()
    signals = frame if (frame.as_of < cut).any() else None
    monitoring = monitor(rows, project.settings, cut, signals, schema, project.outages)
    if since is not None:
        monitoring = monitoring.since(pd.Timestamp(since))
    sources = tuple(
        WatchedSource(str(name), len(days), f"{days.min():%Y-%m-%d}", f"{days.max():%Y-%m-%d}")
        for name, days in rows.groupby("source")["as_of"]
    )
    no_signals = f"Drift of signals cannot be measured: the project's as_ofs begin after {cut:%Y-%m-%d}."
    not_watched = [*([no_signals] if signals is None else []), *_in_hindsight(project, pd.Timestamp(now))]
    return monitoring.summary(sources, _events(project, since), tuple(not_watched))


def _in_hindsight(project: Project, at: pd.Timestamp) -> list[str]:
    """A sentence on the ledger's predictions that came too late to be forecasts."""
    if project.ledger_or_none is None:
        return []
    settings, within = project.settings, project.settings.forecast_within_days
    late = int(project.ledger.days(FORECASTS, at, settings.main_horizon_days, within).in_hindsight.sum())
    many = "1 prediction" if late == 1 else f"{late:,} predictions"
    return [f"{many} made {within} days or more after the as_of, in hindsight, not watched."] if late else []


def _events(project: Project, since: datetime | None) -> list[LedgerEvent]:
    ledger = project.ledger_or_none
    events = () if ledger is None else ledger_events(ledger)
    return [event for event in events if since is None or event.at >= f"{since:%Y-%m-%d}"]


def watched_rows(project: Project, at: pd.Timestamp, served: pd.DataFrame | None = None) -> pd.DataFrame:
    """Predictions beside their outcomes: account_id, as_of, lifecycle_stage, p_churn_{h}d, churned_{h}d, health_score,
    model_version, config_version, cut and source ("ledger" or "backtest").

    `served`: the ledger's rows (`judged_so_far` with batch_id), read unless given. UsageError when there is neither a
    scoring in the ledger nor a backtest of today's settings.
    """
    settings = project.settings
    horizons = settings.horizons_days
    names = [*KEY, "lifecycle_stage", *(f"p_churn_{days}d" for days in horizons), HEALTH, MODEL, CONFIG]
    columns = [*names[2:], "batch_id"]
    names += [f"churned_{days}d" for days in horizons]
    parts = []
    months: set[pd.Period] = set()
    whole = served_rows(project.ledger_or_none, settings, at, columns, served)
    if whole is not None and len(whole):
        parts.append(whole[names].assign(cut=cuts_of(settings, whole), source="ledger"))
        months = set(whole.as_of.dt.to_period("M"))
    kept = read_marked(settings.paths.backtest / PREDICTIONS, {"settings": settings.version})
    if kept is not None:
        left = kept[0][~kept[0].as_of.dt.to_period("M").isin(months)]
        parts.append(left[names].assign(cut=pd.to_datetime(left.fold).astype("datetime64[us]"), source="backtest"))
    parts = [part for part in parts if len(part)]
    if not parts:
        do = "run `forewarn backtest`, or `forewarn promote` and `forewarn score`"
        raise UsageError(Fault("monitor", "no prediction yet", "a scoring in the ledger, or a backtest", do))
    return pd.concat(parts, ignore_index=True)
