"""Out-of-time predictions over rolling origins, and what a random split would have promised."""

from evaluation.backtest.backtest import Backtest, backtest
from evaluation.backtest.contributions import Contributions, contributions
from evaluation.backtest.health_weights import gains, level_changes, newest_window, score_bands
from evaluation.backtest.random_split import RandomSplitGap, RandomSplitRefusal, compare_with_random_split

__all__ = [
    "Backtest",
    "Contributions",
    "RandomSplitGap",
    "RandomSplitRefusal",
    "backtest",
    "compare_with_random_split",
    "contributions",
    "gains",
    "level_changes",
    "newest_window",
    "score_bands",
]
