"""Sources to a data set: one row per (account, as_of) with every signal, and beside it what happened next."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pandas as pd

from configs.settings import Settings
from features.assembly import assemble
from features.labels import labels_for
from features.signal import Schema
from features.sources import Sources, open_sources
from features.timeline import calendar_days, check_as_ofs
from features.usage import EVENTS, UsageState


@dataclass(frozen=True)
class Dataset:
    """Signals and labels of the same snapshots, in the same order (by as_of, then account_id), with a RangeIndex.

    Attributes
    ----------
    signals : DataFrame
        account_id, as_of, name, segment, owner, arr, days_to_renewal, term_days, tenure_days, lifecycle_stage,
        stage_criterion, coverage (0-1; also by dimension), what is under way (interventions_open, feed_outage_days),
        and one column for each signal of `schema` (float64 with NaN for missing, or text).
    labels : DataFrame
        account_id, as_of, churn_at, observed_until, voluntary and what else `labels_for` returns.
    schema : Schema
        The signals that a model may learn from.
    fingerprint : str
        Changes with the data, the settings that can change a signal or a label, and the as_ofs.
    data_end : Timestamp
        The first midnight that the data do not cover.
    """

    signals: pd.DataFrame
    labels: pd.DataFrame
    schema: Schema
    fingerprint: str
    data_end: pd.Timestamp


def load_dataset(
    settings: Settings,
    sources: Sources | None = None,
    as_ofs: Sequence[pd.Timestamp] | None = None,
    only: Collection[str] | None = None,
) -> Dataset:
    """Builds signals and labels.

    Parameters
    ----------
    settings : Settings
        The project's settings.
    sources : Sources, optional
        The project's tables, opened unless they are given.
    as_ofs : sequence of Timestamp, optional
        UTC midnights; by default the project's own.
    only : collection of str, optional
        Columns of the signals that are asked for; what they are not worked out from is left out. No data set to be
        trained on.

    Returns
    -------
    Dataset

    Raises
    ------
    DataError
        When an as_of lies in the future of the data, or is no midnight.
    """
    sources = sources or open_sources(settings)
    if as_ofs is None:
        days = calendar_days(sources, settings)
    else:
        days = pd.DatetimeIndex(sorted({pd.Timestamp(day) for day in as_ofs})).as_unit("us")
        check_as_ofs(days, sources.data_end)
    frame, schema = _frame(sources, settings, days, only)
    pairs = frame[["account_id", "as_of"]]
    return Dataset(
        signals=frame,
        labels=labels_for(sources, pairs, settings),
        schema=schema,
        fingerprint=_fingerprint(sources, settings, days),
        data_end=sources.data_end,
    )


def _frame(
    sources: Sources, settings: Settings, days: pd.DatetimeIndex, only: Collection[str] | None
) -> tuple[pd.DataFrame, Schema]:
    """The frame of signals, from the kept state of usage where the settings ask for one."""
    # A kept state is only ever added to: it knows no later versions of its events.
    if not (settings.engine.incremental and sources.has(EVENTS)) or EVENTS in sources.versions:
        return assemble(sources, settings, days, only=only)
    state = UsageState.open(settings)
    try:
        state.fold_in(sources, days[-1])
        return assemble(sources, settings, days, state.units(), only)
    finally:
        state.close()


def _fingerprint(sources: Sources, settings: Settings, days: pd.DatetimeIndex) -> str:
    body = [sources.fingerprint, settings.data_version, [str(day) for day in days]]
    return hashlib.sha256(json.dumps(body).encode()).hexdigest()[:16]
