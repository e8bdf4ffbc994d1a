"""Accounts with little behind them: shares of few trials, and seats that were never used."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from configs.framework import Framework
from features.assembly.postprocess import significant
from features.signal import AggregateSignal
from features.signals import drawn_share
from features.sources import Sources
from features.timeline import spans
from features.usage import EVENTS

LONGEST = 396.0  # days without use that are told apart, and one


def began(sources: Sources, pairs: pd.DataFrame) -> pd.Series:
    """When each row's account began: its sign-up, whatever spell it is in, since windows count facts of all spells."""
    accounts = spans(sources, "accounts")
    at = accounts.groupby("account_id")["at"].min()
    return pd.Series(at.reindex(pairs.account_id).to_numpy(), index=pairs.index)


def tenure_stages(tenure_days: pd.Series, framework: Framework) -> pd.Series:
    """The stage of each row by its tenure alone: the kind of peers that a share of little leans on, known before the
    signals that decide on the lifecycle stage are."""
    starts = sorted(stage.from_tenure_days for stage in framework.stages if stage.from_tenure_days is not None)
    numbers = np.searchsorted(np.array(starts, dtype="float64"), tenure_days.to_numpy(), side="right")
    return pd.Series(numbers, index=tenure_days.index)


def with_trials(signals: Sequence[AggregateSignal]) -> list[AggregateSignal]:
    """For each share among the signals, one that counts what it is a share of, under another name."""
    return [
        replace(signal, name=_trials_of(signal), value=signal.trials, trials=None, outage="none")
        for signal in signals
        if signal.trials is not None
    ]


def draw_shares(t: Any, signals: Sequence[AggregateSignal], values: Mapping[str, np.ndarray]) -> None:
    """Draws shares of few trials towards those of peers, in place."""
    for signal in signals:
        if signal.trials is not None:
            trials = pd.Series(np.nan_to_num(values[_trials_of(signal)]), index=t.index)
            share = pd.Series(values[signal.name], index=t.index)
            significant(drawn_share(t, share, trials).to_numpy(), values[signal.name])


@dataclass(frozen=True)
class NeverUsed:
    """Accounts with seats that never appeared in the usage feed: their silence is one of so many days.

    Attributes
    ----------
    reached : dict of str to ndarray
        Of the feed, (n,) flags: it reaches these accounts as it does those with rows. Empty where nobody has seats.
    silent : ndarray of bool or None
        (n,) which rows those are.
    days : ndarray or None
        (n,) days since the account and the feed began.
    """

    reached: dict[str, np.ndarray]
    silent: np.ndarray | None = None
    days: np.ndarray | None = None

    def count_days(self, values: MutableMapping[str, np.ndarray]) -> None:
        """Days since the last use become days since there could have been one."""
        if self.silent is not None and self.days is not None and "days_since_use" in values:
            values["days_since_use"][self.silent] = np.minimum(self.days, LONGEST)[self.silent]


def never_used(seats: np.ndarray | None, has: Mapping[str, np.ndarray], days: Mapping[str, np.ndarray]) -> NeverUsed:
    """The accounts that have `seats` (None: no table says) and never appeared in a usage feed that others do, for as
    long as they do not. (Without seats nobody was to appear there, and nothing is known.)"""
    if seats is None or EVENTS not in has or EVENTS not in days:
        return NeverUsed({})
    silent = (np.nan_to_num(seats) > 0) & ~has[EVENTS] & (days[EVENTS] > 0)
    return NeverUsed({EVENTS: has[EVENTS] | silent}, silent, days[EVENTS])


def _trials_of(signal: AggregateSignal) -> str:
    return f"{signal.name}__trials"
