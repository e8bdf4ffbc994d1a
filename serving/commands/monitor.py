"""`forewarn monitor`: what was predicted, and how it has fared since: the ledger's scorings, else the backtest's.

A calendar month is watched by what the ledger holds of it; a month without a scoring, by the backtest's out-of-time
rows. Both have the same columns, and a day up to which the model that made them had learnt (`cut`).
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pandas as pd

from configs.atomic_files import read_marked
from configs.errors import Fault, UsageError
from configs.progress import Progress
from configs.settings import Settings
from evaluation.ledger import Ledger
from evaluation.monitoring import CONFIG, CUT, HEALTH, KEY, MODEL, cuts_of, monitor, served_rows
from evaluation.promotion import marks_told
from features.dataset import Dataset, load_dataset
from features.sources import Sources, open_sources
from features.timeline import outages_by_feed
from serving.commands.training_stages import PREDICTIONS


def watch(
    settings: Settings,
    now: datetime,
    tell: Progress,
    since: datetime | None = None,
    dataset: Dataset | None = None,
    sources: Sources | None = None,
    served: pd.DataFrame | None = None,
) -> dict[str, Any]:
    """What the monitoring finds (evaluation.monitor), since a day if one is given; `stands`: whether an alarm does.

    `dataset`: signals at the project's own as_ofs, built unless given; `served` as `watched_rows` takes it. UsageError
    where nothing was predicted yet.
    """
    tell("gathering predictions")
    rows = watched_rows(settings, pd.Timestamp(now), served)
    opened = sources or open_sources(settings)
    try:
        if dataset is None:
            tell("building signals")
            dataset = load_dataset(settings, opened)
        outages = outages_by_feed(opened)
    finally:
        if sources is None:
            opened.close()
    tell("looking for drift")
    cut = rows[CUT].min()
    signals = dataset.signals if (dataset.signals.as_of < cut).any() else None
    found = monitor(rows, settings, cut, signals, dataset.schema, outages)
    if since is not None:
        found = found.since(pd.Timestamp(since))
    watched = [
        {"source": str(name), "rows": len(days), "first": f"{days.min():%Y-%m-%d}", "last": f"{days.max():%Y-%m-%d}"}
        for name, days in rows.groupby("source")["as_of"]
    ]
    alarms = [alarm for alarm in found.alarms if alarm.stands]
    body = {"stands": bool(alarms), "watched": watched, "marks": _marks(settings, since), **found.to_json()}
    if signals is None:
        body["aside"].append(f"Drift of signals cannot be told: the project's as_ofs begin after {cut:%Y-%m-%d}.")
    return body


def _marks(settings: Settings, since: datetime | None) -> list[dict[str, Any]]:
    if not settings.has_ledger:
        return []
    with Ledger.open(settings) as ledger:
        found = marks_told(ledger)
    return [one for one in found if since is None or one["at"] >= f"{since:%Y-%m-%d}"]


def watched_rows(settings: Settings, at: pd.Timestamp, served: pd.DataFrame | None = None) -> pd.DataFrame:
    """Predictions beside their outcomes: account_id, as_of, lifecycle_stage, p_churn_{h}d, churned_{h}d, health_score,
    model_version, config_version, cut and source ("ledger" or "backtest").

    `served`: the ledger's rows (`judged_so_far` with batch_id), read unless given. UsageError when there is neither a
    scoring in the ledger nor a backtest of today's settings.
    """
    horizons = settings.horizons_days
    names = [*KEY, "lifecycle_stage", *(f"p_churn_{days}d" for days in horizons), HEALTH, MODEL, CONFIG]
    told = [*names[2:], "batch_id"]
    names += [f"churned_{days}d" for days in horizons]
    parts = []
    months: set[pd.Period] = set()
    if (whole := served_rows(settings, at, told, served)) is not None:
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
