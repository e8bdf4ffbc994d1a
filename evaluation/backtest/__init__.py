"""Out-of-time predictions over rolling origins, and what a random split would have promised."""

from evaluation.backtest.backtest import Backtest, backtest
from evaluation.backtest.contributions import Contributions, contributions
from evaluation.backtest.health_weights import NewestWindow, StepFigures, WeightGains, gains, newest_window
from evaluation.backtest.other_scores import other_scores
from evaluation.backtest.random_split import RandomSplitGap, RandomSplitRefusal, compare_with_random_split
from evaluation.backtest.score_bands import LevelChanges, RefusedBands, ScoreBand, level_changes, score_bands

__all__ = [
    "Backtest",
    "Contributions",
    "LevelChanges",
    "NewestWindow",
    "RandomSplitGap",
    "RandomSplitRefusal",
    "RefusedBands",
    "ScoreBand",
    "StepFigures",
    "WeightGains",
    "backtest",
    "compare_with_random_split",
    "contributions",
    "gains",
    "level_changes",
    "newest_window",
    "other_scores",
    "score_bands",
]
