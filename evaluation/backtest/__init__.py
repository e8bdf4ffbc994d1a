"""Out-of-time predictions over rolling origins, and what a random split would have promised."""

from evaluation.backtest.backtest import Backtest, backtest
from evaluation.backtest.contributions import Contributions, contributions
from evaluation.backtest.health_weights import gains, level_changes, newest_window, score_bands
from evaluation.backtest.random_split import WORTH_SAYING, RandomSplitGap, random_split_told

__all__ = [
    "WORTH_SAYING",
    "Backtest",
    "Contributions",
    "RandomSplitGap",
    "backtest",
    "contributions",
    "gains",
    "level_changes",
    "newest_window",
    "random_split_told",
    "score_bands",
]
