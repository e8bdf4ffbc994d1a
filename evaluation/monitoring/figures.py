"""What the monitoring has found out, month by month: the figures that the alarms look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from evaluation.metrics import Expected, Graded, Ratio, Watched
from evaluation.monitoring.drift import Move
from features.timeline import Outage


@dataclass(frozen=True)
class Scored:
    """The scores of a month (`as_of`) and stage: mean probability, and what happened (None: windows are open)."""

    as_of: pd.Timestamp
    stage: str
    rows: int
    mean_p: float
    happened: float | None


@dataclass(frozen=True)
class Level:
    """Churns observed over expected in a calendar quarter of as_ofs and a stage, at the main horizon.

    `sure` is the same with the interval of the alarm (level 99.9 %).
    """

    quarter: str
    as_of: pd.Timestamp
    stage: str
    ratio: Ratio
    sure: Ratio


@dataclass(frozen=True)
class Estimate:
    """What was to be expected of a quarter's predictions before labels arrived; graded once all windows have passed."""

    quarter: str
    as_of: pd.Timestamp
    expected: Expected
    graded: Graded | None


@dataclass(frozen=True)
class Feed:
    """The signals made of a feed: how many, how many moved and how many of those an outage explains, and in the newest
    month how many are far from where they were in training, with the farthest (None where none was looked at)."""

    feed: str
    signals: int
    moved: int
    explained: int
    far: int
    farthest: str | None
    distance: float | None


@dataclass(frozen=True)
class Figures:
    """What the alarms look at; see evaluation.monitoring. `explained`: moves that an outage, a new model or new weights
    account for, with words for it.

    watched: by the name of its alarm, one entry a month. far_share: by month, the share of signals far from where they
    were in training. matured: how the main horizon's probabilities did on all rows whose window has passed.
    """

    since: pd.Timestamp
    horizon_days: int
    watched_days: int
    scores: tuple[Scored, ...]
    levels: tuple[Level, ...]
    watched: Mapping[str, tuple[Watched, ...]]
    estimates: tuple[Estimate, ...]
    score_moves: tuple[Move, ...]
    signal_moves: tuple[Move, ...]
    explained: tuple[tuple[Move, str], ...]
    far_share: tuple[tuple[pd.Timestamp, float], ...]
    farthest: tuple[tuple[str, float], ...]
    outages: Mapping[str, tuple[Outage, ...]]
    feeds: tuple[Feed, ...]
    matured: Mapping[str, Any]
