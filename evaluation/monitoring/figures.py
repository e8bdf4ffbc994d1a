"""What the monitoring has found out, month by month: the figures that the alarms look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from evaluation.metrics import Expected, Graded, Interval, Ratio, WatchedPeriod
from evaluation.monitoring.drift import Move
from features.timeline import Outage


@dataclass(frozen=True)
class MonthlyScores:
    """The scores of a month (`as_of`) and stage: mean probability, and what happened (None: windows are open)."""

    as_of: pd.Timestamp
    stage: str
    rows: int
    mean_p: float
    happened: float | None


@dataclass(frozen=True)
class QuarterRatio:
    """Churns observed over expected in a calendar quarter of as_ofs and a stage, at the main horizon.

    Attributes
    ----------
    quarter : str
        "2024 Q1".
    as_of : pandas.Timestamp
        The newest as_of of the quarter.
    stage : str
        A lifecycle stage, or all of them.
    ratio : Ratio
        With a 95 % interval.
    alarm_ratio : Ratio
        The same with the interval of the alarm, which covers 99.9 %.
    """

    quarter: str
    as_of: pd.Timestamp
    stage: str
    ratio: Ratio
    alarm_ratio: Ratio


@dataclass(frozen=True)
class Estimate:
    """What was to be expected of a quarter's predictions before labels arrived; graded once all windows have passed."""

    quarter: str
    as_of: pd.Timestamp
    expected: Expected
    graded: Graded | None


@dataclass(frozen=True)
class FeedDrift:
    """The signals made of a feed: how many there are, how many have moved, and the farthest from training.

    Attributes
    ----------
    feed : str
        The source table.
    signals, moved, explained : int
        All its signals, those that moved since the training time, and how many of these an outage explains.
    far : int
        Signals that in the newest month are far from where they were in training.
    farthest : str or None
        Name of the farthest; None where none was looked at.
    distance : float or None
        Its distance, 0 to 1.
    """

    feed: str
    signals: int
    moved: int
    explained: int
    far: int
    farthest: str | None
    distance: float | None


@dataclass(frozen=True)
class MaturedCalibration:
    """Calibration slope and error of every prediction whose main window has passed; `refused` says why not, where few
    accounts have churned."""

    rows: int
    churned_accounts: int
    slope: Interval | None = None
    ece: Interval | None = None
    refused: str | None = None


@dataclass(frozen=True)
class Figures:
    """What the alarms look at; see evaluation.monitoring. `explained`: moves that an outage, a new model or new weights
    account for, with words for it.

    watched: by the name of its alarm, one entry a window of `watched_days`. far_share: by month, the share of signals
    far from where they were in training. matured: how the main horizon's probabilities did on all rows whose window has
    passed.
    """

    since: pd.Timestamp
    horizon_days: int
    watched_days: int
    scores: tuple[MonthlyScores, ...]
    observed_expected: tuple[QuarterRatio, ...]
    watched: Mapping[str, tuple[WatchedPeriod, ...]]
    estimates: tuple[Estimate, ...]
    score_moves: tuple[Move, ...]
    signal_moves: tuple[Move, ...]
    explained: tuple[tuple[Move, str], ...]
    far_share: tuple[tuple[pd.Timestamp, float], ...]
    farthest: tuple[tuple[str, float], ...]
    outages: Mapping[str, tuple[Outage, ...]]
    feeds: tuple[FeedDrift, ...]
    matured: MaturedCalibration
